// Package imapd is the IMAP server: IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) with the extensions in capability.go,
// over the rooms mailbox and directory. It parses, calls them and answers; it holds no rule of its own.
//
// Where to look:
//
//	server.go      listeners, shutdown, the number of connections
//	conn.go        one connection: its state, its loop, the tagged answer
//	command.go     the table of commands and the states they are allowed in
//	capability.go  the table of capabilities
//	wire.go        deadlines, wake-ups, compression: what lies between the loop and the network
//	parser.go sequence.go   the command language, limits first
//	encoder.go     answers, in one pooled buffer
//	errors.go      what each fault is called in IMAP
//	updates.go     EXISTS, EXPUNGE, VANISHED and FETCH that nobody asked for
//	utf7.go pattern.go   mailbox names on the wire, LIST patterns
//	acl.go metadata.go      mailboxes that several people use, and what programs note about them
//	notify*.go     changes in any mailbox, told at any time to those who asked by NOTIFY
//	limits.go      every limit, with its source
//	NAME.go        the command NAME, or its family
//
// A session remembers the mailbox.Snapshot that its client knows; sequence numbers refer to it. After each command it
// compares that with the newest one and tells the difference. So nothing is queued per session, and a session that
// idles costs one goroutine, its socket and no buffers. NOTIFY remembers a line of counts for each mailbox that is watched,
// and compares likewise.
package imapd
