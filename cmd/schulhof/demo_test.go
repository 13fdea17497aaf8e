package main

import (
	"bytes"
	"image/png"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message/mail"
)

func TestDemoLettersAreWellFormed(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	locals := map[string]bool{"admin": true, "sekretariat": true}
	for _, p := range demoPeople {
		local := p.local()
		if strings.Trim(local, "abcdefghijklmnopqrstuvwxyz.-") != "" || locals[local] {
			t.Errorf("%s %s has the local part %q: taken, or not in plain letters", p.given, p.family, local)
		}
		locals[local] = true
	}
	for _, g := range demoGroups {
		locals[g.Name] = true
	}
	letters := demoMail(now)
	p := &demoPost{sent: map[string]demoLetter{}}
	kinds := map[string]int{}
	for _, l := range letters {
		for local := range strings.FieldsSeq(l.from + " " + l.to + " " + l.cc) {
			if !locals[local] {
				t.Errorf("letter %s: nobody is called %q", l.id, local)
			}
		}
		if _, sent := p.sent[l.answers]; l.answers != "" && !sent {
			t.Errorf("letter %s answers %q, which was not sent before it", l.id, l.answers)
		}
		if _, twice := p.sent[l.id]; twice {
			t.Errorf("letter %s exists twice", l.id)
		}
		p.sent[l.id] = l
		body, err := p.compose(l, now.AddDate(0, 0, -l.day))
		if err != nil {
			t.Errorf("letter %s: %v", l.id, err)
			continue
		}
		readLetter(t, l, body, kinds)
	}
	for _, kind := range []string{"text/plain", "text/html", "application/pdf", "image/png", "text/csv"} {
		if kinds[kind] == 0 {
			t.Errorf("no letter has a part of type %s", kind)
		}
	}
	if len(letters) < 30 {
		t.Errorf("only %d letters", len(letters))
	}
}

// readLetter reads body as a mail program would and counts its parts.
func readLetter(t *testing.T, l demoLetter, body []byte, kinds map[string]int) {
	t.Helper()
	if bytes.Contains(bytes.ReplaceAll(body, []byte("\r\n"), nil), []byte("\n")) {
		t.Errorf("letter %s has a bare line feed", l.id)
	}
	reader, err := mail.CreateReader(bytes.NewReader(body))
	if err != nil {
		t.Errorf("letter %s: %v", l.id, err)
		return
	}
	if subject, err := reader.Header.Subject(); err != nil || subject != l.subject {
		t.Errorf("letter %s: subject %q, %v", l.id, subject, err)
	}
	if list, err := reader.Header.MsgIDList("In-Reply-To"); err != nil || (l.answers != "") != (len(list) == 1) {
		t.Errorf("letter %s: In-Reply-To %q, %v", l.id, list, err)
	}
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Errorf("letter %s: %v", l.id, err)
			return
		}
		var header interface {
			ContentType() (string, map[string]string, error)
		}
		switch h := part.Header.(type) {
		case *mail.InlineHeader:
			header = h
		case *mail.AttachmentHeader:
			header = h
			if name, err := h.Filename(); err != nil || !slices.Contains(append(l.attached, l.inline+".png"), name) {
				t.Errorf("letter %s: attachment %q, %v", l.id, name, err)
			}
		}
		kind, _, err := header.ContentType()
		if err != nil {
			t.Errorf("letter %s: %v", l.id, err)
		}
		kinds[kind]++
		content, err := io.ReadAll(part.Body)
		if err != nil || len(content) == 0 {
			t.Errorf("letter %s, part %s: %d bytes, %v", l.id, kind, len(content), err)
		}
		if kind == "image/png" {
			if _, err := png.Decode(bytes.NewReader(content)); err != nil {
				t.Errorf("letter %s: %v", l.id, err)
			}
		}
	}
}

func TestDemoPDF(t *testing.T) {
	pdf := demoPDF("Übungsblatt (4)")
	for i, head := range []string{"1 0 obj", "2 0 obj", "3 0 obj", "4 0 obj", "5 0 obj"} {
		entry := bytes.Index(pdf, []byte("0000000000 65535 f \n")) + 20*(i+1)
		offset := 0
		for _, digit := range pdf[entry : entry+10] {
			offset = offset*10 + int(digit-'0')
		}
		if !bytes.HasPrefix(pdf[offset:], []byte(head)) {
			t.Errorf("the table says that %q is at %d, but there is %q", head, offset, pdf[offset:offset+8])
		}
	}
	if !bytes.Contains(pdf, []byte("(\xdcbungsblatt \\(4\\))")) {
		t.Error("the title is not escaped or not in Latin-1")
	}
}

func TestSubstitutionPlansAreForSchoolDays(t *testing.T) {
	for _, l := range demoMail(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)) {
		date, ok := strings.CutPrefix(l.subject, "Vertretungsplan für den ")
		if !ok {
			continue
		}
		d, err := time.Parse("02.01.2006", date)
		if err != nil || d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
			t.Errorf("a plan for %s, a %s (%v)", date, d.Weekday(), err)
		}
	}
}
