package imapd_test

import (
	"fmt"
	"slices"
)

// transferred reads COPYUID and compares it with what the command named: ok is false when nothing was copied.
func (w *world) transferred(command string, code answer, from []target, to *modelBox) (copied []*modelMsg, uids []uint32, ok bool) {
	args, has := code.codeArgs("COPYUID")
	for _, t := range from {
		if t.msg != nil {
			copied = append(copied, t.msg)
		}
	}
	if !has {
		if len(copied) > 0 {
			w.t.Errorf("%s: no COPYUID", command)
		}
		return nil, nil, false
	}
	var want []uint32
	for _, m := range copied {
		want = append(want, m.uid)
	}
	uids = numbers(args[2])
	if args[0] != fmt.Sprint(to.validity) || !slices.Equal(numbers(args[1]), want) || len(uids) != len(want) {
		w.t.Errorf("%s: COPYUID %v, want UIDVALIDITY %d and source %v", command, args, to.validity, want)
		return nil, nil, false
	}
	return copied, uids, true
}

func copyOf(m *modelMsg) *modelMsg { return newModelMsg(m.flagList(), m.body) }

func (w *world) stepCopy(c *actor) {
	set, uid, targets, ok := w.pick(c)
	if !ok {
		return
	}
	to := w.randomBox()
	command := prefix(uid) + "COPY " + set + " " + to.name
	w.note(c.name, command)
	untagged, tagged := c.do(command)
	w.note(c.name, "  "+tagged.name+" ["+tagged.code+"] "+tagged.text)
	switch {
	case !uid && anyGone(targets):
		w.wantNo(command, tagged, "EXPUNGEISSUED")
	case tagged.name != "OK":
		w.t.Errorf("%s: %s [%s] %s", command, tagged.name, tagged.code, tagged.text)
	default:
		if copied, uids, ok := w.transferred(command, tagged, targets, to); ok {
			w.commit(to, w.arrive(to, uids, func(i int) *modelMsg { return copyOf(copied[i]) }), true)
		}
	}
	takeAll(c, untagged)
}

func (w *world) stepMove(c *actor) {
	set, uid, targets, ok := w.pick(c)
	if !ok {
		return
	}
	to := w.randomBox()
	if to == c.box {
		return
	}
	command := prefix(uid) + "MOVE " + set + " " + to.name
	w.note(c.name, command)
	untagged, tagged := c.do(command)
	w.note(c.name, "  "+tagged.name+" ["+tagged.code+"] "+tagged.text)
	var code answer
	last := "" // what comes behind COPYUID must end with the removal; removals by others may come before it
	for _, a := range untagged {
		if _, ok := a.codeArgs("COPYUID"); ok {
			code, last = a, ""
		} else if a.name == "EXPUNGE" || a.name == "VANISHED" {
			last = a.name
		}
	}
	if code.code != "" && last == "" {
		w.t.Errorf("%s: COPYUID came after EXPUNGE", command)
	}
	switch {
	case !uid && anyGone(targets):
		w.wantNo(command, tagged, "EXPUNGEISSUED")
	case c.readOnly:
		w.wantNo(command, tagged, "READ-ONLY")
	case tagged.name != "OK":
		w.t.Errorf("%s: %s [%s] %s", command, tagged.name, tagged.code, tagged.text)
	default:
		if moved, uids, ok := w.transferred(command, code, targets, to); ok {
			c.box.remove(func(m *modelMsg) bool { return slices.Contains(moved, m) })
			w.commit(c.box, nil, true)
			w.commit(to, w.arrive(to, uids, func(i int) *modelMsg { return copyOf(moved[i]) }), true)
		}
	}
	takeAll(c, untagged)
}

