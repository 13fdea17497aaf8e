package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/queue"
	"schulhof/smtpd/resolver/dnstest"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/prometheus/client_golang/prometheus"
)

// departures is a way to all other servers that keeps what leaves.
type departures chan departure

// departure is a message that left, and whether proven TLS was demanded for it: of the connection and with the message.
type departure struct {
	text                string
	to                  []queue.Recipient
	connection, message bool
}

// Dial implements queue.Dialer.
func (d departures) Dial(_ context.Context, to queue.Target) (queue.Session, error) {
	return departing{d, to.RequireTLS}, nil
}

type departing struct {
	departures
	protected bool
}

// Deliver implements queue.Session.
func (d departing) Deliver(ctx context.Context, m queue.Letter, to []queue.Recipient, beforeDot func(context.Context) error) ([]queue.Result, error) {
	body, err := m.Body(ctx)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err == nil {
		err = beforeDot(ctx)
	}
	if err != nil {
		return nil, err
	}
	d.departures <- departure{string(text), to, d.protected, m.RequireTLS}
	return slices.Repeat([]queue.Result{{Code: 250, Enhanced: "2.0.0", Text: "OK"}}, len(to)), nil
}

// Close implements queue.Session.
func (departing) Close() {}

// aged is a school on a clock that the test moves, whose keys are in the DNS. anna, ben and tina are there; tina owns the moderated class 7b,
// which has a member elsewhere, and ben may write to one person an hour.
type aged struct {
	*rooms
	clock *demoClock
	id    map[string]directory.ID
}

