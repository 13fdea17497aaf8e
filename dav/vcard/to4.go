package vcard

import (
	"slices"
	"strings"

	"schulhof/dav/contentline"
)

// to4 translates 3.0 into 4.0.
func (c *Card) to4() *contentline.Component {
	v := c.conversion()
	v.spendLabels()
	v.add(contentline.Line{Name: "VERSION", Value: Version4})
	if c.vcard.Get("FN") == nil {
		v.add(contentline.Line{Name: "FN", Value: contentline.Escape(c.displayName())})
	}
	var labels []*contentline.Line
	bare := c.bareAddresses()
	for i := range c.vcard.Lines {
		l := &c.vcard.Lines[i]
		switch strings.ToUpper(l.Name) {
		case "VERSION", "PROFILE", "SORT-STRING":
		case "LABEL":
			if i == 0 || !v.labelsLast(&c.vcard.Lines[i-1], l, bare) {
				labels = append(labels, l)
			}
		case "X-ABLABEL":
			if !v.spent[strings.ToLower(l.Group)] {
				v.add(*l)
			}
		default:
			v.line4(l)
		}
	}
	v.addLabels(labels)
	return v.component()
}

// spendLabels finds the labels whose line gets a name of its own.
func (v *conversion) spendLabels() {
	for i := range v.card.vcard.Lines {
		l := &v.card.vcard.Lines[i]
		group := strings.ToLower(l.Group)
		label, ok := v.labels[group]
		if ok && (l.Is("X-ABDATE") && wordOfLabel(label) == anniversary || l.Is("X-ABRELATEDNAMES") && relationOf(label) != "") {
			v.spent[group] = true
		}
	}
}

