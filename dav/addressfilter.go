package dav

import (
	"net/http"
	"strings"

	"schulhof/dav/contentline"
	"schulhof/dav/vcard"
	"schulhof/store/fault"
)

// addressFilter reads the CARDDAV:filter of an addressbook-query; none at all means every card. RFC 6352 §10.5.
func addressFilter(e *element) (*vcard.Filter, error) {
	f := &vcard.Filter{}
	if e == nil {
		return f, nil
	}
	var err error
	if f.All, err = testAll(e); err != nil {
		return nil, err
	}
	for _, child := range e.children() {
		if child.name != carddav("prop-filter") {
			return nil, unsupportedFilter(child)
		}
		p, err := addressPropFilter(child)
		if err != nil {
			return nil, err
		}
		f.Props = append(f.Props, p)
	}
	return f, nil
}

// testAll reads the attribute test. RFC 6352 §10.5.
func testAll(e *element) (bool, error) {
	switch test, _ := e.attr("test"); test {
	case "", "anyof":
		return false, nil
	case "allof":
		return true, nil
	}
	return false, fault.New(fault.Invalid, "the test of a filter is neither anyof nor allof")
}

func addressPropFilter(e *element) (p vcard.PropFilter, err error) {
	if p.Name, err = filterName(e); err != nil {
		return p, err
	}
	if p.All, err = testAll(e); err != nil {
		return p, err
	}
	for _, child := range e.children() {
		switch child.name {
		case carddav("is-not-defined"):
			p.NotDefined = true
		case carddav("text-match"):
			t, err := addressTextMatch(child)
			if err != nil {
				return p, err
			}
			p.Texts = append(p.Texts, t)
		case carddav("param-filter"):
			f, err := addressParamFilter(child)
			if err != nil {
				return p, err
			}
			p.Params = append(p.Params, f)
		default:
			return p, unsupportedFilter(child)
		}
	}
	if p.NotDefined && len(p.Texts)+len(p.Params) > 0 {
		return p, fault.New(fault.Invalid, "a filter asks for a property not to be there and for what it says")
	}
	return p, nil
}

func addressParamFilter(e *element) (f vcard.ParamFilter, err error) {
	if f.Name, err = filterName(e); err != nil {
		return f, err
	}
	for _, child := range e.children() {
		switch {
		case f.NotDefined || f.Text != nil:
			return f, fault.New(fault.Invalid, "a param-filter has more than one condition")
		case child.name == carddav("is-not-defined"):
			f.NotDefined = true
		case child.name == carddav("text-match"):
			t, err := addressTextMatch(child)
			if err != nil {
				return f, err
			}
			f.Text = &t
		default:
			return f, unsupportedFilter(child)
		}
	}
	return f, nil
}

func filterName(e *element) (string, error) {
	if name, _ := e.attr("name"); name != "" {
		return name, nil
	}
	return "", fault.New(fault.Invalid, "a filter does not name what it looks at")
}

// addressTextMatch reads CARDDAV:text-match. RFC 6352 §10.5.4.
func addressTextMatch(e *element) (t vcard.TextMatch, err error) {
	t.Text = e.text()
	t.Collation, _ = e.attr("collation")
	switch negate, _ := e.attr("negate-condition"); negate {
	case "", "no":
	case "yes":
		t.Negate = true
	default:
		return t, fault.New(fault.Invalid, "the negate-condition of a text-match is neither yes nor no")
	}
	switch how, _ := e.attr("match-type"); how {
	case "", "contains":
	case "equals":
		t.Type = contentline.Equals
	case "starts-with":
		t.Type = contentline.StartsWith
	case "ends-with":
		t.Type = contentline.EndsWith
	default:
		return t, fault.New(fault.Invalid, "the match-type of a text-match is none of RFC 6352")
	}
	return t, nil
}

// unsupportedFilter refuses what stands in a filter and is no condition of RFC 6352. §8.6.
func unsupportedFilter(e *element) error {
	return &problem{status: http.StatusForbidden, condition: carddav("supported-filter"), text: "a filter cannot contain " + e.name.Local}
}

// addressData is what a report wants to see of each card. RFC 6352 §10.4.
type addressData struct {
	version string // "": as stored
	all     bool   // whole cards, not some properties
	props   []vcard.Property
}

// addressDataOf reads CARDDAV:address-data. Without a version attribute 3.0 is meant (§10.4); who leaves it out gets what is stored, which every
// client of today reads. An Accept header does not matter here (§5.1.1 is about GET).
func addressDataOf(e *element) (d addressData, err error) {
	if kind, ok := e.attr("content-type"); ok && !strings.EqualFold(kind, "text/vcard") {
		return d, unsupportedData()
	}
	switch version, ok := e.attr("version"); {
	case !ok:
	case version == vcard.Version3 || version == vcard.Version4:
		d.version = version
	default:
		return d, unsupportedData()
	}
	d.all = true
	for _, child := range e.children() {
		if child.name != carddav("prop") {
			continue // CARDDAV:allprop is the default
		}
		d.all = false
		name, _ := child.attr("name")
		if name == "" {
			return d, fault.New(fault.Invalid, "a CARDDAV:prop does not say which")
		}
		novalue, _ := child.attr("novalue")
		d.props = append(d.props, vcard.Property{Name: name, NoValue: novalue == "yes"})
	}
	return d, nil
}

func unsupportedData() error {
	return violated(http.StatusForbidden, carddav("supported-address-data"), "cards are text/vcard, 3.0 or 4.0")
}

// of returns a stored card as the report wants it; parsed is the same card, if somebody has read it already. What cannot be read (it could when it
// was stored) is given as it is.
func (d *addressData) of(stored []byte, parsed *vcard.Card) []byte {
	if d.all && d.version == "" {
		return stored
	}
	if parsed == nil {
		var err error
		if parsed, err = vcard.Parse(stored); err != nil {
			return stored
		}
	}
	version := d.version
	if version == "" {
		version = parsed.Version()
	}
	if d.all {
		return parsed.Convert(version)
	}
	return parsed.Select(version, d.props)
}
