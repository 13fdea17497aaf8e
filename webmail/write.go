package webmail

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// The fields of the form, in the order of the page. A problem stands with its field.
const (
	fieldTo      = "to"
	fieldCc      = "cc"
	fieldBcc     = "bcc"
	fieldSubject = "subject"
	fieldText    = "text"
	fieldWhen    = "when"
)

// writePage is what the page for writing shows.
type writePage struct {
	To, Cc, Bcc, Subject, Text, When string
	Token                            string // of this form: it is sent once
	Draft                            string // which it was opened from; "" for none
	Zone                             string // of When
	Undo                             int    // seconds
	Problems                         map[string]string
	Problem                          string // of no field
}

func (x *exchange) showWrite() error {
	p := &writePage{Token: rand.Text()}
	if ref := x.r.URL.Query().Get("draft"); ref != "" {
		err := x.openDraft(ref, p)
		if errors.Is(err, errForeignDraft) {
			x.page(http.StatusConflict, "error", x.lang.text("draft.foreign"))
			return nil
		}
		if err != nil {
			return err
		}
	}
	x.showForm(http.StatusOK, p)
	return nil
}

func (x *exchange) showForm(status int, p *writePage) {
	p.Zone = x.srv.o.Zone.String()
	p.Undo = int(x.srv.o.Queue.UndoOf(x.who.Account.ID) / time.Second)
	x.page(status, "write", p)
}

// send takes what was written, or shows it again with what stands against it.
func (x *exchange) send() error {
	if err := x.form(); err != nil {
		return err
	}
	form := x.r.PostForm
	p := &writePage{To: form.Get(fieldTo), Cc: form.Get(fieldCc), Bcc: form.Get(fieldBcc), Subject: form.Get(fieldSubject), Text: form.Get(fieldText),
		When: form.Get(fieldWhen), Token: form.Get("token"), Draft: form.Get("draft"), Problems: map[string]string{}}
	if p.Token == "" || len(p.Token) > maxToken || oneLine(p.Token) != p.Token {
		return fault.New(fault.Invalid, "the form has no token")
	}
	d := x.read(p)
	var at time.Time
	if form.Get("do") == "later" {
		at = x.later(p)
	} else {
		at = x.srv.o.Queue.TakeBackUntil(x.who.Account.ID)
	}
	if len(p.Problems) > 0 {
		x.showForm(http.StatusUnprocessableEntity, p)
		return nil
	}
	taken, err := x.submit(d, p.Token, at)
	var refusals Refusals
	switch {
	case errors.Is(err, ErrSentAlready):
		x.dropDraft(p.Draft) // the first time something may have come between
		return x.seeOther("/outbox?done=already")
	case errors.As(err, &refusals):
		x.explain(p, d, refusals)
		x.showForm(http.StatusUnprocessableEntity, p)
		return nil
	case err != nil: // what was written must not be lost
		x.srv.log.Error("webmail: send", "account", x.who.Account.Login, "err", err)
		status, key := statusOf(fault.KindOf(err))
		p.Problem = x.lang.text(key)
		x.showForm(status, p)
		return nil
	}
	x.dropDraft(p.Draft)
	done := "sent"
	switch {
	case taken.Held:
		done = "held"
	case taken.Waits && form.Get("do") == "later":
		done = "later"
	case taken.Waits:
		done = "waits"
	}
	return x.seeOther("/outbox?done=" + done)
}

// read reads the fields of p; what it cannot read becomes a problem.
func (x *exchange) read(p *writePage) *draft {
	d := &draft{subject: oneLine(p.Subject), text: cleanText(p.Text)}
	for _, field := range []struct {
		name, value string
		list        *[]mail.Address
	}{{fieldTo, p.To, &d.to}, {fieldCc, p.Cc, &d.cc}, {fieldBcc, p.Bcc, &d.bcc}} {
		list, err := parseAddresses(field.value)
		switch {
		case fault.Is(err, fault.Limit):
			p.Problems[field.name] = x.lang.text("write.many", maxRecipients)
		case err != nil:
			p.Problems[field.name] = x.lang.text("write.address", fault.TextOf(err))
		}
		*field.list = list
	}
	switch n := len(d.recipients()); {
	case len(p.Problems) > 0:
	case n == 0:
		p.Problems[fieldTo] = x.lang.text("write.nobody")
	case n > maxRecipients:
		p.Problems[fieldTo] = x.lang.text("write.many", maxRecipients)
	}
	if len(d.subject) > maxSubject {
		p.Problems[fieldSubject] = x.lang.text("write.subject")
	}
	return d
}

