// Package filter is the domain of people's mail filters: it owns their scripts, what these must remember, and decides what
// becomes of a message before it is delivered. The language itself is the room mailbox/sieve.
//
// Decide runs the scripts of a message's recipients and returns a [Plan]: the copies to store, who is refused, what goes to
// others, what is to be remembered. Nothing is stored or sent by then; the door does all of it in the one transaction that
// accepts the message, so that a crash never leaves an answer without its message or the other way round. What the scripts
// need of the database they read before.
//
// A script that fails keeps the mail, and its owner is told once. Accounts without an active script cost a look into a map.
//
//	scripts.go scripts_sql.go   put, activate, rename …: the one door for scripts
//	plan.go actions.go          what becomes of a message
//	redirect.go vacation.go reject.go notice.go   what goes to others, and what it looks like
//	memory.go                   what was seen, answered, told, and how much was sent today
package filter
