package filter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/storetest"
)

// Where scripts put a message: RFC 5228 §4, RFC 5490 (mailbox), RFC 8579 (special-use), RFC 5232 (imap4flags), RFC 5293 (editheader).
func TestWhereAMessageGoes(t *testing.T) {
	t.Parallel()
	const all = `require ["fileinto", "mailbox", "special-use", "imap4flags", "editheader", "copy", "variables", "subaddress", "envelope", "encoded-character"];` + "\n"
	cases := []filterCase{
		{name: "keep", script: `keep;`, want: []string{"INBOX: hello"}},
		{name: "nothing said is keep", script: `# nothing`, want: []string{"INBOX: hello"}},
		{name: "discard", script: `discard;`},
		{name: "discard and keep", script: `discard; keep;`, want: []string{"INBOX: hello"}},
		{name: "keep twice is one copy", script: `keep; keep;`, want: []string{"INBOX: hello"}},
		{name: "keep and fileinto INBOX in any case is one copy", script: all + `keep; fileinto "inbox";`, want: []string{"INBOX: hello"}},
		{name: "fileinto", script: all + `fileinto "Archive";`, want: []string{"Archive: hello"}},
		{name: "fileinto takes the place of keep, a copy does not", script: all + `fileinto :copy "Archive";`, want: []string{"Archive: hello", "INBOX: hello"}},
		{name: "two mailboxes", script: all + `fileinto "Archive"; fileinto "Trash";`, want: []string{"Archive: hello", "Trash: hello"}},
		{name: "the same mailbox twice", script: all + `fileinto "Archive"; fileinto "Archive";`, want: []string{"Archive: hello"}},
		{name: "a mailbox deep down is made with its parents", script: all + `fileinto :create "Klasse/7b/Fahrten";`, want: []string{"Klasse/7b/Fahrten: hello"}},
		{name: "one that is there is not made again", script: all + `fileinto :create "Trips";`, boxes: []string{"Trips"}, want: []string{"Trips: hello"}},
		{name: "a mailbox that is not there", script: all + `fileinto "Trips";`,
			want: []string{`INBOX: fault: there is no mailbox "Trips", and fileinto does not say :create`, "INBOX: hello"}},
		{name: "what was filed before a fault is kept once", script: all + `fileinto "Archive"; fileinto "Trips";`,
			want: []string{`INBOX: fault: there is no mailbox "Trips", and fileinto does not say :create`, "INBOX: hello"}},
		{name: "no name for a mailbox", script: all + `fileinto :create "a//b";`, want: []string{`INBOX: fault: "a//b" is no name for a mailbox`, "INBOX: hello"}},
		{name: "mailboxexists", script: all + `if mailboxexists ["Trips", "INBOX"] { fileinto "Trips"; }`, boxes: []string{"Trips"}, want: []string{"Trips: hello"}},
		{name: "mailboxexists of one that is not there", script: all + `if not mailboxexists ["INBOX", "Trips"] { fileinto "Archive"; }`, want: []string{"Archive: hello"}},
		{name: "a special use", script: all + `fileinto :specialuse "\\Archive" "Elsewhere";`, want: []string{"Archive: hello"}},
		{name: "a special use in another case", script: all + `fileinto :specialuse "\\ARCHIVE" "Elsewhere";`, want: []string{"Archive: hello"}},
		{name: "a special use that nothing has", script: all + `fileinto :specialuse "\\Important" "Trips";`, boxes: []string{"Trips"}, want: []string{"Trips: hello"}},
		{name: "a special use that nothing has, made", script: all + `fileinto :create :specialuse "\\Important" "Trips";`, want: []string{"Trips: hello"}},
		{name: "specialuse_exists", script: all + `if allof(specialuse_exists "\\Junk", specialuse_exists "Sent" "\\Sent", not specialuse_exists "Sent" "\\Junk") { discard; }`},
		{name: "flags of keep", script: all + `keep :flags ["\\Seen", "$Trip"];`, want: []string{`INBOX: hello \Seen $Trip`}},
		{name: "flags of the variable", script: all + `setflag "\\Flagged"; addflag ["$A", "$B"]; removeflag "$A"; fileinto "Archive";`, want: []string{`Archive: hello \Flagged $B`}},
		{name: "flags of the implicit keep", script: all + `addflag "\\Answered";`, want: []string{`INBOX: hello \Answered`}},
		{name: "flags of each copy are its own", script: all + `fileinto :flags "\\Seen" "Archive"; fileinto :flags "\\Flagged" "Trash";`,
			want: []string{`Archive: hello \Seen`, `Trash: hello \Flagged`}},
		{name: "two copies in one mailbox are one with both flags", script: all + `keep :flags "\\Seen"; fileinto :flags "\\Flagged" "INBOX";`, want: []string{`INBOX: hello \Seen \Flagged`}},
		{name: "a flag that cannot be set", script: all + `keep :flags ["\\Recent", "\\Seen"];`, want: []string{`INBOX: hello \Seen`}},
		{name: "an encoded subject", script: all + `if header :is "subject" "Schöne Grüße" { fileinto "Archive"; }`,
			mail: parcel{text: hello("ME", "=?utf-8?q?Sch=C3=B6ne?= =?iso-8859-1?b?IEdy/N9l?=")}, want: []string{"Archive: Schöne Grüße"}},
		{name: "a mailbox named after the subject", script: all + `if header :matches "subject" "[*] *" { fileinto :create "Listen/${1}"; }`,
			mail: parcel{text: hello("ME", "[chor] Probe")}, want: []string{"Listen/chor: [chor] Probe"}},
		{name: "a subject cannot climb out of the hierarchy", script: all + `if header :matches "subject" "[*]*" { fileinto :create "Listen/${1}"; }`,
			mail: parcel{text: hello("ME", "[a//b] x")}, want: []string{`INBOX: [a//b] x`, `INBOX: fault: "Listen/a//b" is no name for a mailbox`}},
		{name: "the detail of the address", script: all + `if envelope :detail "to" "math" { fileinto :create "Mathe"; }`,
			mail: parcel{to: []string{"ME+math@school.test"}}, want: []string{"Mathe: hello"}},
		{name: "the detail's mailbox stays what keep means", script: all + `keep;`, boxes: []string{"Math"},
			mail: parcel{to: []string{"ME+math@school.test"}}, want: []string{"Math: hello"}},
		{name: "fileinto INBOX comes before the detail", script: all + `fileinto "INBOX";`, boxes: []string{"Math"},
			mail: parcel{to: []string{"ME+math@school.test"}}, want: []string{"INBOX: hello"}},
		{name: "junk is junk without a word", script: all + `keep;`, mail: parcel{junk: true}, want: []string{"Junk: hello"}},
		{name: "fileinto comes before junk", script: all + `fileinto "Archive";`, mail: parcel{junk: true}, want: []string{"Archive: hello"}},
		{name: "so does fileinto INBOX", script: all + `fileinto "INBOX";`, mail: parcel{junk: true}, want: []string{"INBOX: hello"}},
		{name: "what a faulty script keeps of junk is junk", script: all + `fileinto "Trips";`, mail: parcel{junk: true},
			want: []string{`INBOX: fault: there is no mailbox "Trips", and fileinto does not say :create`, "Junk: hello"}},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) { playCases(t, s, Options{}, cases) })
}

