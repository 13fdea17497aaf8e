package filter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/storetest"
)

// school has people with filters, a clock that stands still, and a door that asks the filters as smtpd does.
type school struct {
	testing.TB
	*Filters
	id    map[string]directory.ID
	queue []Outgoing // what was committed for other servers
	clock atomic.Int64
	again bool // every transaction is rolled back once and runs again, as after a conflict
}

// newSchool opens the rooms on s with some people of school.test: pupils unless their name begins with "t-" (teachers).
func newSchool(t testing.TB, s *store.Store, o Options, names ...string) *school {
	t.Helper()
	w := &school{TB: t, id: map[string]directory.ID{}}
	w.clock.Store(time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC).Unix())
	ctx := context.Background()
	now := func() time.Time { return time.Unix(w.clock.Load(), 0) }
	dir, err := directory.New(ctx, s, directory.Options{Now: now, HashParams: directory.HashParams{MemoryKiB: 8, Time: 1, Threads: 1}})
	w.must(err)
	mail, err := mailbox.New(ctx, s, dir, mailbox.Options{Now: now, MaxBoxes: 12})
	w.must(err)
	w.must(dir.AddDomain(ctx, "school.test"))
	var list []directory.NewAccount
	for _, name := range names {
		a := directory.NewAccount{Address: name + "@school.test", Name: name, Role: directory.Student, Password: "richtig-Pferd-9"}
		if strings.HasPrefix(name, "t-") {
			a.Role = directory.Teacher
		}
		list = append(list, a)
	}
	made, _, err := dir.AddAccounts(ctx, list)
	w.must(err)
	for i, name := range names {
		w.id[name] = made[i].ID
	}
	o.Now = now
	if o.Hostname == "" {
		o.Hostname = "mail.school.test"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	w.Filters, err = New(ctx, s, mail, dir, o)
	w.must(err)
	t.Cleanup(func() { w.Close(); mail.Close(); dir.Close() })
	return w
}

func (w *school) must(err error) {
	if err != nil {
		w.Helper()
		w.Fatal(err)
	}
}

// wait moves the clock.
func (w *school) wait(d time.Duration) { w.clock.Add(int64(d / time.Second)) }

// script gives name an active script; more are pairs of a name ("NAME" or "global NAME") and the text of a script to include.
func (w *school) script(name, text string, more ...string) {
	w.Helper()
	ctx := context.Background()
	for i := 0; i+1 < len(more); i += 2 {
		owner, as := w.id[name], more[i]
		if global, ok := strings.CutPrefix(as, "global "); ok {
			owner, as = Everyone, global
		}
		if _, err := w.Put(ctx, owner, as, []byte(more[i+1])); err != nil {
			w.Fatalf("script %s of %s: %v", as, name, err)
		}
	}
	if _, err := w.Put(ctx, w.id[name], "main", []byte(text)); err != nil {
		w.Fatalf("script of %s: %v", name, err)
	}
	w.must(w.Activate(ctx, w.id[name], "main"))
}

// parcel is a message at the door. The zero value of a field is what an ordinary message from elsewhere has.
type parcel struct {
	from    string // MAIL FROM; "<>": the null sender; "": lena@else.example
	to      []string
	text    string
	junk    bool // what was found out about it says Junk
	alone   bool // the door can refuse its recipients one by one
	certain bool
	island  bool // there is no way to other servers
}

// plan asks the filters.
func (w *school) plan(p parcel) (*Plan, *mailbox.Prepared, error) {
	w.Helper()
	ctx := context.Background()
	spool := w.mail.NewSpool()
	w.Cleanup(func() { spool.Close() })
	if _, err := spool.Write([]byte(p.text)); err != nil {
		w.Fatal(err)
	}
	prepared, err := w.mail.Prepare(ctx, spool)
	if err != nil {
		w.Fatalf("prepare: %v", err)
	}
	w.Cleanup(prepared.Release)
	req := &Request{Message: prepared, Body: strings.NewReader(p.text), Sender: w.sender(p), Remote: "192.0.2.7", Certain: p.certain, Outside: !p.island}
	for _, address := range p.to {
		list, err := w.dir.Resolve(ctx, address, req.Sender)
		if err != nil {
			w.Fatalf("resolve %s: %v", address, err)
		}
		for _, one := range list {
			to := Recipient{To: mailbox.To{Owner: one.Account, Mailbox: one.Detail, Via: one.Via}, Address: address, MayRefuse: p.alone}
			if p.junk {
				to.Use = `\Junk`
			}
			req.To = append(req.To, to)
		}
	}
	plan, err := w.Decide(ctx, req)
	return plan, prepared, err
}

