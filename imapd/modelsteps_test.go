package imapd_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// act lets one client do one thing.
func (w *world) act() {
	c := w.clients[w.rng.IntN(len(w.clients))]
	if c.idleTag != "" {
		w.leaveIdle(c)
		return
	}
	if c.box == nil || c.box.deleted {
		w.stepSelect(c)
		return
	}
	total := 0
	for _, s := range modelSteps {
		total += s.weight
	}
	n := w.rng.IntN(total)
	for _, s := range modelSteps {
		if n -= s.weight; n < 0 {
			w.counts[s.name]++
			s.do(w, c)
			return
		}
	}
}

var modelSteps = []struct {
	name   string
	weight int
	do     func(*world, *actor)
}{
	{"append", 12, (*world).stepAppend},
	{"store", 24, (*world).stepStore},
	{"fetch", 14, (*world).stepFetch},
	{"search", 8, (*world).stepSearch},
	{"copy", 6, (*world).stepCopy},
	{"move", 5, (*world).stepMove},
	{"expunge", 6, (*world).stepExpunge},
	{"noop", 10, (*world).checkView},
	{"idle", 4, (*world).stepIdle},
	{"select", 8, (*world).stepSelect},
	{"close", 1, (*world).stepClose},
	{"mailboxes", 2, (*world).stepMailboxes},
	{"storm", 1, (*world).stepStorm},
}

