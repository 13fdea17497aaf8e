package vcard

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"schulhof/dav/contentline"
)

// object makes a card of lines.
func object(lines ...string) []byte {
	return []byte("BEGIN:VCARD\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n")
}

func mustParse(t testing.TB, b []byte) *Card {
	t.Helper()
	c, err := Parse(b)
	if err != nil {
		t.Fatalf("Parse(%q): %v", b, err)
	}
	return c
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, in string
		line     int
		reason   string
	}{
		{"nothing", "", 0, "empty"},
		{"no vCard", "BEGIN:VCALENDAR\nEND:VCALENDAR", 1, "want VCARD"},
		{"two cards", "BEGIN:VCARD\nEND:VCARD\nBEGIN:VCARD\nEND:VCARD", 3, "here are 2"},
		{"a card within a card", "BEGIN:VCARD\nAGENT:\nBEGIN:VCARD\nEND:VCARD\nEND:VCARD", 3, "within"},
		{"a soft line break of vCard 2.1", "BEGIN:VCARD\nNOTE;ENCODING=QUOTED-PRINTABLE:a=\nb\nEND:VCARD", 3, "colon"},
	}
	for _, tt := range tests {
		c, err := Parse([]byte(tt.in))
		var syntax *contentline.SyntaxError
		if !errors.As(err, &syntax) || c != nil {
			t.Errorf("%s: Parse = %v, %v, want a SyntaxError", tt.name, c, err)
			continue
		}
		if syntax.Line != tt.line || !strings.Contains(syntax.Reason, tt.reason) {
			t.Errorf("%s: %v, want line %d and %q", tt.name, err, tt.line, tt.reason)
		}
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		in   []string
		want Object
	}{
		{"a person", []string{"VERSION:3.0", "FN:Anna", "UID:1"}, Object{UID: "1", FN: "Anna", Version: "3.0", Kind: "individual"}},
		{"in any case, with groups and spaces", []string{"version: 4.0 ", "a.fn: Anna ", "uid: urn:uuid:1 "},
			Object{UID: "urn:uuid:1", FN: "Anna", Version: "4.0", Kind: "individual"}},
		{"an escaped name", []string{"VERSION:3.0", `FN:Schmidt\, Anna`, "UID:1"}, Object{UID: "1", FN: "Schmidt, Anna", Version: "3.0", Kind: "individual"}},
		{"a group of 4.0", []string{"VERSION:4.0", "KIND:Group", "FN:7b", "UID:1"}, Object{UID: "1", FN: "7b", Version: "4.0", Kind: "group", Group: true}},
		{"a group of Apple's", []string{"VERSION:3.0", "X-ADDRESSBOOKSERVER-KIND:group", "FN:7b", "UID:1"}, Object{UID: "1", FN: "7b", Version: "3.0", Kind: "group", Group: true}},
		{"an empty FN with N", []string{"VERSION:3.0", "FN:", "N:Schmidt;Anna;Maria,Luise;Dr.;", "UID:1"},
			Object{UID: "1", FN: "Dr. Anna Maria Luise Schmidt", Version: "3.0", Kind: "individual"}},
		{"no FN, an empty N, but ORG", []string{"VERSION:3.0", "N:;;;;", `ORG:Bäcker\; Söhne;Laden`, "UID:1"},
			Object{UID: "1", FN: "Bäcker; Söhne", Version: "3.0", Kind: "individual"}},
		{"no name but an address", []string{"VERSION:4.0", "EMAIL:a@b.test", "UID:1"}, Object{UID: "1", FN: "a@b.test", Version: "4.0", Kind: "individual"}},
		{"FN is there, but nobody has a name", []string{"VERSION:4.0", "FN:", "UID:1"}, Object{UID: "1", Version: "4.0", Kind: "individual"}},
		{"quoted-printable in 3.0", []string{"VERSION:3.0", "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen", "UID:1"},
			Object{UID: "1", FN: "Jürgen", Version: "3.0", Kind: "individual"}},
		{"quoted-printable of another charset stays", []string{"VERSION:3.0", "FN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:J=FCrgen", "UID:1"},
			Object{UID: "1", FN: "J=FCrgen", Version: "3.0", Kind: "individual"}},
		{"a very long name is cut for the index", []string{"VERSION:3.0", "FN:" + strings.Repeat("ü", maxName), "UID:1"},
			Object{UID: "1", FN: strings.Repeat("ü", maxName/2), Version: "3.0", Kind: "individual"}},
		{"a photo of 512 KB", []string{"VERSION:3.0", "FN:Anna", "UID:1", "PHOTO;ENCODING=b:" + strings.Repeat("QUJD", MaxPhoto/3) + "QQ=="},
			Object{UID: "1", FN: "Anna", Version: "3.0", Kind: "individual"}},
	}
	for _, tt := range tests {
		got, err := mustParse(t, object(tt.in...)).Check()
		if err != nil || got != tt.want {
			t.Errorf("%s: Check = %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	photo := strings.Repeat("QUJD", MaxPhoto/3+1)
	tests := []struct {
		name                 string
		in                   []string
		precondition, reason string
	}{
		{"no version", []string{"FN:Anna", "UID:1"}, "valid-address-data", "no VERSION"},
		{"two versions", []string{"VERSION:3.0", "VERSION:4.0", "FN:Anna", "UID:1"}, "valid-address-data", "more than one VERSION"},
		{"vCard 2.1", []string{"VERSION:2.1", "FN:Anna", "UID:1"}, "supported-address-data", "2.1"},
		{"an unknown version", []string{"VERSION:5.0", "FN:Anna", "UID:1"}, "supported-address-data", "5.0"},
		{"no UID", []string{"VERSION:3.0", "FN:Anna"}, "valid-address-data", "no UID"},
		{"an empty UID", []string{"VERSION:3.0", "FN:Anna", "UID: "}, "valid-address-data", "line 4: an empty UID"},
		{"two UIDs", []string{"VERSION:3.0", "FN:Anna", "UID:1", "UID:1"}, "valid-address-data", "line 5: a second UID"},
		{"a long UID", []string{"VERSION:3.0", "FN:Anna", "UID:" + strings.Repeat("x", MaxUID+1)}, "valid-address-data", "1025 bytes"},
		{"nobody", []string{"VERSION:3.0", "UID:1", "NOTE:x"}, "valid-address-data", "no FN"},
		{"a large photo of 3.0", []string{"VERSION:3.0", "FN:Anna", "UID:1", "PHOTO;ENCODING=b;TYPE=JPEG:" + photo}, "max-resource-size", "line 5: PHOTO of 524289 bytes"},
		{"a large logo of 4.0", []string{"VERSION:4.0", "FN:Anna", "UID:1", "LOGO:data:image/png;base64," + photo}, "max-resource-size", "line 5: LOGO"},
	}
	for _, tt := range tests {
		_, err := mustParse(t, object(tt.in...)).Check()
		var v *Violation
		if !errors.As(err, &v) || v.Precondition != tt.precondition || !strings.Contains(v.Error(), tt.reason) {
			t.Errorf("%s: Check: %v, want %s with %q", tt.name, err, tt.precondition, tt.reason)
		}
	}
}

func TestMembers(t *testing.T) {
	c := mustParse(t, object("VERSION:4.0", "KIND:group", "FN:7b", "UID:1", "MEMBER:urn:uuid:a-1", "MEMBER:URN:UUID:a-2", "MEMBER:mailto:a@b.test",
		"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:a-3", "MEMBER:a-4", "MEMBER:", "MEMBER:urn:uuid:", "MEMBER:school:7"))
	if got, want := c.Members(), []string{"a-1", "a-2", "a-3", "a-4", "school:7"}; !slices.Equal(got, want) {
		t.Errorf("Members = %q, want %q", got, want)
	}
}

// Cards of other projects (phones, Gmail, Outlook, the RFCs) are kept, or refused with line and reason or a precondition.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("SCHULHOF_CORPUS")
	if dir == "" {
		t.Skip("SCHULHOF_CORPUS is not set: the corpus of other projects' cards is left out")
	}
	names, _ := filepath.Glob(filepath.Join(dir, "vcard", "*"))
	kept := 0
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range cards(b) {
			c, err := Parse(b)
			if err != nil {
				if !bytes.Contains(b, []byte("VERSION:2.1")) {
					t.Errorf("%s: %v", filepath.Base(name), err)
				}
				continue
			}
			if c.vcard.Get("UID") == nil { // most of these files were never meant for a server
				b = bytes.Replace(b, []byte("\nEND:"), []byte("\nUID:1\nEND:"), 1)
				c = mustParse(t, b)
			}
			if _, err := c.Check(); err != nil {
				if c.Version() != "2.1" {
					t.Errorf("%s: %v", filepath.Base(name), err)
				}
				continue
			}
			kept++
			if err := verify(b); err != nil {
				t.Errorf("%s: %v", filepath.Base(name), err)
			}
		}
	}
	if kept < 10 {
		t.Errorf("%d cards can be kept, want at least 10", kept)
	}
}

// cards cuts a file of several cards.
func cards(b []byte) [][]byte {
	var all [][]byte
	for part := range strings.SplitSeq(string(b), "BEGIN:") {
		if strings.Contains(part, "END:") {
			all = append(all, []byte("BEGIN:"+part))
		}
	}
	return all
}