// TestItemsOfTheEnvironment: what RFC 5183 §4 names is told, and is true.
func TestItemsOfTheEnvironment(t *testing.T) {
	t.Parallel()
	const begin = `require ["environment", "fileinto", "mailbox"]; if environment `
	var cases []filterCase
	for item, value := range map[string]string{"domain": "school.test", "host": "mail.school.test", "location": "MTA", "name": "Schulhof",
		"phase": "during", "remote-ip": "192.0.2.7", "version": "1.2.3"} {
		cases = append(cases, filterCase{name: item, script: fmt.Sprintf("%s %q %q { fileinto \"Archive\"; }", begin, item, value), want: []string{"Archive: hello"}})
	}
	cases = append(cases, filterCase{name: "an item that is not known", script: begin + `:matches "remote-host" "*" { discard; }`, want: []string{"INBOX: hello"}})
	runCases(t, Options{Version: "1.2.3"}, cases)
}

// TestEditedHeader: what editheader changes is in the copies made after it, and nowhere else; what the server wrote stays. RFC 5293.
func TestEditedHeader(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s, Options{}, "anna", "ben", "fritz")
		w.script("anna", `require ["editheader", "fileinto", "copy"];
			fileinto :copy "Trash";
			addheader "X-Klasse" "Größe 7b"; deleteheader "Subject"; addheader :last "Subject" "neu"; deleteheader "Received"; deleteheader "Return-Path";
			addheader "Delivered-To" "forged@school.test";
			fileinto "Archive"; redirect :copy "fritz@school.test";`)
		const trace = "Return-Path: <lena@else.example>\r\nReceived: from x by mail.school.test; Mon, 23 Nov 2026 10:00:00 +0100\r\n"
		text := trace + hello("anna", "alt")
		w.receive(parcel{to: []string{"anna@school.test", "ben@school.test"}, text: text})
		if got := w.letters("ben", "INBOX"); len(got) != 1 || got[0] != text {
			t.Errorf("ben has %q, want the message as it came", got)
		}
		if got := w.letters("anna", "Trash"); len(got) != 1 || got[0] != text {
			t.Errorf("the copy before the change is %q", got)
		}
		_, tail, _ := strings.Cut(strings.Replace(text, "Subject: alt\r\n", "", 1), trace)
		tail = strings.Replace(tail, "\r\n\r\n", "\r\nSubject: neu\r\n\r\n", 1)
		want := "X-Klasse: =?utf-8?q?Gr=C3=B6=C3=9Fe_7b?=\r\n" + trace + tail
		if got := w.letters("anna", "Archive"); len(got) != 1 || got[0] != want {
			t.Errorf("the changed copy is %q, want %q", got, want)
		}
		sent := w.letters("fritz", "INBOX")
		if len(sent) != 1 || !strings.Contains(sent[0], "X-Klasse: =?utf-8?q?Gr=C3=B6=C3=9Fe_7b?=\r\n") || !strings.Contains(sent[0], "Subject: neu\r\n") ||
			strings.Contains(sent[0], "forged") {
			t.Errorf("what was sent on is %q", sent)
		}
		if w.letters("anna", "Archive")[0] == w.letters("anna", "Trash")[0] {
			t.Error("both copies are the same")
		}
	})
}

