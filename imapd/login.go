package imapd

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/store/fault"
)

// startTLS protects the connection. What came in plain text behind the command ends the connection, so that nobody can
// slip commands under the protection. RFC 9051 §6.2.1, §11.1.
func (c *conn) startTLS(_ context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	if !c.canStartTLS() {
		return bad("TLS is not available or active already")
	}
	if c.rd.buffered() > 0 {
		return bye("", "Data after STARTTLS before its answer")
	}
	c.after = func() error {
		if err := c.secureWire(); err != nil {
			return err
		}
		c.client = ""
		return nil
	}
	c.ok("", "Begin TLS now")
	return nil
}

// secureWire makes the server's side of a TLS handshake.
func (c *conn) secureWire() error {
	if err := c.wire.raw.SetDeadline(time.Now().Add(handshakeTime)); err != nil {
		return err
	}
	t := tls.Server(c.wire.raw, c.srv.tls)
	if err := t.Handshake(); err != nil {
		return err
	}
	c.wire.nc, c.tls = t, true
	return nil
}

// login checks a password given in the clear. RFC 9051 §6.2.3.
func (c *conn) login(ctx context.Context, p *parser) error {
	p.sp()
	name := p.astring()
	p.sp()
	secret := p.astring()
	if err := p.end(); err != nil {
		return err
	}
	if !c.mayLogin() {
		return no("PRIVACYREQUIRED", "Start TLS before you log in")
	}
	return c.enter(ctx, name, secret)
}

// authenticate is SASL PLAIN, with or without an initial response. RFC 9051 §6.2.2, RFC 4616, RFC 4959.
func (c *conn) authenticate(ctx context.Context, p *parser) error {
	p.sp()
	mechanism := upper([]byte(p.atom()))
	var response []byte
	has := p.accept(' ')
	if has {
		response = p.run(func(b byte) bool { return isBase64(b) })
	}
	if err := p.end(); err != nil {
		return err
	}
	if mechanism != "PLAIN" {
		return no("CANNOT", "Only AUTHENTICATE PLAIN is supported")
	}
	if !c.mayLogin() {
		return no("PRIVACYREQUIRED", "Start TLS before you log in")
	}
	if !has {
		var err error
		if response, err = c.challenge(p); err != nil {
			return err
		}
	}
	identity, name, secret, err := plainResponse(response)
	if err != nil {
		return err
	}
	if identity != "" && !strings.EqualFold(identity, name) {
		return no("AUTHORIZATIONFAILED", "Nobody may act for someone else here")
	}
	return c.enter(ctx, name, secret)
}

func isBase64(b byte) bool {
	return 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '+' || b == '/' || b == '='
}

// challenge asks for the client's response and reads that line.
func (c *conn) challenge(p *parser) ([]byte, error) {
	c.w.str("+ \r\n")
	if err := c.w.flush(); err != nil {
		p.broken(err)
		return nil, err
	}
	if err := p.nextLine(); err != nil {
		p.lineError(err)
		return nil, p.err
	}
	line := p.line
	p.pos = len(p.line)
	if len(line) == 1 && line[0] == '*' {
		return nil, bad("cancelled")
	}
	return line, nil
}

func plainResponse(b64 []byte) (identity, name, secret string, err error) {
	if string(b64) == "=" {
		b64 = nil
	}
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(b64)))
	n, err := base64.StdEncoding.Decode(raw, b64)
	if err != nil {
		return "", "", "", bad("the response is not base64")
	}
	parts := bytes.Split(raw[:n], []byte{0})
	if len(parts) != 3 {
		return "", "", "", bad("the response is not identity NUL name NUL password")
	}
	return string(parts[0]), string(parts[1]), string(parts[2]), nil
}

// enter logs in. Wrong name and wrong password look the same.
func (c *conn) enter(ctx context.Context, name, secret string) error {
	id, err := c.srv.dir.Authenticate(ctx, directory.Attempt{
		Login: name, Secret: secret, Remote: c.remote, Need: directory.ScopeMail, Door: "imap",
	})
	if err != nil {
		return c.refuseLogin(err)
	}
	c.id, c.who = id, id.Account.ID
	if !c.srv.enter(c) {
		c.id, c.who = directory.Identity{}, 0
		c.srv.metrics.login("limit")
		return no("LIMIT", "Too many connections of this account")
	}
	c.signedIn = true
	c.srv.metrics.login("ok")
	c.ok("CAPABILITY "+c.capabilityList(), "Logged in")
	return nil
}

func (c *conn) refuseLogin(err error) error {
	switch {
	case fault.Is(err, fault.Unauthenticated):
		c.srv.metrics.login("wrong")
	case fault.Is(err, fault.Throttled):
		c.srv.metrics.login("throttled")
	default:
		c.srv.metrics.login("error")
		return err
	}
	if c.tries++; c.tries >= maxLoginTries {
		c.after = func() error { return bye("", "Too many failed logins") }
	}
	return err
}

// unauthenticate goes back to before the login and forgets what was enabled. RFC 8437.
func (c *conn) unauthenticate(_ context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	if c.rd.inner != nil {
		return no("CANNOT", "Not while compression is active: a password would be compressed")
	}
	c.setWatched(nil)
	c.deselect()
	c.leave()
	c.signedIn, c.enabled, c.tries = false, 0, 0
	c.id, c.who = directory.Identity{}, 0
	c.w.utf8, c.w.nameUTF8 = false, false
	c.started = time.Now()
	c.wire.until = c.srv.loginEnd(c)
	c.ok("", "Logged out, the connection stays")
	return nil
}
