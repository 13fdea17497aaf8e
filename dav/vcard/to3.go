package vcard

import (
	"slices"
	"strconv"
	"strings"

	"schulhof/dav/contentline"
)

// single are the properties that 3.0 has once, of which 4.0 may have several (in several languages, say).
var single = [...]string{"FN", "N", "BDAY", "GEO", "TZ", "REV", "UID", "PRODID", "KIND", "GENDER", "ANNIVERSARY"}

// to3 translates 4.0 into 3.0.
func (c *Card) to3() *contentline.Component {
	v := c.conversion()
	best := c.preferred()
	v.add(contentline.Line{Name: "VERSION", Value: Version3})
	if c.vcard.Get("N") == nil { // required: RFC 2426 §3.1.2
		v.add(contentline.Line{Name: "N", Value: contentline.Escape(c.displayName()) + ";;;;"})
	}
	if c.vcard.Get("FN") == nil {
		v.add(contentline.Line{Name: "FN", Value: contentline.Escape(c.displayName())})
	}
	var seen [len(single)]bool
next:
	for i := range c.vcard.Lines {
		l := &c.vcard.Lines[i]
		if l.Is("VERSION") || l.Is("CLIENTPIDMAP") {
			continue
		}
		rank := best[strings.ToUpper(l.Name)]
		for s, name := range single {
			if !l.Is(name) {
				continue
			}
			if seen[s] || rank != 0 && preference(l) != rank {
				continue next
			}
			seen[s] = true
		}
		v.line3(l, rank)
	}
	return v.component()
}

// preferred returns the lowest PREF of each property's lines. RFC 6350 §5.3: lower is better.
func (c *Card) preferred() map[string]int {
	var best map[string]int
	for i := range c.vcard.Lines {
		l := &c.vcard.Lines[i]
		n := preference(l)
		if n == 0 {
			continue
		}
		if best == nil {
			best = map[string]int{}
		}
		name := strings.ToUpper(l.Name)
		if known := best[name]; known == 0 || n < known {
			best[name] = n
		}
	}
	return best
}

// preference returns the PREF of a line, 1 to 100, or 0.
func preference(l *contentline.Line) int {
	s, _ := l.Param("PREF")
	if n, err := strconv.Atoi(s); err == nil && n >= 1 && n <= 100 {
		return n
	}
	return 0
}

