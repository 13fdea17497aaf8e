package imapd_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// stepStorm lets all clients act at the same time. Nobody can say in which order that happened, so
// the model is read anew afterwards; what must hold whatever the order was is checked, and that
// every client then sees the same.
func (w *world) stepStorm(*actor) {
	storms := make([]*storm, 0, len(w.clients))
	for _, c := range w.clients {
		if c.box != nil && !c.box.deleted && c.idleTag == "" {
			storms = append(storms, &storm{c: c, commands: w.stormCommands(c)})
		}
	}
	var all sync.WaitGroup
	for _, s := range storms {
		all.Go(s.run)
	}
	all.Wait()
	before := map[*modelBox]uint32{}
	for _, box := range w.boxes {
		before[box] = box.lastUID
		w.relearn(box)
	}
	given := map[string]bool{}
	for _, s := range storms {
		if s.err != nil {
			w.t.Fatalf("%s: %v", s.c.name, s.err)
		}
		for i, tagged := range s.tagged {
			w.note(s.c.name, s.commands[i])
			w.note(s.c.name, "  "+tagged.name+" ["+tagged.code+"] "+tagged.text)
			if tagged.name == "BAD" || tagged.name == "NO" && tagged.code != "EXPUNGEISSUED" && tagged.code != "READ-ONLY" {
				w.t.Errorf("%s: %.100s: %s [%s] %s", s.c.name, s.commands[i], tagged.name, tagged.code, tagged.text)
			}
		}
		for _, a := range append(s.untagged, s.tagged...) {
			w.checkGiven(a, given, before)
		}
		takeAll(s.c, s.untagged)
	}
	for _, s := range storms {
		w.checkView(s.c)
	}
}

// storm is what one client does meanwhile.
type storm struct {
	c        *actor
	commands []string
	untagged []answer
	tagged   []answer
	err      error
}

// stormCommands chooses some commands by UID: numbers would mean other messages by the time they arrive.
func (w *world) stormCommands(c *actor) []string {
	var commands []string
	for range 2 + w.rng.IntN(5) {
		set, _, _, ok := w.pickUIDs(c)
		to := w.randomBox().name
		switch n := w.rng.IntN(10); {
		case n < 3 || !ok:
			body := w.newMessage()
			commands = append(commands, fmt.Sprintf("APPEND %s (%s) {%d+}\r\n%s", to, strings.Join(w.randomFlags(), " "), len(body), body))
		case n < 6:
			commands = append(commands, fmt.Sprintf("UID STORE %s %sFLAGS (%s)", set, []string{"+", "-", ""}[w.rng.IntN(3)], strings.Join(w.randomFlags(), " ")))
		case n == 6:
			commands = append(commands, "UID COPY "+set+" "+to)
		case n == 7 && to != c.box.name:
			commands = append(commands, "UID MOVE "+set+" "+to)
		case n == 8:
			commands = append(commands, "UID EXPUNGE "+set)
		default:
			commands = append(commands, "UID FETCH "+set+" (UID FLAGS BODY[])")
		}
	}
	return commands
}

// run sends everything at once and reads the answers.
func (s *storm) run() {
	var b strings.Builder
	last := ""
	for i, command := range s.commands {
		last = fmt.Sprintf("s%d", i)
		b.WriteString(last + " " + command + "\r\n")
	}
	s.c.nc.SetDeadline(time.Now().Add(clientTimeout))
	if _, s.err = io.WriteString(s.c.nc, b.String()); s.err != nil {
		return
	}
	for {
		a, err := s.c.read()
		if err != nil {
			s.err = err
			return
		}
		if a.tag == "*" {
			s.untagged = append(s.untagged, a)
			continue
		}
		if want := fmt.Sprintf("s%d", len(s.tagged)); a.tag != want {
			s.err = fmt.Errorf("answer to %s where %s was due", a.tag, want)
			return
		}
		if s.tagged = append(s.tagged, a); a.tag == last {
			return
		}
	}
}

// checkGiven demands that each UID that APPEND, COPY or MOVE gave is new and was given once.
func (w *world) checkGiven(a answer, given map[string]bool, before map[*modelBox]uint32) {
	validity, set := "", ""
	if args, ok := a.codeArgs("APPENDUID"); ok {
		validity, set = args[0], args[1]
	} else if args, ok := a.codeArgs("COPYUID"); ok {
		validity, set = args[0], args[2]
	} else {
		return
	}
	for _, box := range w.boxes {
		if fmt.Sprint(box.validity) != validity {
			continue
		}
		for _, uid := range numbers(set) {
			if key := fmt.Sprint(validity, " ", uid); given[key] || uid <= before[box] {
				w.t.Errorf("%s: UID %d was given twice, or after %d", box.name, uid, before[box])
			} else {
				given[key] = true
			}
		}
	}
}

// relearn reads a mailbox anew and checks what may not have changed.
func (w *world) relearn(box *modelBox) {
	w.observer.ok("EXAMINE " + box.name + " (CONDSTORE)")
	st := w.status(box.name)
	old := box.msgs
	box.msgs = nil
	for _, a := range w.observer.ok("FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[])") {
		if a.name != "FETCH" {
			continue
		}
		data := a.fetched()
		body, _ := data["BODY[]"].(text)
		modseq := number(data["MODSEQ"])
		m := newModelMsg(flagNames(data["FLAGS"]), string(body))
		m.uid, m.lo, m.hi = uint32(number(data["UID"])), modseq, modseq
		i := slices.IndexFunc(old, func(o *modelMsg) bool { return o.uid == m.uid })
		switch {
		case i >= 0 && (old[i].body != m.body || old[i].lo > modseq):
			w.t.Errorf("%s: UID %d has other bytes or a lower modseq than before (%d, %d)", box.name, m.uid, modseq, old[i].lo)
		case i < 0 && m.uid <= box.lastUID:
			w.t.Errorf("%s: UID %d came up after %d had been given", box.name, m.uid, box.lastUID)
		case modseq > st["HIGHESTMODSEQ"] || st["HIGHESTMODSEQ"] < box.highest:
			w.t.Errorf("%s: HIGHESTMODSEQ %d, but UID %d has %d", box.name, st["HIGHESTMODSEQ"], m.uid, modseq)
		case !strings.HasPrefix(m.body, "From: anna@school.test\r\n") || !strings.HasSuffix(m.body, "\r\n"):
			w.t.Errorf("%s: UID %d has the bytes %.100q", box.name, m.uid, m.body)
		}
		box.msgs = append(box.msgs, m)
	}
	w.observer.ok("UNSELECT")
	box.lastUID, box.highest = max(box.lastUID, uint32(st["UIDNEXT"])-1), st["HIGHESTMODSEQ"]
	w.commit(box, nil, false)
}
