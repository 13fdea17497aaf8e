package authenticate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Result is the outcome of one method. RFC 8601 §2.7.
type Result string

// The results.
const (
	None      Result = "none"
	Pass      Result = "pass"
	Fail      Result = "fail"
	SoftFail  Result = "softfail"
	Neutral   Result = "neutral"
	TempError Result = "temperror"
	PermError Result = "permerror"
)

// Action is what should become of a message.
type Action uint8

// The actions.
const (
	Accept Action = iota
	Junk          // deliver it where unwanted mail goes
	Defer         // ask the peer to come again: the DNS had no answer that could decide
	Reject
)

func (a Action) String() string { return [...]string{"accept", "junk", "defer", "reject"}[a] }

// Options say how messages are judged.
type Options struct {
	Resolver Resolver
	Hostname string                // the name in our Authentication-Results field
	Strict   Action                // the most that a DMARC policy may lead to: Reject, Junk, or Accept to only report
	Trusted  []string              // domains whose ARC seals are believed
	Metrics  prometheus.Registerer // nil: none
	Now      func() time.Time      // nil: time.Now
	Roll     func(n int) int       // 0 to n-1, for pct; nil: random
}

// Input is a message that has come whole from another server.
type Input struct {
	Client  netip.Addr
	Hello   string // the name in HELO or EHLO
	Sender  string // MAIL FROM, "" for <>
	Message io.Reader
	// Beside runs while the message is judged, and asks out of the same budget of questions and of time; nil: nothing.
	Beside func(ctx context.Context, r Resolver)
}

// Verdict is what is known about a message's origin, and what follows from it.
type Verdict struct {
	SPF    SPF
	DKIM   []DKIM
	ARC    ARC
	DMARC  DMARC
	IPRev  IPRev
	Action Action
	Reason string // one sentence, in ASCII: why the action is not Accept
	Field  []byte // the Authentication-Results field, with its line ends
}

// Checker judges messages. It is safe for concurrent use.
type Checker struct {
	o       Options
	results *prometheus.CounterVec
}

// NewChecker makes a checker; it asks nothing yet.
func NewChecker(o Options) (*Checker, error) {
	if o.Resolver == nil || o.Hostname == "" {
		return nil, errors.New("authenticate: Resolver and Hostname are needed")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Roll == nil {
		o.Roll = rand.IntN
	}
	c := &Checker{o: o, results: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "schulhof_authenticate_results_total",
		Help: "Messages from other servers, by method and what it found."}, []string{"method", "result"})}
	if o.Metrics != nil {
		if err := o.Metrics.Register(c.results); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return c, nil
}

// Check judges a message. It takes at most 20 s. The error is that of reading the message.
func (c *Checker) Check(ctx context.Context, in Input) (v Verdict, err error) {
	ctx, stop := context.WithTimeout(ctx, checkTimeout)
	defer stop()
	h, body, err := splitMessage(in.Message)
	if err != nil {
		return v, fmt.Errorf("read message: %w", err)
	}
	authors, fromErr := authorDomains(h)
	asked := newBudget(c.o.Resolver)
	policies := make([]found, len(authors))
	var tasks tasks
	tasks.run(func() { v.SPF = checkSPF(ctx, asked, in.Client, in.Hello, in.Sender) })
	tasks.run(func() { v.IPRev = checkIPRev(ctx, asked, in.Client) })
	for i, domain := range authors {
		tasks.run(func() { policies[i] = findPolicy(ctx, asked, domain) })
	}
	if in.Beside != nil {
		tasks.run(func() { in.Beside(ctx, asked) })
	}
	v.DKIM, v.ARC, err = c.signatures(ctx, asked, h, body)
	tasks.wait()
	if err != nil {
		return v, fmt.Errorf("read message: %w", err)
	}
	if fromErr != nil {
		v.DMARC = DMARC{Result: PermError, Reason: fromErr.Error(), Applies: PolicyNone}
	}
	for i, p := range policies {
		d := evaluate(p, v.SPF, v.DKIM, func(percent int) bool { return c.o.Roll(100) < percent })
		c.ask(&v.ARC, &d)
		if i == 0 || d.worse(&v.DMARC) {
			v.DMARC = d
		}
	}
	c.decide(&v)
	v.Field = v.appendField(nil, c.o.Hostname)
	c.count(&v)
	return v, nil
}

// ask lets trusted sealers speak for a message that fails: lists and forwarders change what they pass on. RFC 8617 §7.2.1.
func (c *Checker) ask(a *ARC, d *DMARC) {
	switch {
	case d.Applies == PolicyNone:
	case a.vouches(d.From, c.o.Trusted):
		d.Applies, d.Sealed = PolicyNone, true
	case a.Result == TempError && a.allTrusted(c.o.Trusted):
		d.Result, d.Applies, d.Reason = TempError, PolicyNone, "ARC could not be looked up"
	}
}

// signatures reads the body once for all signatures and checks them.
func (c *Checker) signatures(ctx context.Context, r Resolver, h *header, body io.Reader) ([]DKIM, ARC, error) {
	list, bad, more := readSignatures(h, c.o.Now())
	chain := readChain(h, c.o.Now())
	want := map[form]bool{}
	if !chain.done {
		want[chain.message.body] = true
	}
	for i := range list {
		if bad[i] == nil {
			want[list[i].body] = true
		}
	}
	sums, err := hashBody(body, want)
	if err != nil {
		return nil, ARC{}, err
	}
	results := verifyDKIM(ctx, r, h, list, bad, sums)
	if more > 0 {
		results = append(results, DKIM{Result: Neutral, Reason: fmt.Sprintf("%d more signatures were not looked at", more)})
	}
	return results, chain.verify(ctx, r, h, sums), nil
}

// decide says what should become of the message.
func (c *Checker) decide(v *Verdict) {
	d := &v.DMARC
	switch {
	case d.Result == PermError:
		v.Action, v.Reason = Reject, d.Reason
	case d.Result == TempError:
		v.Action, v.Reason = Defer, "the DNS has no answer now on mail from "+d.From
	case d.Applies == PolicyReject:
		v.Action, v.Reason = Reject, d.From+" asks to refuse mail that only claims to come from it (DMARC)"
	case d.Applies == PolicyQuarantine:
		v.Action, v.Reason = Junk, d.From+" asks to distrust mail that only claims to come from it (DMARC)"
	}
	if d.Applies != PolicyNone || d.Result == TempError {
		if c.o.Strict == Accept {
			v.Action, v.Reason = Accept, ""
		}
		if c.o.Strict == Junk && v.Action == Reject {
			v.Action = Junk
		}
	}
}

// count feeds the metrics.
func (c *Checker) count(v *Verdict) {
	c.results.WithLabelValues("spf", string(v.SPF.Result)).Inc()
	c.results.WithLabelValues("arc", string(v.ARC.Result)).Inc()
	c.results.WithLabelValues("dmarc", string(v.DMARC.Result)).Inc()
	for _, d := range v.DKIM {
		c.results.WithLabelValues("dkim", string(d.Result)).Inc()
	}
}

// tasks runs functions beside each other. A panic of one comes up where they are waited for, so that it ends one connection only.
type tasks struct {
	running  sync.WaitGroup
	mu       sync.Mutex
	panicked any
}

func (t *tasks) run(f func()) {
	t.running.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				t.mu.Lock()
				t.panicked = p
				t.mu.Unlock()
			}
		}()
		f()
	})
}

func (t *tasks) wait() {
	t.running.Wait()
	if t.panicked != nil {
		panic(t.panicked)
	}
}
