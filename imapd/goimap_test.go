package imapd_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/google/go-cmp/cmp"
)

// goimap is a client that other people wrote: it reads our answers by the grammar and knows nothing of how we write them.
type goimap struct {
	*imapclient.Client
	t *testing.T
}

func dialGoimap(t *testing.T, addr string) *goimap {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := &goimap{imapclient.New(nc, nil), t}
	t.Cleanup(func() { c.Close() })
	c.ok(c.WaitGreeting())
	c.ok(c.Login(testUser, testPassword).Wait())
	return c
}

func (c *goimap) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *goimap) store(box, mail string, o *imap.AppendOptions) *imap.AppendData {
	c.t.Helper()
	cmd := c.Append(box, int64(len(mail)), o)
	_, err := io.WriteString(cmd, mail)
	c.ok(err)
	c.ok(cmd.Close())
	data, err := cmd.Wait()
	c.ok(err)
	return data
}

const goimapMail = "From: =?utf-8?q?J=C3=BCrgen?= <juergen@school.test>\r\nTo: Klasse 7b: anna@school.test, Ben <ben@school.test>;\r\nCc: \"Berg, Anna\" <anna@school.test>\r\n" +
	"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 2 Nov 2026 10:11:12 +0100\r\nMessage-ID: <1@school.test>\r\nIn-Reply-To: <0@school.test>\r\n" +
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n" +
	"--b\r\nContent-Type: application/pdf; name=\"plan \\\"7b\\\".pdf\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=plan.pdf\r\nContent-Language: de, en\r\n\r\nAAEC\r\n" +
	"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: innen\r\nFrom: c@x\r\n\r\nkurz\r\n--b--\r\n"

// What FETCH writes is read back as what the message says: envelope, structure, sections, flags, dates.
func TestGoimapReadsAMessage(t *testing.T) {
	c := dialGoimap(t, startServer(t).addr)
	at := time.Date(2026, 11, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	if data := c.store("INBOX", goimapMail, &imap.AppendOptions{Flags: []imap.Flag{imap.FlagFlagged, "$Work"}, Time: at}); data.UID != 1 || data.UIDValidity == 0 {
		t.Errorf("APPEND: %+v", data)
	}
	box, err := c.Select("INBOX", nil).Wait()
	c.ok(err)
	if box.NumMessages != 1 || box.UIDNext != 2 || !slices.Contains(box.PermanentFlags, imap.FlagWildcard) || !slices.Contains(box.Flags, "$Work") {
		t.Errorf("SELECT: %+v", box)
	}
	section, text := &imap.FetchItemBodySection{Peek: true}, &imap.FetchItemBodySection{Part: []int{3}, Specifier: imap.PartSpecifierText, Peek: true}
	binary := &imap.FetchItemBinarySection{Part: []int{2}, Peek: true}
	list, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{
		Envelope: true, Flags: true, InternalDate: true, RFC822Size: true, UID: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, ModSeq: true,
		BodySection: []*imap.FetchItemBodySection{section, text}, BinarySection: []*imap.FetchItemBinarySection{binary}, BinarySectionSize: []*imap.FetchItemBinarySectionSize{{Part: []int{2}}},
	}).Collect()
	c.ok(err)
	if len(list) != 1 {
		t.Fatalf("%d messages", len(list))
	}
	m := list[0]
	if m.UID != 1 || m.RFC822Size != int64(len(goimapMail)) || !m.InternalDate.Equal(at) || m.ModSeq == 0 || !slices.Equal(m.Flags, []imap.Flag{imap.FlagFlagged, "$Work"}) {
		t.Errorf("UID %d, %d bytes, %v, modseq %d, flags %v", m.UID, m.RFC822Size, m.InternalDate, m.ModSeq, m.Flags)
	}
	if got := string(m.FindBodySection(section)); got != goimapMail {
		t.Errorf("BODY[] = %q", got)
	}
	if got := string(m.FindBodySection(text)); got != "kurz" {
		t.Errorf("BODY[3.TEXT] = %q", got)
	}
	if got := m.FindBinarySection(binary); !bytes.Equal(got, []byte{0, 1, 2}) {
		t.Errorf("BINARY[2] = %q", got)
	}
	checkGoimapEnvelope(t, m.Envelope)
	checkGoimapStructure(t, m.BodyStructure)
}

