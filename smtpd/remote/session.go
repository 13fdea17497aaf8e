package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"time"
)

// ErrIdle says that the server had closed the connection while nothing was said, or takes no other message on it: the message may be tried
// on a new one.
var ErrIdle = errors.New("the server has closed the idle connection")

// session is one connection that is ready for mail. It is used by one goroutine.
type session struct {
	*wire
	c          *Client
	host       string // its name
	address    netip.AddrPort
	extensions map[string]string // by keyword in capitals; empty after HELO
	encrypted  bool
	proven     bool   // with the server that the domain's owner names
	protection string // for people
	soft       error  // what a policy in testing found
	requireTLS bool   // the target asked for REQUIRETLS
	used       int    // messages tried before
	dirty      bool   // the last transaction was not ended by the server: RSET comes first
}

// Deliver implements Session.
func (s *session) Deliver(ctx context.Context, m Message, to []Recipient, beforeDot func(context.Context) error) ([]Result, error) {
	stop := s.whileContext(ctx)
	defer stop()
	began := s.c.o.Now()
	t := &transaction{session: s, m: m, to: to, results: make([]Result, len(to))}
	err := t.run(ctx, beforeDot)
	s.used++
	if err != nil && !t.complete {
		s.c.metrics.attempted(nil, m.Size, s.c.o.Now().Sub(began))
		return nil, err
	}
	s.c.metrics.attempted(t.results, m.Size, s.c.o.Now().Sub(began))
	s.c.log.Debug("remote: tried", "host", s.host, "address", s.address, "tls", s.protection, "recipients", len(to), "code", t.results[0].Code, "err", err)
	return t.results, err
}

// Close takes leave and closes the connection.
func (s *session) Close() {
	defer s.nc.Close()
	s.nc.SetDeadline(time.Now().Add(s.timeout.Quit))
	if s.send("QUIT") == nil && s.w.Flush() == nil {
		_, _ = readReply(s.r) // the server may close first: RFC 5321 §4.1.1.10
	}
}

// transaction is one message on its way.
type transaction struct {
	*session
	m        Message
	to       []Recipient
	results  []Result
	accepted []int // of the recipients: those the server took
	complete bool  // every recipient has a result
}

// run goes through the transaction. RFC 5321 §3.3.
func (t *transaction) run(ctx context.Context, beforeDot func(context.Context) error) error {
	if t.dirty {
		p, err := t.ask(t.timeout.Command, "RSET")
		if err != nil || p.code/100 != 2 { // whoever is out of step would take our commands for a message, or refuse MAIL for ever
			return fmt.Errorf("%w: %w", ErrIdle, cause(p, err))
		}
		t.dirty = false
	}
	if t.m.Eight && !t.has("8BITMIME") {
		eight, err := t.m.eightBit(ctx)
		if err != nil {
			return &bodyError{err}
		}
		t.m.Eight = eight
	}
	command, ask := t.mayAsk()
	if len(ask) == 0 {
		t.complete = true
		return nil
	}
	if err := t.envelope(command, ask); err != nil || len(t.accepted) == 0 {
		return err
	}
	p, err := t.ask(t.timeout.Data, "DATA")
	if err != nil {
		return t.lost("DATA", err)
	}
	if p.code != 354 {
		return t.all(p, p.failed())
	}
	return t.data(ctx, beforeDot)
}

