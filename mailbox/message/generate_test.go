package message

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"
)

// sample is a part of a well-formed message that a test made up, and where it was written.
type sample struct {
	major, minor, charset, encoding, filename, disposition, id string
	content                                                    []byte // of a leaf, decoded
	children                                                   []*sample
	boundary, preamble, epilogue                               string
	fields                                                     []string // "Name: value" besides those of MIME
	header, body, end                                          int
}

// sampler draws messages. Boundaries begin with each other, so that only an exact match is one.
type sampler struct {
	*rapid.T
	boundaries int
	simple     bool // no line begins as a delimiter does: the standard library takes "--b x" for one
}

func (s *sampler) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(s.T, label)
}

// lines draws text whose lines may look like delimiters but are none.
func (s *sampler) lines(label string) string {
	line := rapid.SampledFrom([]string{"", "Hallo", "--", "---", "--b x", "--bx", " --b1", "Gruß aus Köln", "a=3D?", ".", "From here", strings.Repeat("lang ", 40)})
	text := strings.Join(rapid.SliceOfN(line, 0, 8).Draw(s.T, label), "\r\n")
	if s.simple {
		text = strings.ReplaceAll(text, "--b ", "-- b")
	}
	return text
}

func (s *sampler) part(depth int) *sample {
	p := &sample{encoding: "7bit"}
	switch kind := s.pick("kind", "text", "text", "binary", "multipart", "message"); {
	case kind == "multipart" && depth > 0:
		p.major, p.minor = "multipart", s.pick("subtype", "mixed", "alternative", "related", "signed", "x-own")
		p.boundary = "b" + strings.Repeat("1", s.boundaries)
		s.boundaries++
		p.preamble, p.epilogue = s.lines("preamble"), s.lines("epilogue")
		for range rapid.IntRange(1, 4).Draw(s.T, "parts") {
			p.children = append(p.children, s.part(depth-1))
		}
	case kind == "message" && depth > 0:
		p.major, p.minor = "message", "rfc822"
		p.children = []*sample{s.message(depth - 1)}
	case kind == "binary":
		p.major, p.minor, p.encoding = "application", "octet-stream", "base64"
		p.content = rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(s.T, "bytes")
		p.disposition = s.pick("disposition", "", "attachment", "inline")
		p.filename = s.pick("filename", "", "plan.pdf", "Stundenplan 7b.pdf", "größe.png", `a"b\c.txt`)
	default:
		p.major, p.minor = "text", s.pick("subtype", "plain", "html", "calendar")
		p.charset = s.pick("charset", "utf-8", "iso-8859-1", "windows-1252")
		p.encoding = s.pick("encoding", "8bit", "quoted-printable", "base64")
		text := s.lines("text")
		if p.content = []byte(text); p.charset != "utf-8" {
			p.content, _ = charmap.Windows1252.NewEncoder().Bytes(p.content) // all of the words are in it
		}
	}
	if rapid.Bool().Draw(s.T, "has id") {
		p.id = fmt.Sprintf("<%d@school.test>", rapid.Uint16().Draw(s.T, "id"))
	}
	return p
}

func (s *sampler) message(depth int) *sample {
	p := s.part(depth)
	people := rapid.SliceOfN(rapid.SampledFrom([]string{"anna@school.test", "Ben Müller <ben@school.test>", `"Berg, Carla" <carla.berg@school.test>`,
		"=?utf-8?q?J=C3=BCrgen?= <j@example.org>", "Klasse 7b: x@school.test, Y <y@school.test>;", `"a b"@school.test`}), 1, 4)
	p.fields = []string{
		"From: " + people.Draw(s.T, "from")[0],
		"To: " + strings.Join(people.Draw(s.T, "to"), ", "),
		"Subject: " + s.pick("subject", "Wandertag", "Re: Wandertag", "=?utf-8?q?Gr=C3=BC=C3=9Fe?= an alle", "=?iso-8859-1?b?R3L832U=?=", "[7b] Fwd: Mathe (fwd)"),
		"Date: " + s.pick("date", "Mon, 2 Nov 2026 10:11:12 +0100", "2 Nov 2026 10:11:12 -0730", "Sun, 29 Feb 2032 23:59:59 +0000"),
		fmt.Sprintf("Message-ID: <%d.a@school.test>", rapid.Uint32().Draw(s.T, "message id")),
	}
	return p
}

