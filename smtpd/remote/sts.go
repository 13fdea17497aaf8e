package remote

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Modes of an MTA-STS policy. RFC 8461 §5.
const (
	modeEnforce = "enforce"
	modeTesting = "testing"
	modeNone    = "none"
)

// errPolicyMX: the server is none of those that the policy names.
var errPolicyMX = errors.New("server is not named in the MTA-STS policy")

// stsPolicy is what a domain says about the protection of mail to it. RFC 8461 §3.2.
type stsPolicy struct {
	ID      string // of the TXT record it came with
	Mode    string
	MX      []string // in lower case; "*." stands for one label
	Fetched time.Time
	MaxAge  time.Duration
	Text    string // as it was fetched, for reports
}

// over reports whether the policy counts no more.
func (p *stsPolicy) over(now time.Time) bool { return !now.Before(p.Fetched.Add(p.MaxAge)) }

// matches reports whether the policy names the host. RFC 8461 §4.1.
func (p *stsPolicy) matches(name string) bool {
	for _, pattern := range p.MX {
		if pattern == name {
			return true
		}
		if parent, ok := strings.CutPrefix(pattern, "*."); ok {
			if first, rest, dotted := strings.Cut(name, "."); dotted && first != "" && rest == parent {
				return true
			}
		}
	}
	return false
}

// parseRecord reads the TXT records at _mta-sts.DOMAIN: the policy's id. ok is false unless exactly one of them is such a
// record, and right. RFC 8461 §3.1.
func parseRecord(texts []string) (id string, ok bool) {
	found := 0
	for _, text := range texts {
		version, rest, _ := strings.Cut(text, ";")
		if strings.TrimRight(version, " \t") != "v=STSv1" {
			continue
		}
		found++
		for field := range strings.SplitSeq(rest, ";") {
			key, value, _ := strings.Cut(field, "=")
			if strings.TrimSpace(key) != "id" {
				continue
			}
			if id != "" {
				return "", false
			}
			id = strings.TrimSpace(value)
		}
	}
	if found != 1 || len(id) < 1 || len(id) > 32 {
		return "", false
	}
	for i := range len(id) {
		if c := id[i] | 0x20; !(c >= 'a' && c <= 'z' || id[i] >= '0' && id[i] <= '9') {
			return "", false
		}
	}
	return id, true
}

// parsePolicy reads a policy. Unknown keys are skipped; of a key that comes twice the first counts, except mx.
// RFC 8461 §3.2.
func parsePolicy(text string) (*stsPolicy, error) {
	p := &stsPolicy{Text: text}
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if key == "" && !ok {
			continue
		}
		if !ok {
			return nil, fmt.Errorf("line %q has no colon", line[:min(len(line), 60)])
		}
		if seen[key] && key != "mx" {
			continue
		}
		if len(seen) == 0 && key != "version" {
			return nil, errors.New("version does not come first")
		}
		seen[key] = true
		if err := p.set(key, value); err != nil {
			return nil, err
		}
	}
	switch {
	case !seen["version"], !seen["mode"], !seen["max_age"]:
		return nil, errors.New("version, mode or max_age is missing")
	case len(p.MX) == 0 && p.Mode != modeNone:
		return nil, errors.New("mx is missing")
	}
	return p, nil
}

func (p *stsPolicy) set(key, value string) error {
	switch key {
	case "version":
		if value != "STSv1" {
			return fmt.Errorf("version %q", value[:min(len(value), 60)])
		}
	case "mode":
		if value != modeEnforce && value != modeTesting && value != modeNone {
			return fmt.Errorf("mode %q", value[:min(len(value), 60)])
		}
		p.Mode = value
	case "max_age":
		seconds, err := strconv.ParseUint(value, 10, 64)
		if err != nil || len(value) > 10 {
			return fmt.Errorf("max_age %q", value[:min(len(value), 60)])
		}
		p.MaxAge = time.Duration(min(seconds, maxPolicyLife)) * time.Second
	case "mx":
		pattern := strings.ToLower(value)
		if name := strings.TrimPrefix(pattern, "*."); !isHost(name) {
			return fmt.Errorf("mx %q", value[:min(len(value), 60)])
		}
		if len(p.MX) == maxPolicyMX {
			return errors.New("too many mx")
		}
		p.MX = append(p.MX, pattern)
	}
	return nil
}

// isHost reports whether name is a host name in ASCII with more than nothing in each label.
func isHost(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return len(name) <= 253
}
