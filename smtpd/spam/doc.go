// Package spam judges mail from other servers: what should be delivered, what goes to Junk, what has to come again, what is refused.
//
// Checker.Check asks where a message comes from (the room authenticate) and adds up a score of named symbols (score.go): what was found
// about its origin, a few marks of its header (head.go), blocklists (blocklist.go). Doubtful mail from networks that nothing is known of
// has to come again (greylist.go). Why a message is in Junk stands in its one X-Spam-Status field (status.go).
//
// If they are configured, ClamAV's daemon and rspamd are asked beside the origin (scan.go, clamd.go, rspamd.go), also about what our own people send.
//
// What people teach by moving mail to and from Junk is learned behind them (trainer.go, personal.go, bayes.go, token.go); Checker.Sort tells for
// each recipient what they make of a message.
//
// The room knows neither SMTP's replies nor where Junk lies. docs/decisions/0043-built-in-spam-score.md says where the weights come from.
package spam