// write appends p and notes where it lies.
func (p *sample) write(t *rapid.T, b *bytes.Buffer) {
	p.header = b.Len()
	fields := append([]string{}, p.fields...)
	params := map[string]string{}
	if p.charset != "" {
		params["charset"] = p.charset
	}
	if p.boundary != "" {
		params["boundary"] = p.boundary
	}
	fields = append(fields, "Content-Type: "+mime.FormatMediaType(p.major+"/"+p.minor, params), "Content-Transfer-Encoding: "+p.encoding)
	if p.disposition != "" {
		named := map[string]string{}
		if p.filename != "" {
			named["filename"] = p.filename
		}
		fields = append(fields, "Content-Disposition: "+mime.FormatMediaType(p.disposition, named))
	}
	if p.id != "" {
		fields = append(fields, "Content-ID: "+p.id)
	}
	for _, f := range rapid.Permutation(fields).Draw(t, "order of fields") {
		b.WriteString(foldField(t, f) + "\r\n")
	}
	b.WriteString("\r\n")
	p.body = b.Len()
	p.writeBody(t, b)
	p.end = b.Len()
}

func (p *sample) writeBody(t *rapid.T, b *bytes.Buffer) {
	switch {
	case p.boundary != "":
		if p.preamble != "" {
			b.WriteString(p.preamble + "\r\n")
		}
		for _, c := range p.children {
			b.WriteString("--" + p.boundary + rapid.SampledFrom([]string{"", " ", "\t \t"}).Draw(t, "padding") + "\r\n")
			c.write(t, b)
			b.WriteString("\r\n")
		}
		b.WriteString("--" + p.boundary + "--")
		if p.epilogue != "" {
			b.WriteString("\r\n" + p.epilogue)
		}
	case len(p.children) == 1:
		p.children[0].write(t, b)
	case p.encoding == "base64":
		text := base64.StdEncoding.EncodeToString(p.content)
		for len(text) > 76 {
			b.WriteString(text[:76] + "\r\n")
			text = text[76:]
		}
		b.WriteString(text)
	case p.encoding == "quoted-printable":
		w := quotedprintable.NewWriter(b)
		_, _ = w.Write(p.content) // a buffer takes everything
		_ = w.Close()
	default:
		b.Write(p.content)
	}
}

// foldField folds at some of the spaces that follow the field's name and changes the name's case. RFC 5322 §2.2.3.
func foldField(t *rapid.T, f string) string {
	name, value, _ := strings.Cut(f, ": ")
	if rapid.Bool().Draw(t, "capitals") {
		name = strings.ToUpper(name)
	}
	if !strings.Contains(value, `"`) && rapid.Bool().Draw(t, "fold") {
		value = strings.Replace(value, " ", "\r\n ", 1)
	}
	return name + ": " + value
}

func drawMail(t *rapid.T) (*sample, []byte) { return (&sampler{T: t}).mail() }

func (s *sampler) mail() (*sample, []byte) {
	p := s.message(3)
	var b bytes.Buffer
	p.write(s.T, &b)
	return p, b.Bytes()
}

// Every part of a well-formed message lies where it was written, has the type it was given, and decodes to what was encoded.
func TestWellFormedMessagesAreUnderstood(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want, text := drawMail(rt)
		x := verify(t, text)
		if x.Flawed {
			rt.Fatal("Flawed is set")
		}
		comparePart(rt, x.Root, want, text)
	})
}