func checkGoimapEnvelope(t *testing.T, e *imap.Envelope) {
	t.Helper()
	from := []imap.Address{{Name: "Jürgen", Mailbox: "juergen", Host: "school.test"}}
	want := &imap.Envelope{
		Date: time.Date(2026, 11, 2, 10, 11, 12, 0, time.FixedZone("", 3600)), Subject: "Grüße", From: from, Sender: from, ReplyTo: from,
		To: []imap.Address{{Mailbox: "Klasse 7b"}, {Mailbox: "anna", Host: "school.test"}, {Name: "Ben", Mailbox: "ben", Host: "school.test"}, {}},
		Cc: []imap.Address{{Name: "Berg, Anna", Mailbox: "anna", Host: "school.test"}}, InReplyTo: []string{"0@school.test"}, MessageID: "1@school.test",
	}
	if d := cmp.Diff(want, e); d != "" {
		t.Errorf("ENVELOPE: %s", d)
	}
}

func checkGoimapStructure(t *testing.T, s imap.BodyStructure) {
	t.Helper()
	var got []string
	s.Walk(func(path []int, part imap.BodyStructure) bool {
		line := fmt.Sprint(path, " ", part.MediaType())
		if p, ok := part.(*imap.BodyStructureSinglePart); ok {
			line += fmt.Sprintf(" %s %d %q", p.Encoding, p.Size, p.Filename())
			if p.MessageRFC822 != nil {
				line += " " + p.MessageRFC822.Envelope.Subject + " " + p.MessageRFC822.BodyStructure.MediaType()
			}
			if p.Extended != nil {
				line += " " + strings.Join(p.Extended.Language, "+")
			}
		}
		got = append(got, line)
		return true
	})
	want := []string{
		"[] multipart/mixed", `[1] text/plain quoted-printable 15 "" `, `[2] application/pdf base64 4 "plan.pdf" de+en`, `[3] message/rfc822 7bit 33 "" innen text/plain `,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("BODYSTRUCTURE: %s", d)
	}
}

// Names in every form come back as they were given, with their attributes, special uses and counts.
func TestGoimapListsMailboxes(t *testing.T) {
	c := dialGoimap(t, startServer(t).addr)
	names := []string{"Übungen", "R&D", `a "b" \c`, "Klasse/7b/Ausflug nach Köln", "日本語", "x y", "&-", "~tilde"}
	for _, name := range names {
		c.ok(c.Create(name, nil).Wait())
	}
	c.ok(c.Subscribe("Übungen").Wait())
	c.store("日本語", "Subject: x\r\n\r\n", nil)
	list, err := c.List("", "*", &imap.ListOptions{ReturnSubscribed: true, ReturnChildren: true, ReturnSpecialUse: true, ReturnStatus: &imap.StatusOptions{NumMessages: true, UIDNext: true}}).Collect()
	c.ok(err)
	found := map[string]*imap.ListData{}
	for _, l := range list {
		found[l.Mailbox] = l
		if l.Delim != '/' || l.Status == nil || l.Status.NumMessages == nil {
			t.Errorf("%+v", l)
		}
	}
	for _, name := range names {
		if found[name] == nil {
			t.Errorf("%q is not listed", name)
		}
	}
	has := func(name string, attr imap.MailboxAttr) bool { return slices.Contains(found[name].Attrs, attr) }
	if !has("Übungen", imap.MailboxAttrSubscribed) || has("R&D", imap.MailboxAttrSubscribed) || !has("Klasse/7b", imap.MailboxAttrHasChildren) || !has("Trash", imap.MailboxAttrTrash) {
		t.Errorf("attributes: %+v %+v", found["Übungen"].Attrs, found["Trash"].Attrs)
	}
	if n := *found["日本語"].Status.NumMessages; n != 1 {
		t.Errorf("%d messages in 日本語", n)
	}
	status, err := c.Status("日本語", &imap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, NumUnseen: true, NumDeleted: true, Size: true, AppendLimit: true, DeletedStorage: true, HighestModSeq: true}).Wait()
	c.ok(err)
	if *status.NumMessages != 1 || status.UIDNext != 2 || *status.Size != 14 || *status.NumUnseen != 1 || *status.NumDeleted != 0 || status.AppendLimit == nil || *status.DeletedStorage != 0 || status.HighestModSeq == 0 {
		t.Errorf("STATUS: %+v", status)
	}
	selected, err := c.Select("Klasse/7b/Ausflug nach Köln", &imap.SelectOptions{CondStore: true}).Wait()
	c.ok(err)
	if selected.HighestModSeq == 0 {
		t.Errorf("SELECT: %+v", selected)
	}
}

