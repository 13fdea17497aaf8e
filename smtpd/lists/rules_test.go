package lists

import (
	"bytes"
	"context"
	"errors"
	"net/mail"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// Who may write to a list, and whose message waits for an owner.
func TestPostingMatrix(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newSchool(t)
	list, _, err := w.dir.AddAccounts(ctx, []directory.NewAccount{
		{Address: "olaf@school.test", Role: directory.Student, Password: "richtig-Pferd-9"}, {Address: "paula@school.test", Role: directory.Parent, Password: "richtig-Pferd-9"},
		{Address: "karl@school.test", Role: directory.Teacher, Password: "richtig-Pferd-9"}, {Address: "helga@school.test", Role: directory.Staff, Password: "richtig-Pferd-9"},
	})
	w.check(err)
	for i, name := range []string{"olaf", "paula", "karl", "helga"} {
		w.id[name] = list[i].ID
	}
	w.check(w.dir.AddMembers(ctx, w.group.ID, []directory.ID{w.id["paula"]}, false))
	w.check(w.dir.AddExternals(ctx, w.group.ID, []string{"oma@example.org"}))
	const all = "members staff anyone moderated: "
	tests := []struct {
		name, account, sender string
		want                  string // a letter for each of them: yes, no, or held
	}{
		{"a member", "anna", "anna@school.test", "y n y h"},
		{"a member who is a parent", "paula", "paula@school.test", "y n y h"},
		{"a pupil of another class", "olaf", "olaf@school.test", "n n y h"},
		{"another pupil in a member's name", "olaf", "anna@school.test", "n n y h"},
		{"the owner", "tina", "tina@school.test", "y y y y"},
		{"another teacher", "karl", "karl@school.test", "y y y h"},
		{"an office", "helga", "helga@school.test", "y y y h"},
		{"an administrator", "adi", "adi@school.test", "y y y y"},
		{"a member elsewhere", "", "OMA@Example.org", "y n y h"},
		{"somebody elsewhere", "", "lena@example.org", "n n y h"},
		{"somebody who claims to be a member", "", "anna@school.test", "n n y h"},
		{"somebody who claims to be the owner", "", "tina@school.test", "n n y h"},
		{"no address", "", "oma", "n n y h"},
	}
	got := make([][]string, len(tests))
	for _, post := range directory.Postings() {
		w.check(w.dir.ChangeList(ctx, w.group.ID, directory.ListChange{Post: &post}))
		for i, tt := range tests {
			letter := "y"
			switch held, err := w.dir.MayPost(w.group.ID, w.id[tt.account], tt.sender); {
			case fault.Is(err, fault.Refused):
				letter = "n"
			case err != nil:
				t.Fatal(err)
			case held:
				letter = "h"
			}
			got[i] = append(got[i], letter)
		}
	}
	for i, tt := range tests {
		if have := strings.Join(got[i], " "); have != tt.want {
			t.Errorf("%s: %s%s, want %s", tt.name, all, have, tt.want)
		}
	}
}

// The fields of a list, to the letter: RFC 2369, RFC 2919; a way out by mail only, so none of RFC 8058's.
func TestListFields(t *testing.T) {
	t.Parallel()
	group := func(title string, kind directory.Kind, post directory.Posting) directory.Group {
		return directory.Group{ID: 7, Name: "7b", Address: "7b@school.test", Title: title, Kind: kind, Post: post}
	}
	const open, closed = "List-Post: <mailto:7b@school.test>\r\n", "List-Post: NO\r\n"
	tests := []struct {
		name     string
		list     directory.Group
		id, post string
	}{
		{"for members", group("Klasse 7b", directory.Class, directory.PostMembers), `"Klasse 7b" <7b.school.test>`, open},
		{"for anyone", group("Klasse 7b", directory.Class, directory.PostAnyone), `"Klasse 7b" <7b.school.test>`, open},
		{"moderated", group("Klasse 7b", directory.Class, directory.PostModerated), `"Klasse 7b" <7b.school.test>`, open},
		{"for staff", group("Klasse 7b", directory.Class, directory.PostStaff), `"Klasse 7b" <7b.school.test>`, closed},
		{"as a year is", group("Stufe 7", directory.Year, ""), `"Stufe 7" <7b.school.test>`, closed},
		{"a year that is open", group("Stufe 7", directory.Year, directory.PostAnyone), `"Stufe 7" <7b.school.test>`, open},
		{"as a club is", group("", directory.Club, ""), "<7b.school.test>", open},
		{"brackets are no end", group("<evil.example>", directory.Class, ""), `"<evil.example>" <7b.school.test>`, open},
		{"a quote is no end", group(`7"b\`, directory.Class, ""), `"7\"b\\" <7b.school.test>`, open},
		{"nor is a line end", group("7\r\nBcc: x@y", directory.Class, ""), "=?utf-8?b?Nw0KQmNjOiB4QHk=?= <7b.school.test>", open},
	}
	for _, tt := range tests {
		for _, outside := range []bool{false, true} {
			want := "List-Id: " + tt.id + "\r\n" + tt.post + "Precedence: list\r\nX-Loop: 7b@school.test\r\n"
			if !outside {
				want = "Delivered-To: 7b@school.test\r\n" + want
			}
			f := form{list: tt.list, outside: outside}
			in := "List-Unsubscribe : <https://elsewhere.example/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nLIST-ARCHIVE: <https://x>\r\nFrom: a@b\r\n"
			if got := string(f.apply([]byte(in))); got != want+"From: a@b\r\n" {
				t.Errorf("%s, outside %t: %q, want %q", tt.name, outside, got, want)
			}
		}
	}
}

// A list refuses what went round by any of the lists that it is for now, and what it cannot read.
func TestCheckOfMany(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newSchool(t)
	choir, err := w.dir.AddGroup(ctx, directory.Group{Name: "chor", Kind: directory.Club})
	w.check(err)
	both := []directory.ID{choir.ID, w.group.ID}
	long := "X: " + strings.Repeat("y", maxHead) + "\r\n\r\n"
	tests := []struct {
		name, in string
		groups   []directory.ID
		want     func(error) bool
	}{
		{"nothing of both", "From: a@b\r\n\r\n", both, func(err error) bool { return err == nil }},
		{"it was at the second", "X-Loop: 7b@school.test\r\n\r\n", both, func(err error) bool { return errors.Is(err, ErrLoop) }},
		{"it was at one that it is not for now", "X-Loop: 7b@school.test\r\n\r\n", both[:1], func(err error) bool { return err == nil }},
		{"an answer that went round", "Auto-Submitted: auto-replied\r\nX-Loop: 7b@school.test\r\n\r\n", both, func(err error) bool { return errors.Is(err, ErrLoop) }},
		{"an answer", "Auto-Submitted: auto-replied\r\n\r\n", both, func(err error) bool { return fault.Is(err, fault.Refused) }},
		{"an answer to no list", "Auto-Submitted: auto-replied\r\n\r\n", nil, func(err error) bool { return err == nil }},
		{"a mark in the text", "From: a@b\r\n\r\nX-Loop: 7b@school.test\r\nAuto-Submitted: auto-replied\r\n", both, func(err error) bool { return err == nil }},
		{"text without a header", "\r\nX-Loop: 7b@school.test\r\n\r\n", both, func(err error) bool { return err == nil }},
		{"a header without an end", "X-Loop: 7b@school.test\r\n", both, func(err error) bool { return errors.Is(err, ErrLoop) }},
		{"a header that is too long", long, both, func(err error) bool { return fault.Is(err, fault.Invalid) }},
		{"a group that is gone", "From: a@b\r\n\r\n", []directory.ID{4711}, func(err error) bool { return fault.Is(err, fault.NotFound) }},
	}
	for _, tt := range tests {
		if err := w.lists.Check(strings.NewReader(tt.in), int64(len(tt.in)), tt.groups); !tt.want(err) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestReadHead(t *testing.T) {
	t.Parallel()
	full := "X: " + strings.Repeat("y", maxHead-7) + "\r\n\r\n"
	for in, want := range map[string]string{
		"": "", "A: b\r\n\r\nc": "A: b\r\n", "A: b\r\n": "A: b\r\n", "\r\n": "", "\r\nA: b\r\n\r\n": "", "A: b\n\nc\r\n\r\n": "A: b\n\nc\r\n", full + "text": full[:maxHead-2],
	} {
		if got, err := readHead(strings.NewReader(in), int64(len(in))); err != nil || string(got) != want {
			t.Errorf("%.40q has the header %.40q (%d bytes), %v", in, got, len(got), err)
		}
	}
}

// In whose name a message leaves: the author's, unless their domain forbids it or nobody knows that it is them.
func TestRewriting(t *testing.T) {
	t.Parallel()
	w := newSchoolOn(t, storetest.Open(t), Options{Policy: policies{"bank.example": true}})
	const keep, list, unsigned = "keep", "list", "unsigned"
	tests := []struct {
		name, from                string
		certain, uncertain, blind string // blind: claimed, and no policies can be asked for
	}{
		{"one of ours", "Anna <anna@school.test>", keep, list, list},
		{"one of ours, in capitals", "ANNA@SCHOOL.TEST", keep, list, list},
		{"a strict domain", "max@bank.example", list, list, list},
		{"a domain that does not mind", "lena@example.org", keep, keep, list},
		{"two authors", "anna@school.test, lena@example.org", keep, unsigned, unsigned},
		{"a group of authors", "Klasse: anna@school.test, ben@school.test;", keep, unsigned, unsigned},
		{"nobody", "undisclosed:;", keep, unsigned, unsigned},
		{"what nobody can read", "<<>", keep, unsigned, unsigned},
	}
	for _, tt := range tests {
		ask := func(certain bool) string {
			t.Helper()
			author, bare, err := w.lists.rewritten(context.Background(), []byte("To: x@y\r\nFROM: "+tt.from+"\r\n"), certain)
			w.check(err)
			switch {
			case author != nil && !bare:
				return list
			case author == nil && bare:
				return unsigned
			case author == nil:
				return keep
			}
			return "rewritten and unsigned"
		}
		w.lists.o.Policy = policies{"bank.example": true}
		certain, uncertain := ask(true), ask(false)
		w.lists.o.Policy = nil
		if blind := ask(false); certain != tt.certain || uncertain != tt.uncertain || blind != tt.blind {
			t.Errorf("%s: %s, %s, %s, want %s, %s, %s", tt.name, certain, uncertain, blind, tt.certain, tt.uncertain, tt.blind)
		}
	}
}

// From and Reply-To of a list in the name of somebody else: the answer goes where the author wants it, and the author's name stays readable.
func TestAnswersGoToTheAuthor(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, title, head, from, replyTo string }{
		{"a name", "Klasse 7b", "From: Lea Maier <lea@bank.example>\r\n", "Lea Maier (Klasse 7b)", "lea@bank.example"},
		{"no name", "Klasse 7b", "From: lea.maier@bank.example\r\n", "lea.maier (Klasse 7b)", "lea.maier@bank.example"},
		{"a list without a title", "", "From: Lea <lea@bank.example>\r\n", "Lea (7b)", "lea@bank.example"},
		{"a name with signs", "Klasse 7b", "From: \"Maier, Lea \\\"L\\\"\" <lea@bank.example>\r\n", `Maier, Lea "L" (Klasse 7b)`, "lea@bank.example"},
		{"a wish", "Klasse 7b", "From: lea@bank.example\r\nReply-To: office@bank.example\r\n", "lea (Klasse 7b)", "office@bank.example"},
		{"a wish that stands first", "Klasse 7b", "reply-to: office@bank.example\r\nFrom: lea@bank.example\r\n", "lea (Klasse 7b)", "office@bank.example"},
		{"a folded field", "Klasse 7b", "From: Lea\r\n <lea@bank.example>\r\nTo: x@y\r\n", "Lea (Klasse 7b)", "lea@bank.example"},
	}
	for _, tt := range tests {
		f := form{list: directory.Group{Name: "7b", Address: "7b@school.test", Title: tt.title}, outside: true, author: authorOf([]byte(tt.head))}
		out := f.apply([]byte(tt.head))
		m, err := mail.ReadMessage(bytes.NewReader(append(out, "\r\n"...)))
		if err != nil {
			t.Errorf("%s: %v: %q", tt.name, err, out)
			continue
		}
		from, err := mail.ParseAddress(m.Header.Get("From"))
		if err != nil || from.Name != tt.from || from.Address != "7b@school.test" {
			t.Errorf("%s: from %+v, %v", tt.name, from, err)
		}
		to, err := m.Header.AddressList("Reply-To")
		if err != nil || len(to) != 1 || to[0].Address != tt.replyTo || len(m.Header["From"]) != 1 || len(m.Header["Reply-To"]) != 1 {
			t.Errorf("%s: answers to %v, %v: %q", tt.name, to, err, out)
		}
		if was, err := m.Header.AddressList("X-Original-From"); err != nil || len(was) != 1 || was[0].Address != f.author.Address {
			t.Errorf("%s: was from %v, %v", tt.name, was, err)
		}
	}
}

// What counts as mail that came back: a report that says failed, wherever it stands, in any case; nothing that only speaks of one.
func TestWhatCountsAsReturned(t *testing.T) {
	t.Parallel()
	status := func(kind, lines string) string {
		return "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nsorry\r\n--b\r\nContent-Type: message/" + kind + "\r\n\r\nReporting-MTA: dns; x\r\n\r\n" + lines + "\r\n--b--\r\n"
	}
	tests := []struct {
		name, in string
		counts   bool
	}{
		{"a report", report, true},
		{"an internationalised one", status("global-delivery-status", "Action: failed\r\n"), true},
		{"in capitals, with blanks", status("delivery-status", "ACTION :  FAILED \r\n"), true},
		{"late for one, failed for the other", status("delivery-status", "Action: delayed\r\n\r\nFinal-Recipient: rfc822; x@y\r\nAction: failed\r\n"), true},
		{"in a part of a part", "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n" + report + "\r\n--c--\r\n", true},
		{"late", status("delivery-status", "Action: delayed\r\n"), false},
		{"handed on", status("delivery-status", "Action: relayed\r\n"), false},
		{"delivered", status("delivery-status", "Action: delivered\r\n"), false},
		{"no action", status("delivery-status", "Status: 5.1.1\r\n"), false},
		{"a longer word", status("delivery-status", "Action: failed-not\r\nX-Action: failed\r\n"), false},
		{"text", "Subject: Undelivered\r\n\r\nAction: failed\r\n", false},
		{"a part of text", strings.Replace(report, "message/delivery-status", "text/plain", 1), false},
		{"a report that was forwarded", "Content-Type: message/rfc822\r\n\r\n" + report, false},
		{"a report that does not end", strings.TrimSuffix(report, "--b--\r\n"), true},
	}
	ctx := context.Background()
	w := newSchool(t)
	for i, tt := range tests {
		address := string(rune('a'+i)) + "@example.org"
		w.check(w.dir.AddExternals(ctx, w.group.ID, []string{address}))
		all, err := w.dir.Externals(w.group.ID)
		w.check(err)
		token := all[i].Token // they are sorted
		w.check(w.lists.Returned(ctx, token, strings.NewReader(tt.in), int64(len(tt.in))))
		if x, err := w.dir.ExternalByToken(token); err != nil || x.Address != address || (x.Bounces == 1) != tt.counts {
			t.Errorf("%s: %+v, %v", tt.name, x, err)
		}
	}
}

// A failure counts with the transaction that gives up, or not at all.
func TestCountFailureIsOneCommit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newSchool(t)
	w.check(w.dir.AddExternals(ctx, w.group.ID, []string{"oma@example.org"}))
	all, err := w.dir.Externals(w.group.ID)
	w.check(err)
	for _, cause := range []error{errors.New("no room"), nil} {
		err := w.store.Write(ctx, func(tx *store.Tx) error {
			for _, token := range []string{all[0].Token, newToken()} { // nobody is called the second
				if err := w.lists.CountFailure(tx, token); err != nil {
					return err
				}
			}
			return cause
		})
		x, findErr := w.dir.ExternalByToken(all[0].Token)
		if (err == nil) != (cause == nil) || findErr != nil || (x.Bounces == 1) != (cause == nil) {
			t.Errorf("with %v: %v, %+v, %v", cause, err, x, findErr)
		}
	}
}
