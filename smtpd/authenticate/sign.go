package authenticate

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"
)

// signedFields are the header fields that our signatures cover, each once more than it is there: so nobody can add another one.
// RFC 6376 §5.4.1, §8.15.
var signedFields = []string{
	"From", "Sender", "Reply-To", "Subject", "Date", "Message-ID", "To", "Cc", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
	"In-Reply-To", "References",
}

// listFields are covered where they are, which one-click unsubscribing wants (RFC 8058 §4). Lists that a message passes later may add theirs.
var listFields = []string{"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"}

// Sign returns the signature fields for message in the name of domain, one for each of its active keys; none when it has none. The message
// is read once and not kept. RFC 6376 §5.
func (k *Keyring) Sign(_ context.Context, domain string, message io.Reader) ([]byte, error) {
	keys, err := k.active(domain)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	h, body, err := splitMessage(message)
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	sums, err := hashBody(body, map[form]bool{relaxed: true})
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	var fields []byte
	at := k.now()
	for _, key := range keys {
		begin := fmt.Sprintf("DKIM-Signature: v=1; a=%s-sha256; c=relaxed/relaxed;\r\n\td=%s; s=%s; t=%d; x=%d;\r\n",
			key.Algorithm, key.Domain, key.Selector, at.Unix(), at.Add(SignatureLife).Unix())
		field, err := key.signFields(h, begin, sums[relaxed])
		if err != nil {
			return nil, err
		}
		fields = append(fields, field...)
	}
	return fields, nil
}

// signFields completes a field that begins with begin: what is signed, the body's hash and the signature.
func (k *Key) signFields(h *header, begin string, sum []byte) ([]byte, error) {
	var names []string
	var text []byte
	pick := h.picker()
	for _, name := range signedFields {
		for {
			f, ok := pick.next(name)
			names = append(names, name)
			if !ok {
				break
			}
			text = relaxed.appendField(text, f.raw)
		}
	}
	for _, name := range listFields {
		for f, ok := pick.next(name); ok; f, ok = pick.next(name) {
			names = append(names, name)
			text = relaxed.appendField(text, f.raw)
		}
	}
	field := begin + "\th=" + foldList(names) + ";\r\n\tbh=" + base64.StdEncoding.EncodeToString(sum) + ";\r\n\tb="
	return k.complete(field, text)
}

// complete signs text and the field itself, whose value ends with an empty b=, and writes the signature there.
func (k *Key) complete(field string, text []byte) ([]byte, error) {
	text = relaxed.appendField(text, []byte(field))
	sum := sha256.Sum256(text[:len(text)-len(crlf)])
	hash := crypto.Hash(0) // Ed25519 signs the hash as if it were the message; RFC 8463 §3
	if _, ok := k.private.Public().(*rsa.PublicKey); ok {
		hash = crypto.SHA256
	}
	signature, err := k.private.Sign(rand.Reader, sum[:], hash)
	if err != nil {
		return nil, fmt.Errorf("sign for %s: %w", k.Domain, err)
	}
	out := []byte(field)
	for rest := base64.StdEncoding.EncodeToString(signature); rest != ""; {
		n := min(len(rest), 72)
		out = append(append(out, "\r\n\t "...), rest[:n]...)
		rest = rest[n:]
	}
	return append(out, crlf...), nil
}

// foldList joins names with colons, in lines.
func foldList(names []string) string {
	var b strings.Builder
	width := 0
	for i, name := range names {
		if i > 0 {
			b.WriteByte(':')
		}
		if width > 60 {
			b.WriteString("\r\n\t ")
			width = 0
		}
		b.WriteString(name)
		width += len(name) + 1
	}
	return b.String()
}

// chainState is what was found about a message's ARC sets when it came, for the seal of who sends it on.
type chainState string

// The states of a chain. RFC 8617 §4.4.
const (
	chainNone chainState = "none"
	chainPass chainState = "pass"
	chainFail chainState = "fail"
)

// Seal returns the ARC set for a message that a list sends on: what hostname found about it when it came, a signature of what it is now,
// and a seal on both. The findings are those of hostname's own Authentication-Results field in message; without one the message began
// here. Nothing is returned when domain has no RSA key or the chain is broken for good. RFC 8617 §5.1.
func (k *Keyring) Seal(_ context.Context, domain, hostname string, message io.Reader) ([]byte, error) {
	key, err := k.activeRSA(domain)
	if err != nil || key == nil {
		return nil, err
	}
	h, body, err := splitMessage(message)
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	sets, broken := readSets(h)
	if broken != "" || len(sets) >= maxSets || len(sets) > 0 && sets[len(sets)-1].chain() == chainFail {
		return nil, nil
	}
	found, chain := ownResults(h, hostname)
	switch {
	case len(sets) == 0:
		chain = chainNone
	case chain != chainPass:
		chain = chainFail
	}
	sums, err := hashBody(body, map[form]bool{relaxed: true})
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	return key.seal(h, sets, chain, hostname+";"+found, sums[relaxed], k.now())
}

// seal makes the set above sets.
func (k *Key) seal(h *header, sets []arcSet, chain chainState, found string, sum []byte, at time.Time) ([]byte, error) {
	n := len(sets) + 1
	results := fmt.Appendf(nil, "ARC-Authentication-Results: i=%d; %s\r\n", n, found)
	signature, err := k.signFields(h, fmt.Sprintf("ARC-Message-Signature: i=%d; a=rsa-sha256; c=relaxed/relaxed;\r\n\td=%s; s=%s; t=%d;\r\n",
		n, k.Domain, k.Selector, at.Unix()), sum)
	if err != nil {
		return nil, err
	}
	var text []byte
	if chain != chainFail { // a broken chain is not vouched for; RFC 8617 §5.1.2
		for _, s := range sets {
			text = s.appendTo(text)
		}
	}
	text = relaxed.appendField(text, results)
	text = relaxed.appendField(text, signature)
	seal, err := k.complete(fmt.Sprintf("ARC-Seal: i=%d; a=rsa-sha256; t=%d; cv=%s;\r\n\td=%s; s=%s;\r\n\tb=", n, at.Unix(), chain, k.Domain, k.Selector), text)
	if err != nil {
		return nil, err
	}
	return append(append(seal, signature...), results...), nil
}

// ownResults is what hostname's own field says behind the name, and what it found about the chain.
func ownResults(h *header, hostname string) (found string, chain chainState) {
	for _, f := range h.all("authentication-results") {
		id, list, ok := parseResults(string(f.value()))
		if !ok || !strings.EqualFold(id, hostname) {
			continue
		}
		for _, r := range list {
			if r.method == "arc" {
				chain = chainState(r.value)
			}
		}
		_, rest, _ := strings.Cut(string(f.value()), ";")
		return strings.TrimRight(rest, " \t\r\n"), chain
	}
	return " none", ""
}