// checkView lets c catch up and compares what it knows with the model.
func (w *world) checkView(c *actor) {
	c.catchUp()
	if c.box == nil || c.box.deleted {
		return
	}
	var got, want []string
	for i, s := range c.view {
		got = append(got, fmt.Sprintf("%d: UID %d %v", i+1, s.uid, s.flags))
		if m := c.box.find(s.uid); m != nil && c.condstore && s.modseq != 0 {
			w.observe(c.box, m, s.modseq)
		}
	}
	for i, m := range c.box.msgs {
		want = append(want, fmt.Sprintf("%d: UID %d %v", i+1, m.uid, m.flagList()))
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("%s knows of %s:\n%s\nthe model says:\n%s", c.name, c.box.name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// target is one message that a command names.
type target struct {
	i   int       // in the client's view
	msg *modelMsg // nil: expunged by someone else, and not told yet
}

// pick chooses messages of c's view by number or UID; ok is false when there are none.
func (w *world) pick(c *actor) (set string, uid bool, targets []target, ok bool) {
	if len(c.view) == 0 {
		return "", false, nil, false
	}
	uid = w.rng.IntN(2) == 0
	first := w.rng.IntN(len(c.view))
	last := min(len(c.view)-1, first+w.rng.IntN(4))
	var parts []string
	for i := first; i <= last; i++ {
		if c.view[i].uid == 0 || c.view[i].flags == nil {
			continue
		}
		targets = append(targets, target{i, c.box.find(c.view[i].uid)})
		if uid {
			parts = append(parts, fmt.Sprint(c.view[i].uid))
		} else {
			parts = append(parts, fmt.Sprint(i+1))
		}
	}
	return strings.Join(parts, ","), uid, targets, len(parts) > 0
}

func prefix(uid bool) string {
	if uid {
		return "UID "
	}
	return ""
}

func anyGone(targets []target) bool {
	return slices.ContainsFunc(targets, func(t target) bool { return t.msg == nil })
}

func (w *world) stepAppend(c *actor) {
	box := w.randomBox()
	n := 1 + w.rng.IntN(3)/2*w.rng.IntN(3)
	flags := w.randomFlags()
	var bodies []string
	for range n {
		bodies = append(bodies, w.newMessage())
	}
	w.note(c.name, fmt.Sprintf("APPEND %s %v × %d", box.name, flags, n))
	untagged, tagged := c.append(box.name, "("+strings.Join(flags, " ")+") ", bodies...)
	args, ok := tagged.codeArgs("APPENDUID")
	if tagged.name != "OK" || !ok || len(args) != 2 || args[0] != fmt.Sprint(box.validity) {
		w.t.Errorf("APPEND %s: %s [%s] %s", box.name, tagged.name, tagged.code, tagged.text)
		return
	}
	uids := numbers(args[1])
	if len(uids) != n {
		w.t.Errorf("APPEND of %d messages gave UIDs %s", n, args[1])
		return
	}
	added := w.arrive(box, uids, func(i int) *modelMsg { return newModelMsg(flags, bodies[i]) })
	w.commit(box, added, true)
	for _, a := range untagged {
		c.take(a)
	}
}

func newModelMsg(flags []string, body string) *modelMsg {
	m := &modelMsg{flags: map[string]bool{}, body: body}
	m.apply('+', flags)
	return m
}

func (w *world) randomBox() *modelBox {
	names := slices.Sorted(maps.Keys(w.boxes))
	return w.boxes[names[w.rng.IntN(len(names))]]
}

func (w *world) stepStore(c *actor) {
	set, uid, targets, ok := w.pick(c)
	if !ok {
		return
	}
	mode := "+-="[w.rng.IntN(3)]
	flags := w.randomFlags()
	silent := w.rng.IntN(2) == 0
	command := prefix(uid) + "STORE " + set
	since, conditional := uint64(0), c.condstore && w.rng.IntN(3) == 0
	if conditional {
		since = []uint64{c.maxModSeq, c.view[targets[0].i].modseq}[w.rng.IntN(2)]
		command += fmt.Sprintf(" (UNCHANGEDSINCE %d)", since)
	}
	command += " " + strings.TrimPrefix(string(mode), "=") + "FLAGS"
	if silent {
		command += ".SILENT"
	}
	command += " (" + strings.Join(flags, " ") + ")"
	w.note(c.name, command)
	view := c.view
	untagged, tagged := c.do(command)
	w.note(c.name, "  "+tagged.name+" ["+tagged.code+"] "+tagged.text)
	if c.readOnly {
		w.wantNo(command, tagged, "READ-ONLY")
		takeAll(c, untagged)
		return
	}
	if gone := tagged.code == "EXPUNGEISSUED"; tagged.name != "OK" && !(gone && anyGone(targets)) {
		w.t.Errorf("%s: %s [%s] %s", command, tagged.name, tagged.code, tagged.text)
	}
	failed := w.modified(c, uid, tagged)
	var changed []*modelMsg
	for _, t := range targets {
		if t.msg == nil {
			continue
		}
		if w.heldBack(command, t.msg, failed, since, conditional) {
			continue
		}
		if t.msg.apply(mode, flags) {
			changed = append(changed, t.msg)
		}
		if silent { // what a client assumes when it hears nothing
			mine := modelMsg{flags: map[string]bool{}}
			mine.apply('+', view[t.i].flags)
			mine.apply(mode, flags)
			c.view[t.i].flags = mine.flagList()
		}
	}
	w.commit(c.box, changed, false)
	takeAll(c, untagged)
	for _, t := range targets {
		if t.msg != nil && !failed[t.msg.uid] {
			w.checkFlags(c, command, t.msg)
		}
	}
}

func takeAll(c *actor, untagged []answer) {
	for _, a := range untagged {
		c.take(a)
	}
}

func (w *world) wantNo(command string, tagged answer, code string) {
	if tagged.name != "NO" || code != "" && !strings.HasPrefix(tagged.code, code) {
		w.t.Errorf("%s: %s [%s] %s, want NO [%s]", command, tagged.name, tagged.code, tagged.text, code)
	}
}

// modified reads the MODIFIED code as a set of UIDs.
func (w *world) modified(c *actor, uid bool, tagged answer) map[uint32]bool {
	failed := map[uint32]bool{}
	if args, ok := tagged.codeArgs("MODIFIED"); ok {
		for _, n := range numbers(args[0]) {
			if !uid {
				n = c.view[n-1].uid
			}
			failed[n] = true
		}
	}
	return failed
}

// heldBack tells whether UNCHANGEDSINCE kept m from being changed, as the server said, and whether it was right.
func (w *world) heldBack(command string, m *modelMsg, failed map[uint32]bool, since uint64, conditional bool) bool {
	switch held := failed[m.uid]; {
	case held && (!conditional || m.hi <= since):
		w.t.Errorf("%s: UID %d is MODIFIED, but its modseq is at most %d", command, m.uid, m.hi)
	case !held && conditional && m.lo > since:
		w.t.Errorf("%s: UID %d was changed, but its modseq is at least %d", command, m.uid, m.lo)
	}
	return failed[m.uid]
}

// checkFlags compares what c knows of m's flags now with the model.
func (w *world) checkFlags(c *actor, command string, m *modelMsg) {
	for _, s := range c.view {
		if s.uid == m.uid && !slices.Equal(s.flags, m.flagList()) {
			w.t.Errorf("after %s, %s thinks that UID %d has %v, want %v", command, c.name, m.uid, s.flags, m.flagList())
		}
	}
}

func (w *world) stepFetch(c *actor) {
	set, uid, targets, ok := w.pick(c)
	if !ok {
		return
	}
	items := []string{"FLAGS", "(UID FLAGS)", "(FLAGS RFC822.SIZE INTERNALDATE)", "(FLAGS BODY.PEEK[])", "(UID BODY[])", "ALL", "(BODY.PEEK[HEADER.FIELDS (Subject)] ENVELOPE)", "(FLAGS BODYSTRUCTURE)"}
	item := items[w.rng.IntN(len(items))]
	command := prefix(uid) + "FETCH " + set + " " + item
	w.note(c.name, command)
	untagged, tagged := c.do(command)
	w.note(c.name, "  "+tagged.name+" ["+tagged.code+"] "+tagged.text)
	if tagged.name != "OK" && !(tagged.code == "EXPUNGEISSUED" && anyGone(targets)) {
		w.t.Errorf("%s: %s [%s] %s", command, tagged.name, tagged.code, tagged.text)
	}
	var changed []*modelMsg
	for _, t := range targets {
		if t.msg != nil && strings.Contains(item, "BODY[]") && !c.readOnly && t.msg.apply('+', []string{`\Seen`}) {
			changed = append(changed, t.msg)
		}
	}
	w.commit(c.box, changed, false)
	takeAll(c, untagged)
	for _, t := range targets {
		if t.msg != nil && (strings.Contains(item, "FLAGS") || len(changed) > 0 || item == "ALL") && (strings.Contains(item, "FLAGS") || item == "ALL" || slices.Contains(changed, t.msg)) {
			w.checkFlags(c, command, t.msg)
		}
	}
}

func (w *world) stepSearch(c *actor) {
	type key struct {
		text  string
		match func(m *modelMsg) bool
	}
	has := func(f string) func(*modelMsg) bool { return func(m *modelMsg) bool { return m.flags[f] } }
	not := func(f string) func(*modelMsg) bool { return func(m *modelMsg) bool { return !m.flags[f] } }
	keys := []key{
		{"SEEN", has(`\Seen`)}, {"UNSEEN", not(`\Seen`)}, {"DELETED", has(`\Deleted`)}, {"KEYWORD $Forwarded", has("$Forwarded")},
		{"NOT FLAGGED", not(`\Flagged`)}, {"OR ANSWERED DRAFT", func(m *modelMsg) bool { return m.flags[`\Answered`] || m.flags[`\Draft`] }},
		{"ALL", func(*modelMsg) bool { return true }}, {`SUBJECT "message 1"`, func(m *modelMsg) bool { return strings.Contains(m.body, "Subject: message 1") }},
		{"LARGER 200", func(m *modelMsg) bool { return len(m.body) > 200 }},
	}
	k := keys[w.rng.IntN(len(keys))]
	uid := w.rng.IntN(2) == 0
	untagged, tagged := c.run("%sSEARCH RETURN (ALL) %s", prefix(uid), k.text)
	if tagged.name != "OK" {
		w.t.Errorf("SEARCH %s: %s %s", k.text, tagged.name, tagged.text)
	}
	got := map[uint32]bool{}
	for _, a := range untagged {
		if a.name == "ESEARCH" {
			for i, v := range a.items {
				if v == atom("ALL") {
					set, _ := a.items[i+1].(atom)
					for _, n := range numbers(string(set)) {
						got[n] = true
					}
				}
			}
		}
	}
	for i, s := range c.view {
		m := c.box.find(s.uid)
		if m == nil || s.uid == 0 {
			continue
		}
		n := uint32(i + 1)
		if uid {
			n = s.uid
		}
		if got[n] != k.match(m) {
			w.t.Errorf("SEARCH %s: UID %d found: %v, but it has %v", k.text, s.uid, got[n], m.flagList())
		}
	}
}

func (w *world) stepIdle(c *actor) {
	w.note(c.name, "IDLE")
	c.idleTag = c.send("IDLE")
	for {
		a, err := c.read()
		if err != nil {
			w.t.Fatalf("%s: IDLE: %v", c.name, err)
		}
		if a.tag == "+" {
			return
		}
		c.take(a)
	}
}

func (w *world) leaveIdle(c *actor) {
	if c.idleTag == "" {
		return
	}
	w.note(c.name, "DONE")
	if _, err := c.nc.Write([]byte("DONE\r\n")); err != nil {
		w.t.Fatalf("%s: DONE: %v", c.name, err)
	}
	untagged, tagged := c.until(c.idleTag)
	c.idleTag = ""
	takeAll(c, untagged)
	if tagged.name != "OK" {
		w.t.Errorf("IDLE: %s %s", tagged.name, tagged.text)
	}
	w.checkView(c)
}
