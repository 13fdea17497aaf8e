package queue

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/storetest"
)

// world is a school with anna and tina, a queue, and an internet that a test scripts.
type world struct {
	t    testing.TB
	s    *store.Store
	dir  *directory.Directory
	mail *mailbox.Mail
	q    *Queue
	net  *internet
	dial Dialer // net, unless a test says otherwise
	log  *lockedBuffer
	anna directory.ID
	tina directory.ID
	stop func() // of the queue that runs; nil: none
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t testing.TB, change ...func(*Options)) *world {
	t.Helper()
	return newWorldOn(t, storetest.Open(t), change...)
}

func newWorldOn(t testing.TB, s *store.Store, change ...func(*Options)) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{t: t, s: s, net: newInternet(), log: &lockedBuffer{}}
	var err error
	if w.dir, err = directory.New(ctx, s, directory.Options{HashParams: directory.HashParams{MemoryKiB: 8, Time: 1, Threads: 1}}); err != nil {
		t.Fatal(err)
	}
	if w.mail, err = mailbox.New(ctx, s, w.dir, mailbox.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.halt()
		w.mail.Close()
		w.dir.Close()
	})
	w.people()
	w.dial = w.net
	w.q = w.open(change...)
	return w
}

func (w *world) people() {
	w.t.Helper()
	ctx := context.Background()
	if domains, err := w.dir.Domains(ctx); err != nil || len(domains) > 0 {
		return // they are there already
	}
	if err := w.dir.AddDomain(ctx, "school.test"); err != nil {
		w.t.Fatal(err)
	}
	accounts, _, err := w.dir.AddAccounts(ctx, []directory.NewAccount{
		{Address: "anna@school.test", Role: directory.Student, Password: "richtig-Pferd-9"},
		{Address: "tina@school.test", Role: directory.Teacher, Password: "richtig-Pferd-9"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.anna, w.tina = accounts[0].ID, accounts[1].ID
}

// open opens another queue on the same store, as after a restart.
func (w *world) open(change ...func(*Options)) *Queue {
	w.t.Helper()
	o := Options{Hostname: "mail.school.test", Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, c := range change {
		c(&o)
	}
	q, err := New(context.Background(), w.s, w.mail, w.dir, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return q
}

// run starts the queue; halt ends it.
func (w *world) run() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	q := w.q
	go func() { done <- q.Run(ctx, w.dial) }()
	w.stop = func() {
		stop()
		if err := <-done; err != nil {
			w.t.Errorf("Run = %v", err)
		}
	}
}

func (w *world) halt() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

const letter = "Return-Path: <anna@school.test>\r\nReceived: from submission\r\n\tby mail.school.test\r\nFrom: anna@school.test\r\n" +
	"Message-ID: <trip@school.test>\r\nSubject: Trip\r\n\r\nRain coats, please.\r\n"

// enqueue puts a letter from anna into the queue.
func (w *world) enqueue(to ...string) ID {
	w.t.Helper()
	m := Message{Sender: "anna@school.test", Account: w.anna, TraceID: "trace1"}
	for _, address := range to {
		m.Recipients = append(m.Recipients, Recipient{Address: address})
	}
	return w.enqueueMessage(m)
}

func (w *world) enqueueMessage(m Message) (id ID) {
	w.t.Helper()
	id, err := w.tryEnqueue(m)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) tryEnqueue(m Message) (id ID, err error) {
	w.t.Helper()
	blob, err := w.s.PutBytes(context.Background(), []byte(letter))
	if err != nil {
		w.t.Fatal(err)
	}
	defer blob.Release()
	m.Body = blob
	err = w.s.Write(context.Background(), func(tx *store.Tx) (err error) {
		id, err = w.q.Enqueue(tx, m)
		return err
	})
	return id, err
}

// waiting are the messages in the queue.
func (w *world) waiting() []Entry {
	w.t.Helper()
	ids, err := w.q.Find(context.Background(), Filter{}, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := w.q.Entries(context.Background(), ids...)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// inbox returns the bodies in somebody's INBOX.
func (w *world) inbox(who directory.ID) (bodies []string) {
	w.t.Helper()
	ctx := context.Background()
	b, err := w.mail.Open(ctx, who, "INBOX")
	if err != nil {
		w.t.Fatal(err)
	}
	defer b.Close()
	var entries []mailbox.Entry
	for i := range b.Snapshot().Len() {
		entries = append(entries, b.Snapshot().At(i))
	}
	contents, err := b.Contents(ctx, entries, mailbox.WantBlob, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range contents {
		body, err := w.s.AppendBlob(nil, c.Blob)
		if err != nil {
			w.t.Fatal(err)
		}
		bodies = append(bodies, string(body))
	}
	return bodies
}

// check demands that every blob has as many references as the rooms count.
func (w *world) check() {
	w.t.Helper()
	err := w.s.Check(context.Background(), false, func(p store.Problem) { w.t.Errorf("check: %s %s", p.ID, p.Detail) })
	if err != nil {
		w.t.Error(err)
	}
}

// inBubble runs test in fake time.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

// internet is every server elsewhere. A test says what they answer; without that they take all.
type internet struct {
	mu       sync.Mutex
	down     map[string]error                                             // Dial's error, by domain or host
	answer   func(to Target, m Letter, r Recipient) Result                // nil: 250
	hold     func(ctx context.Context, to Target)                         // called in Deliver, before the dot
	after    func(ctx context.Context, to Target, m Letter) (broken bool) // called after the dot
	got      []sent
	dials    []Target
	dialedAt []time.Time
	open     map[string]int
	most     map[string]int // connections at once
}

// sent is a message that a server took.
type sent struct {
	at   time.Time
	to   Target
	rcpt []string
	body string
	m    Letter
}

func newInternet() *internet {
	return &internet{down: map[string]error{}, open: map[string]int{}, most: map[string]int{}}
}

// name is the target's name in down, open and most.
func (t Target) name() string { return t.Domain + t.Host }

func (n *internet) Dial(ctx context.Context, to Target) (Session, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dials = append(n.dials, to)
	n.dialedAt = append(n.dialedAt, time.Now())
	if err := n.down[to.name()]; err != nil {
		return nil, err
	}
	n.open[to.name()]++
	n.most[to.name()] = max(n.most[to.name()], n.open[to.name()])
	return &fakeSession{net: n, to: to}, nil
}

type fakeSession struct {
	net    *internet
	to     Target
	closed bool
}

func (s *fakeSession) Deliver(ctx context.Context, m Letter, to []Recipient, beforeDot func(context.Context) error) ([]Result, error) {
	body, err := m.Body(ctx)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(body)
	if err := firstError(err, body.Close()); err != nil {
		return nil, err
	}
	if int64(len(text)) > m.Size {
		return nil, fmt.Errorf("a body of %d bytes is longer than the size %d", len(text), m.Size)
	}
	s.net.mu.Lock()
	answer, hold, after := s.net.answer, s.net.hold, s.net.after
	s.net.mu.Unlock()
	if hold != nil {
		if hold(ctx, s.to); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	results := make([]Result, len(to))
	var taken []string
	for i, r := range to {
		results[i] = Result{Code: 250, Enhanced: "2.0.0", Text: "OK", Host: "mx." + s.to.name()}
		if answer != nil {
			results[i] = answer(s.to, m, r)
		}
		if results[i].taken() {
			taken = append(taken, r.Address)
		}
	}
	if len(taken) == 0 {
		return results, nil
	}
	if err := beforeDot(ctx); err != nil {
		return nil, fmt.Errorf("before the dot: %w", err)
	}
	s.net.mu.Lock()
	s.net.got = append(s.net.got, sent{time.Now(), s.to, taken, string(text), m})
	s.net.mu.Unlock()
	if after != nil && after(ctx, s.to, m) {
		return nil, fmt.Errorf("connection reset after the dot")
	}
	return results, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *fakeSession) Close() {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.net.open[s.to.name()]--
	}
}

// sent is what servers took, in order.
func (n *internet) sent() []sent {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.got)
}

// most is how many connections to name there were at once.
func (n *internet) mostAt(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.most[name]
}

// arrived lists what servers took, as "recipient,recipient".
func (n *internet) arrived() (list []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.got {
		list = append(list, strings.Join(s.rcpt, ","))
	}
	slices.Sort(list)
	return list
}

func (n *internet) set(change func(*internet)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n)
}

func (n *internet) dialCount() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.dials)
}

// later is a temporary answer, never a permanent one.
var (
	later = Result{Code: 451, Enhanced: "4.7.1", Text: "Greylisted", Host: "mx.example.org", Temporary: true}
	never = Result{Code: 550, Enhanced: "5.1.1", Text: "No such user", Host: "mx.example.org"}
)
