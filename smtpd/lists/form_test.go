package lists

import (
	"errors"
	"net/mail"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store/fault"
)

func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

var class = directory.Group{ID: 7, Name: "7b", Address: "7b@school.test", Title: "Klasse 7b", Kind: directory.Class}

// What a list makes of a header: everything but its own fields stays byte for byte.
func TestForm(t *testing.T) {
	t.Parallel()
	staff := directory.Group{ID: 8, Name: "alle", Address: "alle@school.test", Title: "Alle, \"wirklich\" ä", Kind: directory.All}
	ours := []string{`List-Id: "Klasse 7b" <7b.school.test>`, "List-Post: <mailto:7b@school.test>", "Precedence: list", "X-Loop: 7b@school.test"}
	tests := []struct {
		name     string
		form     form
		in, want []string
	}{
		{"a plain one", form{list: class},
			[]string{"Return-Path: <anna@school.test>", "Received: by x", "\tid y", "From: anna@school.test", "Subject:  two  blanks"},
			join("Return-Path: <anna@school.test>", "Delivered-To: 7b@school.test", ours, "Received: by x", "\tid y", "From: anna@school.test", "Subject:  two  blanks")},
		{"it was delivered to the list's address", form{list: class},
			[]string{"Return-Path: <>", "Delivered-To: 7b@school.test", "Received: by x"},
			join("Return-Path: <>", "Delivered-To: 7b@school.test", ours, "Received: by x")},
		{"by an alias", form{list: class},
			[]string{"Delivered-To: klassen@school.test", "Received: by x"},
			join("Delivered-To: klassen@school.test", "Delivered-To: 7b@school.test", ours, "Received: by x")},
		{"it came by another list", form{list: class},
			[]string{"Received: by x", "LIST-ID: <other.example>", "List-Unsubscribe: <mailto:a@b>,", " <https://b>", "Precedence: bulk", "X-Loop: o@example.org", "To: a@b"},
			join("Delivered-To: 7b@school.test", ours, "Received: by x", "X-Loop: o@example.org", "To: a@b")},
		{"no header", form{list: class}, nil, join("Delivered-To: 7b@school.test", ours)},
		{"only staff may answer", form{list: staff}, []string{"From: x@y"},
			[]string{"Delivered-To: alle@school.test", "List-Id: =?utf-8?b?QWxsZSwgIndpcmtsaWNoIiDDpA==?= <alle.school.test>", "List-Post: NO", "Precedence: list", "X-Loop: alle@school.test", "From: x@y"}},
		{"elsewhere: nothing for mailboxes of ours", form{list: class, outside: true},
			[]string{"Return-Path: <a@b>", "Delivered-To: 7b@school.test", "Received: by x", "From: a@b"},
			join(ours, "Received: by x", "From: a@b")},
		{"elsewhere: not in the author's name", form{list: class, outside: true, author: &mail.Address{Name: "Léa", Address: "lea@bank.example"}},
			[]string{"From: Léa <lea@bank.example>", "Subject: x"},
			join(ours, "From: =?utf-8?b?TMOpYSAoS2xhc3NlIDdiKQ==?= <7b@school.test>", "Subject: x", "X-Original-From: Léa <lea@bank.example>", "Reply-To: Léa <lea@bank.example>")},
		{"elsewhere: the author wants answers somewhere", form{list: class, outside: true, author: &mail.Address{Address: "lea@bank.example"}},
			[]string{"Reply-To: other@bank.example", "from: lea@bank.example", "\t(me)"},
			join(ours, "Reply-To: other@bank.example", `From: "lea (Klasse 7b)" <7b@school.test>`, "X-Original-from: lea@bank.example", "\t(me)")},
	}
	for _, tt := range tests {
		in := ""
		if len(tt.in) > 0 {
			in = crlf(tt.in...)
		}
		if got, want := string(tt.form.apply([]byte(in))), crlf(tt.want...); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, want)
		}
	}
}

// join makes one list of strings and lists of them.
func join(parts ...any) (out []string) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(out, p)
		case []string:
			out = append(out, p...)
		}
	}
	return out
}

