// Package lists makes groups into mailing lists, and keeps what waits for a person's decision.
//
// A message to a group reaches its members in a form of its own, which is made and stored once for all of them: with the fields that say
// which list it came by. Members who have no account get it by the queue, each with a sender address that names them, so that what comes
// back is counted. A message to a moderated group, and one that passes its sender's limit, is held: an owner or an administrator lets it
// through or not, exactly once, however often and by whatever way they answer.
//
// Where to look:
//
//	lists.go       Lists, and what it needs of others
//	form.go        what a list makes of a header: pure functions
//	send.go        a message on its way to direct recipients, lists and others elsewhere, as one delivery
//	held.go decide.go   messages that wait: held, let through, refused, expired
//	notice.go      the mail that people get about it
//	reply.go       what an owner's answer says
//	address.go     the addresses of a list that are no members: bounce, leave, decide
//	bounce.go      mail to members elsewhere that comes back
//	*_sql.go       the statements; table held_mail (migration 0008)
package lists
