package resolver

import (
	"context"
	"errors"
	"net"
	"os"

	"github.com/miekg/dns"
)

// notFound says that name, or a record of that type, is known not to exist. RFC 2308 §2.
func notFound(name, text string) *net.DNSError {
	return &net.DNSError{Err: text, Name: shown(name), IsNotFound: true}
}

// temporary says that nothing is known now.
func temporary(name, server, text string, cause error) *net.DNSError {
	e := &net.DNSError{Err: text, Name: shown(name), Server: server, IsTemporary: true, UnwrapErr: cause}
	var network net.Error
	e.IsTimeout = errors.Is(cause, os.ErrDeadlineExceeded) || errors.Is(cause, context.DeadlineExceeded) ||
		errors.As(cause, &network) && network.Timeout()
	return e
}

// refusal puts the code of a reply that is no answer into words, with what the server itself says about the
// cause, such as a broken signature. RFC 8914.
func refusal(m *dns.Msg) string {
	text := "server answers " + dns.RcodeToString[m.Rcode]
	if opt := m.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if ede, ok := option.(*dns.EDNS0_EDE); ok {
				text += " (" + clean(ede) + ")"
				break
			}
		}
	}
	return text
}

// clean is an explanation without what has no place in a log.
func clean(ede *dns.EDNS0_EDE) string {
	text := dns.ExtendedErrorCodeToString[ede.InfoCode]
	if ede.ExtraText != "" {
		text += ": " + ede.ExtraText
	}
	b := []byte(text[:min(len(text), maxText)])
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
