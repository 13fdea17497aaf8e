package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/store/fault"
)

// session is one connection's state. RFC 5321 §3.
type session struct {
	srv    *Server
	door   *door
	wire   *wire
	remote netip.Addr
	log    *slog.Logger
	began  time.Time

	hello    string // "" until HELO, EHLO or LHLO
	extended bool   // EHLO or LHLO
	who      *directory.Identity
	mail     *transaction // nil between transactions
	leaves   time.Time    // when what is written leaves; zero: now
	waited   bool         // it has waited, and may wait on

	badCommands, authFailures, rejected, messages int
	unsure                                        *[32]byte // the key of a message whose 250 may not have arrived
}

// command is one verb. The table is the protocol at a glance.
type command struct {
	run    func(*session, context.Context, string) reply
	hello  bool // only after HELO, EHLO or LHLO
	noArgs bool
}

func verbs(s *session, verb string) (command, bool) {
	switch verb {
	case "EHLO":
		return command{run: (*session).ehlo}, !s.door.lmtp // RFC 2033 §4.1
	case "HELO":
		return command{run: (*session).helo}, !s.door.lmtp
	case "LHLO":
		return command{run: (*session).ehlo}, s.door.lmtp
	case "STARTTLS":
		return command{run: (*session).startTLS, noArgs: true}, !s.door.lmtp && s.srv.o.TLS != nil
	case "AUTH":
		return command{run: (*session).auth, hello: true}, s.door.submit
	case "MAIL":
		return command{run: (*session).mailFrom, hello: true}, true
	case "RCPT":
		return command{run: (*session).rcptTo, hello: true}, true
	case "DATA":
		return command{run: (*session).data, hello: true, noArgs: true}, true
	case "BDAT":
		return command{run: (*session).bdat}, true // its chunk follows whatever we say, so it looks for itself
	case "RSET":
		return command{run: (*session).rset, noArgs: true}, true
	case "NOOP":
		return command{run: func(*session, context.Context, string) reply { return okDone }}, true
	case "QUIT":
		return command{run: func(*session, context.Context, string) reply { return okBye }, noArgs: true}, true
	case "VRFY":
		return command{run: func(*session, context.Context, string) reply { return okVerify }}, true
	case "HELP":
		return command{run: func(*session, context.Context, string) reply { return okHelp }}, true
	case "EXPN", "TURN", "ETRN", "ATRN", "SEND", "SOML", "SAML":
		return command{run: func(*session, context.Context, string) reply { return badOff }}, true
	}
	return command{}, false
}

// serve greets, answers commands until the connection ends, and closes it.
func (s *session) serve(ctx context.Context) {
	name := " ESMTP"
	if s.door.lmtp {
		name = " LMTP"
	}
	s.wire.out = append(append(append(append(s.wire.out, "220 "...), s.srv.o.Hostname...), name...), " Schulhof ready\r\n"...)
	for {
		line, err := s.wire.readLine(idleTimeout, s.loginDeadline())
		if err != nil {
			s.broken(ctx, err)
			return
		}
		if s.unsure != nil { // the peer goes on, so it has read our 250
			s.srv.o.Mail.AcknowledgementArrived(*s.unsure)
			s.unsure = nil
		}
		if r := s.command(ctx, line); r.close {
			s.wire.lingerAndClose()
			return
		}
	}
}

// loginDeadline is until when a person's program has to log in; zero: not at all, or it has.
func (s *session) loginDeadline() time.Time {
	if !s.door.submit || s.who != nil || s.srv.peers.trusted(s.remote) {
		return time.Time{}
	}
	return s.began.Add(loginTimeout)
}

// command runs one line and writes its reply.
func (s *session) command(ctx context.Context, line string) reply {
	verb, args, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	args = strings.Trim(args, " \t")
	c, known := verbs(s, verb)
	var r reply
	switch {
	case !known:
		r = badCommand
	case c.hello && s.hello == "":
		r = badSequence
	case c.noArgs && args != "":
		r = badSyntax
	default:
		if s.log.Enabled(ctx, slog.LevelDebug) && verb != "AUTH" {
			s.log.Debug("command", "line", line)
		}
		r = c.run(s, ctx, args)
	}
	return s.say(s.count(r))
}

// count ends a connection that makes too many mistakes.
func (s *session) count(r reply) reply {
	switch r.code {
	case badCommand.code, badSyntax.code, badOff.code, badSequence.code, badParameter.code:
		s.badCommands++
		if s.badCommands > maxBadCommands && !s.srv.peers.trusted(s.remote) {
			return noBadCommands
		}
	}
	return r
}

// say writes a reply; code 0 means that the command has written its own. It leaves with others before the next wait.
func (s *session) say(r reply) reply {
	if r.code != 0 {
		s.wire.out = r.appendTo(s.wire.out, "")
	}
	return r
}

// broken answers a read that failed, as far as anyone can still hear it, and closes.
func (s *session) broken(ctx context.Context, err error) {
	lost := false
	switch {
	case errors.Is(err, errDraining):
		s.say(noStopping)
	case errors.Is(err, errSlow):
		s.say(noTimeout)
	case errors.Is(err, errLineTooLong):
		s.say(badLine)
	case errors.Is(err, errLineEnd), errors.Is(err, errControl):
		r := badLineEnd
		if errors.Is(err, errControl) {
			r = badControl
		}
		s.say(r)
	default:
		lost = !errors.Is(err, io.EOF) // a reset: what we wrote last may not have arrived
		s.log.Debug("connection ended", "err", err)
	}
	if lost && s.unsure != nil {
		s.acknowledgementLost(ctx, *s.unsure)
	}
	s.wire.lingerAndClose()
}

// reset ends the transaction. It keeps the hello and the login. RFC 5321 §4.1.1.5.
func (s *session) reset() {
	if s.mail != nil {
		s.mail.body.close()
		s.mail = nil
	}
}

func (s *session) rset(context.Context, string) reply {
	s.reset()
	return okDone
}

// tlsState is the connection's; what comes from our own pages has none.
func (s *session) tlsState() (state tls.ConnectionState, ok bool) {
	if s.wire == nil {
		return state, false
	}
	return s.wire.tlsState()
}

// encrypted reports whether TLS is on.
func (s *session) encrypted() bool {
	_, ok := s.tlsState()
	return ok
}

// protects reports whether a sender may demand here that a message travels over proven TLS only, to its end. RFC 8689 §2: on connections
// that are encrypted themselves.
func (s *session) protects() bool { return s.encrypted() && !s.door.lmtp }

// mayAuth reports whether AUTH may be offered now: over TLS, or in the clear on loopback if allowed.
func (s *session) mayAuth() bool {
	return s.door.submit && (s.encrypted() || s.srv.o.AllowPlaintextLoopback && s.remote.IsLoopback())
}

// allowed asks whether the session may start or finish a transaction.
func (s *session) allowed() reply {
	if !s.door.submit {
		return okDone
	}
	switch {
	case s.who == nil && !s.mayAuth():
		return noTLS
	case s.who == nil:
		return noLogin
	}
	if err := s.srv.o.Directory.Valid(*s.who); err != nil {
		if fault.KindOf(err) != fault.Unauthenticated {
			s.log.Error("validate session", "err", err)
			return noInternal
		}
		return noSession
	}
	return okDone
}
