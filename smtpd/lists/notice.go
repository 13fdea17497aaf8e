package lists

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"net/mail"
	"strings"

	"schulhof/mailbox"
)

// text is one notice, in German and English.
type text struct {
	from, replyTo, to, subject string
	body                       []string // lines
}

// heldNotice tells those who decide that a message waits.
func (l *Lists) heldNotice(ctx context.Context, h *Held) *text {
	host := "postmaster@" + l.o.Hostname
	t := &text{from: host, to: host}
	var german, english string
	if g, err := l.dir.GroupByID(h.Group); err == nil {
		t.from, t.to, t.replyTo = g.Address, g.Address, address(g.Address, PurposeDecide, h.token)
		t.subject = "Freigabe noetig / Please decide: " + g.Address
		german = "Eine Nachricht an " + g.Address + " wartet auf Ihre Entscheidung."
		english = "A message to " + g.Address + " waits for your decision."
	} else {
		t.replyTo = address(l.postmasterAddress(ctx), PurposeDecide, h.token)
		t.subject = "Angehaltene Nachricht / Message held"
		german = "Ein Konto hat seine Grenze erreicht; seine Nachricht wird angehalten, ebenso weitere in dieser Stunde: schulhof list pending."
		english = "An account has reached its limit; its message is held, and so are further ones within this hour: schulhof list pending."
	}
	t.body = []string{
		german, english, "", "Von / From: " + h.Author, "Betreff / Subject: " + h.Subject, fmt.Sprintf("An / To: %d (%s)", len(h.Recipients), h.Recipients[0]),
		"Grund / Reason: " + h.Rule, "",
		"Antworten Sie mit einem Wort in der ersten Zeile: ja (senden) oder nein (nicht senden).",
		"Answer with one word on the first line: yes (send it) or no (do not).",
		"", "mailto:" + t.replyTo + "?subject=ja", "mailto:" + t.replyTo + "?subject=nein",
		"", "Ohne Entscheidung wird sie nicht gesendet nach dem / Without a decision it is not sent after: " + h.Expires.Format("2006-01-02 15:04 MST"),
	}
	return t
}

// postmasterAddress is where decisions that belong to no list are sent.
func (l *Lists) postmasterAddress(ctx context.Context) string {
	domains, err := l.dir.Domains(ctx)
	if err != nil || len(domains) == 0 {
		return "postmaster@" + l.o.Hostname
	}
	return "postmaster@" + domains[0]
}

// refusalNotice tells the author that a message was not sent.
func (l *Lists) refusalNotice(h *Held, s State) *text {
	host := "postmaster@" + l.o.Hostname
	german, english := "Ihre Nachricht wurde nicht freigegeben.", "Your message was not let through."
	if s == StateExpired {
		german, english = "Ihre Nachricht wurde nicht rechtzeitig freigegeben.", "Nobody let your message through in time."
	}
	return &text{from: host, to: h.Sender, subject: "Nicht gesendet / Not sent", body: []string{
		german, english, "", "Betreff / Subject: " + h.Subject, "An / To: " + strings.Join(h.Recipients[:min(10, len(h.Recipients))], ", "),
	}}
}

// prepareText writes a notice and makes it durable.
func (l *Lists) prepareText(ctx context.Context, t *text) (*mailbox.Prepared, error) {
	spool := l.mail.NewSpool()
	defer spool.Close()
	if _, err := spool.Write(t.appendTo(nil, l.o.Hostname, newToken(), l.now().Format("Mon, 02 Jan 2006 15:04:05 -0700"))); err != nil {
		return nil, fmt.Errorf("write notice: %w", err)
	}
	prepared, err := l.mail.Prepare(ctx, spool)
	if err != nil {
		return nil, fmt.Errorf("store notice: %w", err)
	}
	return prepared, nil
}

// appendTo writes the message. What people wrote stands in the body only, or encoded.
func (t *text) appendTo(b []byte, hostname, id, date string) []byte {
	w := bytes.NewBuffer(b)
	from := mail.Address{Name: "Schulhof", Address: t.from}
	fmt.Fprintf(w, "Return-Path: <>\r\nReceived: by %s with LOCAL\r\n\tid %s;\r\n\t%s\r\nFrom: %s\r\n", hostname, id, date, from.String())
	if t.replyTo != "" {
		fmt.Fprintf(w, "Reply-To: <%s>\r\n", t.replyTo)
	}
	fmt.Fprintf(w, "To: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\n", t.to,
		mime.QEncoding.Encode("utf-8", t.subject), date, id, hostname)
	fmt.Fprintf(w, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s\r\n",
		strings.Join(t.body, "\r\n"))
	return w.Bytes()
}
