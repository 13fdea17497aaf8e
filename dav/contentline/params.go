package contentline

import (
	"fmt"
	"strings"
)

// parseLine splits an unfolded line. RFC 6350 §3.3.
func (p *parser) parseLine(text string) (line Line, reason string) {
	i := 0
	for i < len(text) && nameByte[text[i]] {
		i++
	}
	if i == len(text) || text[i] != ':' && text[i] != ';' {
		return line, "neither a name nor a colon: " + quoted(text)
	}
	line.Name = text[:i]
	if group, name, ok := strings.Cut(line.Name, "."); ok {
		if group == "" {
			return line, "a dot without a group before it"
		}
		line.Group, line.Name = group, name
	}
	if line.Name == "" {
		return line, "no name"
	}
	from := len(p.params)
	for text[i] == ';' {
		if len(p.params)-from == MaxParams {
			return line, fmt.Sprintf("more than %d parameters", MaxParams)
		}
		if i, reason = p.param(text, i+1); reason != "" {
			return line, reason + " in " + quoted(line.Name)
		}
	}
	if to := len(p.params); to > from {
		line.Params = p.params[from:to:to]
	}
	line.Value = text[i+1:]
	if len(text) > MaxLine && (i > MaxLine || !line.binary()) {
		return line, fmt.Sprintf("a line of more than %d bytes", MaxLine)
	}
	return line, ""
}

// param reads the parameter that begins at text[i] and returns where the ";" or ":" after it is.
func (p *parser) param(text string, i int) (next int, reason string) {
	from := i
	for i < len(text) && nameByte[text[i]] {
		i++
	}
	name := text[from:i]
	switch {
	case i == len(text):
		return i, "no colon after the parameters"
	case name == "":
		return i, "a parameter without a name"
	case text[i] == ';' || text[i] == ':':
		p.params = append(p.params, Param{Name: name})
		return i, ""
	case text[i] != '=':
		return i, "neither \"=\", \";\" nor \":\" after parameter " + quoted(name)
	}
	first := len(p.values)
	for text[i] == '=' || text[i] == ',' { // "=" only at first: within a value it is an ordinary character
		var value string
		if value, i, reason = paramValue(text, i+1); reason != "" {
			return i, reason
		}
		p.values = append(p.values, value)
	}
	p.params = append(p.params, Param{name, p.values[first:len(p.values):len(p.values)]})
	return i, ""
}

// paramValue reads one value from text[i] and returns where the ",", ";" or ":" after it is. Quotes are meant to enclose the whole value;
// where they enclose a piece of it, they still protect what is inside.
func paramValue(text string, i int) (value string, next int, reason string) {
	from, inside, quotes := i, false, 0
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			inside = !inside
			quotes++
		case !inside && (c == ',' || c == ';' || c == ':'):
			return decodeParam(text[from:i], quotes), i, ""
		}
	}
	if inside {
		return "", i, "a quote that is never closed"
	}
	return "", i, "no colon after the parameters"
}

// decodeParam takes away quotes and decodes ^n, ^^ and ^'. RFC 6868 §3.2.
func decodeParam(raw string, quotes int) string {
	if quotes == 2 && raw[0] == '"' && raw[len(raw)-1] == '"' {
		raw, quotes = raw[1:len(raw)-1], 0
	}
	if quotes == 0 && strings.IndexByte(raw, '^') < 0 {
		return raw
	}
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '"' {
			continue
		}
		if c == '^' && i+1 < len(raw) {
			switch raw[i+1] {
			case 'n':
				c, i = '\n', i+1
			case '^':
				i++
			case '\'':
				c, i = '"', i+1
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}
