// Package dsn composes delivery status notifications: multipart/report (RFC 6522) with a part for people, in German
// and English, one for programs (RFC 3464, RFC 6533), and what is returned of the message (RFC 3461 §6.2).
//
// It decides nothing: who is told of what is the business of those who call it.
package dsn
