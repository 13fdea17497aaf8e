package imapd_test

import (
	"fmt"
	"slices"
	"strings"
)

// actor is one client of the model test: it knows what the server told it, and nothing else.
type actor struct {
	*client
	w                  *world
	condstore, qresync bool
	box                *modelBox // selected, or nil
	readOnly           bool
	view               []seen
	maxModSeq          uint64 // the highest that it was told of in this mailbox
	complete           uint64 // the highest up to which its view is complete
	idleTag            string
	caches             map[string]*cache
	closed             bool // the server said that the mailbox is gone
}

// seen is one message in a client's view. uid is 0 until it was told.
type seen struct {
	uid    uint32
	flags  []string // nil until told
	modseq uint64
}

// cache is what a QRESYNC client keeps of a mailbox that it left.
type cache struct {
	validity uint64
	modseq   uint64
	view     []seen
}

// run sends a command and takes in what comes back.
func (c *actor) run(format string, args ...any) (untagged []answer, tagged answer) {
	command := fmt.Sprintf(format, args...)
	c.w.note(c.name, command)
	untagged, tagged = c.do(command)
	c.w.note(c.name, "  "+tagged.name+" ["+tagged.code+"] "+tagged.text)
	if tagged.name == "BAD" {
		c.w.t.Errorf("%s: %s: BAD %s", c.name, command, tagged.text)
	}
	for _, a := range untagged {
		c.take(a)
	}
	return untagged, tagged
}

// note keeps the last lines for a failure's message.
func (w *world) note(name, line string) {
	if len(line) > 300 {
		line = line[:300] + "…"
	}
	if w.log = append(w.log, fmt.Sprintf("%5d %s %s", w.step, name, strings.ReplaceAll(line, "\r\n", "⏎"))); len(w.log) > 60 {
		w.log = w.log[1:]
	}
}

// take brings the view up to one untagged answer.
func (c *actor) take(a answer) {
	switch a.name {
	case "EXISTS":
		if int(a.num) < len(c.view) {
			c.w.t.Errorf("%s: %d EXISTS, but %d messages were known and none expunged", c.name, a.num, len(c.view))
			return
		}
		for len(c.view) < int(a.num) {
			c.view = append(c.view, seen{})
		}
	case "EXPUNGE":
		if c.qresync {
			c.w.t.Errorf("%s: EXPUNGE instead of VANISHED after ENABLE QRESYNC", c.name)
		}
		if a.num == 0 || int(a.num) > len(c.view) {
			c.w.t.Errorf("%s: %d EXPUNGE of %d messages", c.name, a.num, len(c.view))
			return
		}
		c.expunged(c.view[a.num-1])
		c.view = slices.Delete(c.view, int(a.num)-1, int(a.num))
	case "VANISHED":
		c.vanished(a)
	case "FETCH":
		c.takeFetch(a)
	case "OK":
		if args, ok := a.codeArgs("HIGHESTMODSEQ"); ok {
			c.maxModSeq = max(c.maxModSeq, number(atom(args[0])))
		}
	}
}

// expunged checks that a message of which the server says so is really gone.
func (c *actor) expunged(s seen) {
	if s.uid != 0 && c.box != nil && c.box.find(s.uid) != nil {
		c.w.t.Errorf("%s: told that UID %d was expunged, but it was not", c.name, s.uid)
	}
}

// vanished takes UIDs out of the view.
func (c *actor) vanished(a answer) {
	earlier := len(a.items) == 2
	set, _ := a.items[len(a.items)-1].(atom)
	for _, uid := range numbers(string(set)) {
		i := slices.IndexFunc(c.view, func(s seen) bool { return s.uid == uid })
		if i < 0 && earlier {
			continue // it came and went while this client was away
		}
		if i < 0 { // one whose UID was not told yet: after the last known one below it
			for i = len(c.view); i > 0 && (c.view[i-1].uid == 0 || c.view[i-1].uid > uid); i-- {
			}
			if i == len(c.view) || c.view[i].uid != 0 {
				c.w.t.Errorf("%s: VANISHED %d of a message that was never there", c.name, uid)
				continue
			}
		}
		c.expunged(seen{uid: uid})
		c.view = slices.Delete(c.view, i, i+1)
	}
}

