package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
)

// demoUnread is how many days back mail is still unread.
const demoUnread = 3

// fillDemo makes the people and delivers their mail, each day's with that day's clock, and fills calendars, contacts and folders.
func fillDemo(ctx context.Context, r *rooms, clock *demoClock, now time.Time) error {
	letters := demoMail(now)
	local := schoolTime(now)
	when := func(l demoLetter) time.Time {
		at, _ := time.Parse("15:04", l.at)
		d := local.AddDate(0, 0, -l.day)
		return time.Date(d.Year(), d.Month(), d.Day(), at.Hour(), at.Minute(), 0, 0, local.Location())
	}
	sort.SliceStable(letters, func(i, j int) bool { return when(letters[i]).Before(when(letters[j])) })
	clock.set(when(letters[0]).Add(-time.Hour))
	people, err := addDemoPeople(ctx, r.Directory)
	if err != nil {
		return err
	}
	p := &demoPost{rooms: r, people: people, sent: map[string]demoLetter{}}
	for _, l := range letters {
		clock.set(when(l))
		if err := p.post(ctx, l, when(l)); err != nil {
			return fmt.Errorf("letter %s: %w", l.id, err)
		}
	}
	clock.set(now)
	shelves := &demoDAV{rooms: r, people: people}
	return shelves.fill(ctx, now)
}

// schoolTime is now on the clocks of the school.
func schoolTime(now time.Time) time.Time {
	if berlin, err := time.LoadLocation("Europe/Berlin"); err == nil {
		return now.In(berlin)
	}
	return now
}

// demoPost delivers the letters.
type demoPost struct {
	rooms  *rooms
	people map[string]directory.Account
	sent   map[string]demoLetter // by id, for References
}

// post delivers l to everyone it is for, and puts a copy into the sender's Sent mailbox.
func (p *demoPost) post(ctx context.Context, l demoLetter, at time.Time) error {
	p.sent[l.id] = l
	body, err := p.compose(l, at)
	if err != nil {
		return err
	}
	sender := p.people[l.from]
	to, err := p.recipients(ctx, l, sender.Address)
	if err != nil {
		return err
	}
	trace := fmt.Sprintf("Return-Path: <%s>\r\nReceived: from mail.%s by mail.%s with ESMTPSA; %s\r\n", sender.Address, demoDomain, demoDomain, at.Format(time.RFC1123Z))
	delivered, err := p.prepare(ctx, []byte(trace), body)
	if err != nil {
		return err
	}
	defer delivered.Release()
	results, err := p.rooms.Mail.Deliver(ctx, mailbox.Delivery{Message: delivered, Sender: sender.Address, Recipients: to, TraceID: "demo-" + l.id})
	if err = errors.Join(append(results, err)...); err != nil {
		return err
	}
	kept, err := p.prepare(ctx, body)
	if err != nil {
		return err
	}
	defer kept.Release()
	_, err = p.rooms.Mail.Append(ctx, sender.ID, "Sent", []mailbox.Appended{{Message: kept, Flags: []string{`\Seen`}, Date: at}})
	return err
}

func (p *demoPost) prepare(ctx context.Context, parts ...[]byte) (*mailbox.Prepared, error) {
	spool := p.rooms.Mail.NewSpool()
	defer spool.Close()
	for _, part := range parts {
		if _, err := spool.Write(part); err != nil {
			return nil, err
		}
	}
	return p.rooms.Mail.Prepare(ctx, spool)
}

// recipients expands addresses as a delivery from outside would; nobody gets a letter twice.
func (p *demoPost) recipients(ctx context.Context, l demoLetter, sender string) (to []mailbox.To, err error) {
	seen := map[directory.ID]bool{}
	var flags mailbox.Flags
	if l.day > demoUnread {
		flags = mailbox.Seen
	}
	for local := range strings.FieldsSeq(l.to + " " + l.cc) {
		list, err := p.rooms.Directory.Resolve(ctx, local+"@"+demoDomain, sender)
		if err != nil {
			return nil, fmt.Errorf("recipient %s: %w", local, err)
		}
		for _, r := range list {
			if !seen[r.Account] {
				seen[r.Account] = true
				to = append(to, mailbox.To{Owner: r.Account, Mailbox: r.Detail, Via: r.Via, Flags: flags})
			}
		}
	}
	return to, nil
}