// eightBit looks for a byte above 127: many programs declare BODY=8BITMIME whatever they send, and 7-bit text may go anywhere.
func (m *Message) eightBit(ctx context.Context) (bool, error) {
	body, err := m.Body(ctx)
	if err != nil {
		return false, err
	}
	defer body.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := body.Read(buf)
		for _, c := range buf[:n] {
			if c > 127 {
				return true, nil
			}
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// data sends the message, and the final dot if beforeDot agrees.
func (t *transaction) data(ctx context.Context, beforeDot func(context.Context) error) error {
	body, err := t.m.Body(ctx)
	if err != nil {
		return &bodyError{err} // the connection ends inside of DATA: the server forgets the message
	}
	defer body.Close()
	var unreadable *bodyError
	switch err := t.sendBody(body); {
	case errors.Is(err, errBareLineEnd):
		t.give(Result{Enhanced: "5.6.11", Text: "The message has line ends that do not belong into mail", Host: t.host, TLS: t.protection})
		return err
	case errors.As(err, &unreadable):
		return unreadable
	case err != nil:
		return t.lost("the message", err)
	}
	if err := t.flush(); err != nil { // so that the dot is all that is left
		return t.lost("the message", err)
	}
	if err := beforeDot(ctx); err != nil {
		return err
	}
	p, err := t.ask(t.timeout.Final, ".")
	if err != nil {
		t.give(Result{Enhanced: "4.4.2", Text: brokenText("the end of the message", err) + "; it may have the message",
			Host: t.host, TLS: t.protection, Temporary: true})
		return err
	}
	if p.code/100 == 2 {
		return t.all(p, p.result())
	}
	return t.all(p, p.failed())
}

// envelope says MAIL and RCPT: all at once to a server that takes that (RFC 2920), one after the other otherwise.
func (t *transaction) envelope(mail string, ask []int) error {
	end := time.Now().Add(t.timeout.Envelope)
	commands := []string{mail}
	of := []int{-1} // whose command it is
	for _, i := range ask {
		commands, of = append(commands, t.rcpt(t.to[i])), append(of, i)
	}
	t.dirty = true
	step := 1
	if t.has("PIPELINING") {
		step = batch
	}
	for first := 0; first < len(commands); first += step {
		n := min(step, len(commands)-first)
		for _, command := range commands[first : first+n] {
			if err := t.send(command); err != nil {
				return t.lost("the envelope", err)
			}
		}
		if err := t.flush(); err != nil {
			return t.gone("MAIL", err, first == 0)
		}
		for k := first; k < first+n; k++ {
			if err := t.envelopeReply(of[k], end); err != nil || t.complete && step == 1 {
				return err
			}
		}
		if t.complete {
			return nil // MAIL was refused, and the replies to what had been sent behind it are read
		}
	}
	t.complete = len(t.accepted) == 0
	return nil
}

// envelopeReply reads the reply to MAIL (i is -1) or to RCPT of recipient i.
func (t *transaction) envelopeReply(i int, end time.Time) error {
	during := "MAIL"
	if i >= 0 {
		during = "RCPT"
	}
	patience := min(t.timeout.Command, time.Until(end))
	p, err := t.read(patience)
	if err != nil {
		return t.gone(during, err, i < 0)
	}
	res := p.failed()
	res.Host, res.TLS = t.host, t.protection
	switch {
	case p.code == 421 && i < 0 && t.used > 0: // it had waited long enough
		return fmt.Errorf("%w: 421", ErrIdle)
	case p.code == 421: // RFC 5321 §3.8
		t.give(res)
		return &Error{Result: res}
	case i < 0 && p.code/100 == 2:
		return nil
	case i < 0:
		t.give(res)
		return nil
	case t.complete:
		return nil // MAIL was refused
	case p.code/100 == 2:
		t.accepted = append(t.accepted, i)
		return nil
	case p.code == 552: // RFC 5321 §4.5.3.1.10: too many recipients, in an old way
		res.Temporary = true
	}
	t.results[i] = res
	return nil
}

// all gives the reply to DATA or to the final dot to the recipients that were taken.
func (t *transaction) all(p reply, res Result) error {
	res.Host, res.TLS = t.host, t.protection
	taken := res.Code/100 == 2
	res.Relayed = taken && !t.has("DSN")
	t.give(res)
	t.dirty = !taken
	if p.code == 421 {
		return &Error{Result: res}
	}
	return nil
}

// give sets the result of every recipient that has none yet.
func (t *transaction) give(res Result) {
	for i := range t.results {
		if t.results[i] == (Result{}) {
			t.results[i] = res
		}
	}
	t.complete = true
}

// lost is the end of the connection before the final dot: the recipients without a reply are tried again.
func (t *transaction) lost(during string, err error) error {
	e := t.broken(during, err)
	if errors.Is(err, errSlow) {
		e.Text = "The server took the message too slowly"
	}
	t.give(e.Result)
	return e
}

// gone is lost, unless the connection was open from before and the server has not said a word since.
func (t *transaction) gone(during string, err error, first bool) error {
	if first && t.used > 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrIdle, err)
	}
	return t.lost(during, err)
}

func cause(p reply, err error) error {
	if err == nil {
		return fmt.Errorf("%d to RSET", p.code)
	}
	return err
}

// size is what the server says it takes at most; 0: it does not say. RFC 1870 §4.
func (s *session) size() int64 {
	n, err := strconv.ParseInt(s.extensions["SIZE"], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
