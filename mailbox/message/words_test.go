package message

import (
	"mime"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"pgregory.net/rapid"
)

// The table of RFC 2047 §8: how encoded words beside each other, and beside text, are to be shown.
func TestEncodedWordsOfTheRFC(t *testing.T) {
	tests := []struct{ in, want string }{
		{"=?ISO-8859-1?Q?a?=", "a"},
		{"=?ISO-8859-1?Q?a?= b", "a b"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a?=\t=?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a_b?=", "a b"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"},
		{"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
		{"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"},
		{"=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"},
		{"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=", "If you can read this you understand the example."},
		{"=?ISO-8859-1?Q?Olle_J=E4rnefors?=", "Olle Järnefors"},
		{"=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=", "Patrik Fältström"},
		{"=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=", "םולש ןב ילטפנ"},
	}
	for _, tt := range tests {
		if got := DecodeHeader(tt.in); got != tt.want {
			t.Errorf("DecodeHeader(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// What is almost an encoded word is shown as it came; nothing of it gets lost.
func TestAlmostEncodedWords(t *testing.T) {
	for _, in := range []string{
		"=?", "=??", "=???", "=????=", "=?utf-8?", "=?utf-8?q", "=?utf-8?q?", "=?utf-8?q?a", "=?utf-8?q?a?", "=?utf-8?x?a?=", "=?utf-8?qq?a?=",
		"=?utf-8?b?****?=", "=?" + strings.Repeat("x", 100) + "?q?a?=", "a =?= b", "?==?", "=?no-such-charset?b?YQ==?=",
	} {
		if got := DecodeHeader(in); got != in {
			t.Errorf("DecodeHeader(%q) = %q, want it as it came", in, got)
		}
	}
	for in, want := range map[string]string{
		"=?utf-8?q?a?= =?utf-8?x?b?=": "a =?utf-8?x?b?=",
		"=?=?utf-8?q?a?=":             "=?a",
		"=?utf-8?q?=?=":               "=",
		"=?utf-8?q?=4?=":              "=4",
		"=?utf-8?q?=zz?=":             "=zz",
		"=?utf-8?q??=x":               "x",
		"=?utf-8?b??=":                "",
		"=?utf-8?Q?a b?=":             "a b",
		"=?utf-8*?q?a?=":              "a",
	} {
		if got := DecodeHeader(in); got != want {
			t.Errorf("DecodeHeader(%q) = %q, want %q", in, got, want)
		}
	}
}

// Whatever Go's encoder writes is read back, in Q and in B, also when it had to split the text over several words.
func TestEncodedWordsRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("aZ 0?=_äöüß€日本😀.,<>\"")), 0, 120, -1).Draw(rt, "text")
		if strings.Contains(text, "=?") {
			rt.Skip("ASCII is written as it is")
		}
		for name, e := range map[string]mime.WordEncoder{"Q": mime.QEncoding, "B": mime.BEncoding} {
			word := e.Encode("utf-8", text)
			if got := DecodeHeader(word); got != text {
				rt.Fatalf("%s: %q is read as %q, want %q", name, word, got, text)
			}
			folded := strings.ReplaceAll(word, "?= =?", "?=\r\n\t=?")
			if got := DecodeHeader(folded); got != text {
				rt.Fatalf("%s folded: %q is read as %q, want %q", name, folded, got, text)
			}
		}
	})
}

// Of well-formed words in a Western charset, Go's decoder makes the same.
func TestEncodedWordsAsTheStandardLibraryReadsThem(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"=?utf-8?q?=C3=A4?=", "=?iso-8859-1?q?=E4_b?=", "=?utf-8?b?w7Y=?=", "=?us-ascii?q?x?=", "text", "a.b"}), 1, 8).Draw(rt, "words")
		in := strings.Join(words, rapid.SampledFrom([]string{" ", "  "}).Draw(rt, "space"))
		want, err := new(mime.WordDecoder).DecodeHeader(in)
		if got := DecodeHeader(in); err != nil || got != want {
			rt.Fatalf("DecodeHeader(%q) = %q, want %q, %v", in, got, want, err)
		}
	})
}

