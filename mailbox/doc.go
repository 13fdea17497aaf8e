// Package mailbox is the mail domain: mailboxes, messages, flags, quota, search. It is the only owner of the mail
// tables, and every kind of write has one door here ([Mail.Deliver], [Mail.Append], [Box.StoreFlags] …), so that quota
// and rights hold for every protocol, the webmail and the command line alike.
//
// # How mail is kept
//
// A message is a small row (UID, flags, modseq, dates, size) that points to a content: what is known of one stored body,
// once however many recipients and copies share it. The content owns the one reference to the body's blob. A body
// becomes durable and is indexed before the transaction that makes it visible ([Mail.Prepare]).
//
// Sessions do not read rows. An open mailbox has a [Snapshot], an immutable list in pages that successive snapshots
// share. Each writing transaction works out, on the snapshot that equals the rows in its transaction, which messages
// change; the SQL only repeats that for runs of UIDs, and must report the very number of rows expected. The next
// snapshot is published after the commit, in commit order. So a view never differs from the rows, and a session learns
// what is new by comparing two snapshots ([Snapshot.Diff]).
//
// # Seams
//
// Who may do what is asked in one function, rights in rights.go. A mailbox of a group is one whose owner_id is the group.
// Whoever opens a mailbox of somebody else has a Snapshot of their own, in which \Seen is theirs and all else is the owner's
// (seen_person.go). A computed mailbox (a messenger room) would be another loader of a Snapshot.
package mailbox