// Searching, sorting, threading, copying, moving and expunging: the numbers that are told are read as what was meant.
func TestGoimapWorksOnMessages(t *testing.T) {
	c := dialGoimap(t, startServer(t).addr)
	for i := range 5 {
		c.store("INBOX", fmt.Sprintf("Subject: %c\r\nMessage-ID: <%d@x>\r\nDate: %d Nov 2026 10:00:00 +0000\r\n\r\nText %d\r\n", 'e'-i, i, i+1, i), nil)
	}
	_, err := c.Select("INBOX", nil).Wait()
	c.ok(err)
	fetched, err := c.Store(imap.SeqSetNum(2, 4), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen, "Klasse"}}, nil).Collect()
	c.ok(err)
	if len(fetched) != 2 || !slices.Equal(fetched[1].Flags, []imap.Flag{imap.FlagSeen, "Klasse"}) {
		t.Errorf("STORE: %+v", fetched)
	}
	criteria := &imap.SearchCriteria{Not: []imap.SearchCriteria{{Flag: []imap.Flag{imap.FlagSeen}}}, Or: [][2]imap.SearchCriteria{{{Body: []string{"text 0"}}, {SentSince: time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC)}}}}
	data, err := c.UIDSearch(criteria, &imap.SearchOptions{ReturnAll: true, ReturnCount: true, ReturnMin: true, ReturnMax: true}).Wait()
	c.ok(err)
	if !slices.Equal(data.AllUIDs(), []imap.UID{1, 5}) || data.Count != 2 || data.Min != 1 || data.Max != 5 {
		t.Errorf("SEARCH: %+v", data)
	}
	plain, err := c.Search(criteria, nil).Wait()
	c.ok(err)
	if !slices.Equal(plain.AllSeqNums(), []uint32{1, 5}) {
		t.Errorf("SEARCH: %+v", plain)
	}
	sorted, err := c.UIDSort(&imapclient.SortOptions{SearchCriteria: &imap.SearchCriteria{}, SortCriteria: []imapclient.SortCriterion{{Key: imapclient.SortKeySubject}}}).Wait()
	c.ok(err)
	if !slices.Equal(sorted, []uint32{5, 4, 3, 2, 1}) {
		t.Errorf("SORT: %v", sorted)
	}
	threads, err := c.Thread(&imapclient.ThreadOptions{Algorithm: imap.ThreadReferences, SearchCriteria: &imap.SearchCriteria{}}).Wait()
	c.ok(err)
	if len(threads) != 5 || !slices.Equal(threads[0].Chain, []uint32{1}) {
		t.Errorf("THREAD: %+v", threads)
	}
	copied, err := c.Copy(imap.UIDSetNum(1, 2, 3), "Archive").Wait()
	c.ok(err)
	if copied.SourceUIDs.String() != "1:3" || copied.DestUIDs.String() != "1:3" {
		t.Errorf("COPY: %+v", copied)
	}
	moved, err := c.Move(imap.SeqSetNum(1), "Archive").Wait()
	c.ok(err)
	if fmt.Sprint(moved.SourceUIDs) != "1" || fmt.Sprint(moved.DestUIDs) != "4" || c.Mailbox().NumMessages != 4 {
		t.Errorf("MOVE: %+v, %d messages left", moved, c.Mailbox().NumMessages)
	}
	_, err = c.Store(imap.UIDSetNum(3, 4), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Collect()
	c.ok(err)
	gone, err := c.UIDExpunge(imap.UIDSetNum(4)).Collect()
	c.ok(err)
	if !slices.Equal(gone, []uint32{3}) {
		t.Errorf("UID EXPUNGE: %v", gone)
	}
}

// What stands beside mail: namespace, quota, capabilities, ENABLE, ID.
func TestGoimapAsksForTheRest(t *testing.T) {
	c := dialGoimap(t, startServerWithQuota(t, 10<<20).addr)
	namespace, err := c.Namespace().Wait()
	c.ok(err)
	if len(namespace.Personal) != 1 || namespace.Personal[0].Delim != '/' || len(namespace.Other) != 1 || len(namespace.Shared) != 1 {
		t.Errorf("NAMESPACE: %+v", namespace)
	}
	roots, err := c.GetQuotaRoot("INBOX").Wait()
	c.ok(err)
	if len(roots) != 1 || roots[0].Resources[imap.QuotaResourceStorage].Limit != 10<<10 {
		t.Errorf("GETQUOTAROOT: %+v", roots)
	}
	caps, err := c.Capability().Wait()
	c.ok(err)
	for _, want := range []imap.Cap{imap.CapIMAP4rev1, imap.CapIMAP4rev2, imap.CapIdle, imap.CapMove, imap.CapQuota} {
		if !caps.Has(want) {
			t.Errorf("no %s", want)
		}
	}
	enabled, err := c.Enable(imap.CapIMAP4rev2).Wait()
	c.ok(err)
	if !enabled.Caps.Has(imap.CapIMAP4rev2) {
		t.Errorf("ENABLE: %+v", enabled)
	}
	id, err := c.ID(&imap.IDData{Name: "go-imap"}).Wait()
	c.ok(err)
	if id.Name != "Schulhof" {
		t.Errorf("ID: %+v", id)
	}
	c.ok(c.Logout().Wait())
}
