package smtpd

import (
	"context"
	"strconv"
	"strings"

	"schulhof/directory"
	"schulhof/mailbox/sieve"
	"schulhof/store/fault"

	"github.com/emersion/go-sasl"
)

// authenticate logs in. RFC 5804 §2.1. The limits against guessing are the directory's, as at every door.
func (s *sieveSession) authenticate(ctx context.Context, args []string) sieveReply {
	switch {
	case s.who != nil:
		return s.mistake("Logged in already")
	case !s.mayAuth():
		return sieveReply{word: "NO", code: "ENCRYPT-NEEDED", text: noClearAuth.text}
	case !strings.EqualFold(args[0], "PLAIN"):
		return s.mistake(badMechanism.text)
	}
	response := ""
	if len(args) == 2 {
		response = args[1]
	} else {
		s.wire.out = append(s.wire.out, "\"\"\r\n"...)
		answer, err := s.readStrings()
		if err != nil {
			return s.lost(err)
		}
		if len(answer) != 1 || answer[0] == "*" {
			return s.mistake("Login cancelled")
		}
		response = answer[0]
	}
	raw, r := decodeResponse(response)
	if !r.ok() {
		return s.mistake(badBase64.text)
	}
	var login, secret string
	server := sasl.NewPlainServer(func(identity, username, password string) error {
		if identity != "" && !strings.EqualFold(identity, username) {
			return errIdentity
		}
		login, secret = username, password
		return nil
	})
	if _, _, err := server.Next(raw); err != nil {
		return s.wrongLogin(sieveReply{word: "NO", text: noCredentials.text})
	}
	return s.login(ctx, login, secret)
}

func (s *sieveSession) login(ctx context.Context, login, secret string) sieveReply {
	id, err := s.srv.o.Directory.Authenticate(ctx, directory.Attempt{
		Login: login, Secret: secret, Remote: s.remote, Need: directory.ScopeMail, Door: "managesieve",
	})
	switch {
	case err == nil:
		s.srv.metrics.login.WithLabelValues("ok").Inc()
		s.who = &id
		s.log = s.log.With("account", id.Account.Login)
		return sieveReply{word: "OK", text: "Logged in"}
	case fault.Is(err, fault.Throttled):
		s.srv.metrics.login.WithLabelValues("throttled").Inc()
		s.log.Warn("login throttled")
		return s.wrongLogin(sieveReply{word: "NO", code: "TRYLATER", text: noAuthLater.text})
	case fault.Is(err, fault.Unauthenticated):
		s.srv.metrics.login.WithLabelValues("failed").Inc()
		s.log.Info("login failed")
		return s.wrongLogin(sieveReply{word: "NO", text: noCredentials.text})
	}
	s.log.Error("login", "err", err)
	return sieveReply{word: "NO", code: "TRYLATER", text: noAuthBroken.text}
}

// wrongLogin counts; the third ends the connection.
func (s *sieveSession) wrongLogin(r sieveReply) sieveReply {
	if s.wrong++; s.wrong >= maxAuthFailures && !s.srv.peers.trusted(s.remote) {
		return sieveReply{word: "BYE", text: noAuthBudget.text}
	}
	return r
}

// haveSpace is RFC 5804 §2.5.
func (s *sieveSession) haveSpace(ctx context.Context, args []string) sieveReply {
	size, err := strconv.ParseUint(args[1], 10, 32)
	if err != nil {
		return s.mistake("The size is a number")
	}
	return s.done(s.srv.o.Filters.Space(ctx, s.who.Account.ID, args[0], int64(size)))
}

func (s *sieveSession) done(err error) sieveReply {
	if err != nil {
		return s.refusal(err)
	}
	return sieveReply{word: "OK"}
}

// putScript is RFC 5804 §2.6.
func (s *sieveSession) putScript(ctx context.Context, args []string) sieveReply {
	warnings, err := s.srv.o.Filters.Put(ctx, s.who.Account.ID, args[0], []byte(args[1]))
	return s.checked(warnings, err)
}

// checkScript is RFC 5804 §2.12.
func (s *sieveSession) checkScript(_ context.Context, args []string) sieveReply {
	warnings, err := s.srv.o.Filters.Check([]byte(args[0]))
	return s.checked(warnings, err)
}

func (s *sieveSession) checked(warnings []sieve.Error, err error) sieveReply {
	if err != nil || len(warnings) == 0 {
		return s.done(err)
	}
	return sieveReply{word: "OK", code: "WARNINGS", text: sieve.Errors(warnings).Error()}
}

// listScripts is RFC 5804 §2.7.
func (s *sieveSession) listScripts(ctx context.Context, _ []string) sieveReply {
	list, err := s.srv.o.Filters.Scripts(ctx, s.who.Account.ID)
	if err != nil {
		return s.refusal(err)
	}
	for _, script := range list {
		s.wire.out = appendSieveString(s.wire.out, script.Name)
		if script.Active {
			s.wire.out = append(s.wire.out, " ACTIVE"...)
		}
		s.wire.out = append(s.wire.out, crlf...)
	}
	return sieveReply{word: "OK"}
}

// setActive is RFC 5804 §2.8.
func (s *sieveSession) setActive(ctx context.Context, args []string) sieveReply {
	return s.done(s.srv.o.Filters.Activate(ctx, s.who.Account.ID, args[0]))
}

// getScript is RFC 5804 §2.9.
func (s *sieveSession) getScript(ctx context.Context, args []string) sieveReply {
	text, err := s.srv.o.Filters.Script(ctx, s.who.Account.ID, args[0])
	if err != nil {
		return s.refusal(err)
	}
	s.wire.out = append(strconv.AppendInt(append(s.wire.out, '{'), int64(len(text)), 10), "}\r\n"...)
	s.wire.out = append(append(s.wire.out, text...), crlf...)
	return sieveReply{word: "OK"}
}

// deleteScript is RFC 5804 §2.10.
func (s *sieveSession) deleteScript(ctx context.Context, args []string) sieveReply {
	return s.done(s.srv.o.Filters.Delete(ctx, s.who.Account.ID, args[0]))
}

// renameScript is RFC 5804 §2.11.
func (s *sieveSession) renameScript(ctx context.Context, args []string) sieveReply {
	return s.done(s.srv.o.Filters.Rename(ctx, s.who.Account.ID, args[0], args[1]))
}
