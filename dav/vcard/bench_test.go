package vcard

import (
	"fmt"
	"testing"
)

// contact is what a phone sends: about 600 bytes.
func contact(i int) []byte {
	return object("VERSION:3.0", "PRODID:-//Apple Inc.//iOS 18.1//EN", "N:Schmidt;Anna;;;", fmt.Sprintf("FN:Anna Schmidt %d", i), "ORG:Gymnasium am See;7b;",
		fmt.Sprintf("EMAIL;type=INTERNET;type=WORK;type=pref:anna.schmidt.%d@school.test", i), "item1.TEL;type=pref:+49 30 1234567", "item1.X-ABLabel:_$!<HomePage>!$_",
		"item2.ADR;type=HOME;type=pref:;;Seestraße 12;Berlin;;10115;Deutschland", "item2.X-ABADR:de",
		`NOTE:Ist mittwochs im Chor und freitags in der Ruder-AG\, Tel. der Eltern st`+"\r\n eht in der Klassenliste.", "CATEGORIES:Schule,Klasse 7b",
		"REV:2026-11-02T10:11:12Z", fmt.Sprintf("UID:6a0e4d2e-5f0c-4b8a-9a64-%012d", i))
}

func BenchmarkParseCheck(b *testing.B) {
	card := contact(1)
	b.ReportAllocs()
	for b.Loop() {
		c, err := Parse(card)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Check(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkQuery is what Thunderbird asks while somebody types a name, over an address book of 5,000.
func BenchmarkQuery(b *testing.B) {
	cards := make([][]byte, 5000)
	for i := range cards {
		cards[i] = contact(i)
	}
	filter := Filter{Props: []PropFilter{textOf("FN", contains("4999")), textOf("EMAIL", contains("4999")), textOf("NICKNAME", contains("4999"))}}
	b.ReportAllocs()
	for b.Loop() {
		m, err := filter.Compile()
		if err != nil {
			b.Fatal(err)
		}
		found := 0
		for _, card := range cards {
			if m.MatchStored(card) {
				found++
			}
		}
		if found != 1 {
			b.Fatalf("found %d", found)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(cards)), "µs/card")
}

func BenchmarkMatch(b *testing.B) {
	c, err := Parse(contact(1))
	if err != nil {
		b.Fatal(err)
	}
	m, err := (&Filter{Props: []PropFilter{textOf("FN", contains("nobody")), textOf("EMAIL", contains("nobody"))}}).Compile()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Match(c)
	}
}

func BenchmarkConvert(b *testing.B) {
	c, err := Parse(contact(1))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Convert(Version4)
	}
}
