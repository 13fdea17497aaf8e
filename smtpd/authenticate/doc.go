// Package authenticate tells whether a message comes from where it claims: SPF, DKIM, DMARC, ARC and the client's name in
// reverse; and it signs what leaves, so that others can tell.
//
// Checker.Check judges a message that has come whole: check.go asks each method (spf.go, dkim.go, arc.go, iprev.go), dmarc.go
// compares their findings with what the domain in From asks for, results.go writes the one Authentication-Results field. All
// questions to the DNS of one message share one budget (lookup.go). Signer.Sign makes the signature fields of a message that
// leaves, Signer.Seal those of a list's; both and the checks stand on the canonical forms of canonical.go.
//
// The room knows neither SMTP's replies nor mailboxes. docs/decisions/0042-own-dkim.md says why DKIM is our own.
package authenticate
