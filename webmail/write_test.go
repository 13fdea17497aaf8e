package webmail

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/store/fault"
	"schulhof/store/storetest"

	gomail "github.com/emersion/go-message/mail"
)

// written are the fields of a letter as it was composed, read by another reader than ours.
func written(t *testing.T, l Letter) (h gomail.Header, text string) {
	t.Helper()
	r, err := gomail.CreateReader(strings.NewReader(string(l.Message)))
	if err != nil {
		t.Fatal(err)
	}
	part, err := r.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(part.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(l.Message)) {
		if len(line) > 1000 || !strings.HasSuffix(line, "\r\n") || strings.ContainsFunc(line, func(r rune) bool { return r > 0x7e }) {
			t.Errorf("a line that not every server takes: %.100q", line)
		}
	}
	return r.Header, string(b)
}

// TestWrite: what is written arrives as it was meant, letters of other alphabets, long lines and domains among them.
func TestWrite(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.signedIn("anna")
		if err := w.queue.SetUndo(t.Context(), w.id["anna"], 0); err != nil {
			t.Fatal(err)
		}
		b.get("/write").want(t, "the form", http.StatusOK, `name="token" value="`, "It leaves at once.")
		text := "Liebe Grüße,\n.\nFrom here\n" + strings.Repeat("lang ", 400) + "\n😀\n\n"
		b.post("/write", "token", "a", "do", "send", "to", `"Müller, Jörg" <joerg@example.org>; ben@school.test`, "cc", "info@Müller-Schule.example", "bcc", "Oma <oma@example.org>, BEN@school.test",
			"subject", "Ausflug ins Grüne – "+strings.Repeat("sehr ", 40)+"weit", "text", strings.ReplaceAll(text, "\n", "\r\n")).want(t, "send", http.StatusSeeOther)
		l := w.desk.last()
		if want := []string{"joerg@example.org", "ben@school.test", "info@xn--mller-schule-dlb.example", "oma@example.org"}; !slices.Equal(l.To, want) {
			t.Errorf("to %q, want %q", l.To, want)
		}
		if l.Sender != "anna@school.test" || l.From.Account.ID != w.id["anna"] || !l.NotBefore.IsZero() || l.Remote.String() != "192.0.2.7" {
			t.Errorf("the letter %+v", l)
		}
		h, got := written(t, l)
		if want := strings.TrimRight(strings.ReplaceAll(text, "\n", "\r\n"), "\r\n") + "\r\n"; got != want {
			t.Errorf("the text is %q, want %q", got, want)
		}
		subject, _ := h.Subject()
		date, _ := h.Date()
		id, err := h.MessageID()
		if !strings.HasPrefix(subject, "Ausflug ins Grüne – sehr") || !strings.HasSuffix(subject, "weit") || !date.Equal(w.now()) || date.Format("-0700") != "+0100" ||
			err != nil || !strings.HasSuffix(id, "@school.test") || h.Get("MIME-Version") != "1.0" {
			t.Errorf("subject %q, date %s, id %q, %v", subject, date, id, err)
		}
		for field, want := range map[string]string{"From": "[Anna Müller <anna@school.test>]", "To": "[Müller, Jörg <joerg@example.org>  <ben@school.test>]", "Bcc": "[Oma <oma@example.org>  <BEN@school.test>]"} {
			list, err := h.AddressList(field)
			var names []string
			for _, a := range list {
				names = append(names, a.Name+" <"+a.Address+">")
			}
			if got := fmt.Sprint(names); err != nil || got != want {
				t.Errorf("%s is %s, want %s, %v", field, got, want, err)
			}
		}
	})
}

