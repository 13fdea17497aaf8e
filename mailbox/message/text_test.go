package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"schulhof/store/fault"
)

func decoded(t *testing.T, encoding, body string) string {
	t.Helper()
	mail := "Content-Transfer-Encoding: " + encoding + "\r\n\r\n" + body
	r, err := Decoded(strings.NewReader(mail), parse(t, mail).Root)
	if err != nil {
		t.Fatalf("Decoded = %v", err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	return string(out)
}

func TestDecoded(t *testing.T) {
	tests := []struct{ name, encoding, in, want string }{
		{"nothing to do", "8BIT", "a=C3\r\n", "a=C3\r\n"},
		{"base64", "base64", "R3LD\r\nvMOfZQ==\r\n", "Grüße"},
		{"base64 with junk", "base64", "R3 LD!\r\nvM*OfZQ", "Grüße"},
		{"two pieces of base64", "Base64 (comment)", "YQ==YmM=", "abc"},
		{"a lonely digit", "base64", "YWJjZ", "abc"},
		{"quoted-printable", "quoted-printable", "Gr=C3=BC=\r\n=c3=9fe=20\r\n", "Grüße \r\n"},
		{"white space at the end of a line goes", "quoted-printable", "a \t\r\nb", "a\r\nb"},
		{"what is no escape stays", "quoted-printable", "a=XYb=", "a=XYb"},
		{"an escape across the buffer", "quoted-printable", strings.Repeat("x", decodeBuffer-1) + "=41" + strings.Repeat("y", decodeBuffer-4) + "=42", strings.Repeat("x", decodeBuffer-1) + "A" + strings.Repeat("y", decodeBuffer-4) + "B"},
		{"empty", "base64", "", ""},
	}
	for _, tt := range tests {
		if got := decoded(t, tt.encoding, tt.in); got != tt.want {
			t.Errorf("%s: %.80q, want %.80q", tt.name, got, tt.want)
		}
	}
	x := parse(t, "Content-Transfer-Encoding: x-uuencode\r\n\r\nabc")
	if _, err := Decoded(strings.NewReader(""), x.Root); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown encoding = %v, want fault.Invalid", err)
	}
	if _, err := DecodedSize(strings.NewReader(""), x.Root); fault.KindOf(err) != fault.Invalid {
		t.Errorf("the size of an unknown encoding = %v, want fault.Invalid", err)
	}
}

// However small the pieces are that are read, the result is the same.
func TestDecodedInSmallPieces(t *testing.T) {
	for encoding, body := range map[string]string{"base64": strings.Repeat("R3LDvMOf\r\n", 50) + "ZQ==", "quoted-printable": strings.Repeat("Gr=C3=BC=C3=9Fe=\r\n x\r\n", 50)} {
		mail := "Content-Transfer-Encoding: " + encoding + "\r\n\r\n" + body
		x := parse(t, mail)
		want := decoded(t, encoding, body)
		if n, err := DecodedSize(strings.NewReader(mail), x.Root); err != nil || n != int64(len(want)) {
			t.Errorf("DecodedSize(%s) = %d, %v, want %d", encoding, n, err, len(want))
		}
		for size := 1; size < 8; size++ {
			r, err := Decoded(strings.NewReader(mail), x.Root)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			buf := make([]byte, size)
			for {
				n, err := r.Read(buf)
				got.Write(buf[:n])
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if got.String() != want {
				t.Errorf("%s in pieces of %d: %.60q, want %.60q", encoding, size, got.String(), want)
			}
		}
		r, err := Decoded(strings.NewReader(mail), x.Root)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(iotest.OneByteReader(r)); err != nil || string(got) != want {
			t.Errorf("%s byte by byte: %.60q, %v", encoding, got, err)
		}
	}
}

func textOf(t *testing.T, mail string, limit int64) (string, bool) {
	t.Helper()
	var b strings.Builder
	cut, err := WriteText(&b, strings.NewReader(mail), parse(t, mail), limit)
	if err != nil {
		t.Fatalf("WriteText = %v", err)
	}
	return b.String(), cut
}

func TestWriteText(t *testing.T) {
	tests := []struct{ name, mail, want string }{
		{"headers, an empty line, text", "Subject: =?utf-8?q?=C3=BC?=\n folded\nX: y\n\nbody\n", "Subject: ü folded\nX: y\n\nbody\n\n"},
		{"a charset", "Content-Type: text/plain; charset=iso-8859-1\n\n\xfc\n", "Content-Type: text/plain; charset=iso-8859-1\n\nü\n\n"},
		{"raw bytes without one", "A: b\n\n\xfc \xc3\xbc\n", "A: b\n\nü ü\n\n"},
		{"parts' own headers have a tab", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>one</p><script>no</script><p>t&uuml;<b>w</b>o</p>\n--b\n" +
			"Content-Type: application/pdf; name*=utf-8''%C3%BC.pdf\n\nbinary\n--b--\n",
			"Content-Type: multipart/mixed; boundary=b\n\tContent-Type: text/html\n\tContent-Type: application/pdf; name*=utf-8''%C3%BC.pdf; name=ü.pdf\n\none\ntüwo\n"},
		{"an embedded message with its header", "Content-Type: message/rfc822\n\nSubject: in\n\ntext\n", "Content-Type: message/rfc822\n\nSubject: in\n\ntext\n\n"},
		{"base64", "Content-Transfer-Encoding: base64\n\nR3LDvMOfZQ==\n", "Content-Transfer-Encoding: base64\n\nGrüße\n"},
		{"an unknown encoding is read as it is", "Content-Transfer-Encoding: x\n\nabc", "Content-Transfer-Encoding: x\n\nabc\n"},
		{"NUL goes", "A: b\x00c\n\nd\x00e", "A: bc\n\nde\n"},
	}
	for _, tt := range tests {
		if got, cut := textOf(t, crlf(tt.mail), 1<<20); got != tt.want || cut {
			t.Errorf("%s: %q, cut %v, want %q", tt.name, got, cut, tt.want)
		}
	}
	if got, cut := textOf(t, "A: b\r\n\r\n\xc3\xbc\xc3\xbc", 9); got != "A: b\n\nü" || !cut {
		t.Errorf("cut at 9 bytes: %q, %v", got, cut)
	}
}

// The layout that is stored serves as well as the index that was made from the bytes.
func TestWriteTextFromLayout(t *testing.T) {
	for name, mail := range map[string]string{"plain": string(typicalMail()), "attached": string(attachedMail(8 << 10)),
		"embedded": "Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: y\r\n\r\nz\r\n--b--\r\n"} {
		x := parse(t, mail)
		root, err := ParseLayout(x.Layout())
		if err != nil {
			t.Fatal(err)
		}
		var a, b strings.Builder
		if _, err := WriteText(&a, strings.NewReader(mail), x, 1<<20); err != nil {
			t.Fatal(err)
		}
		if _, err := WriteText(&b, strings.NewReader(mail), &Index{Size: x.Size, Root: root}, 1<<20); err != nil {
			t.Fatal(err)
		}
		if a.String() != b.String() {
			t.Errorf("%s: the text differs\n%q\n%q", name, a.String(), b.String())
		}
	}
}

func TestPreview(t *testing.T) {
	tests := []struct{ name, mail, want string }{
		{"white space is joined", "A: b\n\n  Hallo,\n\n  wie geht\tes?\n", "Hallo, wie geht es?"},
		{"plain is preferred", "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<b>html</b>\n--b\n\nplain\n--b--\n", "plain"},
		{"HTML without plain", "Content-Type: text/html\n\n<style>p{}</style><h1>Titel</h1><p>Text &amp; mehr</p>", "Titel Text & mehr"},
		{"no attachments", "Content-Type: text/plain\nContent-Disposition: attachment\n\nsecret\n", ""},
		{"200 characters", "A: b\n\n" + strings.Repeat("ü", 300), strings.Repeat("ü", 200)},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		mail := crlf(tt.mail)
		if got := Preview(strings.NewReader(mail), parse(t, mail)); got != tt.want {
			t.Errorf("%s: Preview = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestHTMLText(t *testing.T) {
	tests := []struct{ in, want string }{
		{"a<br>b", "a\nb"},
		{"a <b> b</b>c", "a bc"},
		{"<!-- no -->x<script>var a = '<p>';</script>y", "xy"},
		{`<img alt="Logo"> Text`, "Logo Text"},
		{"<td>1</td><td>2</td>", "1\n2"},
		{"a&nbsp;&nbsp;b&shy;c", "a bc"},
		{"<p>unclosed", "unclosed"},
		{"1 < 2 & 3", "1 < 2 & 3"},
	}
	for _, tt := range tests {
		var b strings.Builder
		if err := htmlText(&b, strings.NewReader(tt.in)); err != nil || b.String() != tt.want {
			t.Errorf("htmlText(%q) = %q, %v, want %q", tt.in, b.String(), err, tt.want)
		}
	}
}

// A text longer than the tokenizer holds is read on, of a tag that long the rest is passed over.
func TestHTMLOfEndlessTokens(t *testing.T) {
	var b strings.Builder
	long := strings.Repeat("Grüße ", maxToken)
	err := htmlText(&b, strings.NewReader("<p>"+long+"Ende</p><img src=\"data:"+strings.Repeat("QUJD", maxToken)+"\"><p>danach"))
	if want := long + "Ende\ndanach"; err != nil || b.String() != want {
		t.Errorf("%d bytes ending in %q, %v, want %d", b.Len(), b.String()[max(b.Len()-30, 0):], err, len(want))
	}
}

func TestWriteTextReportsErrors(t *testing.T) {
	mail := string(attachedMail(4 << 10))
	x := parse(t, mail)
	for after := range 40 {
		_, err := WriteText(io.Discard, brokenReader{after: int64(after * 100)}, x, 1<<20)
		if !errors.Is(err, errBroken) && err != nil {
			t.Fatalf("broken after %d bytes: %v", after*100, err)
		}
		if err == nil && after < 10 {
			t.Fatalf("broken after %d bytes: no error", after*100)
		}
		if p := Preview(brokenReader{after: int64(after)}, x); p != "" {
			t.Fatalf("a preview of what cannot be read: %q", p)
		}
	}
	if _, err := WriteText(&failingWriter{}, strings.NewReader(mail), x, 1<<20); !errors.Is(err, errBroken) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestCharsets(t *testing.T) {
	for charset, text := range map[string]string{
		"iso-8859-15": "\xa4", "windows-1252": "\x80", "cp850": "\xd5", "ibm437": "\xee", "utf-16be": "\x20\xac", "macintosh": "\xdb", "utf-7": "+IKw-",
		"UTF-8": "€", "": "€", "unknown-8bit": "\x80",
	} {
		want := "€"
		switch charset {
		case "cp850":
			want = "ı" // the euro came later, in 858
		case "ibm437":
			want = "ε"
		}
		if got := toUTF8(charset, []byte(text)); got != want {
			t.Errorf("toUTF8(%s, %q) = %q, want %q", charset, text, got, want)
		}
	}
	for in, want := range map[string]string{"a+-b": "a+b", "+2D3eAA-": "😀", "+APw": "ü", "+APw.": "ü.", "\xff": "\ufffd", "+\xff": "\ufffd"} {
		if got, _ := (utf7{}).NewDecoder().String(in); got != want {
			t.Errorf("UTF-7 %q = %q, want %q", in, got, want)
		}
	}
}
