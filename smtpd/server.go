package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/filter"
	"schulhof/smtpd/lists"
	"schulhof/store"

	"github.com/emersion/go-smtp"
	"github.com/prometheus/client_golang/prometheus"
)

// Options say what the doors lead to.
type Options struct {
	Store     *store.Store
	Directory *directory.Directory
	Mail      *mailbox.Mail
	TLS       *tls.Config // nil: no STARTTLS, and ServeSubmissions refuses to start
	Hostname  string      // our name in greetings and trace fields
	Log       *slog.Logger
	Metrics   prometheus.Registerer // nil: none
	MaxSize   int64                 // bytes per message, 0: DefaultMaxSize; a message of exactly this size is taken
	// AllowPlaintextLoopback lets a client on a loopback address log in without TLS.
	AllowPlaintextLoopback bool
	Allowlist              []netip.Prefix   // networks without budgets; loopback is always one
	Outbound               Outbound         // nil: recipients elsewhere are refused
	Lists                  *lists.Lists     // nil: a group's address only leads to its members
	Filters                *filter.Filters  // nil: nobody has a mail filter, and ServeManageSieve refuses to start
	Checker                Checker          // nil: mail from other servers is taken as it comes
	SubmissionChecker      Checker          // nil: what our own people send is taken as it comes
	CheckLoopback          bool             // mail from loopback addresses is judged as well
	Visible                Visible          // how many people elsewhere a message may show to each other
	Reports                Reports          // nil: reports are mail like any other
	Returns                Returns          // nil: no address leads back to other servers
	Now                    func() time.Time // nil: time.Now
}

// Outbound takes mail for recipients elsewhere, from accounts that logged in; the queue is the real one.
type Outbound interface {
	// Enqueue writes the rows for m in the transaction that also delivers m to our own recipients, so that one
	// commit accepts all of it. It does SQL only, and may run again.
	Enqueue(tx *store.Tx, m Outgoing) error
}

// Outgoing is one message with the recipients that are not ours.
type Outgoing struct {
	Message    *mailbox.Prepared
	Account    directory.ID // who submitted it
	Envelope   Envelope
	Recipients []EnvelopeRecipient
	TraceID    string

	AtOnce bool      // nobody can take it back any more
	Later  time.Time // not zero: it waits as a whole for all of Recipients, also ours, until then; [Server.Release] delivers it

	Signed, Sealed string // domains of ours that answer for it as it leaves; "" for none
}

// Envelope is MAIL FROM with its parameters, among them RET and ENVID of RFC 3461.
type Envelope struct {
	Sender  string // "" for <>
	Options smtp.MailOptions
}

// EnvelopeRecipient is one RCPT TO with its parameters, among them NOTIFY and ORCPT of RFC 3461.
type EnvelopeRecipient struct {
	Address string
	Options smtp.RcptOptions
}

// Server receives mail at its doors.
type Server struct {
	o       Options
	log     *slog.Logger
	metrics *metrics
	peers   *peers
	partial *partials
	nextID  atomic.Uint64
}

// door is one kind of listener.
type door struct {
	name     string
	lmtp     bool
	submit   bool // people with a login; otherwise anyone, to our recipients only
	implicit bool // TLS from the first byte; RFC 8314
	sieve    bool // ManageSieve; RFC 5804
}

var (
	doorMX          = &door{name: "mx"}
	doorSubmission  = &door{name: "submission", submit: true}
	doorSubmissions = &door{name: "submissions", submit: true, implicit: true}
	doorPages       = &door{name: "webmail", submit: true} // no listener: Submit and Release
	doorLMTP        = &door{name: "lmtp", lmtp: true}
)

// New makes a server; it opens nothing.
func New(o Options) (*Server, error) {
	if o.Directory == nil || o.Mail == nil || o.Store == nil {
		return nil, errors.New("smtpd: Store, Directory and Mail are needed")
	}
	if !validDomain(o.Hostname) {
		return nil, fmt.Errorf("smtpd: hostname %q is not valid", o.Hostname)
	}
	if o.MaxSize <= 0 {
		o.MaxSize = DefaultMaxSize
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, fmt.Errorf("smtpd: %w", err)
	}
	return &Server{o: o, log: o.Log, metrics: m, peers: newPeers(o.Allowlist, o.Now), partial: newPartials(o.Now)}, nil
}

