package authenticate

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"schulhof/mailbox/message"
)

// signature is a DKIM-Signature or ARC-Message-Signature that was read. RFC 6376 §3.5, RFC 8617 §4.1.2.
type signature struct {
	field      field
	algorithm  string // "rsa", "ed25519"
	domain     string // lower case
	selector   string
	identity   string // i=, "" if it says none
	signed     []string
	head, body form
	bodyHash   []byte
	value      []byte
	short      string // the first characters of b=, which tell signatures apart; RFC 6008
	at, until  time.Time
}

// flaw is why a signature does not count, with the result that says so.
type flaw struct {
	result Result
	reason string
}

// parseSignature reads f as far as it can, so that a broken one can be told too. arc: it is an ARC-Message-Signature, whose i= is a number.
func parseSignature(f field, arc bool, now time.Time) (s signature, bad *flaw) {
	s.field = f
	tags, err := parseTags(string(f.value()))
	if err != nil {
		return s, &flaw{Neutral, "signature cannot be read"}
	}
	s.domain, s.selector = strings.ToLower(tags["d"]), tags["s"]
	s.short = compact(tags["b"])[:min(8, len(compact(tags["b"])))]
	if !arc {
		s.identity = tags["i"]
	}
	if bad := s.syntax(tags, arc); bad != nil {
		return s, bad
	}
	if _, ok := tags["l"]; ok {
		return s, &flaw{Fail, "l= leaves a part of the body unsigned"}
	}
	return s, s.times(tags, now)
}

// syntax reads everything but the times.
func (s *signature) syntax(tags map[string]string, arc bool) *flaw {
	for _, name := range []string{"a", "b", "bh", "d", "h", "s"} {
		if tags[name] == "" {
			return &flaw{Neutral, name + "= is missing"}
		}
	}
	if !arc && tags["v"] != "1" {
		return &flaw{Neutral, "signature is of another version"}
	}
	if !validName(s.domain) || !validName(s.selector) {
		return &flaw{Neutral, "d= or s= is no domain name"}
	}
	switch algorithm := strings.ToLower(tags["a"]); algorithm {
	case "rsa-sha256", "ed25519-sha256":
		s.algorithm = strings.TrimSuffix(algorithm, "-sha256")
	case "rsa-sha1":
		return &flaw{Fail, "rsa-sha1 is too weak"} // RFC 8301 §3.1
	default:
		return &flaw{Neutral, "algorithm is unknown"}
	}
	var ok bool
	if s.head, s.body, ok = parseForms(compact(tags["c"])); !ok {
		return &flaw{Neutral, "canonical form is unknown"}
	}
	if q, given := tags["q"]; given && !slices.Contains(strings.Split(compact(q), ":"), "dns/txt") {
		return &flaw{Neutral, "key is not in the DNS"}
	}
	s.signed = strings.Split(strings.ToLower(compact(tags["h"])), ":")
	switch {
	case len(s.signed) > maxSigned:
		return &flaw{Neutral, "too many fields are signed"}
	case !slices.Contains(s.signed, "from"):
		return &flaw{Neutral, "From is not signed"}
	}
	if _, domain, _ := message.CutAddress(s.identity); s.identity != "" && !within(strings.ToLower(domain), s.domain) {
		return &flaw{Neutral, "i= is not in d="}
	}
	var err1, err2 error
	s.bodyHash, err1 = base64.StdEncoding.DecodeString(compact(tags["bh"]))
	s.value, err2 = base64.StdEncoding.DecodeString(compact(tags["b"]))
	if err1 != nil || err2 != nil {
		return &flaw{Neutral, "signature is not base64"}
	}
	return nil
}

// times reads t= and x=.
func (s *signature) times(tags map[string]string, now time.Time) *flaw {
	for name, to := range map[string]*time.Time{"t": &s.at, "x": &s.until} {
		text, ok := tags[name]
		if !ok {
			continue
		}
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds < 0 || len(text) > 12 {
			return &flaw{Neutral, name + "= is no time"}
		}
		*to = time.Unix(seconds, 0)
	}
	switch {
	case !s.at.IsZero() && s.at.After(now.Add(clockSkew)):
		return &flaw{Fail, "signature is of the future"}
	case s.until.IsZero():
	case !s.at.IsZero() && s.until.Before(s.at):
		return &flaw{Neutral, "signature ends before it begins"}
	case now.After(s.until.Add(clockSkew)):
		return &flaw{Fail, "signature has expired"}
	}
	return nil
}

// text is what the signature covers: the chosen fields and itself.
func (s *signature) text(h *header) []byte {
	var text []byte
	pick := h.picker()
	for _, name := range s.signed {
		if f, ok := pick.next(name); ok {
			text = s.head.appendField(text, f.raw)
		}
	}
	text = s.head.appendField(text, withoutSignature(s.field.raw))
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
		text = text[:len(text)-1]
	}
	return text
}

// validName reports whether s can be asked for: labels of letters, digits, hyphens and underscores.
func validName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return len(s) <= maxName
}

// within reports whether name is domain or beneath it.
func within(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}
