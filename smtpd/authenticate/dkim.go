package authenticate

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"schulhof/mailbox/message"
)

// DKIM is what one DKIM-Signature is worth. RFC 6376 §6, RFC 8601 §2.7.1.
type DKIM struct {
	Result    Result
	Reason    string // why not, or what weakens it
	Domain    string // d=, lower case
	Selector  string
	Identity  string // i=
	Algorithm string // "rsa", "ed25519"; "" if it could not be read
	Bits      int    // of the key; 0: none was fetched
	Signature string // the first characters of b=
}

// readSignatures reads the first signatures of a message. Those beyond the limit are not looked at.
func readSignatures(h *header, now time.Time) (list []signature, bad []*flaw, more int) {
	fields := h.all("dkim-signature")
	if len(fields) > maxSignatures {
		fields, more = fields[:maxSignatures], len(fields)-maxSignatures
	}
	for _, f := range fields {
		s, flaw := parseSignature(f, false, now)
		list, bad = append(list, s), append(bad, flaw)
	}
	return list, bad, more
}

// verifyDKIM judges every signature that was read. sums are the body's hashes.
func verifyDKIM(ctx context.Context, r Resolver, h *header, list []signature, bad []*flaw, sums map[form][]byte) []DKIM {
	var results []DKIM
	for i := range list {
		s := &list[i]
		d := DKIM{Domain: s.domain, Selector: s.selector, Identity: s.identity, Algorithm: s.algorithm, Signature: s.short}
		if bad[i] != nil {
			d.Result, d.Reason = bad[i].result, bad[i].reason
		} else {
			d.Result, d.Reason, d.Bits = s.verify(ctx, r, h, sums)
		}
		results = append(results, d)
	}
	return results
}

// verify compares the signature with the message. The key is asked for only when the body is the signed one.
func (s *signature) verify(ctx context.Context, r Resolver, h *header, sums map[form][]byte) (result Result, reason string, bits int) {
	if !bytes.Equal(sums[s.body], s.bodyHash) {
		return Fail, "body was changed", 0
	}
	key, err := lookupKey(ctx, r, s.selector, s.domain)
	var broken keyFault
	switch {
	case errors.As(err, &broken):
		if key.bits != 0 { // too short or too long
			return Fail, string(broken), key.bits
		}
		return PermError, string(broken), 0
	case err != nil:
		return TempError, "key could not be looked up", 0
	case key.algorithm != s.algorithm:
		return PermError, "key is of another kind", key.bits
	}
	if _, domain, _ := message.CutAddress(s.identity); key.exact && s.identity != "" && !strings.EqualFold(domain, s.domain) {
		return PermError, "key is not for subdomains", key.bits // t=s, RFC 6376 §3.6.1
	}
	if key.check(s.text(h), s.value) != nil {
		return Fail, "signature did not verify", key.bits
	}
	if key.algorithm == "rsa" && key.bits < weakKeyBits {
		reason = "weak key"
	}
	return Pass, reason, key.bits
}