// TestWriteProblems: each stands with its field, what was written stays, and nothing is sent.
func TestWriteProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	b := w.signedIn("anna")
	tests := []struct {
		name, field, value, do, problem string
	}{
		{"nobody", "to", " , ;", "send", "Please give at least one address."},
		{"no address", "cc", "ben", "send", "This is no mail address: ben"},
		{"half an address", "bcc", "ben@school.test, Oma <oma@", "send", "This is no mail address: Oma &lt;oma@"},
		{"markup", "to", "<script>alert(1)</script>", "send", "This is no mail address: &lt;script&gt;"},
		{"too many", "to", strings.Repeat("a@b.example,", maxRecipients+1), "send", "At most 500 addresses are possible."},
		{"a long subject", "subject", strings.Repeat("ä", maxSubject), "send", "The subject is too long."},
		{"no time", "when", "", "later", "Please give a day and a time."},
		{"not a time", "when", "tomorrow", "later", "Please give a day and a time."},
		{"the past", "when", "2026-11-26T08:29", "later", "at least one minute ahead"},
		{"at once", "when", "2026-11-26T08:30", "later", "at least one minute ahead"},
		{"too far", "when", "2027-12-01T08:00", "later", "more than a year ahead"},
	}
	for _, tt := range tests {
		fields := map[string]string{"to": "ben@school.test", "subject": "Ausflug", "text": "Regenjacken <b>bitte</b>", "token": "t-" + tt.name, "do": tt.do}
		fields[tt.field] = tt.value
		var pairs []string
		for name, value := range fields {
			pairs = append(pairs, name, value)
		}
		a := b.post("/write", pairs...)
		a.want(t, tt.name, http.StatusUnprocessableEntity, tt.problem, "Regenjacken &lt;b&gt;bitte&lt;/b&gt;", `aria-invalid="true" aria-describedby="`+tt.field+`-problem"`,
			`id="`+tt.field+`-problem"`, `value="t-`)
		guards(t, a)
	}
	for _, token := range []string{"", strings.Repeat("x", 65), "a\nb"} {
		b.post("/write", "token", token, "to", "ben@school.test", "do", "send").want(t, "token "+token, http.StatusBadRequest)
	}
	b.post("/write", "token", "x", "text", strings.Repeat("x", maxLetterBody)).want(t, "too large", http.StatusRequestEntityTooLarge)
	if len(w.desk.letters) > 0 || len(w.waiting()) > 0 {
		t.Errorf("%d letters, %d wait", len(w.desk.letters), len(w.waiting()))
	}
}

// TestRefusals: what the doors for mail say stands with the field of the recipient that it is about; what was written stays.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	b := w.signedIn("anna")
	send := func() answer {
		return b.post("/write", "token", "a", "do", "send", "to", "ben@school.test", "cc", "nobody@school.test", "subject", "Ausflug", "text", "Regenjacken")
	}
	w.desk.refuse = Refusals{{Address: "nobody@school.test", Text: "No such recipient here"}, {Text: "quiet hours"}}
	a := send()
	a.want(t, "refused", http.StatusUnprocessableEntity, "nobody@school.test: No such recipient here", `aria-describedby="cc-problem"`, "Not sent: quiet hours", "Regenjacken")
	guards(t, a)
	for range 20 {
		b.post("/write", "token", "a", "do", "send", "to", "nobody@school.test", "cc", "nobody@school.test", "bcc", "nobody@school.test").want(t, "refused, and named thrice",
			http.StatusUnprocessableEntity, `id="to-problem">nobody@school.test: No such recipient here</span>`)
	}
	w.desk.refuse = fault.New(fault.Unavailable, "disk full")
	send().want(t, "no room", http.StatusServiceUnavailable, "cannot store anything now", "Regenjacken")
	w.desk.refuse = errors.New("broken")
	send().want(t, "broken", http.StatusInternalServerError, "Something went wrong", "Regenjacken")
	w.desk.refuse = fault.New(fault.Invalid, "an address that the queue does not take")
	send().want(t, "not to be read", http.StatusBadRequest, "What was entered cannot be read.", "Regenjacken")
	w.desk.refuse, w.desk.held = nil, true
	if a := send(); a.Header.Get("Location") != "/outbox?done=held" {
		t.Errorf("held: %d %s", a.StatusCode, a.Header.Get("Location"))
	}
	w.put("anna", drafts, "Subject: Ausflug\r\n\r\nRegenjacken\r\n") // as if the server had ended before it removed that
	a = b.post("/write", "token", "a", "do", "send", "to", "ben@school.test", "draft", w.draft("anna"))
	if a.Header.Get("Location") != "/outbox?done=already" || len(w.desk.letters) != 1 || len(w.box("anna", "Drafts")) > 0 {
		t.Errorf("the same form again: %d %s, %d letters, drafts %q", a.StatusCode, a.Header.Get("Location"), len(w.desk.letters), w.box("anna", "Drafts"))
	}
}

