package vcard

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schulhof/dav/contentline"
)

// Properties of 3.0 and what they are in 4.0; back tells what 4.0 becomes in 3.0 where that is not the first again.
var conversions = []struct {
	name     string
	v3, v4   string // lines
	back     string // "": as v3
	only     string // "3": from 4.0 to 3.0 only
	ofPerson bool   // false: FN, N and UID are added
}{
	{name: "a plain text stays", v3: `NOTE:a\, b\nc`, v4: `NOTE:a\, b\nc`},
	{name: "lists stay", v3: "CATEGORIES:Schule,Klasse 7b\nNICKNAME:a,b\nORG:Schule;7b", v4: "CATEGORIES:Schule,Klasse 7b\nNICKNAME:a,b\nORG:Schule;7b"},
	{name: "an unknown property stays, with its group", v3: "item1.X-SOCIALPROFILE;TYPE=x:y\nitem1.X-ABLabel:z", v4: "item1.X-SOCIALPROFILE;TYPE=x:y\nitem1.X-ABLabel:z"},
	{name: "preference", v3: "TEL;TYPE=HOME,PREF:1\nTEL;TYPE=WORK:2", v4: "TEL;TYPE=HOME;PREF=1:1\nTEL;TYPE=WORK:2",
		back: "TEL;TYPE=HOME;TYPE=pref:1\nTEL;TYPE=WORK:2"},
	{name: "preference as Apple writes it", v3: "TEL;type=CELL;type=VOICE;type=pref:1", v4: "TEL;type=CELL;type=VOICE;PREF=1:1", back: "TEL;type=CELL;type=VOICE;TYPE=pref:1"},
	{name: "of several preferences the best", v4: "TEL;PREF=5:1\nTEL;PREF=2:2\nTEL;PREF=2:3\nEMAIL;PREF=9:4\nURL;PREF=x:5",
		v3: "TEL:1\nTEL;TYPE=pref:2\nTEL;TYPE=pref:3\nEMAIL;TYPE=pref:4\nURL:5", only: "3"},
	{name: "internet mail", v3: "EMAIL;TYPE=INTERNET;TYPE=HOME:a@b", v4: "EMAIL;TYPE=HOME:a@b", back: "EMAIL;TYPE=HOME:a@b"},
	{name: "types in quotes", v4: `TEL;TYPE="work,voice":1`, v3: "TEL;TYPE=work,voice:1", only: "3"},
	{name: "bare types of vCard 2.1", v3: "TEL;HOME;PREF:1", v4: "TEL;TYPE=HOME;PREF=1:1", back: "TEL;TYPE=HOME;TYPE=pref:1"},
	{name: "charset and quoted-printable", v3: "NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen=0D=0Ab", v4: `NOTE:Jürgen\nb`, back: `NOTE:Jürgen\nb`},
	{name: "a photo", v3: "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ", v4: "PHOTO:data:image/jpeg;base64,/9j/4AAQ"},
	{name: "a photo without a type, by its first bytes", v3: "PHOTO;ENCODING=BASE64:iVBORw0K", v4: "PHOTO:data:image/png;base64,iVBORw0K", back: "PHOTO;ENCODING=b;TYPE=PNG:iVBORw0K"},
	{name: "a photo of vCard 2.1's spelling", v3: "PHOTO;BASE64;GIF:R0lGODlh", v4: "PHOTO:data:image/gif;base64,R0lGODlh", back: "PHOTO;ENCODING=b;TYPE=GIF:R0lGODlh"},
	{name: "a photo of an unknown type", v3: "PHOTO;ENCODING=b;TYPE=JXL:AAAA", v4: "PHOTO:data:image/jxl;base64,AAAA"},
	{name: "a photo elsewhere", v3: "PHOTO;VALUE=uri:http://a.test/x,y", v4: "PHOTO;VALUE=uri:http://a.test/x,y"},
	{name: "a photo elsewhere, without saying so", v4: "PHOTO:http://a.test/x", v3: "PHOTO;VALUE=uri:http://a.test/x", only: "3"},
	{name: "an escaped data URI with a charset", v4: `PHOTO;MEDIATYPE=image/png:data:image/png;x=y;base64\,iVBORw0K`, v3: "PHOTO;ENCODING=b;TYPE=PNG:iVBORw0K", only: "3"},
	{name: "a key", v3: "KEY;ENCODING=b;TYPE=PGP:AAAA", v4: "KEY:data:application/pgp-keys;base64,AAAA"},
	{name: "a sound of bytes", v3: "SOUND;ENCODING=b:AAAA", v4: "SOUND:data:application/octet-stream;base64,AAAA"},
	{name: "a colon that Google escapes", v3: `URL:http\://a.test/x\,y`, v4: "URL:http://a.test/x,y", back: "URL:http://a.test/x,y"},
	{name: "a birthday", v3: "BDAY;VALUE=date:1980-03-22", v4: "BDAY:19800322", back: "BDAY:1980-03-22"},
	{name: "a birthday with time", v3: "BDAY:1980-03-22T10:11:12Z", v4: "BDAY:19800322T101112Z"},
	{name: "a birthday without a year", v3: "BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-22", v4: "BDAY:--0322"},
	{name: "a birthday in words", v3: "BDAY;VALUE=text:um 1800", v4: "BDAY;VALUE=text:um 1800"},
	{name: "an anniversary in words", v4: "ANNIVERSARY;VALUE=text:im Mai", v3: "ANNIVERSARY;VALUE=text:im Mai", only: "3"},
	{name: "a revision", v3: "REV:2026-11-02T10:11:12Z", v4: "REV:20261102T101112Z"},
	{name: "a place", v3: "GEO:46.772673;-71.282945", v4: "GEO:geo:46.772673,-71.282945"},
	{name: "a place with altitude and uncertainty", v4: `GEO:geo:46.7\,-71.2,30;u=35`, v3: "GEO:46.7;-71.2", only: "3"},
	{name: "an offset", v3: "TZ:-05:00", v4: "TZ;VALUE=utc-offset:-0500"},
	{name: "a zone", v3: "TZ;VALUE=text:Europe/Berlin", v4: "TZ;VALUE=text:Europe/Berlin"},
	{name: "a label", v3: "ADR;TYPE=HOME:;;Seestraße 12;Berlin;;10115;\nLABEL;TYPE=HOME:Seestraße 12\\n10115 Berlin",
		v4: "ADR;TYPE=HOME;LABEL=Seestraße 12^n10115 Berlin:;;Seestraße 12;Berlin;;10115;"},
	{name: "labels find their addresses by type and group", v3: "ADR;TYPE=home,pref:;;a;;;;\ni.ADR;TYPE=WORK:;;b;;;;\nADR;TYPE=WORK:;;c;;;;\nADR;TYPE=WORK:;;d;;;;\n" +
		"LABEL;TYPE=work:C\nLABEL;TYPE=PREF,HOME:A\nLABEL;TYPE=WORK:D\nLABEL;TYPE=DOM:E",
		v4: "ADR;TYPE=home;PREF=1;LABEL=A:;;a;;;;\ni.ADR;TYPE=WORK:;;b;;;;\nADR;TYPE=WORK;LABEL=C:;;c;;;;\nADR;TYPE=WORK;LABEL=D:;;d;;;;\nADR;TYPE=DOM;LABEL=E:;;;;;;",
		back: "ADR;TYPE=home;TYPE=pref:;;a;;;;\nLABEL;TYPE=home;TYPE=pref:A\ni.ADR;TYPE=WORK:;;b;;;;\nADR;TYPE=WORK:;;c;;;;\nLABEL;TYPE=WORK:C\n" +
			"ADR;TYPE=WORK:;;d;;;;\nLABEL;TYPE=WORK:D\nADR;TYPE=DOM:;;;;;;\nLABEL;TYPE=DOM:E"},
	{name: "a label belongs to the address above it", v3: "ADR;TYPE=HOME:;;a;;;;\nADR;TYPE=HOME:;;b;;;;\nLABEL;TYPE=HOME:B\nADR;TYPE=HOME:;;c;;;;",
		v4: "ADR;TYPE=HOME:;;a;;;;\nADR;TYPE=HOME;LABEL=B:;;b;;;;\nADR;TYPE=HOME:;;c;;;;"},
	{name: "a group", v3: "X-ADDRESSBOOKSERVER-KIND:group\nX-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1\nX-ADDRESSBOOKSERVER-MEMBER:urn:uuid:2",
		v4: "KIND:group\nMEMBER:urn:uuid:1\nMEMBER:urn:uuid:2"},
	{name: "a company", v3: "X-ABShowAs:COMPANY", v4: "KIND:org"},
	{name: "a person says so", v4: "KIND:individual", v3: "", only: "3"},
	{name: "an anniversary", v3: "item1.X-ABDATE:2011-01-13\nitem1.X-ABLabel:_$!<Anniversary>!$_", v4: "ANNIVERSARY:20110113"},
	{name: "another date", v3: "item1.X-ABDATE:2011-01-13\nitem1.X-ABLabel:Einschulung", v4: "item1.X-ABDATE:2011-01-13\nitem1.X-ABLabel:Einschulung"},
	{name: "an anniversary in a year", v4: "ANNIVERSARY:2011", v3: "ANNIVERSARY:2011", only: "3"},
	{name: "relatives", v3: "item1.X-ABRELATEDNAMES:Jenny\nitem1.X-ABLabel:_$!<Spouse>!$_\nitem2.X-ABRELATEDNAMES:Max\nitem2.X-ABLabel:Opa",
		v4:   "RELATED;TYPE=spouse;VALUE=text:Jenny\nitem2.X-ABRELATEDNAMES:Max\nitem2.X-ABLabel:Opa",
		back: "item3.X-ABRELATEDNAMES:Jenny\nitem3.X-ABLabel:_$!<Spouse>!$_\nitem2.X-ABRELATEDNAMES:Max\nitem2.X-ABLabel:Opa"},
	{name: "a relative by card", v4: "RELATED;TYPE=friend:urn:uuid:1", v3: "RELATED;TYPE=friend:urn:uuid:1", only: "3"},
	{name: "a relative of a kind that Apple has no word for", v4: "RELATED;TYPE=muse;VALUE=text:Jenny", v3: "item1.X-ABRELATEDNAMES:Jenny\nitem1.X-ABLabel:muse", only: "3"},
	{name: "an agent", v3: "AGENT;VALUE=uri:CID:1", v4: "RELATED;VALUE=uri;TYPE=agent:CID:1"},
	{name: "an agent within", v3: `AGENT:BEGIN:VCARD\nFN:x\nEND:VCARD`, v4: `RELATED;TYPE=agent;VALUE=text:BEGIN:VCARD\nFN:x\nEND:VCARD`},
	{name: "a gender", v3: "X-GENDER:Female", v4: "GENDER:F", back: "X-GENDER:F"},
	{name: "a phone number", v4: "TEL;VALUE=uri;TYPE=work;PREF=1:tel:+1-418-656-9254;ext=102", v3: "TEL;TYPE=work;TYPE=pref:+1-418-656-9254 ext. 102", only: "3"},
	{name: "what only 4.0 has", v4: "CLIENTPIDMAP:1;urn:uuid:1\nEMAIL;PID=1.1;ALTID=1:a@b\nLANG:de", v3: "EMAIL:a@b\nLANG:de", only: "3"},
	{name: "a birthday in two languages", v4: "BDAY;ALTID=1:19800322\nBDAY;ALTID=1;LANGUAGE=fr;VALUE=text:22 mars", v3: "BDAY:1980-03-22", only: "3"},
	{name: "a sorting name", ofPerson: true, v3: "FN:Anna\nN:von Au;Anna;;;\nSORT-STRING:Au", v4: "FN:Anna\nN;SORT-AS=Au:von Au;Anna;;;"},
	{name: "4.0 needs no N", ofPerson: true, v4: "FN:Schmidt\\, Anna", v3: "N:Schmidt\\, Anna;;;;\nFN:Schmidt\\, Anna", only: "3"},
	{name: "two names", ofPerson: true, v4: "N:a;;;;\nFN;PREF=2:Anna S.\nFN;PREF=1:Anna Schmidt", v3: "N:a;;;;\nFN;TYPE=pref:Anna Schmidt", only: "3"},
	{name: "3.0 without FN", ofPerson: true, v3: "N:Schmidt;Anna;;;", v4: "FN:Anna Schmidt\nN:Schmidt;Anna;;;", back: "FN:Anna Schmidt\nN:Schmidt;Anna;;;"},
	{name: "a profile", v3: "PROFILE:VCARD", v4: "", back: ""},
}