func (w *school) sender(p parcel) string {
	switch p.from {
	case "":
		return "lena@else.example"
	case "<>":
		return ""
	}
	return p.from
}

var errConflict = errors.New("conflict")

// receive brings a message in as the door does and returns its recipients' results.
func (w *school) receive(p parcel) []error {
	w.Helper()
	plan, prepared, err := w.plan(p)
	if err != nil {
		w.Fatalf("decide: %v", err)
	}
	defer plan.Release()
	conflict := w.again
	d := mailbox.Delivery{
		Message: prepared, Sender: w.sender(p), Recipients: plan.Recipients(), Answers: plan.Results,
		Also: func(tx *store.Tx) error {
			if err := plan.Write(tx); err != nil {
				return err
			}
			if conflict {
				return errConflict
			}
			return nil
		},
	}
	if conflict {
		if _, err := w.mail.Deliver(context.Background(), d); !errors.Is(err, errConflict) {
			w.Fatalf("deliver: %v, want the conflict", err)
		}
		conflict = false
	}
	results, err := w.mail.Deliver(context.Background(), d)
	if err != nil {
		w.Fatalf("deliver: %v", err)
	}
	w.queue = append(w.queue, plan.Outgoing...)
	return plan.Results(results)
}

// has lists name's messages, a line each: the mailbox, what the message is, its flags.
func (w *school) has(name string) (lines []string) {
	w.Helper()
	ctx := context.Background()
	boxes, err := w.mail.Mailboxes(ctx, w.id[name])
	w.must(err)
	keywords, err := w.mail.Keywords(ctx, w.id[name])
	w.must(err)
	for _, box := range boxes {
		w.each(name, box.Name, func(e mailbox.Entry, text []byte) {
			lines = append(lines, box.Name+": "+kindOf(w, text)+flagNames(e.Flags, keywords))
		})
	}
	slices.Sort(lines)
	return lines
}

// each visits the messages of a mailbox, oldest first.
func (w *school) each(name, box string, visit func(mailbox.Entry, []byte)) {
	w.Helper()
	ctx := context.Background()
	b, err := w.mail.Open(ctx, w.id[name], box)
	w.must(err)
	defer b.Close()
	snap := b.Snapshot()
	for i := range snap.Len() {
		entries := []mailbox.Entry{snap.At(i)}
		var buf mailbox.ContentBuf
		contents, err := b.Contents(ctx, entries, mailbox.WantBlob, &buf)
		w.must(err)
		text, err := w.mail.AppendBody(nil, contents[0].Blob)
		w.must(err)
		visit(entries[0], text)
	}
}

// letters are the texts of a mailbox.
func (w *school) letters(name, box string) (texts []string) {
	w.Helper()
	w.each(name, box, func(_ mailbox.Entry, text []byte) { texts = append(texts, string(text)) })
	return texts
}

// sent lists what went to the queue since the last call: who sends, to whom, what.
func (w *school) sent() (lines []string) {
	w.Helper()
	for _, o := range w.queue {
		text, err := w.mail.AppendBody(nil, o.Message.Blob.Location())
		w.must(err)
		lines = append(lines, fmt.Sprintf("<%s> to %s: %s", o.Sender, o.Recipient, kindOf(w, text)))
	}
	w.queue = nil
	return lines
}

