package filter

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store/storetest"
)

// FuzzAppendEntity: whatever stands in a script as an answer's MIME entity, the answer has no fields but ours and the entity's Content- fields,
// no NUL, and its lines end with CRLF.
func FuzzAppendEntity(f *testing.F) {
	f.Add("Content-Type: text/plain\r\n\r\ntext")
	f.Add("Content-Type: text/plain\nBcc: x@y\n z\n\ntext\rmore\n")
	f.Add("Content-: \n\n")
	f.Add("Content-Type: a\r\rBcc: x\n\n\x00")
	f.Add("Content-A\n\nx")
	f.Fuzz(func(t *testing.T, entity string) {
		b := bytes.NewBufferString("From: a@b\r\n")
		appendEntity(b, entity)
		if bytes.IndexByte(b.Bytes(), 0) >= 0 || bytes.Contains(bytes.ReplaceAll(b.Bytes(), []byte("\r\n"), nil), []byte("\n")) ||
			bytes.Contains(bytes.ReplaceAll(b.Bytes(), []byte("\r\n"), nil), []byte("\r")) || !bytes.HasSuffix(b.Bytes(), []byte("\r\n")) {
			t.Fatalf("%q becomes %q", entity, b)
		}
		head, _, _ := strings.Cut(b.String(), "\r\n\r\n")
		for i, line := range strings.Split(head, "\r\n") {
			name, _, found := strings.Cut(line, ":")
			if i > 0 && line[0] != ' ' && line[0] != '\t' && (!found || !strings.HasPrefix(strings.ToLower(name), "content-")) {
				t.Fatalf("%q becomes the header %q", entity, head)
			}
		}
	})
}

// TestSafeID: what another server wrote as a message id stands in ours only if it cannot be anything else.
func TestSafeID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a.b@c.example": "a.b@c.example", "": "", "a b@c": "", "a>\r\nBcc: x": "", "a@b\x00": "", "ü@b": "", "a<b@c": "", strings.Repeat("x", 501): "",
		strings.Repeat("x", 500): strings.Repeat("x", 500),
	} {
		if got := safeID(in); got != want {
			t.Errorf("safeID(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestWhatANoticeRefersTo: an answer names the message and at most ten before it; forged ids are left out.
func TestWhatANoticeRefersTo(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "anna", "ben")
	w.script("anna", `require ["vacation", "vacation-seconds"]; vacation :seconds 0 "away";`)
	var refs []string
	for _, c := range "abcdefghijkl" {
		refs = append(refs, "<"+string(c)+"@x.example>")
	}
	w.receive(parcel{from: "ben@school.test", to: []string{"anna@school.test"},
		text: hello("anna", "long", "References: "+strings.Join(refs, "\r\n "))})
	w.receive(parcel{from: "ben@school.test", to: []string{"anna@school.test"},
		text: "From: x@y.example\r\nTo: anna@school.test\r\nSubject: none\r\n\r\nx\r\n"})
	got := w.letters("ben", "INBOX")
	if len(got) != 2 {
		t.Fatalf("ben has %q", w.has("ben"))
	}
	want := strings.Join(append(refs[2:], "<long@else.example>"), " ")
	checkAnswer(t, "with references", got[0], map[string]string{"References": want, "In-Reply-To": "<long@else.example>"}, "away")
	checkAnswer(t, "without an id", got[1], map[string]string{"References": "", "In-Reply-To": "", "Subject": "Auto: none"}, "away")
}

// TestWhatLeavesIsDeclared: what a filter writes itself may need more of the other server than the message that it is about. RFC 6531, RFC 6152.
func TestWhatLeavesIsDeclared(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "jürgen", "anna")
	for _, a := range []directory.Alias{{Address: "j@school.test", Targets: []string{"jürgen@school.test"}}} {
		w.must(w.dir.AddAlias(context.Background(), a))
	}
	const all = `require ["vacation", "vacation-seconds"]; `
	tests := []struct {
		name, who, script string
		eight, utf8       bool
	}{
		{"an answer in ASCII", "anna", all + `vacation :seconds 0 "away";`, false, false},
		{"an answer with other letters is quoted", "anna", all + `vacation :seconds 0 :subject "Grüße" "Grüße";`, false, false},
		{"a MIME entity in 8 bit", "anna", all + "vacation :seconds 0 :mime \"Content-Type: text/plain; charset=utf-8\r\n\r\nGrüße\";", true, false},
		{"an answer from an address with other letters", "jürgen", all + `vacation :seconds 0 :addresses "j@school.test" "away";`, true, true},
		{"sent on", "anna", `redirect "x@home.example";`, false, false},
		{"sent on by somebody whose address has other letters", "jürgen", `redirect "x@home.example";`, true, true},
	}
	for _, tt := range tests {
		w.script(tt.who, tt.script)
		address := strings.Replace(tt.who, "jürgen", "j", 1)
		w.receive(parcel{to: []string{address + "@school.test"}, text: hello(address, "x")})
		if len(w.queue) != 1 || w.queue[0].EightBit != tt.eight || w.queue[0].UTF8 != tt.utf8 {
			t.Errorf("%s: %+v, want 8-bit %v, UTF-8 %v", tt.name, w.queue, tt.eight, tt.utf8)
		}
		w.queue = nil
	}
}
