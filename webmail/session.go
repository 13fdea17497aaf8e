package webmail

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// session is a row of webmail_session.
type session struct {
	hash                   [sha256.Size]byte
	account                directory.ID
	version                uint64
	created, seen, expires time.Time
}

// outdated reports a session that has ended by itself.
func (s *session) outdated(now time.Time) bool {
	return !now.Before(s.expires) || now.Sub(s.seen) >= sessionIdle
}

// begin makes a session for who has just proven who they are, and returns its token, which is kept nowhere.
func (s *Server) begin(ctx context.Context, id directory.Identity) (token string, err error) {
	secret := make([]byte, tokenBytes)
	rand.Read(secret)
	token = base64.RawURLEncoding.EncodeToString(secret)
	now := s.now()
	one := &session{hash: sha256.Sum256([]byte(token)), account: id.Account.ID, version: id.Account.Version, created: now, seen: now, expires: now.Add(sessionLife)}
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		if err := s.dir.StillThere(tx, one.account); err != nil {
			return err
		}
		if err := sweepSessions(tx, now); err != nil {
			return err
		}
		if err := trimSessions(tx, one.account); err != nil {
			return err
		}
		return insertSession(tx, one)
	})
	if err != nil {
		return "", fmt.Errorf("begin session: %w", err)
	}
	return token, nil
}

// identify finds who a token stands for. fault.Unauthenticated: for nobody, or for nobody any more: it is too old, the password was changed,
// the account is disabled or gone.
func (s *Server) identify(ctx context.Context, token string) (directory.Identity, error) {
	none := directory.Identity{}
	if token == "" || len(token) > maxCookie {
		return none, errNoSession()
	}
	hash := sha256.Sum256([]byte(token))
	var found *session
	err := s.store.Read(ctx, func(tx *store.Tx) (err error) {
		found, err = selectSession(tx, hash)
		return err
	})
	if err != nil {
		return none, fmt.Errorf("find session: %w", err)
	}
	if found == nil {
		return none, errNoSession()
	}
	now := s.now()
	account, err := s.dir.Account(ctx, found.account)
	if err == nil {
		id := directory.Identity{Account: account, Scope: directory.ScopeAll}
		id.Account.Version = found.version
		err = s.dir.Valid(id)
	}
	if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Unauthenticated) {
		return none, fmt.Errorf("find session: %w", err)
	}
	if err != nil || found.outdated(now) {
		return none, s.end(ctx, token, errNoSession())
	}
	if now.Sub(found.seen) >= seenStep {
		err := s.store.Write(ctx, func(tx *store.Tx) error { return touchSession(tx, hash, now) })
		if err != nil { // a full disk must not keep people from reading
			s.log.Warn("note the use of a session", "err", err)
		}
	}
	return directory.Identity{Account: account, Scope: directory.ScopeAll}, nil
}

func errNoSession() error { return fault.New(fault.Unauthenticated, "please sign in") }

// end removes a session and returns why; or the error that kept it from doing so.
func (s *Server) end(ctx context.Context, token string, why error) error {
	hash := sha256.Sum256([]byte(token))
	err := s.store.Write(ctx, func(tx *store.Tx) error { return deleteSession(tx, hash) })
	switch {
	case err == nil:
		return why
	case why != nil: // it opens nothing, whether its row is there or not
		s.log.Warn("remove an ended session", "err", err)
		return why
	}
	return fmt.Errorf("end session: %w", err)
}

// cookie is the session's cookie, which a browser forgets when it is closed: machines in schools are shared. Over TLS its name binds it to
// this host (RFC 6265bis §4.1.3.2). An empty value removes it.
func cookie(r *http.Request, value string) *http.Cookie {
	c := &http.Cookie{Name: cookieFor(r), Value: value, Path: "/", Secure: r.TLS != nil, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

func cookieFor(r *http.Request) string {
	if r.TLS != nil {
		return hostPrefix + cookieName
	}
	return cookieName
}

// tokenOf is the token that a request brings, "" without one.
func tokenOf(r *http.Request) string {
	c, err := r.Cookie(cookieFor(r))
	if err != nil {
		return ""
	}
	return c.Value
}
