package filter

import (
	"bytes"
	"fmt"

	"schulhof/directory"
	"schulhof/mailbox/message"
	"schulhof/mailbox/sieve"
	"schulhof/store/fault"

	"strings"
)

// reject refuses the message while the door can; later it tells the sender, if that is certain to be the one who sent it; otherwise
// the message is kept, because an answer to a forged address is spam and silence would be a loss. RFC 5429 §2.
func (p *planner) reject(i int, to Recipient, l *letter, a sieve.Reject, depth int) error {
	reason := strings.Join(strings.Fields(a.Reason), " ")
	if reason == "" {
		reason = "refused by the recipient"
	}
	if to.MayRefuse && depth == 0 && i >= 0 {
		p.plan.Refused[i] = fault.New(fault.Refused, "%s", plain(reason))
		return nil
	}
	header, err := l.header()
	if err != nil {
		return err
	}
	if !p.req.Certain || l.sender == "" || automatic(header) {
		p.keep(i, to.To, l, nil)
		return nil
	}
	owner, err := p.dir.Account(p.ctx, to.Owner)
	if err != nil {
		return fmt.Errorf("owner of a filter: %w", err)
	}
	notice, err := p.prepare(p.rejection(&owner, to.Address, l, a.Reason, header))
	if err != nil {
		return err
	}
	if ok, err := p.send(&owner, notice, l.sender, depth); ok || err != nil {
		return err
	}
	p.keep(i, to.To, l, nil)
	return nil
}

// plain writes German letters as an SMTP reply can have them; RFC 5321 §4.2 knows ASCII only.
func plain(s string) string {
	return strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "ß", "ss", "é", "e", "è", "e", "á", "a", "ç", "c").Replace(s)
}

// rejection writes a disposition notification. RFC 5429 §2.2, RFC 8098.
func (p *planner) rejection(owner *directory.Account, address string, l *letter, reason string, header []byte) *bytes.Buffer {
	_, domain, _ := message.CutAddress(owner.Address)
	b := p.head("Mail Delivery System <postmaster@"+domain+">", l.sender, "Rejected: Abgelehnt: "+l.index.Headers.Subject, "auto-replied (rejected)")
	if id := safeID(l.index.Headers.MessageID); id != "" {
		fmt.Fprintf(b, "In-Reply-To: <%s>\r\nReferences: <%s>\r\n", id, id)
	}
	boundary := fmt.Sprintf("reject-%x", hashOf(address, l.sender, reason))
	fmt.Fprintf(b, "Content-Type: multipart/report; report-type=disposition-notification;\r\n\tboundary=\"%s\"\r\n\r\n--%s\r\n", boundary, boundary)
	appendText(b, "Your message to "+address+" was refused:\nIhre Nachricht an "+address+" wurde abgelehnt:\n\n"+reason+"\n")
	fmt.Fprintf(b, "--%s\r\nContent-Type: message/disposition-notification\r\n\r\n", boundary)
	fmt.Fprintf(b, "Reporting-UA: %s; Schulhof\r\nFinal-Recipient: rfc822; %s\r\n", p.opts.Hostname, owner.Address)
	if id := safeID(l.index.Headers.MessageID); id != "" {
		fmt.Fprintf(b, "Original-Message-ID: <%s>\r\n", id)
	}
	fmt.Fprintf(b, "Disposition: automatic-action/MDN-sent-automatically; deleted\r\n\r\n--%s\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", boundary)
	for name, raw := range message.Fields(header) {
		if name != "" {
			b.Write(raw)
		}
	}
	fmt.Fprintf(b, "\r\n--%s--\r\n", boundary)
	return b
}
