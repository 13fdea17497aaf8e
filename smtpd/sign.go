package smtpd

import (
	"context"
	"fmt"
	"io"
)

// Signer signs mail that leaves, so that other servers believe where it comes from.
type Signer interface {
	// Sign returns header fields to put above message in the name of domain, each with its line end; none when there are no keys for it.
	Sign(ctx context.Context, domain string, message io.Reader) ([]byte, error)
}

// sign signs a submission with recipients elsewhere. Our own recipients get the same body, so theirs is signed too.
func (s *session) sign(ctx context.Context) {
	t, in := s.mail, s.mail.body
	if s.srv.o.Signer == nil || !s.door.submit || in.refusal.code != 0 || len(t.outside) == 0 {
		return
	}
	domain := in.author // one of ours, because everyone writes in their own name
	if domain == "" {
		_, domain, _ = cutLast(t.envelope.Sender, "@")
	}
	from := int64(len(in.trace))
	fields, err := s.srv.o.Signer.Sign(ctx, domain, io.NewSectionReader(in.spool, from, in.spool.Size()-from))
	if err == nil {
		err = in.insert(s.srv.o.Mail.NewSpool(), fields)
	}
	if err != nil {
		in.refuse(answer(err), fmt.Errorf("sign message: %w", err))
	}
}

// authorDomain is the domain of the first address in From; submission has refused what strictAddresses cannot read.
func authorDomain(head []byte) string {
	for f := range fields(head) {
		if !f.is("From") {
			continue
		}
		if list, ok := strictAddresses(f.value()); ok {
			_, domain, _ := cutLast(list[0], "@")
			return domain
		}
	}
	return ""
}