// TestKeywordsThatFindNoRoom: a message is filed with the flags for which there is room. RFC 5232 leaves the number of flags to the server.
func TestKeywordsThatFindNoRoom(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "anna")
	var names []string
	for i := range mailbox.MaxKeywords {
		names = append(names, fmt.Sprintf("$k%d", i))
	}
	_, _, err := w.mail.FlagBits(context.Background(), w.id["anna"], names, true)
	w.must(err)
	w.script("anna", `require "imap4flags"; addflag ["\\Seen", "$K3", "$one-more"];`)
	w.receive(parcel{to: []string{"anna@school.test"}, text: hello("anna", "full")})
	if got, want := w.has("anna"), []string{`INBOX: full \Seen $k3`}; !slices.Equal(got, want) {
		t.Errorf("there is %q, want %q", got, want)
	}
}

// TestMailboxesThatFindNoRoom: who has as many mailboxes as there may be gets the message into the inbox.
func TestMailboxesThatFindNoRoom(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "anna")
	w.script("anna", `require ["fileinto", "mailbox", "variables"]; if header :matches "subject" "*" { fileinto :create "Box ${1}"; }`)
	for i := range 12 {
		w.receive(parcel{to: []string{"anna@school.test"}, text: hello("anna", fmt.Sprint(i))})
	}
	boxes, err := w.mail.Mailboxes(context.Background(), w.id["anna"])
	w.must(err)
	if len(boxes) != 12 {
		t.Errorf("there are %d mailboxes, want the 12 that there may be", len(boxes))
	}
	if got := len(w.letters("anna", "INBOX")); got != 12-(12-6) {
		t.Errorf("the inbox has %d messages, want the six for which there was no mailbox: %q", got, w.has("anna"))
	}
}
