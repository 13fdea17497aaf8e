package smtpd

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"schulhof/directory"
	"schulhof/store/fault"

	"github.com/emersion/go-sasl"
)

// errIdentity refuses to act for someone else.
var errIdentity = errors.New("authorization identity differs from the login")

// auth logs in. RFC 4954 §4.
func (s *session) auth(ctx context.Context, args string) reply {
	switch {
	case s.who != nil, s.mail != nil, !s.extended:
		return badSequence
	case !s.mayAuth():
		return noClearAuth
	}
	mechanism, initial, _ := strings.Cut(args, " ")
	var login, secret string
	keep := func(identity, username, password string) error {
		if identity != "" && !strings.EqualFold(identity, username) {
			return errIdentity
		}
		login, secret = username, password
		return nil
	}
	var server sasl.Server
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		server = sasl.NewPlainServer(keep)
	case "LOGIN":
		server = &loginServer{authenticate: keep}
	case "":
		return badSyntax
	default:
		return badMechanism
	}
	if r := s.exchange(server, strings.TrimLeft(initial, " ")); !r.ok() {
		if r.code == noCredentials.code {
			return s.authFailed(r)
		}
		return r
	}
	id, err := s.srv.o.Directory.Authenticate(ctx, directory.Attempt{
		Login: login, Secret: secret, Remote: s.remote, Need: directory.ScopeMail | directory.ScopeSend, Door: "submission",
	})
	switch {
	case err == nil:
		s.srv.metrics.login.WithLabelValues("ok").Inc()
		s.who = &id
		s.log = s.log.With("account", id.Account.Login)
		return okAuth
	case fault.Is(err, fault.Throttled):
		s.srv.metrics.login.WithLabelValues("throttled").Inc()
		s.log.Warn("login throttled")
		return s.authFailed(noAuthLater)
	case fault.Is(err, fault.Unauthenticated):
		s.log.Info("login failed")
		return s.authFailed(noCredentials)
	}
	s.log.Error("login", "err", err)
	return noAuthBroken
}

// authFailed counts a wrong login; the third ends the connection.
func (s *session) authFailed(r reply) reply {
	if r.code == noCredentials.code {
		s.srv.metrics.login.WithLabelValues("failed").Inc()
	}
	s.authFailures++
	if s.authFailures >= maxAuthFailures && !s.srv.peers.trusted(s.remote) {
		s.say(r)
		return noAuthBudget
	}
	return r
}

// exchange talks to the client until the mechanism is done. "=" is an empty initial response.
func (s *session) exchange(server sasl.Server, initial string) reply {
	var response []byte
	if initial != "" {
		var r reply
		if response, r = decodeResponse(initial); !r.ok() {
			return r
		}
	}
	for {
		challenge, done, err := server.Next(response)
		if err != nil {
			return noCredentials
		}
		if done {
			return okAuth
		}
		s.wire.out = append(s.wire.out, "334 "...)
		s.wire.out = base64.StdEncoding.AppendEncode(s.wire.out, challenge)
		s.wire.out = append(s.wire.out, crlf...)
		line, err := s.wire.readLine(lineTimeout, s.loginDeadline())
		if err != nil {
			return s.authBroken(err)
		}
		if line == "*" {
			return badCancelled
		}
		var r reply
		if response, r = decodeResponse(line); !r.ok() {
			return r
		}
	}
}

// authBroken answers a read that failed inside AUTH; what follows would be read as commands, so it ends here.
func (s *session) authBroken(err error) reply {
	switch {
	case errors.Is(err, errDraining):
		return noStopping
	case errors.Is(err, errSlow):
		return noTimeout
	case errors.Is(err, errLineTooLong):
		return badLine
	}
	return badBase64.ending()
}

func decodeResponse(s string) ([]byte, reply) {
	if s == "=" {
		return []byte{}, okDone
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, badBase64
	}
	if b == nil {
		b = []byte{}
	}
	return b, okDone
}

// loginServer is the LOGIN mechanism, which old phones still speak (draft-murchison-sasl-login). go-sasl has only its client.
type loginServer struct {
	username     []byte
	authenticate func(identity, username, password string) error
}

// Next implements sasl.Server.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil {
		return []byte("Username:"), false, nil
	}
	if l.username == nil {
		l.username = append([]byte{}, response...)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.authenticate("", string(l.username), string(response))
}