// The German sentence every school writes, in the names under which its bytes travel.
func TestCharsetsByName(t *testing.T) {
	latin1 := "Gr\xfc\xdfe"
	tests := map[string][]string{
		latin1: {"iso-8859-1", "ISO_8859-1", "latin1", "l1", "windows-1252", "cp1252", "iso-8859-15", "iso-8859-9", "windows-1254", "iso-8859-4", "iso-8859-2", "windows-1250",
			"iso-8859-3", "iso-8859-10", "iso-8859-14", "iso-8859-16", "windows-1257"},
		"Grüße":                                   {"utf-8", "UTF8", "us-ascii", "", "unknown-8bit", "x-user-defined-by-nobody"},
		"Gr\x81\xe1e":                             {"cp850", "ibm850", "850", "cp437", "437"},
		"Gr\x9f\xa7e":                             {"macintosh", "x-mac-roman"},
		"G\x00r\x00\xfc\x00\xdf\x00e\x00":         {"utf-16le"},
		"\x00G\x00r\x00\xfc\x00\xdf\x00e":         {"utf-16be"},
		"+AEcAcgD8AN8AZQ-":                        {"utf-7", "unicode-1-1-utf-7"},
		"Gr+APwA3w-e":                             {"UTF-7"},
		"\xff\xfeG\x00r\x00\xfc\x00\xdf\x00e\x00": {"utf-16"},
	}
	for bytes, names := range tests {
		for _, name := range names {
			if got := strings.TrimPrefix(toUTF8(name, []byte(bytes)), "\ufeff"); got != "Grüße" {
				t.Errorf("toUTF8(%q, %q) = %q, want Grüße", name, bytes, got)
			}
		}
	}
}

// One text in the scripts that pupils' families write, in each of the charsets for it.
func TestCharsetsOfOtherScripts(t *testing.T) {
	tests := []struct{ charset, bytes, want string }{
		{"iso-8859-2", "\xa3\xf3d\xbc", "Łódź"},
		{"windows-1250", "\xa3\xf3d\x9f", "Łódź"},
		{"iso-8859-5", "\xbf\xe0\xd8\xd2\xd5\xe2", "Привет"},
		{"windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{"koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"},
		{"koi8-u", "\xeb\xc9\xa7\xd7", "Київ"},
		{"iso-8859-7", "\xc1\xe8\xde\xed\xe1", "Αθήνα"},
		{"windows-1253", "\xc1\xe8\xde\xed\xe1", "Αθήνα"},
		{"iso-8859-9", "\xddstanbul", "İstanbul"},
		{"windows-1254", "\xddstanbul", "İstanbul"},
		{"iso-8859-6", "\xe5\xd1\xcd\xc8\xc7", "مرحبا"},
		{"windows-1256", "\xe3\xd1\xcd\xc8\xc7", "مرحبا"},
		{"iso-8859-8", "\xf9\xec\xe5\xed", "שלום"},
		{"windows-1255", "\xf9\xec\xe5\xed", "שלום"},
		{"tis-620", "\xca\xc7\xd1\xca\xb4\xd5", "สวัสดี"},
		{"windows-874", "\xca\xc7\xd1\xca\xb4\xd5", "สวัสดี"},
		{"windows-1258", "Vi\xea\xf2t", "Việt"},
		{"shift_jis", "\x83e\x83X\x83g", "テスト"},
		{"euc-jp", "\xa5\xc6\xa5\xb9\xa5\xc8", "テスト"},
		{"iso-2022-jp", "\x1b$B%F%9%H\x1b(B", "テスト"},
		{"gb2312", "\xc4\xe3\xba\xc3", "你好"},
		{"gbk", "\xc4\xe3\xba\xc3", "你好"},
		{"gb18030", "\xc4\xe3\xba\xc3", "你好"},
		{"big5", "\xa7A\xa6n", "你好"},
		{"euc-kr", "\xbe\xc8\xb3\xe7", "안녕"},
		{"ks_c_5601-1987", "\xbe\xc8\xb3\xe7", "안녕"},
	}
	for _, tt := range tests {
		if got := clean(toUTF8(tt.charset, []byte(tt.bytes))); got != tt.want {
			t.Errorf("toUTF8(%s, %q) = %q, want %q", tt.charset, tt.bytes, got, tt.want)
		}
		mail := "Content-Type: text/plain; charset=" + tt.charset + "\r\n\r\n" + tt.bytes
		if got := Preview(strings.NewReader(mail), parse(t, mail)); got != tt.want {
			t.Errorf("a text in %s reads %q, want %q", tt.charset, got, tt.want)
		}
	}
}

// Whatever the charset says and the bytes are, UTF-8 comes out, and a decoder that is a pipeline gives the same as one call.
func TestAnyBytesInAnyCharset(t *testing.T) {
	names := []string{"", "utf-8", "utf-7", "utf-16", "utf-16le", "iso-2022-jp", "hz-gb-2312", "iso-2022-kr", "replacement", "shift_jis", "gb18030", "big5", "euc-kr", "x-user-defined", "nonsense"}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				b := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "bytes")
				if got := toUTF8(name, b); !utf8.ValidString(got) {
					rt.Fatalf("toUTF8(%q, %q) = %q is not UTF-8", name, b, got)
				}
				mail := "Content-Type: text/plain; charset=\"" + name + "\"\r\n\r\n" + string(b)
				if got, _ := textOf(t, mail, 1<<20); !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\r") {
					rt.Fatalf("the text of %q in %q is %q", b, name, got)
				}
			})
		})
	}
}