func TestConvert(t *testing.T) {
	for _, tt := range conversions {
		t.Run(tt.name, func(t *testing.T) {
			frame := "FN:Anna\nN:;Anna;;;\n"
			if tt.ofPerson {
				frame = ""
			}
			three, four := "VERSION:3.0\n"+frame+tt.v3, "VERSION:4.0\n"+frame+tt.v4
			if tt.only != "3" {
				convertLines(t, three, Version4, four)
			}
			switch {
			case tt.back != "":
				three = "VERSION:3.0\n" + frame + tt.back
			case tt.name == "a profile":
				three = "VERSION:3.0\n" + frame
			}
			convertLines(t, four, Version3, three)
		})
	}
}

// convertLines converts one card and compares unfolded lines.
func convertLines(t *testing.T, in, version, want string) {
	t.Helper()
	b := object(strings.Split(strings.TrimSuffix(in, "\n"), "\n")...)
	got := strings.ReplaceAll(string(mustParse(t, b).Convert(version)), "\r\n ", "")
	lines := strings.Split(strings.TrimSuffix(got, "\r\nEND:VCARD\r\n"), "\r\n")
	if diff := cmp.Diff(strings.Split(strings.TrimSuffix(want, "\n"), "\n"), lines[1:]); diff != "" {
		t.Errorf("to %s (-want +got):\n%s", version, diff)
	}
}

