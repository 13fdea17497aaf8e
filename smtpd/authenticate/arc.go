package authenticate

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ARC is whether those who sent a message on vouch for it without a gap. RFC 8617.
type ARC struct {
	Result  Result // none, pass, fail, temperror
	Reason  string
	Sealers []string // who sealed, the first one first
	results []field  // ARC-Authentication-Results, likewise
}

// arcSet is what one of them has added: RFC 8617 §4.1.
type arcSet struct {
	results, message, seal field
	count                  [3]int // of each
	tags                   map[string]string
}

// chain is what the seal says about the sets below.
func (s *arcSet) chain() chainState { return chainState(strings.ToLower(s.tags["cv"])) }

// appendTo writes the set as seals cover it.
func (s *arcSet) appendTo(text []byte) []byte {
	return relaxed.appendField(relaxed.appendField(relaxed.appendField(text, s.results.raw), s.message.raw), s.seal.raw)
}

// readSets collects the sets, the first one first. broken says what is wrong with their form.
func readSets(h *header) (sets []arcSet, broken string) {
	by := map[int]*arcSet{}
	highest := 0
	for kind, name := range []string{"arc-authentication-results", "arc-message-signature", "arc-seal"} {
		for _, f := range h.all(name) {
			text := string(f.value())
			if kind == 0 {
				text, _, _ = strings.Cut(text, ";")
			}
			tags, err := parseTags(text)
			number, numErr := strconv.ParseUint(tags["i"], 10, 8) // which takes no sign
			n := int(number)
			if err != nil || numErr != nil || n < 1 || n > maxSets || len(tags["i"]) > 2 {
				return nil, name + " without a valid i="
			}
			s := by[n]
			if s == nil {
				s = &arcSet{}
				by[n] = s
			}
			s.count[kind]++
			highest = max(highest, n)
			switch kind {
			case 0:
				s.results = f
			case 1:
				s.message = f
			case 2:
				s.seal, s.tags = f, tags
			}
		}
	}
	for n := 1; n <= highest; n++ {
		s := by[n]
		if s == nil || s.count != [3]int{1, 1, 1} {
			return nil, "set " + strconv.Itoa(n) + " is not complete"
		}
		sets = append(sets, *s)
	}
	return sets, ""
}

// chainToVerify is a chain whose form is good, as far as it is read before the body is.
type chainToVerify struct {
	arc     ARC
	sets    []arcSet
	message signature // of the newest set
	done    bool      // arc is the answer already
}

// readChain reads the sets and the newest message signature. RFC 8617 §5.2, steps 1 to 3.
func readChain(h *header, now time.Time) (c chainToVerify) {
	fail := func(reason string) chainToVerify {
		c.arc.Result, c.arc.Reason, c.done = Fail, reason, true
		return c
	}
	var broken string
	if c.sets, broken = readSets(h); broken != "" {
		return fail(broken)
	}
	if len(c.sets) == 0 {
		c.arc.Result, c.done = None, true
		return c
	}
	for i := range c.sets {
		s := &c.sets[i]
		c.arc.Sealers = append(c.arc.Sealers, strings.ToLower(s.tags["d"]))
		c.arc.results = append(c.arc.results, s.results)
	}
	for i := range c.sets {
		s := &c.sets[i]
		want := chainPass
		if i == 0 {
			want = chainNone
		}
		if s.chain() != want {
			return fail("seal " + strconv.Itoa(i+1) + " does not vouch for the others")
		}
		if _, ok := s.tags["h"]; ok {
			return fail("seal " + strconv.Itoa(i+1) + " has h=")
		}
	}
	var bad *flaw
	c.message, bad = parseSignature(c.sets[len(c.sets)-1].message, true, now)
	switch {
	case bad != nil:
		return fail("message signature: " + bad.reason)
	case slices.Contains(c.message.signed, "arc-seal"):
		return fail("message signature covers seals")
	}
	return c
}

// verify checks the newest message signature and every seal. RFC 8617 §5.2, steps 4 to 6.
func (c *chainToVerify) verify(ctx context.Context, r Resolver, h *header, sums map[form][]byte) ARC {
	if c.done {
		return c.arc
	}
	result, reason, _ := c.message.verify(ctx, r, h, sums)
	if result == TempError {
		c.arc.Result, c.arc.Reason = TempError, reason
		return c.arc
	}
	if result != Pass {
		c.arc.Result, c.arc.Reason = Fail, "message signature: "+reason
		return c.arc
	}
	for n := len(c.sets); n > 0; n-- {
		if result, reason := verifySeal(ctx, r, c.sets[:n]); result != Pass {
			c.arc.Result, c.arc.Reason = result, "seal "+strconv.Itoa(n)+": "+reason
			return c.arc
		}
	}
	c.arc.Result = Pass
	return c.arc
}

// verifySeal checks the seal on top of sets, which covers all of them.
func verifySeal(ctx context.Context, r Resolver, sets []arcSet) (Result, string) {
	top := &sets[len(sets)-1]
	algorithm, ok := strings.CutSuffix(strings.ToLower(top.tags["a"]), "-sha256")
	value, err := base64.StdEncoding.DecodeString(compact(top.tags["b"]))
	if !ok || err != nil || len(value) == 0 || !validName(top.tags["d"]) || !validName(top.tags["s"]) {
		return Fail, "cannot be read"
	}
	key, err := lookupKey(ctx, r, top.tags["s"], top.tags["d"])
	var broken keyFault
	switch {
	case errors.As(err, &broken):
		return Fail, string(broken)
	case err != nil:
		return TempError, "key could not be looked up"
	case key.algorithm != algorithm:
		return Fail, "key is of another kind"
	}
	var text []byte
	for i := range sets[:len(sets)-1] {
		text = sets[i].appendTo(text)
	}
	text = relaxed.appendField(relaxed.appendField(text, top.results.raw), top.message.raw)
	text = bytes.TrimSuffix(relaxed.appendField(text, withoutSignature(top.seal.raw)), crlf)
	if key.check(text, value) != nil {
		return Fail, "did not verify"
	}
	return Pass, ""
}

// vouches reports whether trusted sealers say that the message passed DMARC for from when the first of them got it. Every one of them must be
// trusted: each could have changed the message.
func (a *ARC) vouches(from string, trusted []string) bool {
	if a.Result != Pass || !a.allTrusted(trusted) {
		return false
	}
	_, text, _ := strings.Cut(string(a.results[0].value()), ";")
	_, list, ok := parseResults(text)
	if !ok {
		return false
	}
	for _, r := range list {
		if domain, valid := dnsName(r.properties["header.from"]); r.method == "dmarc" && r.value == "pass" && valid && domain == from {
			return true
		}
	}
	return false
}

// allTrusted reports whether each sealer is one of the trusted domains or beneath one.
func (a *ARC) allTrusted(trusted []string) bool {
	for _, sealer := range a.Sealers {
		if !slices.ContainsFunc(trusted, func(domain string) bool { return within(sealer, strings.ToLower(domain)) }) {
			return false
		}
	}
	return len(a.Sealers) > 0
}
