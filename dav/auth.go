package dav

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"schulhof/directory"
	"schulhof/store/fault"
)

// authenticate finds out who asks: Basic (RFC 7617) over TLS, or Bearer where the server was given someone who knows
// tokens. Cookies are not looked at: a page in a browser cannot act through DAV.
func (x *exchange) authenticate(ctx context.Context) error {
	if peer, err := netip.ParseAddrPort(x.r.RemoteAddr); err == nil {
		x.remote = peer.Addr().Unmap()
	}
	if x.r.TLS == nil && !(x.srv.plaintextLoopback && x.remote.IsLoopback()) {
		return refuse(http.StatusForbidden, "only over TLS")
	}
	var err error
	if token, ok := cutScheme(x.r.Header.Get("Authorization"), "Bearer"); ok && x.srv.bearer != nil {
		x.id, err = x.srv.bearer.Identify(ctx, token, x.remote)
	} else {
		x.id, err = x.basic(ctx)
	}
	x.srv.metrics.login(err)
	return err
}

func (x *exchange) basic(ctx context.Context) (directory.Identity, error) {
	login, secret, ok := x.r.BasicAuth()
	if !ok || secret == "" {
		return directory.Identity{}, errNoLogin()
	}
	return x.srv.dir.Authenticate(ctx, directory.Attempt{
		Login: login, Secret: secret, Remote: x.remote, Need: directory.ScopeDAV, Door: "dav",
	})
}

func errNoLogin() error { return fault.New(fault.Unauthenticated, "please log in") }

func cutScheme(header, scheme string) (rest string, ok bool) {
	name, rest, found := strings.Cut(header, " ")
	return strings.TrimSpace(rest), found && strings.EqualFold(name, scheme)
}

// challenge tells how to log in.
func (x *exchange) challenge() {
	x.w.Header().Add("WWW-Authenticate", `Basic realm="Schulhof", charset="UTF-8"`)
	if x.srv.bearer != nil {
		x.w.Header().Add("WWW-Authenticate", `Bearer realm="Schulhof"`)
	}
}
