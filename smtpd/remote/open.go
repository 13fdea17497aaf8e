package remote

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// tlsTrouble is a connection that could not be protected.
type tlsTrouble struct {
	result resultType // for TLS-RPT
	err    error
}

func (e *tlsTrouble) Error() string { return string(e.result) + ": " + e.err.Error() }
func (e *tlsTrouble) Unwrap() error { return e.err }

// open connects to one address and gets everything ready for mail. Without a policy a server whose TLS does not work gets
// the mail in the clear, over a new connection. RFC 7435.
func (c *Client) open(ctx context.Context, t Target, h host, to netip.AddrPort, p *plan) (*session, error) {
	s, err := c.openOnce(ctx, t, h, to, p, !p.none)
	var trouble *tlsTrouble
	failed := errors.As(err, &trouble)
	if p.policy != policyOwn {
		c.countTLS(s, h, p, trouble)
	}
	if failed && !p.must && !p.first && !errors.Is(err, errInjected) && ctx.Err() == nil {
		c.log.Debug("remote: without TLS, because it does not work", "host", h.name, "err", err)
		return c.openOnce(ctx, t, h, to, p, false)
	}
	return s, err
}

// countTLS notes for the domain's owner how TLS went. RFC 8460.
func (c *Client) countTLS(s *session, h host, p *plan, trouble *tlsTrouble) {
	switch {
	case trouble != nil:
		c.counted.failed(p.domain, p.policy, p.sts, h.name, trouble.result)
	case s == nil: // it never came to TLS
	case !s.encrypted:
		c.counted.failed(p.domain, p.policy, p.sts, h.name, resultNoSTARTTLS)
	case s.soft != nil:
		c.counted.failed(p.domain, p.policy, p.sts, h.name, resultOf(s.soft))
	default:
		c.counted.worked(p.domain, p.policy, p.sts)
	}
}

// openOnce is open without the second try.
func (c *Client) openOnce(ctx context.Context, t Target, h host, to netip.AddrPort, p *plan, useTLS bool) (*session, error) {
	nc, err := c.dial(ctx, to)
	if err != nil {
		return nil, failure(h.name, "4.4.1", "The server cannot be reached", err)
	}
	s := &session{c: c, wire: newWire(nc, c.o.Timeouts), host: h.name, address: to, requireTLS: t.RequireTLS}
	stop := s.whileContext(ctx)
	defer stop()
	if err := s.prepare(ctx, t, h, p, useTLS); err != nil {
		s.nc.Close()
		return nil, err
	}
	return s, nil
}

// prepare goes from the greeting to a server that is ready for MAIL.
func (s *session) prepare(ctx context.Context, t Target, h host, p *plan, useTLS bool) error {
	if useTLS && p.first {
		if err := s.protect(ctx, p); err != nil {
			return err
		}
	}
	greeting, err := s.read(s.timeout.Greeting)
	if err != nil {
		return s.broken("the greeting", err)
	}
	if greeting.code != 220 {
		return s.refused(greeting)
	}
	if err := s.hello(); err != nil {
		return err
	}
	if useTLS && !s.encrypted {
		if err := s.negotiate(ctx, p); err != nil {
			return err
		}
	}
	s.proven = s.encrypted && p.proven(h)
	if t.RequireTLS && (!s.proven || !s.has("REQUIRETLS")) {
		return failure(s.host, "5.7.30", textRequireTLS, nil)
	}
	if t.User != "" {
		return s.login(t)
	}
	return nil
}

// hello says who we are: EHLO, or HELO to a server that does not know it. RFC 5321 §3.2.
func (s *session) hello() error {
	p, err := s.ask(s.timeout.Command, "EHLO "+s.c.o.Hostname)
	if err != nil {
		return s.broken("EHLO", err)
	}
	s.extensions = map[string]string{}
	switch {
	case p.code == 250:
		for _, line := range p.lines[1:] {
			keyword, parameters, _ := strings.Cut(strings.TrimSpace(line), " ")
			if name, rest, old := strings.Cut(keyword, "="); old && strings.EqualFold(name, "AUTH") {
				keyword, parameters = name, rest+" "+parameters // as before RFC 2554
			}
			keyword = strings.ToUpper(keyword)
			s.extensions[keyword] = strings.TrimSpace(s.extensions[keyword] + " " + parameters)
		}
		return nil
	case p.code/100 != 5:
		return s.refused(p)
	}
	if p, err = s.ask(s.timeout.Command, "HELO "+s.c.o.Hostname); err != nil {
		return s.broken("HELO", err)
	}
	if p.code != 250 {
		return s.refused(p)
	}
	return nil
}

