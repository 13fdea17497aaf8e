package lists

import (
	"context"
	"strings"
	"testing"
)

func TestAnswer(t *testing.T) {
	t.Parallel()
	plain := func(subject, text string) string { return crlf("Subject: "+subject, "", text) }
	tests := []struct {
		name, in string
		approve  bool
		ok       bool
	}{
		{"yes", plain("Re: Freigabe noetig", "yes"), true, true},
		{"ja, in a sentence", plain("Re: Freigabe noetig", "Ja, gerne!"), true, true},
		{"with a mark", plain("Re: x", "Nein."), false, true},
		{"blank lines before it", plain("Re: x", "\r\n  \r\n no"), false, true},
		{"above what is quoted", plain("Re: x", "ablehnen\r\n> ja"), false, true},
		{"only what is quoted", plain("Re: x", "> ja\r\n> nein"), false, false},
		{"the subject of a link", plain("ja", ""), true, true},
		{"the subject comes before the text", plain("nein", "ja"), false, true},
		{"the notice's own subject is no word", plain("Re: Freigabe noetig / Please decide: 7b@school.test", "hm"), false, false},
		{"a longer word", plain("Re: x", "jawohl"), false, false},
		{"nothing", plain("Re: x", ""), false, false},
		{"no body", "Subject: Re: x\r\n", false, false},
		{"text beside HTML", crlf("Subject: Re: x", "Content-Type: multipart/alternative; boundary=b", "", "--b", "Content-Type: text/plain", "", "OK", "--b",
			"Content-Type: text/html", "", "<p>no", "--b--"), true, true},
		{"quoted-printable", crlf("Subject: Re: x", "Content-Type: text/plain", "Content-Transfer-Encoding: quoted-printable", "", "ja=20", "=C3=A4"), false, false},
		{"only HTML", crlf("Subject: Re: x", "Content-Type: text/html", "", "ja"), false, false},
		{"somebody is away", plain("Automatic reply: Freigabe noetig", "I am away. yes"), false, false},
	}
	for _, tt := range tests {
		approve, ok := Answer(strings.NewReader(tt.in), int64(len(tt.in)))
		if approve != tt.approve || ok != tt.ok {
			t.Errorf("%s: %t %t, want %t %t", tt.name, approve, ok, tt.approve, tt.ok)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("Subject: ja\r\n\r\n")
	f.Add("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nnein\r\n--b--\r\n")
	f.Add("\r\nyes")
	f.Fuzz(func(t *testing.T, in string) {
		if approve, ok := Answer(strings.NewReader(in), int64(len(in))); approve && !ok {
			t.Errorf("%q: approved without an answer", in)
		}
	})
}

func TestParseAddress(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	token := strings.Repeat("a2", 8)
	for in, want := range map[string]Purpose{
		"7b+bounce-" + token + "@school.test":                  PurposeBounce,
		"7B+BOUNCE-" + strings.ToUpper(token) + "@School.Test": PurposeBounce,
		"7b+leave-" + token + "@school.test":                   PurposeLeave,
		"7b+decide-" + token + "@school.test":                  PurposeDecide,
		"postmaster+decide-" + token + "@school.test":          PurposeDecide,
		"postmaster+leave-" + token + "@school.test":           "",
		"anna+decide-" + token + "@school.test":                "", // a mailbox of hers
		"8a+bounce-" + token + "@school.test":                  "",
		"7b+bounce-" + token + "a@school.test":                 "",
		"7b+bounce" + token + "@school.test":                   "",
		"7b+math@school.test":                                  "",
		"7b@school.test":                                       "",
		"no address":                                           "",
	} {
		p, got, ok := w.lists.ParseAddress(context.Background(), in)
		if p != want || ok != (want != "") || ok && got != token {
			t.Errorf("ParseAddress(%q) = %q %q %t, want %q", in, p, got, ok, want)
		}
	}
}
