package webmail

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/smtpd/queue"
	"schulhof/store"
	"schulhof/store/fault"
)

// Options say what the pages are made of.
type Options struct {
	Store     *store.Store
	Directory *directory.Directory
	Mail      *mailbox.Mail
	Queue     *queue.Queue
	Submitter Submitter
	Zone      *time.Location // of times that people read and write; nil: UTC
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
	// AllowPlaintextLoopback lets a browser on a loopback address do without TLS.
	AllowPlaintextLoopback bool
}

// Server makes the pages. Its methods are safe for concurrent use.
type Server struct {
	store    *store.Store
	dir      *directory.Directory
	o        Options
	log      *slog.Logger
	now      func() time.Time
	pages    map[string]*template.Template
	handlers map[string]http.Handler
}

// New makes the server; it opens nothing.
func New(o Options) (*Server, error) {
	if o.Store == nil || o.Directory == nil || o.Mail == nil || o.Queue == nil || o.Submitter == nil {
		return nil, errors.New("webmail: Store, Directory, Mail, Queue and Submitter are needed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	pages, err := parsePages()
	if err != nil {
		return nil, err
	}
	s := &Server{store: o.Store, dir: o.Directory, o: o, log: o.Log, now: o.Now, pages: pages}
	s.handlers = s.build()
	return s, nil
}

// home is the first page of who is signed in.
const home = "/outbox"

// route is one path with what it does for each method. The table is the room at a glance.
type route struct {
	path     string
	get      func(*exchange) error
	post     func(*exchange) error
	public   bool  // also for those who have not signed in
	maxBytes int64 // of what is posted
}

func routes() []route {
	return []route{
		{path: "/{$}", get: (*exchange).front, public: true},
		{path: "/signin", get: (*exchange).showSignIn, post: (*exchange).signIn, public: true, maxBytes: maxSmallBody},
		{path: "/signout", post: (*exchange).signOut, public: true, maxBytes: maxSmallBody},
		{path: "/write", get: (*exchange).showWrite, post: (*exchange).send, maxBytes: maxLetterBody},
		{path: "/outbox", get: (*exchange).showOutbox},
		{path: "/outbox/{id}/back", post: (*exchange).takeBack, maxBytes: maxSmallBody},
		{path: "/outbox/{id}/now", post: (*exchange).sendNow, maxBytes: maxSmallBody},
		{path: "/outbox/{id}/at", post: (*exchange).sendAt, maxBytes: maxSmallBody},
		{path: "/settings", get: (*exchange).showSettings, post: (*exchange).setSettings, maxBytes: maxSmallBody},
		{path: stylePath, get: (*exchange).style, public: true},
	}
}

// Register adds the pages to mux.
func (s *Server) Register(mux *http.ServeMux) {
	for path, handler := range s.handlers {
		mux.Handle(path, handler)
	}
}

func (s *Server) build() map[string]http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := s.exchange(w, r)
		x.answer(fault.New(fault.Forbidden, "a form of another site"))
	}))
	handlers := map[string]http.Handler{}
	for _, rt := range routes() {
		handlers[rt.path] = guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, rt) }))
	}
	return handlers
}

// exchange is one request on its way.
type exchange struct {
	srv    *Server
	w      http.ResponseWriter
	r      *http.Request
	lang   language
	remote netip.Addr
	who    *directory.Identity // nil: not signed in
	began  bool                // the answer has begun
}

func (s *Server) exchange(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{srv: s, w: w, r: r, lang: languageOf(r.Header.Get("Accept-Language"))}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		x.remote = peer.Addr().Unmap()
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin") // nothing for others, and the Origin of our own forms
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language, Cookie")
	return x
}

// serve answers a request for rt.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, rt route) {
	x := s.exchange(w, r)
	defer func() {
		if v := recover(); v != nil { // our bug must not end the others' connections
			s.log.Error("panic", "panic", v, "stack", string(debug.Stack()))
			if !x.began {
				x.answer(fault.New(fault.Internal, ""))
			}
		}
	}()
	run := rt.get
	switch {
	case r.Method == http.MethodPost:
		run = rt.post
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		run = nil
	}
	if run == nil {
		w.Header().Set("Allow", rt.allowed())
		x.page(http.StatusMethodNotAllowed, "error", x.lang.text("error.method"))
		return
	}
	if err := x.admit(r.Context(), rt); err != nil {
		x.answer(err)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(formTime)) // what has no deadline is no connection
	r.Body = http.MaxBytesReader(w, r.Body, rt.maxBytes)
	if err := run(x); err != nil {
		x.answer(err)
	}
}

func (rt *route) allowed() string {
	switch {
	case rt.get == nil:
		return "POST"
	case rt.post == nil:
		return "GET, HEAD"
	}
	return "GET, HEAD, POST"
}

// admit finds out who asks. Passwords and cookies travel over TLS only, or in the clear on loopback where that is allowed.
func (x *exchange) admit(ctx context.Context, rt route) error {
	if x.r.TLS == nil && !(x.srv.o.AllowPlaintextLoopback && x.remote.IsLoopback()) {
		return fault.New(fault.Forbidden, "only over TLS")
	}
	id, err := x.srv.identify(ctx, tokenOf(x.r))
	switch {
	case err == nil:
		x.who = &id
	case !fault.Is(err, fault.Unauthenticated):
		return err
	case !rt.public:
		return err
	}
	return nil
}

// seeOther sends the browser on, after a form was taken: a page that is loaded again does not send it again. RFC 9110 §15.4.4.
func (x *exchange) seeOther(path string) error {
	x.began = true
	http.Redirect(x.w, x.r, path, http.StatusSeeOther)
	return nil
}

// form reads what was posted. fault.TooLarge, fault.Invalid.
func (x *exchange) form() error {
	err := x.r.ParseForm()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return fault.Wrap(fault.TooLarge, err, "the form is too large")
	case err != nil:
		return fault.Wrap(fault.Invalid, err, "the form cannot be read")
	}
	return nil
}
