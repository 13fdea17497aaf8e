package imapd

import "strings"

// pattern is a LIST pattern: * matches anything, % anything but the hierarchy delimiter. RFC 9051 §6.3.9.
type pattern struct {
	text  string
	glob  *glob
	inbox *glob // for INBOX itself, which matches in any case
	below *glob // for what stands below INBOX, behind that word; nil if the pattern does not name it
}

// newPattern prepares a pattern as the client sent it, joined with its reference.
func newPattern(reference, text string) *pattern {
	s := joinWildcards(reference + text)
	p := &pattern{text: s, glob: newGlob(s), inbox: newGlob(strings.ToUpper(s))}
	if len(s) >= 6 && s[5] == '/' && strings.EqualFold(s[:5], "INBOX") {
		p.below = newGlob(s[5:])
	}
	return p
}

// joinWildcards makes one wildcard of several in a row: with a * among them they match anything, else what one % does.
func joinWildcards(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		n := len(b)
		switch {
		case !isWildcard(s[i]) || n == 0 || !isWildcard(b[n-1]):
			b = append(b, s[i])
		case s[i] == '*':
			b[n-1] = '*'
		}
	}
	return string(b)
}

func isWildcard(c byte) bool { return c == '*' || c == '%' }

// matches reports whether name matches. INBOX matches in any case.
func (p *pattern) matches(name string) bool {
	if name == "INBOX" {
		return p.inbox.match(name)
	}
	if p.below != nil && strings.HasPrefix(name, "INBOX/") {
		return p.below.match(name[5:])
	}
	return p.glob.match(name)
}

// glob runs all ways to read a pattern side by side, 64 of them in a word: a name costs its length times a 64th of the
// pattern's, however hostile both are. Bit j of a set stands for the pattern's byte j.
type glob struct {
	text string
	wild []uint64          // wildcards
	star []uint64          // those that match the delimiter, too
	at   map[byte][]uint64 // where each other byte stands
}

func newGlob(text string) *glob {
	words := len(text)/64 + 1
	g := &glob{text: text, wild: make([]uint64, words), star: make([]uint64, words), at: map[byte][]uint64{}}
	for j := range len(text) {
		c, k, bit := text[j], j/64, uint64(1)<<(j%64)
		if isWildcard(c) {
			g.wild[k] |= bit
			if c == '*' {
				g.star[k] |= bit
			}
			continue
		}
		if g.at[c] == nil {
			g.at[c] = make([]uint64, words)
		}
		g.at[c][k] |= bit
	}
	return g
}

func (g *glob) match(name string) bool {
	switch {
	case g.text == "*":
		return true
	case g.text == "%":
		return !strings.Contains(name, "/")
	case !strings.ContainsAny(g.text, "*%"):
		return g.text == name
	}
	var small [4]uint64
	now := small[:]
	if len(g.wild) > len(small) {
		now = make([]uint64, len(g.wild))
	}
	now = now[:len(g.wild)]
	now[0] = 1
	g.skip(now)
	for i := range len(name) {
		if !g.step(now, name[i]) {
			return false
		}
		g.skip(now)
	}
	end := len(g.text)
	return now[end/64]>>(end%64)&1 != 0
}

// step reads c: a wildcard stays where it is, any other byte must be c. It tells whether any way is left.
func (g *glob) step(now []uint64, c byte) bool {
	stays := g.wild
	if c == '/' {
		stays = g.star
	}
	at := g.at[c]
	carry, left := uint64(0), uint64(0)
	for k, w := range now {
		var read uint64
		if at != nil {
			read = w & at[k]
		}
		now[k] = w&stays[k] | read<<1 | carry
		carry = read >> 63
		left |= now[k]
	}
	return left != 0
}

// skip lets wildcards match nothing; there are never two in a row.
func (g *glob) skip(now []uint64) {
	carry := uint64(0)
	for k, w := range now {
		empty := w & g.wild[k]
		now[k] = w | empty<<1 | carry
		carry = empty >> 63
	}
}
