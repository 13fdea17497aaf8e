package imapd

import "strings"

// pattern is a LIST pattern: * matches anything, % anything but the hierarchy delimiter. RFC 9051 §6.3.9.
type pattern string

// newPattern prepares a pattern as the client sent it, joined with its reference.
func newPattern(reference, text string) pattern {
	s := reference + text
	for strings.Contains(s, "**") {
		s = strings.ReplaceAll(s, "**", "*")
	}
	return pattern(s)
}

// matches reports whether name matches. INBOX matches in any case.
func (p pattern) matches(name string) bool {
	if name == "INBOX" && match(strings.ToUpper(string(p)), name) {
		return true
	}
	if len(p) >= 6 && strings.HasPrefix(name, "INBOX/") && p[5] == '/' && strings.EqualFold(string(p[:5]), "INBOX") {
		return match(string(p[5:]), name[5:])
	}
	return match(string(p), name)
}

// match runs all ways to read the pattern side by side, so it takes the pattern's length times the name's and no more.
func match(pat, name string) bool {
	if pat == "*" {
		return true
	}
	if !strings.ContainsAny(pat, "*%") {
		return pat == name
	}
	var small [128]bool
	now := small[:]
	if len(pat)+1 > len(small) {
		now = make([]bool, len(pat)+1)
	}
	now = now[:len(pat)+1]
	now[0] = true
	skipWildcards(pat, now)
	for i := range len(name) {
		c := name[i]
		any := false
		// from the end, so that now[j] is still the state before c when now[j+1] is computed
		for j := len(pat); j >= 0; j-- {
			next := j < len(pat) && now[j] && (pat[j] == '*' || pat[j] == '%' && c != '/')
			if j > 0 && now[j-1] && pat[j-1] == c && c != '*' && c != '%' {
				next = true
			}
			now[j] = next
			any = any || next
		}
		if !any {
			return false
		}
		skipWildcards(pat, now)
	}
	return now[len(pat)]
}

// skipWildcards: a wildcard may match nothing.
func skipWildcards(pat string, now []bool) {
	for j := range len(pat) {
		if now[j] && (pat[j] == '*' || pat[j] == '%') {
			now[j+1] = true
		}
	}
}
