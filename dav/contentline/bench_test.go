package contentline

import (
	"strings"
	"testing"
)

var contact = []byte("BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Apple Inc.//iOS 18.1//EN\r\nN:Schmidt;Anna;;;\r\nFN:Anna Schmidt\r\nORG:Gymnasium am See;7b;\r\n" +
	"EMAIL;type=INTERNET;type=WORK;type=pref:anna.schmidt@school.test\r\nitem1.TEL;type=pref:+49 30 1234567\r\nitem1.X-ABLabel:_$!<HomePage>!$_\r\n" +
	"item2.ADR;type=HOME;type=pref:;;Seestraße 12;Berlin;;10115;Deutschland\r\nitem2.X-ABADR:de\r\n" +
	"NOTE:Ist mittwochs im Chor und freitags in der Ruder-AG\\, Tel. der Eltern st\r\n eht in der Klassenliste.\r\n" +
	"CATEGORIES:Schule,Klasse 7b\r\nREV:2026-11-02T10:11:12Z\r\nUID:6a0e4d2e-5f0c-4b8a-9a64-0f5d1c1b7a11\r\nEND:VCARD\r\n")

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(contact)))
	for b.Loop() {
		if _, err := Parse(contact); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParsePhoto(b *testing.B) {
	photo := []byte(card("PHOTO;ENCODING=b;TYPE=JPEG:" + strings.Repeat("\r\n "+strings.Repeat("A", 74), 7000)))
	b.ReportAllocs()
	b.SetBytes(int64(len(photo)))
	for b.Loop() {
		if _, err := Parse(photo); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendTo(b *testing.B) {
	roots, err := Parse(contact)
	if err != nil {
		b.Fatal(err)
	}
	var out []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(contact)))
	for b.Loop() {
		out = roots[0].AppendTo(out[:0])
	}
}
