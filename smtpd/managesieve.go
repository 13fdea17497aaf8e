package smtpd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/mailbox/sieve"
	"schulhof/store/fault"
)

// doorManageSieve is where people's programs keep their filters. RFC 5804.
var doorManageSieve = &door{name: "managesieve", submit: true, sieve: true}

// ServeManageSieve answers people's programs on ln (port 4190, STARTTLS).
func (s *Server) ServeManageSieve(ctx context.Context, ln net.Listener) error {
	if s.o.Filters == nil {
		ln.Close()
		return errors.New("smtpd: managesieve needs filters")
	}
	return s.serve(ctx, ln, doorManageSieve)
}

// sieveSession is one connection of a person's program.
type sieveSession struct {
	srv    *Server
	wire   *wire
	remote netip.Addr
	log    *slog.Logger
	began  time.Time

	who        *directory.Identity
	bad, wrong int // commands, logins
}

// sieveReply is one answer. RFC 5804 §1.2 and §1.3.
type sieveReply struct {
	word string // OK, NO, BYE
	code string // what stands in parentheses, "" for none
	text string
}

// sieveCommand is one verb.
type sieveCommand struct {
	run   func(*sieveSession, context.Context, []string) sieveReply
	login bool // only after AUTHENTICATE
	least int  // arguments
	most  int
}

func sieveVerb(verb string) (sieveCommand, bool) {
	switch verb {
	case "AUTHENTICATE":
		return sieveCommand{run: (*sieveSession).authenticate, least: 1, most: 2}, true
	case "STARTTLS":
		return sieveCommand{run: (*sieveSession).startTLS}, true
	case "LOGOUT":
		return sieveCommand{run: func(*sieveSession, context.Context, []string) sieveReply { return sieveReply{word: "OK", text: "Bye"} }}, true
	case "CAPABILITY":
		return sieveCommand{run: (*sieveSession).capability}, true
	case "NOOP":
		return sieveCommand{run: (*sieveSession).noop, most: 1}, true
	case "UNAUTHENTICATE":
		return sieveCommand{run: (*sieveSession).unauthenticate, login: true}, true
	case "HAVESPACE":
		return sieveCommand{run: (*sieveSession).haveSpace, login: true, least: 2, most: 2}, true
	case "PUTSCRIPT":
		return sieveCommand{run: (*sieveSession).putScript, login: true, least: 2, most: 2}, true
	case "LISTSCRIPTS":
		return sieveCommand{run: (*sieveSession).listScripts, login: true}, true
	case "SETACTIVE":
		return sieveCommand{run: (*sieveSession).setActive, login: true, least: 1, most: 1}, true
	case "GETSCRIPT":
		return sieveCommand{run: (*sieveSession).getScript, login: true, least: 1, most: 1}, true
	case "DELETESCRIPT":
		return sieveCommand{run: (*sieveSession).deleteScript, login: true, least: 1, most: 1}, true
	case "RENAMESCRIPT":
		return sieveCommand{run: (*sieveSession).renameScript, login: true, least: 2, most: 2}, true
	case "CHECKSCRIPT":
		return sieveCommand{run: (*sieveSession).checkScript, login: true, least: 1, most: 1}, true
	}
	return sieveCommand{}, false
}

// serve greets, answers commands until the connection ends, and closes it.
func (s *sieveSession) serve(ctx context.Context) {
	s.capabilities()
	s.say(sieveReply{word: "OK", text: "Schulhof ready"})
	for {
		verb, args, err := s.readCommand()
		if err != nil {
			s.say(s.lost(err))
			s.wire.lingerAndClose()
			return
		}
		r := s.command(ctx, verb, args)
		s.say(r)
		if r.word == "BYE" || verb == "LOGOUT" && r.word == "OK" {
			s.wire.lingerAndClose()
			return
		}
	}
}

// command runs one.
func (s *sieveSession) command(ctx context.Context, verb string, args []string) sieveReply {
	c, known := sieveVerb(verb)
	switch {
	case !known:
		return s.mistake("Unknown command")
	case c.login && s.who == nil:
		return s.mistake("Log in first")
	case len(args) < c.least || len(args) > c.most:
		return s.mistake("Wrong number of arguments")
	}
	if s.who != nil {
		if err := s.srv.o.Directory.Valid(*s.who); err != nil {
			return sieveReply{word: "BYE", text: noSession.text}
		}
	}
	return c.run(s, ctx, args)
}

// mistake counts; too many end the connection.
func (s *sieveSession) mistake(text string) sieveReply {
	if s.bad++; s.bad > maxBadCommands && !s.srv.peers.trusted(s.remote) {
		return sieveReply{word: "BYE", text: noBadCommands.text}
	}
	return sieveReply{word: "NO", text: text}
}