// takeFetch brings one message's view up to date and checks that the answer speaks of that message.
func (c *actor) takeFetch(a answer) {
	if a.num == 0 || int(a.num) > len(c.view) {
		c.w.t.Errorf("%s: FETCH of number %d of %d", c.name, a.num, len(c.view))
		return
	}
	s := &c.view[a.num-1]
	data := a.fetched()
	if v, ok := data["UID"]; ok {
		uid := uint32(number(v))
		if s.uid != 0 && s.uid != uid {
			c.w.t.Errorf("%s: number %d is UID %d, but the server said UID %d", c.name, a.num, s.uid, uid)
		}
		s.uid = uid
	}
	if v, ok := data["FLAGS"]; ok {
		s.flags = flagNames(v)
	}
	if v, ok := data["MODSEQ"]; ok {
		modseq := number(v)
		if modseq < s.modseq {
			c.w.t.Errorf("%s: UID %d went from MODSEQ %d to %d", c.name, s.uid, s.modseq, modseq)
		}
		s.modseq = modseq
		c.maxModSeq = max(c.maxModSeq, modseq)
	}
	for name, v := range data {
		if body, ok := v.(text); ok && strings.HasPrefix(name, "BODY[]") {
			c.checkBody(s.uid, string(body))
		}
	}
}

// checkBody compares a message's bytes with the model.
func (c *actor) checkBody(uid uint32, body string) {
	if c.box == nil || uid == 0 {
		return
	}
	if m := c.box.find(uid); m != nil && m.body != body {
		c.w.t.Errorf("%s: UID %d of %s has another message's bytes: %.80q, want %.80q", c.name, uid, c.box.name, body, m.body)
	}
}

// forget leaves the mailbox; a QRESYNC client keeps what it knew.
func (c *actor) forget() {
	if c.box != nil && c.qresync && !slices.ContainsFunc(c.view, func(s seen) bool { return s.uid == 0 || s.flags == nil }) {
		c.caches[c.box.name] = &cache{validity: c.box.validity, modseq: c.complete, view: slices.Clone(c.view)}
	}
	c.box, c.view, c.maxModSeq, c.complete, c.closed = nil, nil, 0, 0, false
}

// open selects name, resuming from the cache when quick.
func (c *actor) open(name string, readOnly bool) {
	c.forget()
	verb, param := "SELECT", ""
	if readOnly {
		verb = "EXAMINE"
	}
	old := c.caches[name]
	box := c.w.boxes[name]
	switch {
	case c.qresync && old != nil && old.modseq > 0:
		param = fmt.Sprintf(" (QRESYNC (%d %d", old.validity, old.modseq)
		if len(old.view) > 0 && c.w.rng.IntN(2) == 0 {
			param += fmt.Sprintf(" %d:%d", old.view[0].uid, old.view[len(old.view)-1].uid)
		}
		param += "))"
	case c.condstore && c.w.rng.IntN(2) == 0:
		param = " (CONDSTORE)"
	}
	c.w.note(c.name, verb+" "+name+param)
	untagged, tagged := c.do(verb + " " + name + param)
	if tagged.name != "OK" || box == nil {
		if (tagged.name == "OK") != (box != nil) {
			c.w.t.Errorf("%s: %s %s: %s %s", c.name, verb, name, tagged.name, tagged.text)
		}
		return
	}
	c.box, c.readOnly = box, readOnly
	c.takeSelect(untagged, old)
}

// takeSelect reads SELECT's answers: the cached view is valid only with the same UIDVALIDITY, and
// EXISTS tells what is left of it after VANISHED (EARLIER).
func (c *actor) takeSelect(untagged []answer, old *cache) {
	exists, resumed := 0, false
	for _, a := range untagged {
		if a.name == "EXISTS" {
			exists = int(a.num)
		}
		if args, ok := a.codeArgs("UIDVALIDITY"); ok && number(atom(args[0])) != c.box.validity {
			c.w.t.Errorf("%s: UIDVALIDITY of %s is %s, want %d", c.name, c.box.name, args[0], c.box.validity)
		}
	}
	if old != nil && c.qresync && old.validity == c.box.validity {
		c.view, resumed = slices.Clone(old.view), true
	}
	for _, a := range untagged {
		if a.name == "VANISHED" {
			c.vanished(a)
		}
	}
	if resumed && exists < len(c.view) {
		c.w.t.Errorf("%s: %d EXISTS, but %d cached messages did not vanish", c.name, exists, len(c.view))
	}
	for len(c.view) < exists {
		c.view = append(c.view, seen{})
	}
	for _, a := range untagged {
		if a.name != "VANISHED" && a.name != "EXISTS" {
			c.take(a)
		}
	}
	c.complete = c.maxModSeq
	if resumed { // a full sync must find what the quick one found
		c.w.counts["qresync"]++
		c.w.checkView(c)
	}
}

// catchUp makes the view whole: NOOP, then whatever was not told yet.
func (c *actor) catchUp() {
	c.run("NOOP")
	if c.box == nil {
		return
	}
	for i := range c.view {
		if c.view[i].uid == 0 || c.view[i].flags == nil {
			items := "UID FLAGS"
			if c.condstore {
				items += " MODSEQ"
			}
			c.run("FETCH %d:* (%s)", i+1, items)
			break
		}
	}
	c.complete = c.maxModSeq
}
