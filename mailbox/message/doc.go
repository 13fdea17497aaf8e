// Package message understands one mail message (RFC 5322, MIME) and nothing else: where its parts begin and end, what IMAP says of it
// (ENVELOPE, BODYSTRUCTURE), what its headers mean in UTF-8, and the text that search and previews read.
//
// Parse makes one linear pass over the bytes with a stack of boundaries and a window of fixed size, so that neither nesting nor length
// costs more than the bytes themselves. It never fails on content: whatever is broken or beyond a limit (limits.go) still gets an index,
// and everything this package writes for IMAP is well formed. The bytes themselves are never changed.
package message
