package imapd

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
	"schulhof/store"

	"github.com/prometheus/client_golang/prometheus"
)

// Options say what a Server works with.
type Options struct {
	Store                  *store.Store
	Directory              *directory.Directory
	Mail                   *mailbox.Mail
	TLS                    *tls.Config // nil: no STARTTLS, and ServeTLS fails
	Hostname               string      // said in the greeting
	Log                    *slog.Logger
	Metrics                prometheus.Registerer
	AllowPlaintextLoopback bool // loopback clients may log in without TLS
	Now                    func() time.Time
	MaxSize                int64 // bytes per message; 0: mailbox.DefaultMaxSize
}

// Server answers IMAP connections. One Server may serve several listeners.
type Server struct {
	store             *store.Store
	dir               *directory.Directory
	mail              *mailbox.Mail
	tls               *tls.Config
	hostname          string
	log               *slog.Logger
	plaintextLoopback bool
	now               func() time.Time
	maxSize           int64
	metrics           *metrics
	reads, writes     sync.Pool // of *[]byte
	lastConn          atomic.Uint64
	mostWatched       int // mailboxes of one session's NOTIFY
	mostNews          int // messages that NOTIFY tells at once

	mu       sync.Mutex
	accounts map[directory.ID]int // connections from elsewhere than loopback
}

// New makes a Server; it listens to nothing yet.
func New(o Options) (*Server, error) {
	if o.Store == nil || o.Directory == nil || o.Mail == nil {
		return nil, errors.New("imapd: store, directory and mail are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxSize <= 0 {
		o.MaxSize = mailbox.DefaultMaxSize
	}
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, fmt.Errorf("imapd: metrics: %w", err)
	}
	return &Server{
		store: o.Store, dir: o.Directory, mail: o.Mail, tls: o.TLS, hostname: o.Hostname, log: o.Log,
		plaintextLoopback: o.AllowPlaintextLoopback, now: o.Now, maxSize: o.MaxSize, metrics: m,
		reads:    sync.Pool{New: func() any { b := make([]byte, largeRead); return &b }},
		writes:   sync.Pool{New: func() any { b := make([]byte, 0, largeRead); return &b }},
		accounts: map[directory.ID]int{}, mostWatched: maxWatched, mostNews: maxNews,
	}, nil
}

// Serve answers connections on ln (143) until ctx ends, lets commands finish, says BYE and returns nil when the last
// connection is gone. It closes ln.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error { return s.serve(ctx, ln, false) }

// ServeTLS is Serve with TLS from the first byte (993, RFC 8314).
func (s *Server) ServeTLS(ctx context.Context, ln net.Listener) error {
	if s.tls == nil {
		return errors.New("imapd: no certificate for TLS")
	}
	return s.serve(ctx, ln, true)
}

func (s *Server) serve(ctx context.Context, ln net.Listener, implicitTLS bool) error {
	var (
		handlers sync.WaitGroup
		open     = openConns{wires: map[*wire]struct{}{}}
	)
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer handlers.Wait()
	defer open.drain(cut) // runs first: asks everyone to go, and cuts them after drainTime
	unhook := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer unhook()
	for {
		nc, err := ln.Accept()
		switch {
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil && isTemporary(err):
			s.log.Warn("imap accept", "err", err)
			time.Sleep(100 * time.Millisecond) // out of descriptors: let connections end
			continue
		case err != nil:
			return fmt.Errorf("imapd: accept: %w", err)
		}
		handlers.Go(func() {
			defer nc.Close()
			w := &wire{raw: nc, nc: nc}
			open.add(w)
			defer open.remove(w)
			s.handle(work, w, implicitTLS)
		})
	}
}

// isTemporary: accepting may work again soon (too many open files, a connection that was reset while it waited).
func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// openConns are the connections of one listener.
type openConns struct {
	mu       sync.Mutex
	wires    map[*wire]struct{}
	stopping bool
}

func (o *openConns) add(w *wire) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wires[w] = struct{}{}
	if o.stopping {
		w.stop()
	}
}

func (o *openConns) remove(w *wire) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.wires, w)
}

// drain asks every connection to end, and cuts those that are still there after drainTime.
func (o *openConns) drain(cut func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopping = true
	for w := range o.wires {
		w.stop()
	}
	if len(o.wires) == 0 {
		return
	}
	time.AfterFunc(drainTime, func() {
		cut()
		o.mu.Lock()
		defer o.mu.Unlock()
		for w := range o.wires {
			_ = w.raw.Close() // its handler sees the error
		}
	})
}

func (s *Server) handle(ctx context.Context, w *wire, implicitTLS bool) {
	c := s.newConn(w)
	c.remote = addrOf(w.raw.RemoteAddr())
	c.serial = s.lastConn.Add(1)
	c.log = s.log.With("conn", c.serial, "remote", c.remote)
	c.parser.spool = s.mail.NewSpool
	w.until = s.loginEnd(c)
	started := c.started
	s.metrics.opened(1)
	defer s.metrics.opened(-1)
	if implicitTLS {
		if err := c.secureWire(); err != nil {
			c.log.Debug("imap TLS handshake failed", "err", err)
			return
		}
	}
	defer c.leave()
	reason := c.serveSafely(ctx)
	c.log.Info("imap session", "login", c.id.Account.Login, "client", c.client, "tls", c.tls, "commands", c.count, "in", w.in, "out", w.out,
		"seconds", time.Since(started).Seconds(), "end", reason)
	if c.tls {
		_ = w.nc.SetWriteDeadline(time.Now().Add(time.Second))
		_ = w.nc.Close() // says close_notify; the session is over whether or not the client hears it
	}
}

// serveSafely is serve; a bug of ours costs this connection, not the server.
func (c *conn) serveSafely(ctx context.Context) (reason string) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("imap session panicked", "panic", v, "stack", string(debug.Stack()))
			reason = "panic"
			c.setWatched(nil)
			c.deselect()
			c.bye("SERVERBUG", "Internal error, it has been logged")
		}
	}()
	return c.serve(ctx)
}

// newConn makes the state of a connection over w.
func (s *Server) newConn(w *wire) *conn {
	c := &conn{srv: s, wire: w, started: time.Now()}
	c.rd = reader{wire: w, pool: &s.reads}
	c.rd.release()
	c.enc = encoder{out: w, pool: &s.writes}
	c.w = &c.enc
	c.parser = parser{rd: &c.rd, w: c.w}
	return c
}

// loginEnd is when a connection that has not logged in ends.
func (s *Server) loginEnd(c *conn) time.Time { return c.started.Add(loginTime) }

func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	if a != nil {
		if p, err := netip.ParseAddrPort(a.String()); err == nil {
			return p.Addr().Unmap()
		}
	}
	return netip.Addr{}
}

// enter counts a login; it refuses more than maxConnections from elsewhere than loopback.
func (s *Server) enter(c *conn) bool {
	if c.remote.IsLoopback() {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts[c.id.Account.ID] >= maxConnections {
		return false
	}
	s.accounts[c.id.Account.ID]++
	c.counted = true
	return true
}

// leave undoes enter.
func (c *conn) leave() {
	if !c.counted {
		return
	}
	c.counted = false
	s := c.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts[c.id.Account.ID]--; s.accounts[c.id.Account.ID] == 0 {
		delete(s.accounts, c.id.Account.ID)
	}
}
