// Package smtpd takes mail in: MX (port 25), submission (587, 465) and LMTP (24); and ManageSieve (4190), by which people's
// programs keep the filters that mail passes on its way in.
//
// A connection is a stack of three layers, one file each: conn.go reads and writes bytes with
// deadlines, limits and strict line ends; session.go and the files of the commands hold the state of
// RFC 5321 §3; incoming.go streams a message to the store's spool, header first. deliver.go hands it to
// mailbox.Deliver and answers only when that is durable. What may be answered stands in errors.go, every
// limit in limits.go.
//
// The engine is our own, on go-smtp's public types; docs/decisions/0020-own-smtp-engine.md says why.
package smtpd