// compose writes the message of l.
func (p *demoPost) compose(l demoLetter, at time.Time) ([]byte, error) {
	var h mail.Header
	h.SetDate(at)
	h.SetMessageID(l.id + "." + at.Format("20060102") + "@" + demoDomain)
	h.SetSubject(l.subject)
	h.SetAddressList("From", p.addresses(l.from))
	h.SetAddressList("To", p.addresses(l.to))
	if l.cc != "" {
		h.SetAddressList("Cc", p.addresses(l.cc))
	}
	h.Set("User-Agent", "Schulhof demo")
	var references []string
	for id := l.answers; id != ""; id = p.sent[id].answers {
		before := p.sent[id]
		references = append([]string{before.id + "." + at.AddDate(0, 0, before.day*-1+l.day).Format("20060102") + "@" + demoDomain}, references...)
	}
	if len(references) > 0 {
		h.SetMsgIDList("In-Reply-To", references[len(references)-1:])
		h.SetMsgIDList("References", references)
	}
	var b bytes.Buffer
	if err := composeBody(&b, h, l); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// addresses turns local parts into addresses with names.
func (p *demoPost) addresses(locals string) (list []*mail.Address) {
	for local := range strings.FieldsSeq(locals) {
		a := &mail.Address{Address: local + "@" + demoDomain, Name: p.people[local].Name}
		for _, g := range demoGroups {
			if g.Name == local {
				a.Name = g.Title
			}
		}
		list = append(list, a)
	}
	return list
}

// composeBody writes the header and the parts: text alone, or text and HTML, and what is attached.
func composeBody(w io.Writer, h mail.Header, l demoLetter) error {
	if l.html == "" && len(l.attached) == 0 {
		h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
		h.Set("Content-Transfer-Encoding", "quoted-printable")
		return writePart(message.CreateWriter(w, h.Header))([]byte(l.text))
	}
	if l.html == "" || len(l.attached) > 0 || l.inline != "" {
		kind := "multipart/mixed"
		if l.inline != "" {
			kind = "multipart/related"
		}
		h.SetContentType(kind, nil)
	} else {
		h.SetContentType("multipart/alternative", nil)
		outer, err := message.CreateWriter(w, h.Header)
		if err != nil {
			return err
		}
		return errors.Join(writeAlternatives(outer, l), outer.Close())
	}
	outer, err := message.CreateWriter(w, h.Header)
	if err != nil {
		return err
	}
	return errors.Join(writeParts(outer, l), outer.Close())
}

func writeParts(outer *message.Writer, l demoLetter) error {
	if l.html == "" {
		if err := writePart(outer.CreatePart(partHeader("text/plain", "charset", "utf-8", "quoted-printable")))([]byte(l.text)); err != nil {
			return err
		}
	} else {
		inner, err := outer.CreatePart(partHeader("multipart/alternative", "", "", ""))
		if err != nil {
			return err
		}
		if err := errors.Join(writeAlternatives(inner, l), inner.Close()); err != nil {
			return err
		}
	}
	for _, name := range l.attached {
		kind, content, err := demoFile(name)
		if err != nil {
			return err
		}
		h := partHeader(kind, "name", name, "base64")
		h.SetContentDisposition("attachment", map[string]string{"filename": name})
		if err := writePart(outer.CreatePart(h))(content); err != nil {
			return err
		}
	}
	if l.inline != "" {
		content, err := demoImage(false)
		if err != nil {
			return err
		}
		h := partHeader("image/png", "name", l.inline+".png", "base64")
		h.Set("Content-Id", "<"+l.inline+">")
		h.SetContentDisposition("inline", map[string]string{"filename": l.inline + ".png"})
		return writePart(outer.CreatePart(h))(content)
	}
	return nil
}

func writeAlternatives(outer *message.Writer, l demoLetter) error {
	return errors.Join(
		writePart(outer.CreatePart(partHeader("text/plain", "charset", "utf-8", "quoted-printable")))([]byte(l.text)),
		writePart(outer.CreatePart(partHeader("text/html", "charset", "utf-8", "quoted-printable")))([]byte("<!doctype html>\n<html lang=\"de\"><body>"+l.html+"</body></html>\n")))
}

func partHeader(kind, parameter, value, encoding string) (h message.Header) {
	var parameters map[string]string
	if parameter != "" {
		parameters = map[string]string{parameter: value}
	}
	h.SetContentType(kind, parameters)
	if encoding != "" {
		h.Set("Content-Transfer-Encoding", encoding)
	}
	return h
}

// writePart fills one part and closes it.
func writePart(w *message.Writer, err error) func(content []byte) error {
	return func(content []byte) error {
		if err != nil {
			return err
		}
		_, err := w.Write(content)
		return errors.Join(err, w.Close())
	}
}
