package imapd

import (
	"testing"
	"unicode/utf8"
)

func TestModifiedUTF7(t *testing.T) {
	tests := []struct{ name, wire, text string }{ // RFC 3501 §5.1.3
		{"ASCII stays", "Klasse/7b", "Klasse/7b"},
		{"an umlaut", "&ANw-bungen", "Übungen"},
		{"several runs", "a&AOQ-b&APY-", "aäbö"},
		{"neighbours share a run", "&AOQA9g-", "äö"},
		{"the ampersand", "R&-D", "R&D"},
		{"the RFC's example", "~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"},
		{"beyond the first plane", "&2D3eAA-", "😀"},
		{"a control character", "&AAE-", "\x01"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, ok := decodeUTF7(test.wire); !ok || got != test.text {
				t.Errorf("decodeUTF7(%q) = %q, %v, want %q", test.wire, got, ok, test.text)
			}
			if got := string(appendUTF7(nil, test.text)); got != test.wire {
				t.Errorf("appendUTF7(%q) = %q, want %q", test.text, got, test.wire)
			}
		})
	}
}

func TestModifiedUTF7Refuses(t *testing.T) {
	for name, wire := range map[string]string{
		"no end": "&ANw", "no base64": "&A*w-", "half a character": "&AN-", "ASCII in base64": "&AEE-", "a lone high surrogate": "&2D0-",
		"a lone low surrogate": "&3gA-", "bits left over": "&ANx-", "invalid UTF-8": "\xff",
	} {
		if got, ok := decodeUTF7(wire); ok {
			t.Errorf("%s: decodeUTF7(%q) = %q, want a refusal", name, wire, got)
		}
	}
}

func FuzzUTF7(f *testing.F) {
	for _, seed := range []string{"Klasse", "&ANw-", "R&-D", "&U,BTFw-", "&2D3eAA-", "&", "&-&-", "Übungen", "\xff&"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, ok := decodeUTF7(s)
		if ok && !utf8.ValidString(text) {
			t.Fatalf("decodeUTF7(%q) = %q, which is not UTF-8", s, text)
		}
		if !utf8.ValidString(s) {
			return
		}
		wire := string(appendUTF7(nil, s))
		if back, ok := decodeUTF7(wire); !ok || back != s {
			t.Fatalf("%q became %q, which became %q, %v", s, wire, back, ok)
		}
	})
}
