package message

import (
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func htmlOf(t testing.TB, in string) string {
	t.Helper()
	var b strings.Builder
	if err := htmlText(&b, strings.NewReader(in)); err != nil {
		t.Fatalf("htmlText(%.80q) = %v", in, err)
	}
	return b.String()
}

// What a person would read, in lines, and nothing that only a browser reads.
func TestHTMLAsMailProgramsWriteIt(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"a whole document", "<!DOCTYPE html><html><head><title>T</title><meta charset=x></head><body><p>Hallo</p></body></html>", "Hallo"},
		{"Outlook's comments", "<!--[if mso]><p>no</p><![endif]--><p>yes</p>", "yes"},
		{"style in the body", "a<style>p{color:red}</style>b", "ab"},
		{"a script that looks like text", "a<script>document.write('<p>no</p>')</script>b", "ab"},
		{"a script left open", "a<script>no", "a"},
		{"lists", "<ul><li>a<li>b</ul>c", "a\nb\nc"},
		{"a table", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a\nb\nc"},
		{"line breaks", "a<br/>b<BR >c", "a\nb\nc"},
		{"blocks within blocks", "<div><div>a</div></div><div>b</div>", "a\nb"},
		{"inline elements join", "<b>Wan</b><i>der</i>tag", "Wandertag"},
		{"white space is one space", "a\n\n   b\t c", "a b c"},
		{"entities", "&lt;a&gt; &amp; &quot;b&quot; &#252;&#xFC; &euro;", `<a> & "b" üü €`},
		{"an entity that is none", "&nosuch; & &;", "&nosuch; & &;"},
		{"a no-break space", "a&nbsp;b\u00a0c", "a b c"},
		{"soft hyphens and invisible spaces", "Wan&shy;der\u200btag\ufeff", "Wandertag"},
		{"attributes with brackets", `<a href="x>y" title='>'>link</a>`, "link"},
		{"a picture's text", `<p>a<img src="x" alt="das Logo">b`, "a das Logo b"},
		{"a picture without text", `a<img src="x">b`, "ab"},
		{"a tag left open", "a<b", "a"},
		{"a bracket that begins nothing", "1 < 2, 3 > 2", "1 < 2, 3 > 2"},
		{"end tags of nothing", "</p></div>a</b>", "a"},
		{"nothing", "", ""},
		{"only white space", " \r\n\t", ""},
	}
	for _, tt := range tests {
		got := htmlOf(t, tt.in)
		if got != tt.want {
			t.Errorf("%s: htmlText(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

// Text that was put between tags comes out, whatever the tags are, and no tag does.
func TestHTMLKeepsTheText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-zäöü]{1,8}`), 1, 10).Draw(rt, "words")
		var b strings.Builder
		for _, w := range words {
			tag := rapid.SampledFrom([]string{"p", "b", "div", "td", "span class=x", "h1", "a href='http://x/'", "li"}).Draw(rt, "tag")
			b.WriteString("<" + tag + ">" + w + rapid.SampledFrom([]string{" ", "\r\n", "&nbsp;"}).Draw(rt, "space"))
			if name, _, _ := strings.Cut(tag, " "); rapid.Bool().Draw(rt, "closed") {
				b.WriteString("</" + name + ">")
			}
		}
		got := htmlOf(t, b.String())
		if strings.Join(strings.Fields(got), " ") != strings.Join(words, " ") {
			rt.Fatalf("htmlText(%q) = %q, want the words %q", b.String(), got, words)
		}
	})
}

// However the text comes in, the result is the same, and it is UTF-8 without empty lines or spaces at the ends of lines.
func FuzzHTMLText(f *testing.F) {
	for _, seed := range []string{"<p>a</p>", "<script>", "&#x110000;&#0;", "<img alt='", "<!--", "<a <b <c", "\xff<p\xff>", "<title>x</title>y", strings.Repeat("<div>", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if !utf8.ValidString(in) {
			return // htmlText is given UTF-8
		}
		want := htmlOf(t, in)
		if !utf8.ValidString(want) {
			t.Fatalf("htmlText(%q) = %q is not UTF-8", in, want)
		}
		for line := range strings.SplitSeq(want, "\n") {
			if want != "" && strings.Trim(line, " \t\r") != line {
				t.Fatalf("htmlText(%q) = %q has a line %q", in, want, line)
			}
		}
		var b strings.Builder
		if err := htmlText(&b, iotest.OneByteReader(strings.NewReader(in))); err != nil || b.String() != want {
			t.Fatalf("byte by byte %q, %v, want %q", b.String(), err, want)
		}
	})
}

// A preview is the beginning of the text on one line; where that lies in the message is told apart as a person would.
func TestPreviewPart(t *testing.T) {
	multi := func(subtype string, parts ...string) string {
		return "Content-Type: multipart/" + subtype + "; boundary=b\n\n--b\n" + strings.Join(parts, "\n--b\n") + "\n--b--\n"
	}
	tests := []struct{ name, mail, want string }{
		{"the first text", multi("mixed", "\none", "\ntwo"), "one"},
		{"not an empty one", multi("mixed", "\n", "\ntwo"), "two"},
		{"not an attached one", multi("mixed", "Content-Disposition: attachment\n\none", "\ntwo"), "two"},
		{"an inline one counts", multi("mixed", "Content-Disposition: inline\n\none"), "one"},
		{"plain before HTML, wherever", multi("mixed", "Content-Type: text/html\n\n<p>html</p>", "\nplain"), "plain"},
		{"HTML if there is nothing else", multi("mixed", "Content-Type: text/html\n\n<p>html</p>", "Content-Type: image/png\n\nxx"), "html"},
		{"not out of a forwarded message", multi("mixed", "Content-Type: message/rfc822\n\n\nin", "\nout"), "out"},
		{"nothing but a picture", "Content-Type: image/png\n\nxx", ""},
		{"base64", "Content-Transfer-Encoding: base64\n\nSGFsbG8=", "Hallo"},
		{"quoted-printable in latin1", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe", "Grüße"},
		{"control characters", "A: b\n\na\x07b\x1bc\u202ed", "abcd"},
		{"decomposed letters", "A: b\n\nu\u0308", "ü"},
		{"an encoding nobody knows is shown as it is", "Content-Transfer-Encoding: x\n\nabc", "abc"},
	}
	for _, tt := range tests {
		mail := crlf(tt.mail)
		got := Preview(strings.NewReader(mail), parse(t, mail))
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// The limit counts characters of what is shown, and no preview ends in white space.
func TestPreviewLength(t *testing.T) {
	mail := "A: b\r\n\r\n" + strings.Repeat("a \r\n", 150)
	if got := Preview(strings.NewReader(mail), parse(t, mail)); got != strings.TrimRight(strings.Repeat("a ", maxPreview/2), " ") {
		t.Errorf("%d characters: %q", len([]rune(got)), got)
	}
}

// A preview reads no more of a long message than it shows.
func TestPreviewReadsLittle(t *testing.T) {
	for name, mail := range map[string]string{
		"plain": "A: b\r\n\r\n" + strings.Repeat("Hallo Welt ", 1<<17),
		"HTML":  "Content-Type: text/html\r\n\r\n<p>" + strings.Repeat("Hallo <b>Welt</b> ", 1<<17),
	} {
		c := &countingReader{r: strings.NewReader(mail)}
		if p := Preview(c, parse(t, mail)); len([]rune(p)) < maxPreview-1 {
			t.Errorf("%s: %q", name, p)
		}
		if c.bytes > 64<<10 {
			t.Errorf("%s: %d bytes were read for %d characters", name, c.bytes, maxPreview)
		}
	}
}
