package smtpd

import (
	"context"
	"fmt"
	"mime"
	"strings"

	"schulhof/mailbox"
	"schulhof/mailbox/message"
)

// Visible bounds how many people elsewhere one message may show to each other in To and Cc: whoever gets it learns the addresses of all.
type Visible struct {
	Max    int  // 0: any number
	Refuse bool // refuse what shows more; otherwise its author is told by mail
}

// showsTooMany counts the addresses elsewhere in the header of a submission. Beyond the bound it refuses the message, with a sentence that
// says how to write it, or notes that its author is to be told.
func (s *session) showsTooMany(ctx context.Context, head []byte) (reply, error) {
	bound := s.srv.o.Visible
	if bound.Max == 0 {
		return okDone, nil
	}
	n, err := s.visibleOutside(ctx, head)
	if err != nil || n <= bound.Max {
		return okDone, err
	}
	if !bound.Refuse {
		s.mail.visible = n
		return okDone, nil
	}
	return withText(noRight, fmt.Sprintf("To and Cc show %d addresses elsewhere to all who get this, the school's rule allows %d: put them into Bcc / "+
		"An und Cc zeigen allen %[1]d fremde Adressen, die Regel der Schule erlaubt %[2]d: bitte ins Feld Bcc (Blindkopie) schreiben", n, bound.Max)), nil
}

// visibleOutside is how many different addresses that are not ours stand in the fields that everybody sees.
func (s *session) visibleOutside(ctx context.Context, head []byte) (int, error) {
	seen, local := map[string]bool{}, map[string]bool{}
	for f := range fields(head) {
		if !f.is("To") && !f.is("Cc") && !f.is("Resent-To") && !f.is("Resent-Cc") {
			continue
		}
		for _, a := range message.ParseAddresses(unfold(f.value())) {
			domain := strings.ToLower(a.Domain)
			ours, known := local[domain]
			if !known {
				var err error
				if ours, err = s.srv.o.Directory.IsLocalDomain(ctx, domain); err != nil {
					return 0, fmt.Errorf("visible recipients: %w", err)
				}
				local[domain] = ours
			}
			if domain != "" && !ours {
				seen[strings.ToLower(a.Local)+"@"+domain] = true
			}
		}
	}
	return len(seen), nil
}

// warnOfVisible tells the author of a message that went out how many addresses it showed to everybody, and how not to. Once for each
// message: what is held has shown nothing yet, and what a program sends again because it missed our reply goes to nobody again.
func (s *session) warnOfVisible(ctx context.Context, t *transaction) {
	if !t.shown {
		return
	}
	id := newTraceID()
	spool := s.srv.o.Mail.NewSpool()
	defer spool.Close()
	_, err := spool.Write(s.visibleNotice(t.visible, id))
	if err == nil {
		err = s.deliverSpool(ctx, spool, mailbox.To{Owner: s.who.Account.ID}, id)
	}
	if err != nil {
		s.log.Error("deliver notice", "id", t.body.id, "notice", id, "err", err)
		return
	}
	s.log.Info("notice delivered", "id", t.body.id, "notice", id, "visible", t.visible)
}

// visibleNotice writes that mail, without anything that the message says.
func (s *session) visibleNotice(n int, id string) []byte {
	host, at := s.srv.o.Hostname, s.srv.o.Now().Format(dateFormat)
	to := s.who.Account.Address
	_, domain, _ := message.CutAddress(to)
	subject := mime.QEncoding.Encode("utf-8", "Bitte Blindkopie (Bcc) verwenden / Please use Bcc")
	return fmt.Appendf(nil, "Return-Path: <>\r\nReceived: by %s with LOCAL\r\n\tid %s;\r\n\t%s\r\nFrom: Schulhof <postmaster@%s>\r\nTo: <%s>\r\nSubject: %s\r\n"+
		"Date: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"Content-Transfer-Encoding: 8bit\r\n\r\n"+
		"Ihre Nachricht ist unterwegs. In An und Cc standen %d Adressen außerhalb der Schule. Alle, die sie bekommen, sehen nun\r\n"+
		"die Adressen aller anderen. Schreiben Sie solche Adressen künftig ins Feld Bcc (Blindkopie): Dort sieht sie niemand.\r\n\r\n"+
		"Your message is on its way. To and Cc had %[11]d addresses outside of the school. Everyone who gets it now sees the addresses\r\n"+
		"of all others. Next time put such addresses into the field Bcc (blind copy): nobody sees them there.\r\n",
		host, id, at, domain, to, subject, at, id, host, n, n)
}
