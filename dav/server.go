package dav

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"schulhof/dav/collection"
	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"

	"github.com/prometheus/client_golang/prometheus"
)

// Options say what a Server works with.
type Options struct {
	Store                  *store.Store
	Directory              *directory.Directory
	Collections            *collection.Collections
	Hostname               string // what URIs of this server may be called besides the request's Host
	Log                    *slog.Logger
	Metrics                prometheus.Registerer
	Allowlist              []netip.Prefix // networks without a limit of requests at once
	AllowPlaintextLoopback bool           // loopback clients may log in without TLS
	Bearer                 Bearer         // nil: Basic only
	Now                    func() time.Time
	Zone                   *time.Location // where times without a zone are read; nil: UTC
}

// Bearer knows whose token it is that came with "Authorization: Bearer" (RFC 6750 §2.1).
type Bearer interface {
	// Identify returns fault.Unauthenticated for a token that is not, or no longer, valid for DAV.
	Identify(ctx context.Context, token string, remote netip.Addr) (directory.Identity, error)
}

// Server answers WebDAV, CalDAV and CardDAV requests.
type Server struct {
	store             *store.Store
	dir               *directory.Directory
	collections       *collection.Collections
	hostname          string
	log               *slog.Logger
	allowlist         []netip.Prefix
	plaintextLoopback bool
	bearer            Bearer
	now               func() time.Time
	zone              *time.Location
	metrics           *metrics
	live              *propertyTable
	reports           []report
	buffers, copies   sync.Pool // of *[]byte
	zips              sync.Pool // of *gzip.Writer
	lastRequest       atomic.Int64

	mu       sync.Mutex
	underWay map[directory.ID]int // requests from elsewhere than loopback and the allowlist
}

// New makes a Server. It starts nothing: [Server.Handler] is given to an HTTP server, which owns the connections.
func New(o Options) (*Server, error) {
	if o.Store == nil || o.Directory == nil || o.Collections == nil {
		return nil, errors.New("dav: store, directory and collections are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, fmt.Errorf("dav: metrics: %w", err)
	}
	return &Server{
		store: o.Store, dir: o.Directory, collections: o.Collections, hostname: o.Hostname, log: o.Log,
		allowlist: o.Allowlist, plaintextLoopback: o.AllowPlaintextLoopback, bearer: o.Bearer, now: o.Now, zone: o.Zone, metrics: m,
		live: newPropertyTable(), reports: allReports(),
		buffers:  sync.Pool{New: func() any { b := make([]byte, 0, flushAt+flushAt/4); return &b }},
		copies:   sync.Pool{New: func() any { b := make([]byte, copyBuffer); return &b }},
		underWay: map[directory.ID]int{},
	}, nil
}

// Claims reports whether a request is for this server and not for web pages: everything below /dav/, /webdav/ and the
// well-known names, and WebDAV's own methods on the root.
func Claims(r *http.Request) bool {
	path := r.URL.Path
	for _, own := range []string{"/dav", "/webdav", wellKnownCalDAV, wellKnownCardDAV} {
		if rest, ok := strings.CutPrefix(path, own); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	if path != "/" {
		return false
	}
	_, known := routes[r.Method]
	return known && !slices.Contains([]string{"GET", "HEAD", "POST"}, r.Method)
}

// Handler answers what [Claims] claims.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	x := &exchange{srv: s, w: w, r: r, body: requestBody{w: w, in: r.Body}, log: s.log.With("request", s.lastRequest.Add(1))}
	defer func() {
		if v := recover(); v != nil {
			x.fail(v)
		}
		s.metrics.done(r.Method, started, x.status)
		x.log.Debug("dav request", "method", r.Method, "login", x.id.Account.Login, "kind", x.res.kind, "status", x.status,
			"seconds", time.Since(started).Seconds())
	}()
	if err := x.run(r.Context()); err != nil {
		x.answer(err)
	}
}

// fail ends a request in which the engine has a bug: it costs this request, not the server.
func (x *exchange) fail(v any) {
	if v == http.ErrAbortHandler { //nolint:errorlint // a sentinel of net/http, panicked as it is
		panic(v)
	}
	x.log.Error("dav request panicked", "method", x.r.Method, "panic", v, "stack", string(debug.Stack()))
	if x.status != 0 {
		panic(http.ErrAbortHandler) // the client must not take half an answer for a whole one
	}
	x.answer(fault.New(fault.Internal, ""))
}

// run finds out who asks for what, and lets the route answer.
func (x *exchange) run(ctx context.Context) error {
	if done, err := x.wellKnown(); done || err != nil {
		return err
	}
	route, known := routes[x.r.Method]
	if !known {
		return refuse(http.StatusNotImplemented, "the method is not known here")
	}
	if x.isCrossSite() {
		return refuse(http.StatusForbidden, "requests from other web pages are not taken")
	}
	if x.r.Method == http.MethodOptions && x.r.Header.Get("Authorization") == "" {
		return x.optionsForAnyone()
	}
	if err := x.authenticate(ctx); err != nil {
		return err
	}
	if !x.srv.enter(x) {
		return &problem{status: http.StatusTooManyRequests, text: "too many requests of this account at once"}
	}
	defer x.srv.leave(x)
	x.prefer = parsePrefer(x.r.Header)
	var err error
	if x.res, err = x.resolve(ctx, x.r.URL.EscapedPath()); err != nil {
		return err
	}
	if err := x.authorise(route, x.res); err != nil {
		return err
	}
	if err := x.askIf(ctx); err != nil {
		return err
	}
	return route.run(x, ctx)
}

// isCrossSite: a browser says that a page of someone else made it send this. Browsers keep Basic passwords and would send
// them along; no DAV client sends this header.
func (x *exchange) isCrossSite() bool {
	site := x.r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none"
}

// enter counts a request; it refuses more than maxRequests of one account at once.
func (s *Server) enter(x *exchange) bool {
	if x.remote.IsLoopback() || slices.ContainsFunc(s.allowlist, func(p netip.Prefix) bool { return p.Contains(x.remote) }) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	who := x.id.Account.ID
	if s.underWay[who] >= maxRequests {
		return false
	}
	s.underWay[who]++
	x.counted = true
	return true
}

// leave undoes enter.
func (s *Server) leave(x *exchange) {
	if !x.counted {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	who := x.id.Account.ID
	if s.underWay[who]--; s.underWay[who] == 0 {
		delete(s.underWay, who)
	}
}