// TestParseWhen: what browsers send as a local time, in the school's zone; the hour that summer time skips is the one after it.
func TestParseWhen(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		"2026-12-01T08:00": "2026-12-01T07:00:00Z", "2026-07-01T08:00:30": "2026-07-01T06:00:30Z", "2027-03-28T02:30": "2027-03-28T01:30:00Z",
		"": "", "2026-12-01": "", "2026-13-01T08:00": "", "2026-12-01T08:00Z": "", "0001-01-01T00:00": "", "+2026-12-01T08:00": "",
	} {
		at, ok := parseWhen(value, zone)
		if ok != (want != "") || ok && at.UTC().Format(time.RFC3339) != want {
			t.Errorf("parseWhen(%q) = %s, %t, want %q", value, at, ok, want)
		}
	}
}

func TestParseAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ field, want string }{
		{"", "[]"}, {"a@b.example", "[<a@b.example>]"}, {"a@b.example,, ;\r\n c@d.example", "[<a@b.example> <c@d.example>]"},
		{`"Müller, Jörg" <j@b.example>`, `["Müller, Jörg" <j@b.example>]`}, {`"a \"b\" c" <j@b.example>`, `["a \"b\" c" <j@b.example>]`},
		{"Anna Test <anna@münchen.example>", `["Anna Test" <anna@xn--mnchen-3ya.example>]`}, {"jürgen@school.test", "[<jürgen@school.test>]"},
		{"<a@b.example>", "[<a@b.example>]"}, {"a@b.example c@d.example", "a@b.example c@d.example"}, {"a@@b.example", "a@@b.example"}, {"a@[@]", "a@[@]"}, {"anna", "anna"},
		{"a@b.example>", "a@b.example>"}, {"a@b_c.example, x", "x"}, {`"open <a@b.example>, c@d.example`, `"open <a@b.example>, c@d.example`},
	} {
		list, err := parseAddresses(tt.field)
		var names []string
		for _, a := range list {
			name := "<" + a.Address + ">"
			if a.Name != "" {
				name = fmt.Sprintf("%q %s", a.Name, name)
			}
			names = append(names, name)
		}
		got := fmt.Sprint(names)
		if err != nil {
			got = fault.TextOf(err)
		}
		if got != tt.want {
			t.Errorf("parseAddresses(%q) = %s, want %s", tt.field, got, tt.want)
		}
	}
}

// FuzzParseAddresses: whatever is typed, what comes out can stand in an envelope and in a header, and what is shown again reads the same.
func FuzzParseAddresses(f *testing.F) {
	for _, seed := range []string{"", "a@b.example", `"Müller, Jörg" <j@b.example>; x@y`, "a@b\r\nBcc: c@d", `"\"<`, "<a@b>,<", "ä@ö.example", "a@b.example\x00", "\u2028a@b.example", "a@[127.0.0.1]", "0@[@]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		list, err := parseAddresses(field)
		if err != nil {
			return
		}
		d := draft{to: list, subject: oneLine(field), text: cleanText(field)}
		for _, a := range list {
			if strings.ContainsAny(a.Address, "\r\n\x00<>, ;\"") || strings.Count(a.Address, "@") != 1 || strings.ContainsAny(a.Name, "\r\n\x00") {
				t.Fatalf("%q became %+v", field, a)
			}
		}
		if len(list) == 0 {
			return
		}
		b, err := d.compose(list[0], "id", time.Unix(1795678200, 0))
		if err != nil {
			t.Fatal(err)
		}
		var p writePage
		if err := readDraft(b, &p); err != nil {
			t.Fatalf("%q: %v in %q", field, err, b)
		}
		again, err := parseAddresses(p.To)
		if err != nil || len(again) != len(list) {
			t.Fatalf("%q became %q: %v", field, p.To, err)
		}
		for i := range again {
			if !strings.EqualFold(again[i].Address, list[i].Address) {
				t.Errorf("%q became %q", list[i].Address, again[i].Address)
			}
		}
	})
}

// FuzzParseWhen: a time that is read is shown the same.
func FuzzParseWhen(f *testing.F) {
	f.Add("2026-12-01T08:00")
	f.Add("2027-03-28T02:30")
	f.Fuzz(func(t *testing.T, value string) {
		at, ok := parseWhen(value, time.UTC)
		if !ok {
			return
		}
		if got := at.Format(whenFormat); !strings.HasPrefix(value, got) {
			t.Errorf("%q is shown as %q", value, got)
		}
	})
}
