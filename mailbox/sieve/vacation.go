package sieve

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

var vacationTags = []tag{ //nolint:gochecknoglobals // RFC 5230 §4, RFC 6131 §2, RFC 8580 §3
	{name: ":days", value: number, group: "interval"},
	{name: ":seconds", needs: "vacation-seconds", value: number, group: "interval"},
	{name: ":subject", value: text},
	{name: ":from", value: text},
	{name: ":addresses", value: textList},
	{name: ":mime"},
	{name: ":handle", value: text},
	{name: ":fcc", needs: "fcc", value: text},
	{name: ":create", needs: "mailbox"},
	{name: ":flags", needs: "imap4flags", value: textList},
	{name: ":specialuse", needs: "special-use", value: text},
}

// vacationCommand answers the sender. RFC 5230.
type vacationCommand struct {
	offset                        int
	interval                      time.Duration
	subject, from, reason, handle phrase
	hasHandle, mime               bool
	addresses                     []phrase
	fcc                           *fileIntoCommand
}

func newVacation(a *arguments) command {
	c := &vacationCommand{offset: a.node.offset, interval: DefaultVacation, reason: a.phrase(0), mime: a.has(":mime"), addresses: a.tagPhrases(":addresses")}
	c.subject, _ = a.tagPhrase(":subject")
	c.from, _ = a.tagPhrase(":from")
	c.handle, c.hasHandle = a.tagPhrase(":handle")
	if n, ok := a.count(":days"); ok {
		c.interval = min(max(time.Duration(min(n, 10_000))*24*time.Hour, MinVacation), MaxVacation)
	}
	if n, ok := a.count(":seconds"); ok {
		c.interval = min(time.Duration(min(n, 1<<30))*time.Second, MaxVacation)
	}
	if c.from.parts == nil && c.from.fixed != "" {
		if _, ok := plainAddress(c.from.fixed); !ok {
			a.fail(c.from.offset, "%s is no mail address", quoteShort(c.from.fixed))
		}
	}
	if c.mime && c.reason.parts == nil && !strings.Contains(c.reason.fixed, ":") {
		a.fail(c.reason.offset, "with :mime, the text begins with MIME header fields")
	}
	a.newFCC(c)
	return c
}

// newFCC reads where a copy of the answer goes. RFC 8580 §3.
func (a *arguments) newFCC(c *vacationCommand) {
	mailbox, ok := a.tagPhrase(":fcc")
	if !ok {
		for _, name := range []string{":create", ":flags", ":specialuse"} {
			if t := a.find(name); t != nil {
				a.fail(t.offset, "%s of vacation stands beside :fcc only", name)
			}
		}
		return
	}
	c.fcc = &fileIntoCommand{offset: c.offset, mailbox: mailbox, create: a.has(":create"), flags: a.flags()}
	c.fcc.use, _ = a.tagPhrase(":specialuse")
	a.checkMailbox(&c.fcc.mailbox)
	a.checkUse(&c.fcc.use)
}

func (c *vacationCommand) run(r *run) error {
	if r.replied {
		return r.stopped(c.offset, "vacation answers a message only once")
	}
	r.replied = true
	v := Vacation{Subject: oneLine(r.expand(&c.subject)), From: r.expand(&c.from), Reason: r.expand(&c.reason), MIME: c.mime,
		Addresses: r.expandAll(c.addresses), Handle: r.expand(&c.handle), Interval: c.interval}
	if v.From != "" {
		if _, ok := plainAddress(v.From); !ok {
			return r.stopped(c.offset, "%s is no mail address", quoteShort(v.From))
		}
	}
	if !c.hasHandle {
		v.Handle = c.defaultHandle()
	}
	if len(v.Handle) > maxHandle {
		return r.stopped(c.offset, "the handle is longer than %d bytes", maxHandle)
	}
	if c.fcc != nil {
		f, err := c.fcc.target(r)
		if err != nil {
			return err
		}
		if f.Flags = nil; c.fcc.flags != nil {
			f.Flags = r.flagsFor(c.fcc.flags)
		}
		v.FCC = &f
	}
	return r.act(c.offset, v, false)
}

// defaultHandle tells answers apart by what the script says, variables unexpanded: an answer that quotes the subject is still one
// answer. RFC 5230 §4.2.
func (c *vacationCommand) defaultHandle() string {
	sum := sha256.Sum256([]byte(c.subject.fixed + "\x00" + c.from.fixed + "\x00" + strconv.FormatBool(c.mime) + "\x00" + c.reason.fixed))
	return "sha256:" + hex.EncodeToString(sum[:16])
}

// oneLine makes line ends blanks, so that a value cannot begin another header field.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }), " ")
}