// lost ends a connection where something could not be read: what follows may be part of it, and is no command.
func (s *sieveSession) lost(err error) sieveReply {
	text := ""
	var bad *sieveSyntax
	switch {
	case errors.As(err, &bad):
		text = bad.text
	case errors.Is(err, errDraining):
		text = noStopping.text
	case errors.Is(err, errSlow):
		text = noTimeout.text
	case errors.Is(err, errLineTooLong):
		text = badLine.text
	case errors.Is(err, errLineEnd), errors.Is(err, errControl):
		text = "Lines end with CRLF and have no control characters"
	}
	s.log.Debug("connection ended", "err", err)
	return sieveReply{word: "BYE", text: text}
}

// say writes a reply; it leaves before the next wait.
func (s *sieveSession) say(r sieveReply) {
	s.wire.out = r.appendTo(s.wire.out)
}

func (r sieveReply) appendTo(dst []byte) []byte {
	dst = append(dst, r.word...)
	if r.code != "" {
		dst = append(append(append(dst, " ("...), r.code...), ')')
	}
	if r.text != "" {
		dst = appendSieveString(append(dst, ' '), r.text)
	}
	return append(dst, crlf...)
}

// appendSieveString writes a quoted string, or a literal where that is not possible or has control characters, which lines are better without.
// RFC 5804 §4.
func appendSieveString(dst []byte, text string) []byte {
	if len(text) > 1024 || strings.ContainsFunc(text, isControl) {
		dst = append(strconv.AppendInt(append(dst, '{'), int64(len(text)), 10), "}\r\n"...)
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, text[i])
	}
	return append(dst, '"')
}

// capabilities writes what the server can, now. RFC 5804 §1.7.
func (s *sieveSession) capabilities() {
	line := func(words ...string) {
		for i, w := range words {
			if i > 0 {
				s.wire.out = append(s.wire.out, ' ')
			}
			s.wire.out = appendSieveString(s.wire.out, w)
		}
		s.wire.out = append(s.wire.out, crlf...)
	}
	line("IMPLEMENTATION", "Schulhof")
	line("SIEVE", strings.Join(sieve.Capabilities(false), " "))
	switch {
	case s.who != nil:
		line("OWNER", s.who.Account.Login)
		line("SASL", "")
	case s.mayAuth():
		line("SASL", "PLAIN")
	default:
		line("SASL", "")
	}
	if s.mayStartTLS() {
		line("STARTTLS")
	}
	line("MAXREDIRECTS", strconv.Itoa(sieve.MaxRedirects))
	line("LANGUAGE", "en")
	line("UNAUTHENTICATE")
	line("VERSION", "1.0")
}

func (s *sieveSession) encrypted() bool {
	_, ok := s.wire.tlsState()
	return ok
}

func (s *sieveSession) mayStartTLS() bool {
	return s.srv.o.TLS != nil && !s.encrypted() && s.who == nil
}

// mayAuth is the rule of submission: over TLS, or in the clear on loopback if allowed.
func (s *sieveSession) mayAuth() bool {
	return s.encrypted() || s.srv.o.AllowPlaintextLoopback && s.remote.IsLoopback()
}

func (s *sieveSession) capability(context.Context, []string) sieveReply {
	s.capabilities()
	return sieveReply{word: "OK"}
}

// noop echoes its argument. RFC 5804 §2.13.
func (s *sieveSession) noop(_ context.Context, args []string) sieveReply {
	if len(args) == 0 {
		return sieveReply{word: "OK"}
	}
	return sieveReply{word: "OK", code: "TAG " + string(appendSieveString(nil, args[0])), text: "Done"}
}

// startTLS upgrades the connection. RFC 5804 §2.2.
func (s *sieveSession) startTLS(ctx context.Context, _ []string) sieveReply {
	if !s.mayStartTLS() {
		return s.mistake("STARTTLS is not possible now")
	}
	s.say(sieveReply{word: "OK", text: "Begin TLS"})
	if err := s.wire.startTLS(ctx, s.srv.o.TLS); err != nil {
		s.log.Debug("no TLS", "err", err)
		return sieveReply{word: "BYE", text: "No TLS"}
	}
	s.capabilities()
	return sieveReply{word: "OK", text: "TLS is on"}
}

// unauthenticate logs out and keeps the connection. RFC 5804 §2.14.
func (s *sieveSession) unauthenticate(context.Context, []string) sieveReply {
	s.who = nil
	return sieveReply{word: "OK"}
}

// refusal answers a fault of the domain. RFC 5804 §1.3.
func (s *sieveSession) refusal(err error) sieveReply {
	r := sieveReply{word: "NO", text: fault.TextOf(err)}
	switch fault.KindOf(err) {
	case fault.NotFound:
		r.code = "NONEXISTENT"
	case fault.AlreadyExists:
		r.code = "ALREADYEXISTS"
	case fault.InUse:
		r.code = "ACTIVE"
	case fault.Limit:
		r.code = "QUOTA/MAXSCRIPTS"
	case fault.TooLarge:
		r.code = "QUOTA/MAXSIZE"
	case fault.OverQuota:
		r.code = "QUOTA"
	case fault.Unavailable, fault.Throttled, fault.Internal, fault.Conflict:
		r.code = "TRYLATER"
		r.text = noInternal.text
		s.log.Error("filters", "err", err)
	}
	if r.text == "" {
		r.text = "Not possible"
	}
	return r
}