// line3 adds what one line of 4.0 is in 3.0; best is the lowest PREF of its siblings.
func (v *conversion) line3(l *contentline.Line, best int) {
	out := contentline.Line{Group: l.Group, Name: l.Name, Params: params3(l, best), Value: plainValue(l)}
	switch strings.ToUpper(l.Name) {
	case "KIND":
		v.kind3(out)
		return
	case "MEMBER":
		out.Name = "X-ADDRESSBOOKSERVER-MEMBER"
	case "N":
		v.add(out)
		if s, ok := l.Param("SORT-AS"); ok && s != "" {
			v.add(contentline.Line{Name: "SORT-STRING", Value: contentline.Escape(s)})
		}
		return
	case "ADR":
		v.add(out)
		if label, ok := l.Param("LABEL"); ok {
			label = strings.NewReplacer(`\n`, "\n", `\N`, "\n").Replace(label) // as RFC 6350 §6.3.1 writes it, before RFC 6868 had ^n
			v.add(contentline.Line{Group: l.Group, Name: "LABEL", Params: out.Params, Value: contentline.Escape(label)})
		}
		return
	case "RELATED":
		v.related3(l, out)
		return
	case "ANNIVERSARY":
		if date, ok := extendedDate(out.Value); ok {
			v.addLabelled(contentline.Line{Name: "X-ABDATE", Params: out.Params, Value: date}, builtIn(anniversary))
			return
		}
	case "BDAY", "REV":
		date3(&out)
	case "GENDER":
		out.Name = "X-GENDER"
	case "GEO":
		if rest, ok := cutPrefixFold(out.Value, "geo:"); ok {
			rest, _, _ = strings.Cut(rest, ";") // uncertainty: RFC 5870
			lat, long, _ := strings.Cut(rest, ",")
			long, _, _ = strings.Cut(long, ",") // altitude
			out.Value = strings.TrimSuffix(lat, `\`) + ";" + strings.TrimSuffix(long, `\`)
			out.Params = without(out.Params, "VALUE")
		}
	case "TZ":
		if isOffset(out.Value) {
			out.Value = extendedOffset(out.Value)
		} else if _, isURI := out.Param("VALUE"); !isURI { // params3 keeps no other
			out.Params = append(out.Params, param("VALUE", "text"))
		}
	case "TEL":
		tel3(l, &out)
	case "PHOTO", "LOGO", "SOUND", "KEY":
		inline3(l, &out)
	}
	v.add(out)
}

// kind3 writes what 3.0's programs know of kinds: groups, and companies.
func (v *conversion) kind3(out contentline.Line) {
	switch kind := strings.ToLower(strings.TrimSpace(out.Value)); kind {
	case "individual":
	case "org":
		v.add(contentline.Line{Group: out.Group, Name: "X-ABShowAs", Value: "COMPANY"})
	default:
		v.add(contentline.Line{Group: out.Group, Name: "X-ADDRESSBOOKSERVER-KIND", Value: kind})
	}
}

// related3 writes a relative that is given by name as Apple does, and an agent as RFC 2426 §3.5.4 does.
func (v *conversion) related3(l *contentline.Line, out contentline.Line) {
	kind, _ := l.Param("VALUE")
	byName := contentline.EqualFold(kind, "text")
	relation := ""
	typesOf(l, func(t string) bool {
		relation = strings.ToLower(t)
		return false
	})
	switch {
	case relation == "agent":
		out.Name = "AGENT"
		out.Params = without(out.Params, "TYPE")
		if !byName {
			out.Params = append(without(out.Params, "VALUE"), param("VALUE", "uri"))
		}
		v.add(out)
	case byName && relation != "":
		v.addLabelled(contentline.Line{Name: "X-ABRELATEDNAMES", Params: without(out.Params, "TYPE"), Value: out.Value}, labelOf(relation))
	default:
		if byName {
			out.Params = append(out.Params, param("VALUE", "text"))
		}
		v.add(out)
	}
}

// params3 translates parameters: of the lines with a PREF, the best ones get TYPE=pref; what 3.0 does not know goes.
func params3(l *contentline.Line, best int) []contentline.Param {
	out := make([]contentline.Param, 0, len(l.Params)+1)
	for _, p := range l.Params {
		switch name := strings.ToUpper(p.Name); {
		case p.Values == nil:
			switch {
			case !isEncoding(name):
				out = append(out, param("TYPE", p.Name))
			case stillEncoded(l):
				out = append(out, p)
			}
		case name == "TYPE":
			var types []string
			for _, value := range p.Values {
				for t := range strings.SplitSeq(value, ",") {
					if t != "" {
						types = append(types, t)
					}
				}
			}
			if types != nil {
				out = append(out, contentline.Param{Name: p.Name, Values: types})
			}
		case name == "VALUE":
			// 3.0 has other names for most types, but the same default; a URI must be said where the default is data or text.
			// Words where a date is expected must say so in either.
			if len(p.Values) == 1 && (contentline.EqualFold(p.Values[0], "uri") && !l.Is("UID") && !l.Is("URL") && !l.Is("IMPP") && !l.Is("MEMBER") ||
				contentline.EqualFold(p.Values[0], "text") && (l.Is("BDAY") || l.Is("ANNIVERSARY"))) {
				out = append(out, p)
			}
		case dropped3(name) && !((name == "ENCODING" || name == "CHARSET") && stillEncoded(l)):
		default:
			out = append(out, p)
		}
	}
	if n := preference(l); n != 0 && n == best {
		out = append(out, param("TYPE", "pref"))
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// dropped3 reports whether a parameter of 4.0 means nothing in 3.0, or is written as a line there.
func dropped3(name string) bool {
	switch name {
	case "PREF", "ALTID", "PID", "MEDIATYPE", "CALSCALE", "SORT-AS", "LABEL", "GEO", "TZ", "INDEX", "LEVEL", "ENCODING", "CHARSET":
		return true
	}
	return false
}

// date3 writes a date in the extended form; one without a year as Apple does.
func date3(out *contentline.Line) {
	value := basicDate(out.Value)
	if shaped(value, "--0000") {
		out.Params = append(out.Params, param("X-APPLE-OMIT-YEAR", "1604")) // a leap year
		value = "1604" + value[2:]
	}
	if date, ok := extendedDate(value); ok {
		out.Value = date
	}
}

// tel3 takes the number out of a tel: URI, since 3.0's programs dial what stands there. RFC 3966.
func tel3(l, out *contentline.Line) {
	number, ok := cutPrefixFold(out.Value, "tel:")
	if !ok {
		return
	}
	out.Params = without(out.Params, "VALUE")
	number, rest, _ := strings.Cut(contentline.Unescape(number), ";")
	for p := range strings.SplitSeq(rest, ";") {
		if ext, ok := cutPrefixFold(p, "ext="); ok {
			number += " ext. " + ext
		}
	}
	out.Value = contentline.Escape(number)
}

// inline3 takes the data out of a data: URI, and says of anything else that it is a URI. RFC 2426 §3.1.4.
func inline3(l, out *contentline.Line) {
	data, media, ok := inline(l)
	if _, isURI := cutPrefixFold(l.Value, "data:"); ok && isURI {
		preferred := slices.Contains(slices.Collect(out.ParamValues("TYPE")), "pref") // from PREF
		out.Params = without(out.Params, "VALUE", "TYPE")
		if preferred {
			out.Params = append(out.Params, param("TYPE", "pref"))
		}
		out.Params = append(out.Params, param("ENCODING", "b"))
		if word := wordOf(media); word != "" {
			out.Params = append(out.Params, param("TYPE", word))
		}
		out.Value = data
		return
	}
	if ok {
		out.Params = append(out.Params, param("ENCODING", "b")) // somebody wrote 3.0's form into 4.0
		return
	}
	kind, _ := l.Param("VALUE")
	if kind == "" {
		out.Params = append(out.Params, param("VALUE", "uri"))
	}
	if media, named := l.Param("MEDIATYPE"); named && !contentline.EqualFold(kind, "text") {
		if word := wordOf(media); isMedia(word) {
			media = word
		}
		out.Params = append(out.Params, param("TYPE", media))
	}
}
