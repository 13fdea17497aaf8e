package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"schulhof/config"
	"schulhof/dav"
	"schulhof/webmail"
)

// Limits of the HTTP services.
const (
	httpHeaderTime  = 10 * time.Second
	httpIdleTime    = 2 * time.Minute
	httpWriteTime   = time.Minute // for an answer; who streams a long one extends it step by step
	httpHeaderBytes = 64 << 10
	httpDrain       = 8 * time.Second // for requests under way when the server stops
)

// serveHTTP answers requests on ln until ctx ends and those under way are done. tlsConfig may be nil.
func serveHTTP(ctx context.Context, ln net.Listener, tlsConfig *tls.Config, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: httpHeaderTime, WriteTimeout: httpWriteTime, IdleTimeout: httpIdleTime, MaxHeaderBytes: httpHeaderBytes,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), TLSConfig: tlsConfig,
	}
	drained := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		patience, stop := context.WithTimeout(context.WithoutCancel(ctx), httpDrain)
		defer stop()
		err := server.Shutdown(patience)
		if err != nil {
			err = errors.Join(fmt.Errorf("http: %w", err), server.Close())
		}
		drained <- err
	})
	var err error
	if tlsConfig != nil {
		err = server.ServeTLS(ln, "", "")
	} else {
		err = server.Serve(ln)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return <-drained
}

// newWebHandler answers what HTTPS serves: people's pages, settings for programs, and the way out of lists.
func newWebHandler(d *discovery, l leaver, mail *webmail.Server) http.Handler {
	mux := http.NewServeMux()
	d.register(mux)
	l.register(mux)
	mail.Register(mux)
	return guarded(mux)
}

// withCollections adds files, calendars and contacts to pages. They come before the pages' mux, which would redirect paths
// that it finds unusual.
func withCollections(pages, collections http.Handler) http.Handler {
	collections = guarded(collections)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if dav.Claims(r) {
			collections.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// guarded sets the headers that every answer has.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// newPlainHandler answers port 80: a redirect to HTTPS, or what HTTPS serves for those who may do without TLS.
func newPlainHandler(c *config.Config, web http.Handler) http.Handler {
	port := ""
	if len(c.Listen.HTTPS) > 0 {
		if _, p, err := net.SplitHostPort(c.Listen.HTTPS[0]); err == nil && p != "443" {
			port = ":" + p
		}
	}
	redirect := guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := c.Server.Hostname
		if ip, err := netip.ParseAddr(hostOf(r.Host)); err == nil && ip.Is6() {
			host = "[" + ip.String() + "]"
		} else if err == nil || hostOf(r.Host) == "localhost" {
			host = hostOf(r.Host)
		}
		http.Redirect(w, r, "https://"+host+port+r.URL.EscapedPath()+query(r), http.StatusPermanentRedirect)
	}))
	if c.Security.AllowPlaintextAuth != config.PlaintextLoopback {
		return redirect
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && peer.Addr().Unmap().IsLoopback() {
			web.ServeHTTP(w, r)
			return
		}
		redirect.ServeHTTP(w, r)
	})
}

func hostOf(hostPort string) string {
	if host, _, err := net.SplitHostPort(hostPort); err == nil {
		return host
	}
	return hostPort
}

func query(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return "?" + r.URL.RawQuery
}
