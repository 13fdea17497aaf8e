package dav

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schulhof/dav/contentline"
	"schulhof/dav/vcard"
	"schulhof/store/fault"
)

func parsedXML(t *testing.T, inner string) *element {
	t.Helper()
	e, err := parseXML([]byte(`<C:x xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:D="DAV:">` + inner + `</C:x>`))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What clients send, and what RFC 6352 §8.6.4 and §10.5 have.
func TestAddressFilter(t *testing.T) {
	tests := []struct {
		name, in string
		want     vcard.Filter
	}{
		{"none", "", vcard.Filter{}},
		{"empty", "<C:filter/>", vcard.Filter{}},
		{"all of what is empty", `<C:filter test="allof"/>`, vcard.Filter{All: true}},
		{"a property is there", `<C:filter><C:prop-filter name="EMAIL"/></C:filter>`, vcard.Filter{Props: []vcard.PropFilter{{Name: "EMAIL"}}}},
		{"a property is not there", `<C:filter test="anyof"><C:prop-filter name="item1.TEL"><C:is-not-defined/></C:prop-filter></C:filter>`,
			vcard.Filter{Props: []vcard.PropFilter{{Name: "item1.TEL", NotDefined: true}}}},
		{"Thunderbird's search", `<C:filter test="anyof"><C:prop-filter name="FN"><C:text-match collation="i;unicode-casemap" match-type="contains">än na</C:text-match></C:prop-filter>` +
			`<C:prop-filter name="EMAIL"><C:text-match match-type="starts-with">a</C:text-match></C:prop-filter></C:filter>`,
			vcard.Filter{Props: []vcard.PropFilter{{Name: "FN", Texts: []vcard.TextMatch{{Text: "än na", Collation: "i;unicode-casemap"}}},
				{Name: "EMAIL", Texts: []vcard.TextMatch{{Text: "a", Type: contentline.StartsWith}}}}}},
		{"all that there is", `<C:filter><C:prop-filter name="TEL" test="allof"><C:text-match negate-condition="yes" match-type="ends-with">1</C:text-match>` +
			`<C:text-match negate-condition="no" match-type="equals"/><C:param-filter name="TYPE"><C:text-match collation="i;octet">home</C:text-match></C:param-filter>` +
			`<C:param-filter name="X"><C:is-not-defined/></C:param-filter><C:param-filter name="Y"/></C:prop-filter></C:filter>`,
			vcard.Filter{Props: []vcard.PropFilter{{Name: "TEL", All: true,
				Texts:  []vcard.TextMatch{{Text: "1", Type: contentline.EndsWith, Negate: true}, {Type: contentline.Equals}},
				Params: []vcard.ParamFilter{{Name: "TYPE", Text: &vcard.TextMatch{Text: "home", Collation: "i;octet"}}, {Name: "X", NotDefined: true}, {Name: "Y"}}}}}},
	}
	for _, tt := range tests {
		got, err := addressFilter(parsedXML(t, tt.in).child(carddav("filter")))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(&tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestAddressFilterRefuses(t *testing.T) {
	tests := []struct{ name, in, condition string }{ // condition "": the request is invalid
		{"a test that nobody knows", `<C:filter test="oneof"/>`, ""},
		{"a nameless property", `<C:filter><C:prop-filter/></C:filter>`, ""},
		{"a nameless parameter", `<C:filter><C:prop-filter name="A"><C:param-filter/></C:prop-filter></C:filter>`, ""},
		{"a test of a property that nobody knows", `<C:filter><C:prop-filter name="A" test="x"/></C:filter>`, ""},
		{"there and not there", `<C:filter><C:prop-filter name="A"><C:is-not-defined/><C:text-match>x</C:text-match></C:prop-filter></C:filter>`, ""},
		{"two conditions on a parameter", `<C:filter><C:prop-filter name="A"><C:param-filter name="B"><C:is-not-defined/><C:text-match/></C:param-filter></C:prop-filter></C:filter>`, ""},
		{"a match that nobody knows", `<C:filter><C:prop-filter name="A"><C:text-match match-type="regex">x</C:text-match></C:prop-filter></C:filter>`, ""},
		{"a negation that is neither", `<C:filter><C:prop-filter name="A"><C:param-filter name="B"><C:text-match negate-condition="1"/></C:param-filter></C:prop-filter></C:filter>`, ""},
		{"a condition of CalDAV", `<C:filter><C:comp-filter name="A"/></C:filter>`, "supported-filter"},
		{"a condition on a property that nobody knows", `<C:filter><C:prop-filter name="A"><D:prop/></C:prop-filter></C:filter>`, "supported-filter"},
		{"a condition on a parameter that nobody knows", `<C:filter><C:prop-filter name="A"><C:param-filter name="B"><D:prop/></C:param-filter></C:prop-filter></C:filter>`, "supported-filter"},
	}
	for _, tt := range tests {
		f, err := addressFilter(parsedXML(t, tt.in).child(carddav("filter")))
		var p *problem
		switch {
		case tt.condition == "" && !fault.Is(err, fault.Invalid):
			t.Errorf("%s: %v, %v, want fault.Invalid", tt.name, f, err)
		case tt.condition != "" && (!errors.As(err, &p) || p.condition != carddav(tt.condition)):
			t.Errorf("%s: %v, %v, want %s", tt.name, f, err, tt.condition)
		}
	}
}

func TestAddressData(t *testing.T) {
	three := "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nFN:Anna\r\nN:;Anna;;;\r\nTEL;TYPE=PREF:1\r\nEND:VCARD\r\n"
	tests := []struct{ name, in, stored, want string }{
		{"as stored", `<C:address-data/>`, three, three},
		{"all of it", `<C:address-data content-type="text/vcard" version="3.0"><C:allprop/></C:address-data>`, three, three},
		{"the other version", `<C:address-data content-type="TEXT/vcard" version="4.0"/>`, three,
			"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:1\r\nFN:Anna\r\nN:;Anna;;;\r\nTEL;PREF=1:1\r\nEND:VCARD\r\n"},
		{"some of it", `<C:address-data><C:prop name="FN"/><C:prop name="TEL" novalue="yes"/></C:address-data>`, three,
			"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\nTEL;TYPE=PREF:\r\nEND:VCARD\r\n"},
		{"some of it in the other version", `<C:address-data version="4.0"><C:prop name="TEL" novalue="no"/></C:address-data>`, three,
			"BEGIN:VCARD\r\nVERSION:4.0\r\nTEL;PREF=1:1\r\nEND:VCARD\r\n"},
		{"what cannot be read", `<C:address-data version="4.0"/>`, "BEGIN:VCARD", "BEGIN:VCARD"},
	}
	for _, tt := range tests {
		d, err := addressDataOf(parsedXML(t, tt.in).child(carddav("address-data")))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := string(d.of([]byte(tt.stored), nil)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	for _, in := range []string{`<C:address-data content-type="application/vcard+json"/>`, `<C:address-data version="2.1"/>`} {
		_, err := addressDataOf(parsedXML(t, in).child(carddav("address-data")))
		var p *problem
		if !errors.As(err, &p) || p.condition != carddav("supported-address-data") {
			t.Errorf("%s: %v, want supported-address-data", in, err)
		}
	}
	if _, err := addressDataOf(parsedXML(t, `<C:address-data><C:prop/></C:address-data>`).child(carddav("address-data"))); !fault.Is(err, fault.Invalid) {
		t.Errorf("a nameless property: %v, want fault.Invalid", err)
	}
}
