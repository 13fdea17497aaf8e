package sieve

import (
	"fmt"
	"strings"
	"testing"
)

// fiftyRules is a script as people's mail programs write it: one rule after the other, few of which fit.
func fiftyRules() string {
	var b strings.Builder
	b.WriteString("require [\"fileinto\", \"imap4flags\", \"variables\"];\n")
	for i := range 50 {
		switch i % 5 {
		case 0:
			fmt.Fprintf(&b, "if header :contains \"subject\" [\"[list-%d]\", \"Offer %d\"] { fileinto \"Lists/%d\"; stop; }\n", i, i, i)
		case 1:
			fmt.Fprintf(&b, "if address :domain :is \"from\" [\"shop%d.example\", \"mail.shop%d.example\"] { fileinto \"Shops\"; stop; }\n", i, i)
		case 2:
			fmt.Fprintf(&b, "if allof (header :contains [\"to\", \"cc\"] \"group%d@\", not header :contains \"subject\" \"urgent\") { addflag \"$Group%d\"; }\n", i, i)
		case 3:
			fmt.Fprintf(&b, "if header :matches \"list-id\" \"*<list%d.*>\" { set \"list\" \"${2}\"; fileinto \"Lists/${list}\"; stop; }\n", i)
		case 4:
			fmt.Fprintf(&b, "if anyof (header :is \"x-priority\" \"%d\", size :over %dM) { addflag \"\\\\Flagged\"; }\n", i, i)
		}
	}
	return b.String()
}

// BenchmarkFiftyRules runs 50 rules on a message whose header was not yet looked at, as each delivery does.
func BenchmarkFiftyRules(b *testing.B) {
	script, err := Compile([]byte(fiftyRules()), Options{})
	if err != nil {
		b.Fatal(err)
	}
	msg := loadMessage(b, "letter.eml")
	b.ReportAllocs()
	for b.Loop() {
		fresh, err := NewMessage(msg.body, msg.index)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := script.Run(fresh, Environment{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompile checks the script of 50 rules.
func BenchmarkCompile(b *testing.B) {
	text := []byte(fiftyRules())
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Compile(text, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