// line4 adds what one line of 3.0 is in 4.0.
func (v *conversion) line4(l *contentline.Line) {
	out := contentline.Line{Group: l.Group, Name: l.Name, Params: params4(l), Value: plainValue(l)}
	switch strings.ToUpper(l.Name) {
	case "N":
		if s := v.card.text("SORT-STRING"); s != "" {
			out.Params = append(out.Params, param("SORT-AS", s))
		}
	case "BDAY", "REV", "ANNIVERSARY":
		date4(l, &out)
	case "GEO":
		if lat, long, ok := strings.Cut(out.Value, ";"); ok {
			out.Value = "geo:" + strings.TrimSpace(strings.TrimSuffix(lat, `\`)) + "," + strings.TrimSpace(long)
		}
	case "TZ":
		if isOffset(out.Value) {
			out.Params = append(without(out.Params, "VALUE"), param("VALUE", "utc-offset"))
			out.Value = strings.ReplaceAll(out.Value, ":", "")
		}
	case "PHOTO", "LOGO":
		inline4(l, &out, "image")
	case "SOUND":
		inline4(l, &out, "audio")
	case "KEY":
		inline4(l, &out, "application")
	case "URL", "IMPP", "SOURCE", "FBURL", "CALURI", "CALADRURI":
		out.Value = contentline.Unescape(out.Value) // a URI, not a text: RFC 6350 §4.2
	case "AGENT":
		out.Name = "RELATED"
		out.Params = append(out.Params, param("TYPE", "agent"))
		if _, ok := l.Param("VALUE"); !ok {
			out.Params = append(out.Params, param("VALUE", "text"))
		}
	default:
		v.extension4(l, &out)
	}
	v.add(out)
}

// extension4 gives the names of 4.0 to what programs of 3.0 write with X- names.
func (v *conversion) extension4(l, out *contentline.Line) {
	label := v.labels[strings.ToLower(l.Group)]
	switch strings.ToUpper(l.Name) {
	case "X-ADDRESSBOOKSERVER-KIND":
		out.Name, out.Value = "KIND", strings.ToLower(strings.TrimSpace(out.Value))
	case "X-ADDRESSBOOKSERVER-MEMBER":
		out.Name, out.Value = "MEMBER", contentline.Unescape(out.Value)
	case "X-ABSHOWAS":
		if contentline.EqualFold(strings.TrimSpace(out.Value), "COMPANY") && v.card.kind() == "individual" {
			out.Name, out.Value = "KIND", "org"
		}
	case "X-GENDER":
		if value, ok := gender4(out.Value); ok {
			out.Name, out.Value = "GENDER", value
		}
	case "X-ABDATE":
		if wordOfLabel(label) == anniversary {
			out.Group, out.Name = "", "ANNIVERSARY"
			date4(l, out)
		}
	case "X-ABRELATEDNAMES":
		if relation := relationOf(label); relation != "" {
			out.Group, out.Name = "", "RELATED"
			out.Params = append(without(out.Params, "TYPE", "VALUE"), param("TYPE", relation), param("VALUE", "text"))
		}
	}
}

// gender4 returns the value of GENDER for what programs write into X-GENDER: a letter or a word for it, and perhaps words of one's own. RFC 6350
// §6.2.7. Anything else is nobody's to interpret.
func gender4(value string) (gender string, ok bool) {
	sex, own, hasOwn := strings.Cut(strings.TrimSpace(value), ";")
	letter := ""
	for _, word := range [...]string{"male", "female", "other", "none", "unknown"} {
		if contentline.EqualFold(sex, word) || contentline.EqualFold(sex, word[:1]) {
			letter = strings.ToUpper(word[:1])
		}
	}
	switch {
	case letter == "" && (sex != "" || own == ""):
		return "", false
	case hasOwn:
		return letter + ";" + own, true
	}
	return letter, true
}

// params4 translates parameters: TYPE=PREF is PREF=1, and what spoke of encodings is gone. RFC 6350 §5.3, §5.6.
func params4(l *contentline.Line) []contentline.Param {
	var out []contentline.Param
	preferred := false
	keep := func(t string) bool {
		if contentline.EqualFold(t, "PREF") {
			preferred = true
			return false
		}
		return !l.Is("EMAIL") || !contentline.EqualFold(t, "INTERNET") // there is no other mail any more
	}
	for _, p := range l.Params {
		switch {
		case contentline.EqualFold(p.Name, "TYPE"):
			var types []string
			for _, value := range p.Values {
				for t := range strings.SplitSeq(value, ",") {
					if t != "" && keep(t) {
						types = append(types, t)
					}
				}
			}
			if types != nil {
				out = append(out, contentline.Param{Name: p.Name, Values: types})
			}
		case p.Values == nil:
			switch {
			case !isEncoding(p.Name) && keep(p.Name):
				out = append(out, param("TYPE", p.Name))
			case isEncoding(p.Name) && stillEncoded(l):
				out = append(out, p)
			}
		case (contentline.EqualFold(p.Name, "ENCODING") || contentline.EqualFold(p.Name, "CHARSET")) && !stillEncoded(l):
		default:
			out = append(out, p)
		}
	}
	if preferred && len(slices.Collect(l.ParamValues("PREF"))) == 0 {
		out = append(out, param("PREF", "1"))
	}
	return out
}

// date4 writes a date in the basic form. Apple marks a birthday without a year by a year of its own: X-APPLE-OMIT-YEAR=1604:1604-03-22.
func date4(l, out *contentline.Line) {
	out.Params = without(out.Params, "VALUE", "X-APPLE-OMIT-YEAR")
	if kind, _ := l.Param("VALUE"); contentline.EqualFold(kind, "text") {
		out.Params = append(out.Params, param("VALUE", "text"))
		return
	}
	out.Value = basicDate(out.Value)
	if year, ok := l.Param("X-APPLE-OMIT-YEAR"); ok && len(year) == 4 && len(out.Value) >= 8 && strings.HasPrefix(out.Value, year) {
		out.Value = "--" + out.Value[4:]
	}
}

// inline4 makes a data: URI of data in base64, and a plain URI of a place. RFC 6350 §6.2.4.
func inline4(l, out *contentline.Line, class string) {
	data, word, ok := inline(l)
	kind, _ := l.Param("VALUE")
	switch {
	case ok:
	case contentline.EqualFold(kind, "text"):
		return
	case kind == "" && l.Is("KEY") && !isURI(out.Value): // 3.0's default is no URI
		out.Params = append(out.Params, param("VALUE", "text"))
		return
	default:
		out.Value = contentline.Unescape(out.Value)
		mediaType4(out, class)
		return
	}
	if _, isURI := cutPrefixFold(l.Value, "data:"); isURI {
		return // somebody wrote 4.0's form into 3.0
	}
	out.Params = without(out.Params, "TYPE", "VALUE")
	data = strings.TrimSpace(data)
	out.Value = "data:" + mediaOf(word, class, data) + ";base64," + data
}

// mediaType4 makes a MEDIATYPE of the word by which 3.0 says what a URI leads to. RFC 2426 §3.1.4, RFC 6350 §5.7.
func mediaType4(out *contentline.Line, class string) {
	media := ""
	var params []contentline.Param
	for _, p := range out.Params {
		if contentline.EqualFold(p.Name, "TYPE") {
			var kept []string
			for _, t := range p.Values {
				if media == "" && isMedia(t) {
					media = mediaOf(t, class, "")
				} else {
					kept = append(kept, t)
				}
			}
			if p.Values = kept; kept == nil {
				continue
			}
		}
		params = append(params, p)
	}
	if _, named := out.Param("MEDIATYPE"); media != "" && !named {
		params = append(params, param("MEDIATYPE", media))
	}
	out.Params = params
}

// addLabels hangs the address labels of 3.0 on the addresses they belong to: the next one of the same types and group that has none yet. A label
// without an address gets an empty one. RFC 2426 §3.2.2, RFC 6350 §6.3.1.
func (v *conversion) addLabels(labels []*contentline.Line) {
	if len(labels) == 0 {
		return
	}
	free := map[string][]int{} // addresses without a label, as indexes into out
	for i := range v.out {
		if _, labelled := v.out[i].Param("LABEL"); v.out[i].Is("ADR") && !labelled {
			key := addressKey(&v.out[i])
			free[key] = append(free[key], i)
		}
	}
	for _, l := range labels {
		label := param("LABEL", text(l))
		params := params4(l)
		key := addressKey(&contentline.Line{Group: l.Group, Params: params})
		if indexes := free[key]; len(indexes) > 0 {
			free[key] = indexes[1:]
			v.out[indexes[0]].Params = append(v.out[indexes[0]].Params, label)
			continue
		}
		v.add(contentline.Line{Group: l.Group, Name: "ADR", Params: append(params, label), Value: ";;;;;;"})
	}
}

// bareAddresses counts the addresses of the same types and group for which there is no label.
func (c *Card) bareAddresses() map[string]int {
	bare := map[string]int{}
	for i := range c.vcard.Lines {
		switch l := &c.vcard.Lines[i]; {
		case l.Is("ADR"):
			bare[addressKey(&contentline.Line{Group: l.Group, Params: params4(l)})]++
		case l.Is("LABEL"):
			bare[addressKey(&contentline.Line{Group: l.Group, Params: params4(l)})]--
		}
	}
	return bare
}

// labelsLast hangs a label on the address in the line above it, where that is one of the same types and group. With a label for each address
// they go in order.
func (v *conversion) labelsLast(above, label *contentline.Line, bare map[string]int) bool {
	if !above.Is("ADR") {
		return false
	}
	address := &v.out[len(v.out)-1]
	key := addressKey(&contentline.Line{Group: label.Group, Params: params4(label)})
	if _, labelled := address.Param("LABEL"); labelled || bare[key] <= 0 || addressKey(address) != key {
		return false
	}
	address.Params = append(address.Params, param("LABEL", text(label)))
	return true
}

// addressKey is the same for an address and its label.
func addressKey(l *contentline.Line) string {
	types := []string{strings.ToLower(l.Group)}
	typesOf(l, func(t string) bool {
		types = append(types, strings.ToLower(t))
		return true
	})
	slices.Sort(types[1:])
	return strings.Join(types, ",")
}
