package spam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/smtpd/authenticate"
	"schulhof/store"

	"github.com/prometheus/client_golang/prometheus"
)

// Action is what should become of a message.
type Action uint8

// The actions, from the mildest.
const (
	Deliver Action = iota
	Junk           // deliver it to the mailboxes for unwanted mail
	Defer          // 451: the peer should come again
	Refuse         // 550
)

func (a Action) String() string { return [...]string{"deliver", "junk", "defer", "refuse"}[a] }

// Origin says whether a message comes from where it claims; *authenticate.Checker is the real one.
type Origin interface {
	Check(ctx context.Context, in authenticate.Input) (authenticate.Verdict, error)
}

// Options say how mail is judged.
type Options struct {
	Origin   Origin
	Hostname string                   // our name
	Local    func(domain string) bool // whether a domain is ours; nil: none is
	// From this score on a message goes to Junk, is refused, or has to come again if its network is not known. 0: the default; below: never.
	Junk, Reject, Greylist float64
	GreylistDelay          time.Duration // how long it has to wait; 0: five minutes
	Blocklists             []string      // zones of the DNS that list addresses; RFC 5782

	Rspamd            string  // the address of a server of that name, http://host:port; its score takes the place of ours
	RspamdError       OnError // Proceed: with our own score
	RspamdSubmissions bool    // it also judges what our own people send
	Clamd             string  // where ClamAV's daemon listens, unix:/path or host:port; it looks at what our own people send as well
	ClamdError        OnError

	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none
	Now     func() time.Time      // nil: time.Now
}