// The version that is stored is answered byte for byte, however it looks, and so is anything when a client asks for what nobody knows.
func TestConvertKeepsBytes(t *testing.T) {
	stored := []byte("begin:vCard\nVersion:3.0\n  \nFN:A\n nna\nEND:VCARD")
	c := mustParse(t, stored)
	for _, version := range []string{Version3, "2.1", ""} {
		if got := c.Convert(version); string(got) != string(stored) {
			t.Errorf("Convert(%q) = %q", version, got)
		}
	}
	if got := mustParse(t, object("VERSION:2.1", "FN:x")).Convert(Version4); string(got) != string(object("VERSION:2.1", "FN:x")) {
		t.Errorf("a version that is not ours became %q", got)
	}
}

// verify checks what holds for every card, whatever is in it.
func verify(b []byte) error {
	c, err := Parse(b)
	var syntax *contentline.SyntaxError
	if errors.As(err, &syntax) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("an error of another kind: %w", err)
	}
	object, err := c.Check()
	var violation *Violation
	if err != nil && !errors.As(err, &violation) {
		return fmt.Errorf("an error of another kind: %w", err)
	}
	members := c.Members()
	for _, version := range []string{Version3, Version4} {
		converted := c.Convert(version)
		if c.Version() == version && string(converted) != string(b) {
			return errors.New("the stored version is not the stored bytes")
		}
		again, err := Parse(converted)
		if err != nil {
			if len(converted) > len(b) && (len(converted) > contentline.MaxObject || strings.Contains(err.Error(), "more than")) {
				continue // it was at a limit, and the other version needs more room
			}
			return fmt.Errorf("converted to %s: %w\n%q", version, err, converted)
		}
		if violation != nil {
			continue
		}
		other, err := again.Check()
		if err != nil {
			return fmt.Errorf("converted to %s: %w\n%q", version, err, converted)
		}
		if other.UID != object.UID || other.Version != version || other.Kind != object.Kind && other.Kind != "org" && object.Kind != "org" {
			return fmt.Errorf("%+v became %+v:\n%q", object, other, converted)
		}
		if !slices.Equal(members, again.Members()) {
			return fmt.Errorf("members %q became %q", members, again.Members())
		}
		if selected := mustSelect(c, version); selected != nil {
			return selected
		}
	}
	return nil
}

func mustSelect(c *Card, version string) error {
	b := c.Select(version, []Property{{Name: "FN"}, {Name: "tel", NoValue: true}})
	part, err := contentline.Parse(b)
	if err != nil {
		return fmt.Errorf("selected %q: %w", b, err)
	}
	for _, l := range part[0].Lines {
		if !l.Is("FN") && !l.Is("VERSION") && !(l.Is("TEL") && l.Value == "") {
			return fmt.Errorf("selected a %s:%q", l.Name, l.Value)
		}
	}
	return nil
}
