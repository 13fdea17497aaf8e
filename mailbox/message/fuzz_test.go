package message

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	for _, mail := range nastyMessages() {
		if len(mail) < 4096 {
			f.Add([]byte(mail))
		}
	}
	f.Add(typicalMail())
	f.Add(attachedMail(2 << 10))
	f.Add([]byte(nested(25)))
	if dir := os.Getenv("SCHULHOF_CORPUS"); dir != "" {
		files, _ := filepath.Glob(filepath.Join(dir, "mail", "*"))
		for _, name := range files {
			if mail, err := os.ReadFile(name); err == nil && len(mail) < 16<<10 {
				f.Add(mail)
			}
		}
	}
	f.Fuzz(func(t *testing.T, mail []byte) { verify(t, mail) })
}

func FuzzEnvelope(f *testing.F) {
	f.Add("a@b", "Grüße", "<1@x>")
	f.Add("7b: \"a\\\"b\" <c@d>, e;", "=?utf-8?q?=C3=BC?=", "\x00\xff")
	f.Fuzz(func(t *testing.T, addresses, subject, id string) {
		v := values{fieldFrom: addresses, fieldTo: addresses + "," + addresses, fieldSubject: subject, fieldMessageID: id}
		for _, utf8OK := range []bool{false, true} {
			if err := checkEnvelope(v.appendEnvelope(nil, utf8OK), utf8OK); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzDecodeHeader(f *testing.F) {
	for _, s := range []string{"=?utf-8?q?=C3?= =?utf-8?B?vA==?=", "=?gb2312?b?xOO6ww==?=", "=?utf-7?q?+APw-?=", "\xff=?x?q??=", "=?iso-2022-jp?b?GyRC?="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := DecodeHeader(s)
		if !utf8.ValidString(out) {
			t.Fatalf("DecodeHeader(%q) = %q is not UTF-8", s, out)
		}
		if len(out) > 16*len(s)+16 {
			t.Fatalf("%d bytes became %d", len(s), len(out))
		}
		if f := Fold(out); !utf8.ValidString(f) || (len(f) > 0 && Fold(out+"!") != f+"!") {
			t.Fatalf("Fold(%q) = %q", out, f)
		}
	})
}

func FuzzParseAddresses(f *testing.F) {
	for _, s := range []string{`"a, b" <c@d>, g: e@f;`, "<@a,@b:c@d> (x)", "a . b @ c", "((", `"\`, "<<<", "a@[b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list := ParseAddresses(s)
		total := 0
		for _, a := range list {
			if !utf8.ValidString(a.Name + a.Local + a.Domain) {
				t.Fatalf("ParseAddresses(%q) = %q is not UTF-8", s, a)
			}
			total += len(a.Local) + len(a.Domain)
		}
		if total > 4*len(s)+16 || len(list) > MaxAddresses {
			t.Fatalf("%d addresses of %d bytes from %d", len(list), total, len(s))
		}
	})
}

func FuzzParseLayout(f *testing.F) {
	x, err := Parse(bytes.NewReader(attachedMail(2<<10)), 2<<10)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(x.Layout())
	f.Add([]byte{})
	f.Add([]byte(strings.Repeat("\xff", 30)))
	f.Fuzz(func(t *testing.T, layout []byte) {
		p, err := ParseLayout(layout)
		if err != nil {
			return
		}
		p.walk(func(p *Part) {
			if p.Header < 0 || p.Body < p.Header || p.End < p.Body {
				t.Fatalf("offsets %d %d %d", p.Header, p.Body, p.End)
			}
		})
	})
}

func FuzzParseDate(f *testing.F) {
	f.Add("Mon, 2 Nov 2026 10:11:12 +0100 (CET)")
	f.Add("2026-11-02T10:11:12Z")
	f.Fuzz(func(t *testing.T, s string) {
		if d := ParseDate(s); !d.IsZero() && (d.Year() < -1 || d.Year() > 10_000) {
			t.Fatalf("ParseDate(%q) = %v", s, d)
		}
	})
}