// ServeMX answers other mail servers on ln (port 25) until ctx ends and every connection is drained.
func (s *Server) ServeMX(ctx context.Context, ln net.Listener) error {
	return s.serve(ctx, ln, doorMX)
}

// ServeSubmission answers people's programs on ln (port 587, STARTTLS).
func (s *Server) ServeSubmission(ctx context.Context, ln net.Listener) error {
	return s.serve(ctx, ln, doorSubmission)
}

// ServeSubmissions answers people's programs on ln (port 465, TLS from the first byte).
func (s *Server) ServeSubmissions(ctx context.Context, ln net.Listener) error {
	if s.o.TLS == nil {
		ln.Close()
		return errors.New("smtpd: submissions needs TLS")
	}
	return s.serve(ctx, ln, doorSubmissions)
}

// ServeLMTP answers a mail server on this machine on ln (port 24): peers that are not loopback or allowlisted are sent away.
func (s *Server) ServeLMTP(ctx context.Context, ln net.Listener) error {
	return s.serve(ctx, ln, doorLMTP)
}

// serve owns the connections of one listener: when it has returned, none is left.
func (s *Server) serve(ctx context.Context, ln net.Listener, d *door) error {
	var conns sync.WaitGroup
	defer conns.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop() // runs before the wait and drains every connection
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	var pause time.Duration
	for {
		nc, err := ln.Accept()
		switch {
		case err != nil && ctx.Err() != nil:
			return nil // asked to stop
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("smtpd: accept on %s: %w", d.name, err)
		case err != nil: // out of descriptors, a peer that was gone again: others must still get in
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Warn("accept", "door", d.name, "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			continue
		}
		pause = 0
		conns.Go(func() { s.handle(ctx, nc, d) })
	}
}

// handle serves one connection and closes it.
func (s *Server) handle(ctx context.Context, nc net.Conn, d *door) {
	remote := remoteIP(nc)
	log := s.log.With("conn", s.nextID.Add(1), "door", d.name, "remote", remote.String())
	w := newWire(nc)
	if !s.peers.enter(remote) {
		s.metrics.connection.WithLabelValues(d.name, "crowd").Inc()
		log.Debug("too many connections")
		s.sendAway(w, d, noCrowd)
		return
	}
	defer s.peers.leave(remote)
	if d.lmtp && !s.peers.trusted(remote) {
		s.metrics.connection.WithLabelValues(d.name, "refused").Inc()
		log.Warn("LMTP peer is neither loopback nor allowlisted")
		s.sendAway(w, d, noPeer)
		return
	}
	// Work under way may end after ctx does, but not for long.
	work, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	ended := context.AfterFunc(ctx, func() {
		w.drain()
		select {
		case <-work.Done(): // the connection has ended by itself
		case <-time.After(drainGrace):
			abort()
			nc.Close()
		}
	})
	defer ended()

	s.metrics.open.WithLabelValues(d.name).Inc()
	defer s.metrics.open.WithLabelValues(d.name).Dec()
	c := &session{srv: s, door: d, wire: w, remote: remote, log: log, began: time.Now()}
	defer func() {
		if p := recover(); p != nil { // our bug must not end the others' connections
			log.Error("panic", "panic", p, "stack", string(debug.Stack()))
			w.out = d.farewell(w.out[:0], noPanic)
			w.flush()
			w.close()
		}
	}()
	defer c.reset()
	if d.implicit {
		if err := w.handshake(work, s.o.TLS); err != nil {
			s.metrics.connection.WithLabelValues(d.name, "tls").Inc()
			log.Debug("no TLS", "err", err)
			w.close()
			return
		}
	}
	s.metrics.connection.WithLabelValues(d.name, "served").Inc()
	if d.sieve {
		(&sieveSession{srv: s, wire: w, remote: remote, log: log, began: c.began}).serve(work)
		return
	}
	c.serve(work)
}

// sendAway refuses a connection before the greeting. Behind implicit TLS nobody could read a reply.
func (s *Server) sendAway(w *wire, d *door, r reply) {
	if !d.implicit {
		w.out = d.farewell(w.out, r)
		w.flush()
	}
	w.close()
}

// farewell writes the last reply in the door's protocol.
func (d *door) farewell(dst []byte, r reply) []byte {
	if d.sieve {
		return sieveReply{word: "BYE", text: r.text}.appendTo(dst)
	}
	return r.appendTo(dst, "")
}

// remoteIP is the peer's address; loopback for a unix socket and the like.
func remoteIP(nc net.Conn) netip.Addr {
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}