// A text as long as several buffers is decoded as if it were one piece, wherever its characters are cut.
func TestCharactersAcrossBuffers(t *testing.T) {
	for _, name := range []string{"utf-8", "utf-16le", "shift_jis", "gb18030", "iso-2022-jp", "euc-kr"} {
		e, err := htmlindex.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		word := map[bool]string{true: "안녕", false: "日本語"}[name == "euc-kr"]
		for shift := range 7 {
			text := strings.Repeat("x", shift) + strings.Repeat(word, 3*decodeBuffer/len(word))
			raw, err := e.NewEncoder().String(text)
			if err != nil {
				t.Fatal(err)
			}
			mail := "Content-Type: text/plain; charset=" + name + "\r\n\r\n" + raw
			got, _ := textOf(t, mail, 1<<20)
			if _, body, _ := strings.Cut(got, "\n\n"); body != text+"\n" {
				t.Errorf("%s, moved by %d: %d bytes came out of %d", name, shift, len(body), len(text))
			}
		}
	}
}

// clean leaves nothing with which a name could deceive, and does it once.
func TestCleanIsDoneAtOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := rapid.StringOf(rapid.RuneFrom([]rune("ab \t\r\n\x00\x1b\u00a0\u202e\u2066\u200fäa\u0308é日"))).Draw(rt, "text")
		out := clean(in)
		if clean(out) != out {
			rt.Fatalf("clean(%q) = %q, and that is not clean: %q", in, out, clean(out))
		}
		if strings.TrimSpace(out) != out || strings.Contains(out, "  ") || strings.ContainsAny(out, "\t\r\n\x00\x1b\u202e\u2066\u200f") {
			rt.Fatalf("clean(%q) = %q", in, out)
		}
		for n := range 12 {
			if cut := truncate(out, n); len(cut) > n || !utf8.ValidString(cut) || !strings.HasPrefix(out, cut) || len(out) > n && len(cut) < n-3 {
				rt.Fatalf("truncate(%q, %d) = %q", out, n, cut)
			}
		}
	})
}