func (o Options) withDefaults() Options {
	for _, t := range []struct {
		value *float64
		usual float64
	}{{&o.Junk, defaultJunk}, {&o.Reject, defaultReject}, {&o.Greylist, defaultGreylist}} {
		if *t.value == 0 {
			*t.value = t.usual
		}
	}
	if o.GreylistDelay <= 0 {
		o.GreylistDelay = defaultGreylistDelay
	}
	if o.Local == nil {
		o.Local = func(string) bool { return false }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Blocklists = o.Blocklists[:min(len(o.Blocklists), maxLists)]
	return o
}

// Message is a message that has come whole, and is not stored yet.
type Message struct {
	Client     netip.Addr
	Hello      string // the name in HELO or EHLO
	Sender     string // MAIL FROM, "" for <>
	Recipients []string
	Login      string // who of our own people sends it; "": it comes from another server
	TraceID    string
	Body       io.ReaderAt
	Size       int64
}

// reader reads the message from its start; several may read it at once.
func (m *Message) reader() *io.SectionReader { return io.NewSectionReader(m.Body, 0, m.Size) }

// Verdict is what is known about a message, and what follows from it.
type Verdict struct {
	Action  Action
	Reason  string // one sentence, in ASCII: why it is not Deliver, or not for the score
	Fields  []byte // header fields to put above the message, each with its line end
	Score   float64
	Symbols []Symbol // what the score is made of
	Origin  authenticate.Verdict

	base     float64 // what people's own points are added to
	required float64 // rspamd's threshold for Junk; 0: ours
	settled  bool    // nobody's own judgement changes it
}

// Checker judges messages. It is safe for concurrent use.
type Checker struct {
	o       Options
	metrics *metrics
	grey    *greylist
	people  *people   // nil: nobody teaches
	rspamd  *rspamd   // nil: not asked
	clamd   *clamd    // nil: not asked
	heads   sync.Pool // *[]byte

	stop context.CancelFunc
	work sync.WaitGroup
}

// New opens the domain; Close ends its background work. Without mail nobody teaches what they want to read.
func New(ctx context.Context, s *store.Store, mail *mailbox.Mail, dir *directory.Directory, o Options) (*Checker, error) {
	o = o.withDefaults()
	if o.Origin == nil || o.Hostname == "" {
		return nil, errors.New("spam: Origin and Hostname are needed")
	}
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, fmt.Errorf("spam: %w", err)
	}
	c := &Checker{o: o, metrics: m, grey: newGreylist(s, o), rspamd: newRspamd(o.Rspamd), clamd: newClamd(o.Clamd)}
	if err := c.grey.load(ctx); err != nil {
		return nil, fmt.Errorf("spam: %w", err)
	}
	if mail != nil {
		if c.people, err = openPeople(ctx, s, mail, dir, o.Log); err != nil {
			return nil, fmt.Errorf("spam: %w", err)
		}
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	c.work.Go(func() { c.grey.run(work) })
	if c.people != nil {
		c.work.Go(func() { c.people.train(work) })
	}
	return c, nil
}

// Close ends background work.
func (c *Checker) Close() error {
	c.stop()
	c.work.Wait()
	if c.rspamd != nil {
		c.rspamd.client.CloseIdleConnections()
	}
	return nil
}

// Check judges a message from another server. It takes at most 20 s. The error is that of reading the message.
func (c *Checker) Check(ctx context.Context, m *Message) (v Verdict, err error) {
	ctx, stop := context.WithTimeout(ctx, checkTimeout)
	defer stop()
	h, err := c.readHead(m)
	if err != nil {
		return v, fmt.Errorf("read message: %w", err)
	}
	var listed int
	in := authenticate.Input{Client: m.Client, Hello: m.Hello, Sender: m.Sender, Message: m.reader()}
	if len(c.o.Blocklists) > 0 {
		in.Beside = func(ctx context.Context, r authenticate.Resolver) { listed = c.askLists(ctx, r, m) }
	}
	others := c.scan(ctx, m)
	if v.Origin, err = c.o.Origin.Check(ctx, in); err != nil || v.Origin.Action == authenticate.Reject {
		others.abandon()
	} else {
		others.wait()
	}
	if err != nil {
		return v, err
	}
	if others.reply == nil {
		f := facts{message: m, origin: &v.Origin, head: h, listed: listed, now: c.o.Now(), hostname: c.o.Hostname, local: c.o.Local}
		v.Symbols, v.Score = f.score()
		c.metrics.symbols(v.Symbols)
	}
	c.decide(ctx, m, &v, others)
	c.metrics.verdict.WithLabelValues(v.Action.String()).Inc()
	v.Fields = c.appendStatus(append([]byte(nil), v.Origin.Field...), &v)
	c.o.Log.LogAttrs(ctx, slog.LevelDebug, "message judged", slog.String("id", m.TraceID), slog.String("action", v.Action.String()),
		slog.Float64("score", v.Score), slog.String("spf", string(v.Origin.SPF.Result)), slog.Int("dkim", len(v.Origin.DKIM)),
		slog.String("dmarc", string(v.Origin.DMARC.Result)), slog.String("from", v.Origin.DMARC.From))
	return v, nil
}

// decide says what should become of the message. What is known of its origin counts first, because the domain's owner asks for that.
func (c *Checker) decide(ctx context.Context, m *Message, v *Verdict, others *scans) {
	o := &v.Origin
	switch {
	case o.Action == authenticate.Reject:
		v.Action, v.Reason = Refuse, o.Reason
		return
	case o.Action == authenticate.Defer && others.virus == "":
		v.Action, v.Reason = Defer, o.Reason
		return
	case others.decide(v):
		return
	}
	v.base = v.Score
	tooMuch, doubtful := reaches(v.Score, c.o.Reject), reaches(v.Score, c.o.Greylist) && !vouched(o)
	if others.reply != nil {
		tooMuch, doubtful = false, others.adopt(v)
	}
	switch {
	case tooMuch:
		v.Action, v.Reason = Refuse, fmt.Sprintf("The message has too many marks of unwanted mail (%.1f): %s", v.Score, v.worst())
	case o.Action == authenticate.Junk:
		v.Action, v.Reason, v.settled = Junk, o.Reason, true
	case doubtful && !c.grey.passes(ctx, m):
		v.Action, v.Reason = Defer, fmt.Sprintf("Your network is not known here yet, please try again in %s (greylisting)", minutes(c.o.GreylistDelay))
	case reaches(v.base, c.o.Junk):
		v.Action = Junk
	default:
		c.grey.learn(m.Client)
	}
}

// reaches compares a score with a threshold; one below 0 is never reached.
func reaches(score, threshold float64) bool { return threshold > 0 && score >= threshold-epsilon }

// epsilon is less than any difference of scores: sums of tenths are not exact.
const epsilon = 1e-6

// vouched reports that somebody answers for the message with a key of theirs: greylisting is for networks of which nothing is known.
func vouched(o *authenticate.Verdict) bool {
	if o.DMARC.Result == authenticate.Pass || o.DMARC.Sealed {
		return true
	}
	for _, d := range o.DKIM {
		if d.Result == authenticate.Pass {
			return true
		}
	}
	return false
}

// worst names the symbols that weigh most.
func (v *Verdict) worst() string {
	names := make([]string, 0, maxReasons)
	for _, s := range heaviest(v.Symbols) {
		if len(names) == maxReasons || s.Score <= 0 {
			break
		}
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

func minutes(d time.Duration) string {
	n := int((d + time.Minute - 1) / time.Minute)
	if n == 1 {
		return "a minute"
	}
	return fmt.Sprintf("%d minutes", n)
}