func newAged(t *testing.T) *aged {
	t.Helper()
	ctx := t.Context()
	server := dnstest.Start(t)
	c := newSchool(t)
	c.DNS.Servers, c.Queue.Lifetime, c.Queue.DelayNotice, c.Queue.Undo = []string{server.Address}, 30*24*time.Hour, 0, 0
	k := &aged{clock: &demoClock{}, id: map[string]directory.ID{}}
	k.clock.set(time.Now())
	var err error
	must := func(what string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	k.rooms, err = openRooms(ctx, c, outside{log: slog.New(slog.DiscardHandler), now: k.clock.read, hash: cheapHash()})
	must("open")
	t.Cleanup(func() { k.Close() })
	records, err := recordsFor(ctx, k.rooms, nil)
	must("records")
	for _, record := range records {
		if strings.Contains(record.Name, "._domainkey.") {
			server.Add(t, record.line())
		}
	}
	people := []directory.NewAccount{
		{Address: "anna@school.test", Role: directory.Student}, {Address: "ben@school.test", Role: directory.Student},
		{Address: "tina@school.test", Role: directory.Teacher}, {Address: "adi@school.test", Role: directory.Admin},
	}
	for i := range people {
		people[i].Password = "richtig-Pferd-9"
	}
	accounts, _, err := k.Directory.AddAccounts(ctx, people)
	must("accounts")
	for _, a := range accounts {
		k.id[a.Login] = a.ID
	}
	class, err := k.Directory.AddGroup(ctx, directory.Group{Name: "7b", Kind: directory.Class})
	must("class")
	err = k.Directory.AddMembers(ctx, class.ID, []directory.ID{accounts[0].ID}, false)
	must("member")
	err = k.Directory.AddMembers(ctx, class.ID, []directory.ID{accounts[2].ID}, true)
	must("owner")
	err = k.Directory.AddExternals(ctx, class.ID, []string{"oma@example.org"})
	must("member elsewhere")
	err = k.Directory.ChangeList(ctx, class.ID, directory.ListChange{Post: new(directory.PostModerated)})
	must("list")
	ben, err := k.Directory.Party("ben")
	must("ben")
	anyone, err := k.Directory.Party("anyone")
	must("anyone")
	_, err = k.Directory.SetRule(ctx, ben, anyone, directory.RuleChange{PerHour: new(int64(1))})
	must("rule")
	return k
}

// door serves one of the services until the test ends, and returns where.
func (k *aged) door(t *testing.T, name string) string {
	t.Helper()
	certs, err := newCertificates(k.Config, k.Log)
	if err != nil {
		t.Fatal(err)
	}
	services, err := newServices(k.rooms, certs, prometheus.NewRegistry(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k.serve(t, func(ctx context.Context) error {
		return services[slices.IndexFunc(services, func(s service) bool { return s.name == name })].serve(ctx, ln)
	})
	return ln.Addr().String()
}

// serve runs something until the test ends.
func (k *aged) serve(t *testing.T, run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// bring sends a message to one of the doors, as the program of login does or, without one, another server.
func bring(t *testing.T, door, login, from string, o *smtp.MailOptions, to ...string) {
	t.Helper()
	client, err := smtp.DialStartTLS(door, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // its own authority's certificate
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if login != "" {
		err = client.Auth(sasl.NewPlainClient("", login, "richtig-Pferd-9"))
	}
	if err == nil {
		err = client.Mail(from, o)
	}
	for _, r := range to {
		err = errors.Join(err, client.Rcpt(r, nil))
	}
	if err != nil {
		t.Fatal(err)
	}
	w, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(w, "From: %s\r\nTo: %s\r\nSubject: Wandertag\r\nMessage-ID: <%[2]s.%[1]s>\r\n\r\nHallo\r\n", from, to[0])
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
}

// later moves the clock.
func (k *aged) later(days int) {
	k.clock.set(k.clock.read().Add(time.Duration(days) * 24 * time.Hour))
}

// A signature holds for days, and a message may wait for longer: held in the queue, for an owner of its list, or for an administrator. It
// leaves with one that holds.
func TestWhatHasWaitedLeavesWithASignatureThatHolds(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k := newAged(t)
	server := k.door(t, "submission")
	bring(t, server, "anna", "anna@school.test", nil, "lena@example.org")
	bring(t, server, "anna", "anna@school.test", nil, "7b@school.test")
	bring(t, server, "ben", "ben@school.test", nil, "max@example.org", "mia@example.org")
	ids, err := k.Queue.Find(ctx, queue.Filter{}, 0)
	if err == nil {
		_, err = k.Queue.Hold(ctx, "a look at it", ids...)
	}
	if err != nil || len(ids) != 1 {
		t.Fatalf("%d wait in the queue, %v", len(ids), err)
	}
	k.later(6)
	held, err := k.Lists.Held(ctx, false)
	if err != nil || len(held) != 2 {
		t.Fatalf("held: %+v, %v", held, err)
	}
	for _, h := range held {
		if _, err := k.Lists.Decide(ctx, h.ID, true, "the test"); err != nil {
			t.Fatal(err)
		}
	}
	k.later(8)
	if _, err := k.Queue.Release(ctx, ids...); err != nil {
		t.Fatal(err)
	}
	k.leave(t, 3, func(text string, v authenticate.Verdict) {
		list := strings.Contains(text, "\r\nList-Id: ")
		if sealed := strings.HasPrefix(text, "ARC-Seal: i=1; "); sealed != list || list && v.ARC.Result != authenticate.Pass {
			t.Errorf("sealed %t, %s %s:\n%s", sealed, v.ARC.Result, v.ARC.Reason, text)
		}
	})
}

// leave has the queue send what waits, and shows n messages that left to each: two signatures of the school hold.
func (k *aged) leave(t *testing.T, n int, each func(text string, v authenticate.Verdict)) {
	t.Helper()
	gone := make(departures, 10)
	k.serve(t, func(ctx context.Context) error { return k.Queue.Run(ctx, gone) })
	checker, err := authenticate.NewChecker(authenticate.Options{Resolver: k.DNS, Hostname: "mx.example.org", Now: k.clock.read})
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		text := (<-gone).text
		v, err := checker.Check(t.Context(), authenticate.Input{Client: netip.MustParseAddr("127.0.0.1"), Hello: "mail.school.test", Message: strings.NewReader(text)})
		if err != nil || len(v.DKIM) != 2 {
			t.Errorf("%+v, %v, want two signatures:\n%s", v.DKIM, err, text)
		}
		for _, d := range v.DKIM {
			if d.Result != authenticate.Pass || d.Domain != "school.test" {
				t.Errorf("%s %s %s:\n%s", d.Domain, d.Result, d.Reason, text)
			}
		}
		each(text, v)
	}
}

// What the server itself writes for somebody elsewhere is signed in the name that its From has: answers of filters, and questions about held
// messages that their reader has sent on.
func TestWhatTheServerWritesLeavesSigned(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k := newAged(t)
	for name, script := range map[string]string{"anna": `require "vacation"; vacation "Bin verreist.";`, "tina": `redirect "tina@else.example";`} {
		if _, err := k.Filters.Put(ctx, k.id[name], "main", []byte(script)); err != nil {
			t.Fatal(err)
		}
		if err := k.Filters.Activate(ctx, k.id[name], "main"); err != nil {
			t.Fatal(err)
		}
	}
	server := k.door(t, "smtp")
	for _, to := range []string{"anna@school.test", "7b@school.test"} {
		bring(t, server, "", "lena@example.org", nil, to)
	}
	var from []string
	k.leave(t, 2, func(text string, _ authenticate.Verdict) {
		_, rest, _ := strings.Cut(text, "\r\nFrom: ")
		who, _, _ := strings.Cut(rest, "\r\n")
		from = append(from, who)
	})
	slices.Sort(from)
	if got := strings.Join(from, ", "); got != `"Schulhof" <7b@school.test>, <anna@school.test>` {
		t.Errorf("left from %s", got)
	}
}