func (s *session) has(extension string) bool {
	_, ok := s.extensions[extension]
	return ok
}

// negotiate asks for TLS, if the server offers it or the plan demands it, and greets again inside. RFC 3207 §4.
func (s *session) negotiate(ctx context.Context, p *plan) error {
	if !s.has("STARTTLS") {
		if p.must {
			return s.unprotected(&tlsTrouble{resultNoSTARTTLS, errors.New("STARTTLS is not offered")})
		}
		return nil
	}
	answer, err := s.ask(s.timeout.Command, "STARTTLS")
	if err != nil {
		return s.unprotected(&tlsTrouble{resultOther, err})
	}
	if answer.code != 220 {
		if p.must {
			return s.unprotected(&tlsTrouble{resultNoSTARTTLS, fmt.Errorf("STARTTLS is refused: %d %s", answer.code, answer.result().Text)})
		}
		return nil // the connection goes on in the clear
	}
	if err := s.protect(ctx, p); err != nil {
		return err
	}
	return s.hello()
}

// protect puts TLS on the connection and checks who is there.
func (s *session) protect(ctx context.Context, p *plan) error {
	state, err := s.startTLS(ctx, p.config())
	if err != nil {
		return s.unprotected(&tlsTrouble{resultOther, err})
	}
	if p.verify != nil {
		if err := p.verify(state); err != nil {
			return s.unprotected(&tlsTrouble{resultOf(err), err})
		}
	}
	if p.soft != nil {
		s.soft = p.soft(state)
	}
	s.encrypted, s.protection = true, p.protection(&state)
	return nil
}

// unprotected is a failure to protect the connection.
func (s *session) unprotected(trouble *tlsTrouble) error {
	text := "The connection could not be protected (TLS)"
	switch trouble.result {
	case resultNoSTARTTLS:
		text = "The server offers no TLS, which is demanded here"
	case resultMismatch, resultExpired, resultUntrusted, resultTLSA:
		text = "The server did not prove to be who it is said to be (TLS certificate)"
	}
	return failure(s.host, "4.7.5", text, trouble)
}

// login authenticates us to a smart host; the connection is protected, the plan has seen to that. RFC 4954, RFC 4616.
func (s *session) login(t Target) error {
	if !s.encrypted {
		return failure(s.host, "4.7.11", "The password was not sent, because the connection is not protected", nil)
	}
	mechanisms := strings.Fields(strings.ToUpper(s.extensions["AUTH"]))
	encode := base64.StdEncoding.EncodeToString
	var steps []string
	switch {
	case slices.Contains(mechanisms, "PLAIN"):
		steps = []string{"AUTH PLAIN " + encode([]byte("\x00"+t.User+"\x00"+t.Password))}
	case slices.Contains(mechanisms, "LOGIN"):
		steps = []string{"AUTH LOGIN", encode([]byte(t.User)), encode([]byte(t.Password))}
	default:
		return failure(s.host, "4.7.4", "The server offers no login that this one knows (PLAIN, LOGIN)", nil)
	}
	for i, step := range steps {
		p, err := s.ask(s.timeout.Command, step)
		if err != nil {
			return s.broken("AUTH", err)
		}
		if last := i == len(steps)-1; p.code == 235 && last || p.code == 334 && !last {
			continue
		}
		e := s.refused(p)
		e.Temporary = true // the administrator mends it; the mail waits
		e.Text = "The login was refused: " + e.Text
		return e
	}
	return nil
}

// refused is a reply that ends the attempt.
func (s *session) refused(p reply) *Error {
	res := p.failed()
	res.Host, res.TLS = s.host, s.protection
	return &Error{Result: res}
}

// broken is an error of the connection.
func (s *session) broken(during string, err error) *Error {
	e := failure(s.host, "4.4.2", brokenText(during, err), err)
	e.TLS = s.protection
	return e
}
