package webmail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/mailbox/message"
	"schulhof/store"

	gomail "github.com/emersion/go-message/mail"
)

// Submitter takes composed messages for delivery; smtpd has the real one.
type Submitter interface {
	// Submit returns once the message is stored safely: for all recipients, or for none. A Refusals says what stands against it.
	Submit(ctx context.Context, l Letter) (Taken, error)
}

// Letter is one composed message with its envelope.
type Letter struct {
	From      directory.Identity
	Remote    netip.Addr
	Sender    string
	To        []string
	Message   []byte                   // with Bcc, which leaves with nobody
	NotBefore time.Time                // it waits until then, for all recipients; zero: at once
	Also      func(tx *store.Tx) error // further rows of the commit that takes it
}

// Taken is what became of a letter.
type Taken struct {
	Waits bool // until NotBefore
	Held  bool // somebody has to let it through
}

// Refusal is a reason not to take a letter, in a sentence for its author.
type Refusal struct {
	Address string // the recipient that it is about; "" for all
	Text    string
}

// Refusals are all reasons that stand against a letter.
type Refusals []Refusal

func (list Refusals) Error() string {
	texts := make([]string, len(list))
	for i, r := range list {
		texts[i] = strings.TrimPrefix(r.Address+": "+r.Text, ": ")
	}
	return strings.Join(texts, "; ")
}

// ErrSentAlready is what Letter.Also returns for a form that was sent before.
var ErrSentAlready = errors.New("this form was sent already")

// draft is a letter as it is written.
type draft struct {
	to, cc, bcc   []mail.Address
	subject, text string
}

// recipients are the addresses of the envelope, each once.
func (d *draft) recipients() (list []string) {
	seen := map[string]bool{}
	for _, field := range [][]mail.Address{d.to, d.cc, d.bcc} {
		for _, a := range field {
			if key := strings.ToLower(a.Address); !seen[key] {
				seen[key] = true
				list = append(list, a.Address)
			}
		}
	}
	return list
}

// compose writes d as a message: one part of plain text in UTF-8, whose lines are short enough for every server because they are quoted-printable.
// RFC 5322 §3.6, RFC 2045 §6.7.
func (d *draft) compose(from mail.Address, id string, now time.Time) ([]byte, error) {
	_, domain, _ := message.CutAddress(from.Address)
	var h gomail.Header
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	h.Set("Content-Transfer-Encoding", "quoted-printable")
	h.Set("MIME-Version", "1.0")
	h.SetMessageID(id + "@" + domain)
	h.SetSubject(d.subject)
	for _, field := range []struct {
		name string
		list []mail.Address
	}{{"Bcc", d.bcc}, {"Cc", d.cc}, {"To", d.to}, {"From", []mail.Address{from}}} {
		list := make([]*gomail.Address, len(field.list))
		for i := range field.list {
			list[i] = (*gomail.Address)(&field.list[i])
		}
		if len(list) > 0 {
			h.SetAddressList(field.name, list)
		}
	}
	h.SetDate(now)
	var b bytes.Buffer
	w, err := gomail.CreateSingleInlineWriter(&b, h)
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	_, err = w.Write([]byte(d.text))
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	return b.Bytes(), nil
}

// cleanText is what a browser sent of a text field, with CRLF and without control characters. HTML §4.10.5.4.
func cleanText(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	text = strings.TrimRight(text, "\n") + "\n"
	return strings.ReplaceAll(text, "\n", "\r\n")
}
