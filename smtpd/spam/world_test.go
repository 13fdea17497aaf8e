package spam

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/smtpd/authenticate"
	"schulhof/store"
	"schulhof/store/storetest"
)

// world judges mail for school.test at ten in the morning.
type world struct {
	t       testing.TB
	store   *store.Store
	origin  *origin
	checker *Checker
	mail    *mailbox.Mail // nil unless withPeople opened it
	dir     *directory.Directory
	anna    directory.ID
	ben     directory.ID
	clock   atomic.Int64 // since then; background work reads it, too
}

func (w *world) now() time.Time {
	return time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC).Add(time.Duration(w.clock.Load()))
}

func (w *world) pass(d time.Duration) { w.clock.Add(int64(d)) }

func newWorld(t testing.TB, change ...func(*Options)) *world {
	t.Helper()
	return newWorldOn(t, storetest.Open(t), change...)
}

func newWorldOn(t testing.TB, s *store.Store, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, store: s, origin: &origin{}}
	w.open(change...)
	return w
}

// open makes the checker, as after a restart.
func (w *world) open(change ...func(*Options)) {
	w.t.Helper()
	o := Options{Origin: w.origin, Hostname: "mail.school.test", Local: func(d string) bool { return strings.EqualFold(d, "school.test") }, Now: w.now}
	for _, c := range change {
		c(&o)
	}
	c, err := New(context.Background(), w.store, w.mail, w.dir, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	w.checker = c
}

// judge checks a message.
func (w *world) judge(m *Message) Verdict {
	w.t.Helper()
	v, err := w.checker.Check(context.Background(), m)
	if err != nil {
		w.t.Fatalf("Check: %v", err)
	}
	return v
}

// origin is an Origin that says what it is told to; what is asked beside goes to its zone.
type origin struct {
	mu   sync.Mutex
	says authenticate.Verdict
	err  error
	zone zone
}

func (o *origin) Check(ctx context.Context, in authenticate.Input) (authenticate.Verdict, error) {
	if in.Beside != nil {
		in.Beside(ctx, &o.zone)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	v := o.says
	v.Field = []byte("Authentication-Results: mail.school.test; none\r\n")
	return v, o.err
}

// tell settles what it says, from a good message on.
func (o *origin) tell(change ...func(*authenticate.Verdict)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.says = authenticate.Verdict{
		SPF: authenticate.SPF{Result: authenticate.Pass, Domain: "example.org"}, IPRev: authenticate.IPRev{Result: authenticate.Pass},
		DMARC: authenticate.DMARC{Result: authenticate.None},
	}
	for _, c := range change {
		c(&o.says)
	}
}

// zone is a DNS of addresses. A name that it does not know has none.
type zone struct {
	authenticate.Resolver
	mu    sync.Mutex
	ip    map[string]string
	fails bool
	asked []string
}

func (z *zone) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked = append(z.asked, network+" "+host)
	if z.fails {
		return nil, &net.DNSError{Err: "no answer", Name: host, IsTemporary: true}
	}
	text, ok := z.ip[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var list []netip.Addr
	for a := range strings.FieldsSeq(text) {
		list = append(list, netip.MustParseAddr(a))
	}
	return list, nil
}

// good is the header of a message that has no marks.
const good = "From: Lena <lena@example.org>\r\nTo: anna@school.test\r\nSubject: Ausflug\r\nDate: Wed, 25 Nov 2026 09:59:00 +0000\r\nMessage-ID: <1@example.org>\r\n"

// from is a message of a client with a header.
func from(client, header string) *Message { return whole(client, header, "Wir fahren ins Museum.") }

// whole is one with this body.
func whole(client, header, body string) *Message {
	text := header + "\r\n" + body + "\r\n"
	return &Message{
		Client: netip.MustParseAddr(client), Hello: "mail.example.org", Sender: "lena@example.org", Recipients: []string{"anna@school.test"},
		TraceID: "trace", Body: strings.NewReader(text), Size: int64(len(text)),
	}
}

// names are the symbols' names.
func names(list []Symbol) string {
	var out []string
	for _, s := range list {
		out = append(out, s.Name)
	}
	return strings.Join(out, " ")
}

func (s Symbol) String() string { return fmt.Sprintf("%s=%.1f", s.Name, s.Score) }