func TestListID(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"7b@school.test": "7b.school.test", "chor.ag@school.test": "chor.ag.school.test", "schüler@school.test": "group-7.school.test",
		"o'neil@school.test": "group-7.school.test",
	} {
		if got := ListID(directory.Group{ID: 7, Address: address}); got != want {
			t.Errorf("ListID(%s) = %s, want %s", address, got, want)
		}
	}
}

// A title is a phrase whatever signs it has. RFC 5322 §3.2.5.
func TestPhrase(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{"": "", "Klasse 7b, Eltern": `"Klasse 7b, Eltern" `, `7"b\`: `"7\"b\\" `, "ä\"": "=?utf-8?b?w6Qi?= "} {
		if got := phrase(title); got != want {
			t.Errorf("phrase(%q) = %s, want %s", title, got, want)
		}
	}
}

// A blank before the colon, which old programs write (RFC 5322 §4.5.2), does not become a part of the answer's address.
func TestAnswersToAnOldFrom(t *testing.T) {
	t.Parallel()
	const head = "From : Lea <lea@bank.example>\r\n"
	f := form{list: class, outside: true, author: authorOf([]byte(head))}
	if out := string(f.apply([]byte(head))); !strings.Contains(out, "\r\nReply-To: Lea <lea@bank.example>\r\n") || !strings.Contains(out, "\r\nX-Original-From : Lea") {
		t.Errorf("%q", out)
	}
}

// What a list has sent is never sent on by it again; what a program answers neither.
func TestCheck(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	sent := string((&form{list: w.group}).apply([]byte("Received: by x\r\nFrom: a@b\r\n")))
	tests := []struct {
		name, head string
		loop       bool
		refused    bool
	}{
		{"a message", "From: a@b\r\n", false, false},
		{"what the list has sent", sent, true, false},
		{"in other letters", strings.ToUpper(sent), true, false},
		{"with an identifier alone", "List-Id: Klasse\r\n <7b.school.test>\r\n", true, false},
		{"by way of another list", "X-Loop: other@example.org\r\nX-Loop: 7b@school.test\r\n", true, false},
		{"another list's", "List-Id: <17b.school.test>\r\nX-Loop: 17b@school.test\r\n", false, false},
		{"somebody is away, with a comment", "Auto-Submitted: auto-replied (vacation)\r\n", false, true},
		{"somebody is away, by the letter", "auto-submitted:\r\n auto-replied; owner=anna\r\n", false, true},
		{"a program reports by itself", "Auto-Submitted: auto-generated\r\n", false, false},
		{"a person says so", "Auto-Submitted: no\r\n", false, false},
	}
	for _, tt := range tests {
		body := tt.head + "\r\ntext\r\n"
		err := w.lists.Check(strings.NewReader(body), int64(len(body)), []directory.ID{w.group.ID})
		if errors.Is(err, ErrLoop) != tt.loop || fault.Is(err, fault.Refused) != tt.refused || err != nil && !tt.loop && !tt.refused {
			t.Errorf("%s: %v, want a loop %t, refused %t", tt.name, err, tt.loop, tt.refused)
		}
	}
}

// Whatever comes, a form has each field of the list once, keeps the rest in order, and made again of itself is the same.
func FuzzForm(f *testing.F) {
	f.Add("Return-Path: <a@b>\r\nReceived: by x\r\n\tid y\r\nFrom: a@b\r\nList-Id: <x.y>\r\n")
	f.Add("X")
	f.Add(": \r\n \r\nFrom:")
	f.Add("Delivered-To: 7b@school.test\r\nDelivered-To: 7b@school.test\r\n\tx\r\n")
	f.Fuzz(func(t *testing.T, head string) {
		fm := form{list: class}
		once := string(fm.apply([]byte(head)))
		if strings.Count(once, "List-Post: <mailto:7b@school.test>\r\n") < 1 || !strings.Contains(once, "List-Id: ") {
			t.Errorf("%q became %q", head, once)
		}
		if len(once) > len(head)+512 {
			t.Errorf("%d bytes became %d", len(head), len(once))
		}
		rest := 0
		for field := range fields([]byte(once)) {
			rest += len(field)
		}
		if rest != len(once) {
			t.Errorf("fields of %q have %d bytes, want %d", once, rest, len(once))
		}
		authorOf([]byte(head))
	})
}
