package message

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// partOf makes a message of one part in an encoding.
func partOf(t testing.TB, encoding string, body []byte) (io.ReaderAt, *Part) {
	mail := append([]byte("Content-Transfer-Encoding: "+encoding+"\r\n\r\n"), body...)
	x, err := Parse(bytes.NewReader(mail), int64(len(mail)))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(mail), x.Root
}

func decodeAll(t testing.TB, encoding string, body []byte) []byte {
	r, part := partOf(t, encoding, body)
	d, err := Decoded(r, part)
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	if size, err := DecodedSize(r, part); err != nil || size != int64(len(out)) {
		t.Fatalf("DecodedSize = %d, %v, but %d bytes come", size, err, len(out))
	}
	return out
}

// Base64 of any bytes, in lines of any length with any padding, is read back.
func TestBase64RoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(rt, "bytes")
		text := base64.StdEncoding.EncodeToString(want)
		if rapid.Bool().Draw(rt, "no padding") {
			text = base64.RawStdEncoding.EncodeToString(want)
		}
		width := rapid.IntRange(1, 90).Draw(rt, "width")
		end := rapid.SampledFrom([]string{"\r\n", "\n", " ", "\r\n\r\n", "!\t"}).Draw(rt, "line end")
		var b strings.Builder
		for len(text) > width {
			b.WriteString(text[:width] + end)
			text = text[width:]
		}
		b.WriteString(text)
		if got := decodeAll(t, "base64", []byte(b.String())); !bytes.Equal(got, want) {
			rt.Fatalf("%q decodes to %q, want %q", b.String(), got, want)
		}
	})
}

// Quoted-printable as Go writes it, of text and of binary content, is read back.
func TestQuotedPrintableRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.SliceOfN(rapid.SampledFrom([]byte("aZ= \t.\r\n\x00\xc3\xbc?_--")), 0, 400).Draw(rt, "bytes")
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Binary = true
		_, _ = w.Write(want) // a buffer takes everything
		_ = w.Close()
		if got := decodeAll(t, "quoted-printable", b.Bytes()); !bytes.Equal(got, want) {
			rt.Fatalf("%q decodes to %q, want %q", b.Bytes(), got, want)
		}
	})
}

// What Go's reader accepts decodes to the same here.
func TestQuotedPrintableAsTheStandardLibraryReadsIt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", "=41", "=c3=BC", "=\r\n", "\r\n", " ", "\t", "= \r\n", "=\t\t\r\n", "long line ", "=3D"})).Draw(rt, "pieces"), "")
		want, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(in)))
		if err != nil || strings.TrimRight(in, " \t") != in {
			rt.Skip("an error, or white space at the very end, which Go drops")
		}
		if got := decodeAll(t, "quoted-printable", []byte(in)); !bytes.Equal(got, want) {
			rt.Fatalf("%q decodes to %q, want %q", in, got, want)
		}
	})
}

// The encodings that encode nothing give the bytes as they are, and names are told apart in any case, with comments.
func TestIdentityEncodings(t *testing.T) {
	body := []byte("=41\r\nYWJj\x00\xff.")
	for _, name := range []string{"7bit", "8BIT", "Binary", " 7bit (seven)", ""} {
		if got := decodeAll(t, name, body); !bytes.Equal(got, body) {
			t.Errorf("%q: %q", name, got)
		}
	}
	for _, name := range []string{"7-bit", "uuencode", "x-gzip", "base64x", "quoted printable"} {
		r, part := partOf(t, name, body)
		if _, err := Decoded(r, part); err == nil {
			t.Errorf("%q is decoded", name)
		}
	}
}

// The decoders report what the reader under them reports, after what came before it.
func TestDecodersReportErrors(t *testing.T) {
	for encoding, line := range map[string]string{"base64": "YWJjZGVm\r\n", "quoted-printable": "=41=42 text\r\n", "8bit": "text\r\n"} {
		body := []byte(strings.Repeat(line, 2000))
		_, part := partOf(t, encoding, body)
		d, err := Decoded(brokenReader{after: 9000}, part)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(d); err != errBroken && err == nil {
			t.Errorf("%s: no error", encoding)
		}
		if encoding != "8bit" {
			if _, err := DecodedSize(brokenReader{after: 9000}, part); err == nil {
				t.Errorf("the size of %s: no error", encoding)
			}
		}
	}
}

func FuzzDecoded(f *testing.F) {
	for _, seed := range []string{"YWJj", "YQ==YmM=", "=41=\r\n=", "=4", "\r\n", "====", strings.Repeat("=C3=BC", 800), strings.Repeat("a", decodeBuffer-1) + "=41"} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, b64 bool) {
		encoding := map[bool]string{true: "base64", false: "quoted-printable"}[b64]
		want := decodeAll(t, encoding, body)
		if len(want) > len(body) {
			t.Fatalf("%d bytes became %d", len(body), len(want))
		}
		r, part := partOf(t, encoding, body)
		for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
			d, err := Decoded(r, part)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(wrap(d)); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s of %q in other pieces: %q, %v, want %q", encoding, body, got, err, want)
			}
		}
	})
}
