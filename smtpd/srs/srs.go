package srs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Why an address that looks rewritten leads nowhere.
var (
	ErrForged = errors.New("the address was not made here")
	ErrOld    = errors.New("the address is too old")
)

// Rewriter makes such addresses and reads them. It may be used by many at once.
type Rewriter struct {
	key []byte
	now func() time.Time
}

// New makes a rewriter. key is what nobody else knows, 16 bytes or more; now may be nil: time.Now.
func New(key []byte, now func() time.Time) (*Rewriter, error) {
	if len(key) < minKey {
		return nil, fmt.Errorf("srs: a key of %d bytes, want at least %d", len(key), minKey)
	}
	if now == nil {
		now = time.Now
	}
	return &Rewriter{key: key, now: now}, nil
}

// The beginnings of rewritten addresses, without regard to case. What follows them is "=", or "+" or "-" as some write it.
const (
	first  = "SRS0"
	second = "SRS1"
)

// Forward is the address at domain that leads back to sender. ok is false for a sender that none can be made of: it is none, or the
// address would be longer than other servers take.
func (w *Rewriter) Forward(sender, domain string) (address string, ok bool) {
	local, host, ok := cut(sender)
	if !ok || host == "" || strings.Contains(local, `"`) || strings.ContainsAny(host, "[]=") {
		return "", false
	}
	switch kind, rest := kindOf(local); kind {
	case first: // SRS0=… of host, as it stands with its own separator
		address = w.chained(host, rest, domain)
	case second: // SRS1=hash=host=… of somebody between: we lead to that host ourselves
		_, rest, _ = strings.Cut(rest[1:], "=")
		host, rest, ok = strings.Cut(rest, "=")
		if !ok || host == "" || rest == "" {
			return "", false
		}
		address = w.chained(host, rest, domain)
	default:
		day := w.day()
		address = first + "=" + w.hash(first, day, host, local, domain) + "=" + day + "=" + host + "=" + local
	}
	if len(address) > maxLocal {
		return "", false
	}
	return address + "@" + domain, true
}

// chained is the local part that leads to an address SRS0+rest at host; rest begins with its separator.
func (w *Rewriter) chained(host, rest, domain string) string {
	day := w.day()
	return second + "=" + w.hash(second, day, host, rest, domain) + day + "=" + host + "=" + rest
}

// Reverse is the sender that address leads back to. is is false when it is no rewritten address; err says why one that is leads nowhere.
func (w *Rewriter) Reverse(address string) (sender string, is bool, err error) {
	local, domain, ok := cut(address)
	if !ok {
		return "", false, nil
	}
	kind, rest := kindOf(local)
	var hash, day, host string
	switch kind {
	case first:
		parts := strings.SplitN(rest[1:], "=", 4)
		if len(parts) < 4 {
			return "", true, ErrForged
		}
		hash, day, host, rest = parts[0], parts[1], parts[2], parts[3]
		sender = rest + "@" + host
	case second:
		parts := strings.SplitN(rest[1:], "=", 3)
		if len(parts) < 3 || len(parts[0]) != hashLength+dayLength {
			return "", true, ErrForged
		}
		hash, day, host, rest = parts[0][:hashLength], parts[0][hashLength:], parts[1], parts[2]
		sender = first + rest + "@" + host
	default:
		return "", false, nil
	}
	if !hmac.Equal([]byte(strings.ToLower(hash)), []byte(w.hash(kind, day, host, rest, domain))) {
		return "", true, ErrForged
	}
	if !w.holds(day) {
		return "", true, ErrOld
	}
	return sender, true, nil
}

// kindOf tells a rewritten local part, and what follows its name from the separator on.
func kindOf(local string) (kind, rest string) {
	const n = len(first)
	if len(local) <= n+1 || !strings.ContainsRune("=+-", rune(local[n])) {
		return "", ""
	}
	for _, kind := range []string{first, second} {
		if strings.EqualFold(local[:n], kind) {
			return kind, local[n:]
		}
	}
	return "", ""
}

var lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// hash signs what an address says. Some servers change the case of what comes back, so case does not count.
func (w *Rewriter) hash(parts ...string) string {
	h := hmac.New(sha256.New, w.key)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), strings.ToLower(p))
	}
	return lower32.EncodeToString(h.Sum(nil))[:hashLength]
}

func (w *Rewriter) today() int64 { return w.now().Unix() / int64(24*time.Hour/time.Second) % days }

// day is today as two characters.
func (w *Rewriter) day() string {
	const digits = "abcdefghijklmnopqrstuvwxyz234567"
	n := w.today()
	return string([]byte{digits[n>>5], digits[n&31]})
}

// holds reports whether an address of that day still leads back. A clock may be a day ahead of ours.
func (w *Rewriter) holds(day string) bool {
	if len(day) != dayLength {
		return false
	}
	n := int64(0)
	for _, c := range strings.ToLower(day) {
		switch {
		case 'a' <= c && c <= 'z':
			n = n<<5 | int64(c-'a')
		case '2' <= c && c <= '7':
			n = n<<5 | int64(c-'2'+26)
		default:
			return false
		}
	}
	age := (w.today() - n + days) % days
	return age <= int64(life/(24*time.Hour)) || age == days-1
}

// cut splits an address at its last @.
func cut(address string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return "", "", false
	}
	return address[:at], address[at+1:], true
}