// kindOf says what a message is: its subject, with "answer" before it if a filter wrote it; a notice of a fault with the fault.
func kindOf(t testing.TB, text []byte) string {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("no message: %v\n%s", err, text)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatalf("subject: %v", err)
	}
	switch auto := m.Header.Get("Auto-Submitted"); {
	case auto == "auto-generated" && strings.HasPrefix(subject, "Your mail filter"):
		b, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		if err != nil {
			t.Fatal(err)
		}
		_, problem, _ := strings.Cut(string(b), "\r\n\r\n  ")
		problem, _, _ = strings.Cut(problem, "\r\n")
		return "fault: " + problem
	case strings.HasPrefix(auto, "auto-replied"):
		return "answer: " + subject
	}
	return subject
}

func flagNames(f mailbox.Flags, keywords []string) (names string) {
	for i, name := range append([]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`}, keywords...) {
		if f&(1<<i) != 0 {
			names += " " + name
		}
	}
	return names
}

// hello is a message to name with a subject and further header lines.
func hello(name, subject string, lines ...string) string {
	return strings.Join(append([]string{"From: Lena <lena@else.example>", "To: " + name + "@school.test", "Subject: " + subject,
		"Date: Mon, 23 Nov 2026 10:00:00 +0100", "Message-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@else.example>"}, lines...), "\r\n") + "\r\n\r\nHallo!\r\n"
}

// filterCase is a script and what becomes of one message. ME stands for the owner's name, FRIEND for a pupil without a script.
type filterCase struct {
	name   string
	script string
	more   []string // as of school.script
	boxes  []string // mailboxes that ME has; "Box \\Use": with a special use
	mail   parcel   // text "": hello; to nil: ME
	want   []string // what ME has afterwards; lines of FRIEND begin with "FRIEND ", of the queue with "<"
	err    string   // the result of the one recipient
}

// runCases plays the cases, each with people of its own in one school.
func runCases(t *testing.T, o Options, cases []filterCase) {
	t.Helper()
	playCases(t, storetest.Open(t), o, cases)
}

func playCases(t *testing.T, s *store.Store, o Options, cases []filterCase) {
	t.Helper()
	var names []string
	for i := range cases {
		names = append(names, fmt.Sprintf("anna%d", i), fmt.Sprintf("fritz%d", i))
	}
	w := newSchool(t, s, o, names...)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w.TB = t
			w.play(c, names[2*i], names[2*i+1])
		})
	}
}

func (w *school) play(c filterCase, me, friend string) {
	w.Helper()
	fill := strings.NewReplacer("ME", me, "FRIEND", friend)
	for _, box := range c.boxes {
		name, use, _ := strings.Cut(box, ` \`)
		if use != "" {
			use = `\` + use
		}
		_, err := w.mail.Create(context.Background(), w.id[me], name, use)
		w.must(err)
	}
	var more []string
	for _, text := range c.more {
		more = append(more, fill.Replace(text))
	}
	w.script(me, fill.Replace(c.script), more...)
	p := c.mail
	if p.from, p.text = fill.Replace(p.from), fill.Replace(p.text); p.text == "" {
		p.text = hello(me, "hello")
	}
	p.to = []string{me + "@school.test"}
	for i, address := range c.mail.to {
		p.to = append(p.to[:i], fill.Replace(address))
	}
	results := w.receive(p)
	if got := fmt.Sprint(results[0]); c.err == "" && results[0] != nil || c.err != "" && !strings.Contains(got, fill.Replace(c.err)) {
		w.Errorf("the recipient's result is %s, want %q", got, c.err)
	}
	got := w.has(me)
	for _, line := range w.has(friend) {
		got = append(got, "FRIEND "+line)
	}
	got = append(got, w.sent()...)
	for i := range got {
		got[i] = strings.NewReplacer(me, "ME", friend, "FRIEND").Replace(got[i])
	}
	if !slices.Equal(got, c.want) {
		w.Errorf("there is\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
	}
}

// quota bounds what name may keep, in bytes.
func (w *school) quota(name string, bytes int64) {
	w.Helper()
	w.must(w.dir.ChangeAccount(context.Background(), w.id[name], directory.AccountChange{QuotaBytes: &bytes}))
}
