package smtpd

import (
	"context"
	"strconv"
	"strings"
)

// ehlo answers EHLO and LHLO. RFC 5321 §4.1.1.1, RFC 2033 §4.1.
func (s *session) ehlo(_ context.Context, name string) reply { return s.greet(name, true) }

// helo answers HELO.
func (s *session) helo(_ context.Context, name string) reply { return s.greet(name, false) }

// greet takes the peer's name. A second one resets the transaction, and keeps the login.
func (s *session) greet(name string, extended bool) reply {
	name, _, _ = strings.Cut(name, " ")
	if name == "" || len(name) > maxHello {
		return badHello
	}
	s.reset()
	s.hello, s.extended = name, extended
	if !extended {
		r := okDone
		r.enhanced, r.text = "", s.srv.o.Hostname
		return r
	}
	s.capabilities()
	return reply{}
}

// capabilities writes the answer to EHLO. Every line is something that works completely.
func (s *session) capabilities() {
	line := func(text ...string) {
		s.wire.out = append(s.wire.out, "250-"...)
		for _, t := range text {
			s.wire.out = append(s.wire.out, t...)
		}
		s.wire.out = append(s.wire.out, crlf...)
	}
	line(s.srv.o.Hostname)
	line("PIPELINING")
	line("SIZE ", strconv.FormatInt(s.srv.o.MaxSize, 10))
	if !s.door.lmtp && s.srv.o.TLS != nil && !s.encrypted() {
		line("STARTTLS")
	}
	if s.mayAuth() && s.who == nil {
		line("AUTH PLAIN LOGIN")
	}
	line("ENHANCEDSTATUSCODES")
	line("8BITMIME")
	line("SMTPUTF8")
	line("CHUNKING")
	if s.protects() {
		line("REQUIRETLS")
	}
	line("LIMITS RCPTMAX=", strconv.Itoa(maxRecipients))
	s.wire.out = append(s.wire.out, "250 DSN\r\n"...)
}

// startTLS upgrades the connection; nothing said before it counts. RFC 3207 §4.
func (s *session) startTLS(ctx context.Context, _ string) reply {
	if s.encrypted() {
		return badSequence
	}
	s.say(okTLS)
	if err := s.wire.startTLS(ctx, s.srv.o.TLS); err != nil {
		s.log.Debug("no TLS", "err", err)
		return reply{close: true}
	}
	s.reset()
	s.hello, s.extended, s.who = "", false, nil
	return reply{}
}