func comparePart(t *rapid.T, got *Part, want *sample, text []byte) {
	if got.Header != int64(want.header) || got.Body != int64(want.body) || got.End != int64(want.end) {
		t.Fatalf("%s/%s at %d %d %d, want %d %d %d", got.Type, got.Subtype, got.Header, got.Body, got.End, want.header, want.body, want.end)
	}
	if lines := bytes.Count(text[want.body:want.end], []byte("\n")); got.Lines != int64(lines) {
		t.Fatalf("%s/%s has %d lines, want %d", got.Type, got.Subtype, got.Lines, lines)
	}
	if got.Type != want.major || got.Subtype != want.minor || got.Charset != want.charset || got.Encoding != want.encoding {
		t.Fatalf("%s/%s %s %s, want %s/%s %s %s", got.Type, got.Subtype, got.Charset, got.Encoding, want.major, want.minor, want.charset, want.encoding)
	}
	filename := want.filename
	if want.disposition == "" {
		filename = "" // it was not written
	}
	if got.Disposition != want.disposition || got.Filename != filename || got.ID != want.id {
		t.Fatalf("%q %q %q, want %q %q %q", got.Disposition, got.Filename, got.ID, want.disposition, filename, want.id)
	}
	if len(got.Children) != len(want.children) {
		t.Fatalf("%s/%s has %d parts, want %d", got.Type, got.Subtype, len(got.Children), len(want.children))
	}
	for i, c := range want.children {
		comparePart(t, got.Children[i], c, text)
	}
	if len(want.children) > 0 {
		return
	}
	r, err := Decoded(bytes.NewReader(text), got)
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(r); err != nil || !bytes.Equal(content, want.content) {
		t.Fatalf("%s decodes to %q, %v, want %q", want.encoding, content, err, want.content)
	}
}

// The standard library finds the same parts with the same contents.
func TestWellFormedMessagesAsTheStandardLibrarySeesThem(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		_, text := (&sampler{T: rt, simple: true}).mail()
		m, err := mail.ReadMessage(bytes.NewReader(text))
		if err != nil {
			rt.Fatal(err)
		}
		x := verify(t, text)
		compareHeader(rt, x.Headers, m.Header)
		compareStandard(rt, x.Root, textproto.MIMEHeader(m.Header), m.Body, text)
	})
}

func compareHeader(t *rapid.T, got Summary, want mail.Header) {
	subject, err := new(mime.WordDecoder).DecodeHeader(want.Get("Subject"))
	if err != nil || got.Subject != subject {
		t.Fatalf("Subject %q, want %q, %v", got.Subject, subject, err)
	}
	if date, err := want.Date(); err != nil || !got.Date.Equal(date) {
		t.Fatalf("Date %v, want %v, %v", got.Date, date, err)
	}
	if id := strings.Trim(want.Get("Message-ID"), "<>"); got.MessageID != id {
		t.Fatalf("Message-ID %q, want %q", got.MessageID, id)
	}
	list, err := want.AddressList("To")
	if err != nil || len(list) != len(got.To) {
		t.Fatalf("To has %d addresses, want %d, %v", len(got.To), len(list), err)
	}
	for i, a := range list {
		at := strings.LastIndexByte(a.Address, '@')
		if g := got.To[i]; g.Name != a.Name || strings.Trim(g.Local, `"`) != strings.Trim(a.Address[:at], `"`) || g.Domain != a.Address[at+1:] {
			t.Fatalf("To %d is %q, want %q", i, g, a)
		}
	}
}

func compareStandard(t *rapid.T, got *Part, header textproto.MIMEHeader, body io.Reader, text []byte) {
	media, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || media != got.Type+"/"+got.Subtype {
		t.Fatalf("%s/%s, want %s, %v", got.Type, got.Subtype, media, err)
	}
	if media == "message/rfc822" {
		inner, err := mail.ReadMessage(body)
		if err != nil {
			t.Fatal(err)
		}
		compareStandard(t, got.Children[0], textproto.MIMEHeader(inner.Header), inner.Body, text)
		return
	}
	if !strings.HasPrefix(media, "multipart/") {
		raw, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(raw, text[got.Body:got.End]) {
			t.Fatalf("%s is %q, want %q, %v", media, text[got.Body:got.End], raw, err)
		}
		return
	}
	r := multipart.NewReader(body, params["boundary"])
	for _, child := range got.Children {
		part, err := r.NextRawPart()
		if err != nil {
			t.Fatalf("%s: %v", media, err)
		}
		compareStandard(t, child, part.Header, part, text)
	}
	if _, err := r.NextRawPart(); err != io.EOF {
		t.Fatalf("%s has more parts: %v", media, err)
	}
}