// later reads when the letter is to leave, in the school's time zone; what does not do becomes a problem.
func (x *exchange) later(p *writePage) time.Time {
	at, ok := parseWhen(p.When, x.srv.o.Zone)
	now := x.srv.now()
	switch {
	case !ok:
		p.Problems[fieldWhen] = x.lang.text("write.when")
	case at.Before(now.Add(leastLater)):
		p.Problems[fieldWhen] = x.lang.text("write.soon")
	case at.After(now.Add(mostLater)):
		p.Problems[fieldWhen] = x.lang.text("write.far")
	}
	return at
}

// parseWhen reads a local date and time as browsers send it, with seconds or without. HTML §2.3.5.5.
func parseWhen(value string, zone *time.Location) (time.Time, bool) {
	for _, form := range []string{whenFormat, whenFormat + ":05"} {
		asWritten, err := time.Parse(form, value)
		if err != nil || asWritten.Format(form) != value { // time.Parse takes hours of one digit too
			continue
		}
		if at, err := time.ParseInLocation(form, value, zone); err == nil && at.Year() > 1900 {
			return at, true
		}
	}
	return time.Time{}, false
}

// whenFormat is a local date and time in a form.
const whenFormat = "2006-01-02T15:04"

// submit composes d and gives it away. The commit that takes it notes that the form was sent.
func (x *exchange) submit(d *draft, token string, at time.Time) (Taken, error) {
	account := x.who.Account
	sender, ok := asciiAddress(account.Address)
	if !ok {
		sender = account.Address
	}
	now := x.srv.now()
	b, err := d.compose(mail.Address{Name: account.Name, Address: sender}, strings.ToLower(rand.Text()), now.In(x.srv.o.Zone))
	if err != nil {
		return Taken{}, err
	}
	return x.srv.o.Submitter.Submit(x.r.Context(), Letter{
		From: *x.who, Remote: x.remote, Sender: sender, To: d.recipients(), Message: b, NotBefore: at,
		Also: func(tx *store.Tx) error { return noteForm(tx, account.ID, token, now) },
	})
}

// noteForm notes that a form was sent. ErrSentAlready: it was before.
func noteForm(tx *store.Tx, account directory.ID, token string, now time.Time) error {
	n, err := tx.Exec(`INSERT INTO webmail_form (owner_id, token, sent) VALUES ($1, $2, $3) ON CONFLICT (owner_id, token) DO NOTHING`, int64(account), token, now.Unix())
	if err != nil {
		return fmt.Errorf("note a form: %w", err)
	}
	if n == 0 {
		return ErrSentAlready
	}
	return nil
}

// explain puts refusals to the fields that they are about, the first one where an address stands in several.
func (x *exchange) explain(p *writePage, d *draft, refusals Refusals) {
	for _, r := range refusals {
		is := func(a mail.Address) bool { return a.Address == r.Address }
		text := x.lang.text("write.refusedfor", r.Address, r.Text)
		switch {
		case slices.ContainsFunc(d.to, is):
			p.Problems[fieldTo] = strings.TrimSpace(p.Problems[fieldTo] + " " + text)
		case slices.ContainsFunc(d.cc, is):
			p.Problems[fieldCc] = strings.TrimSpace(p.Problems[fieldCc] + " " + text)
		case slices.ContainsFunc(d.bcc, is):
			p.Problems[fieldBcc] = strings.TrimSpace(p.Problems[fieldBcc] + " " + text)
		default:
			p.Problem = strings.TrimSpace(p.Problem + " " + x.lang.text("write.refused", r.Text))
		}
	}
}