func (w *world) stepExpunge(c *actor) {
	command, only := "EXPUNGE", map[uint32]bool(nil)
	if w.rng.IntN(2) == 0 {
		set, _, targets, ok := w.pickUIDs(c)
		if !ok {
			return
		}
		command, only = "UID EXPUNGE "+set, map[uint32]bool{}
		for _, t := range targets {
			if t.msg != nil {
				only[t.msg.uid] = true
			}
		}
	}
	w.note(c.name, command)
	untagged, tagged := c.do(command)
	w.note(c.name, "  "+tagged.name+" ["+tagged.code+"] "+tagged.text)
	if c.readOnly {
		w.wantNo(command, tagged, "READ-ONLY")
		takeAll(c, untagged)
		return
	}
	if tagged.name != "OK" {
		w.t.Errorf("%s: %s %s", command, tagged.name, tagged.text)
	}
	gone := c.box.remove(func(m *modelMsg) bool { return m.flags[`\Deleted`] && (only == nil || only[m.uid]) })
	w.commit(c.box, nil, len(gone) > 0)
	takeAll(c, untagged)
	if args, ok := tagged.codeArgs("HIGHESTMODSEQ"); ok {
		c.maxModSeq = max(c.maxModSeq, number(atom(args[0])))
	} else if c.qresync && len(gone) > 0 {
		w.t.Errorf("%s: no HIGHESTMODSEQ after %d messages were expunged", command, len(gone))
	}
}

// pickUIDs is pick by UID.
func (w *world) pickUIDs(c *actor) (set string, uid bool, targets []target, ok bool) {
	for range 20 {
		if set, uid, targets, ok = w.pick(c); !ok || uid {
			return set, uid, targets, ok
		}
	}
	return "", false, nil, false
}

func (w *world) stepSelect(c *actor) {
	if c.box != nil && w.rng.IntN(4) != 0 {
		w.checkView(c) // a view that is complete makes a cache that a quick resync can start from
	}
	c.open(w.randomBox().name, w.rng.IntN(6) == 0)
}

func (w *world) stepClose(c *actor) {
	c.catchUp()
	box, readOnly := c.box, c.readOnly
	if w.rng.IntN(2) == 0 {
		c.forget()
		c.run("UNSELECT")
		return
	}
	w.checkView(c)
	c.forget()
	c.run("CLOSE")
	if !readOnly {
		gone := box.remove(func(m *modelMsg) bool { return m.flags[`\Deleted`] })
		w.commit(box, nil, len(gone) > 0)
	}
}

// stepMailboxes creates, deletes or renames a mailbox.
func (w *world) stepMailboxes(c *actor) {
	names := []string{"Projekt", "Alt", "Neu", "Klasse/7b", "Klasse/8a"}
	name, other := names[w.rng.IntN(len(names))], names[w.rng.IntN(len(names))]
	box := w.boxes[name]
	switch {
	case box == nil:
		if _, tagged := c.run("CREATE %s", name); tagged.name == "OK" {
			w.addBox(name)
		} else {
			w.t.Errorf("CREATE %s: %s %s", name, tagged.name, tagged.text)
		}
	case w.boxes[other] == nil:
		if _, tagged := c.run("RENAME %s %s", name, other); tagged.name != "OK" {
			w.t.Errorf("RENAME: %s %s", tagged.name, tagged.text)
			return
		}
		delete(w.boxes, name)
		w.boxes[other], box.name = box, other
		if st := w.status(other); st["UIDVALIDITY"] != box.validity && st["UIDVALIDITY"] <= w.validity[other] {
			w.t.Errorf("RENAME to %s: UIDVALIDITY %d", other, st["UIDVALIDITY"])
		} else {
			box.validity = st["UIDVALIDITY"]
		}
		w.validity[other] = max(w.validity[other], box.validity)
	case box != c.box && w.rng.IntN(2) == 0:
		if slices.ContainsFunc(w.clients, func(o *actor) bool { return o.box == box }) {
			return
		}
		if _, tagged := c.run("DELETE %s", name); tagged.name != "OK" {
			w.t.Errorf("DELETE %s: %s %s", name, tagged.name, tagged.text)
			return
		}
		box.deleted = true
		delete(w.boxes, name)
	}
}
