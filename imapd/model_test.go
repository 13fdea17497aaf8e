package imapd_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The model test: eight clients do random things to a few mailboxes over real connections. The
// model knows what every mailbox must hold; each client knows only what the server told it.
//
//   - After NOOP a client's view equals the model: numbers, UIDs, flags, modseqs.
//   - UIDs only rise and are never used again; modseqs only rise.
//   - No answer speaks of an expunged message, or of another message than the number says.
//   - A QRESYNC SELECT leads a stale cache to exactly what a full sync would give.
//
// SCHULHOF_MODEL_STEPS sets the number of steps (2,000, or 50,000 with SCHULHOF_E2E), SCHULHOF_MODEL_SEED repeats a run.
func TestModel(t *testing.T) {
	usual := uint64(2000)
	if os.Getenv("SCHULHOF_E2E") != "" {
		usual = 50_000
	}
	steps, seed := envNumber(t, "SCHULHOF_MODEL_STEPS", usual), envNumber(t, "SCHULHOF_MODEL_SEED", uint64(time.Now().UnixNano()))
	t.Logf("seed: SCHULHOF_MODEL_SEED=%d", seed)
	w := newWorld(t, seed)
	for w.step = range int(steps) {
		w.act()
		if t.Failed() {
			t.Fatalf("stopped at step %d of seed %d; the last commands:\n%s", w.step, seed, strings.Join(w.log, "\n"))
		}
	}
	for _, c := range w.clients {
		w.leaveIdle(c)
		w.checkView(c)
	}
	for _, name := range slices.Sorted(maps.Keys(w.boxes)) {
		w.checkFresh(name)
	}
	t.Logf("%d steps: %v", steps, w.counts)
	if t.Failed() {
		t.Fatalf("at the end, seed %d; the last commands:\n%s", seed, strings.Join(w.log, "\n"))
	}
}

func envNumber(t *testing.T, name string, otherwise uint64) uint64 {
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

const modelClients = 8

// world is the model: what the server must hold.
type world struct {
	t        *testing.T
	rng      *rand.Rand
	addr     string
	clients  []*actor
	observer *client
	boxes    map[string]*modelBox
	validity map[string]uint64 // the highest UIDVALIDITY that a name ever had
	step     int
	bodies   int
	log      []string // the last commands, for a failure's message
	counts   map[string]int
}

// modelBox is a mailbox. It stays the same one when it is renamed.
type modelBox struct {
	name     string
	validity uint64
	lastUID  uint32
	highest  uint64 // HIGHESTMODSEQ as last told
	msgs     []*modelMsg
	deleted  bool
}

// modelMsg is a message. Its modseq lies in lo..hi; seeing it once makes both equal.
type modelMsg struct {
	uid    uint32
	flags  map[string]bool
	body   string
	lo, hi uint64
}

var modelNames = []string{"INBOX", "Klasse", "Klasse/7b", "Projekt", "Alt"}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 8)), addr: startServer(t).addr, boxes: map[string]*modelBox{}, validity: map[string]uint64{}, counts: map[string]int{}}
	w.observer = loginClient(t, w.addr, "o", testUser, testPassword)
	for _, name := range modelNames {
		if name != "INBOX" {
			w.observer.ok("CREATE " + name)
		}
		w.addBox(name)
	}
	for i := range modelClients {
		c := &actor{w: w, client: loginClient(t, w.addr, fmt.Sprintf("c%d.", i), testUser, testPassword), caches: map[string]*cache{}}
		switch i % 3 { // three kinds of client: plain, CONDSTORE, QRESYNC
		case 1:
			c.condstore = true
			c.ok("ENABLE CONDSTORE")
		case 2:
			c.condstore, c.qresync = true, true
			c.ok("ENABLE QRESYNC")
		}
		w.clients = append(w.clients, c)
	}
	return w
}

// addBox takes a new mailbox into the model.
func (w *world) addBox(name string) {
	b := &modelBox{name: name}
	st := w.status(name)
	if b.validity = st["UIDVALIDITY"]; b.validity <= w.validity[name] {
		w.t.Errorf("%s was created with UIDVALIDITY %d after it had %d", name, b.validity, w.validity[name])
	}
	w.validity[name] = b.validity
	b.highest = st["HIGHESTMODSEQ"]
	w.boxes[name] = b
}

// status asks the observer, who has nothing selected.
func (w *world) status(name string) map[string]uint64 {
	out := map[string]uint64{}
	for _, a := range w.observer.ok("STATUS " + name + " (MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED HIGHESTMODSEQ)") {
		if a.name == "STATUS" && len(a.items) == 2 {
			l, _ := a.items[1].(list)
			for i := 0; i+1 < len(l); i += 2 {
				key, _ := l[i].(atom)
				out[string(key)] = number(l[i+1])
			}
		}
	}
	return out
}

// commit is called after a command changed box: changed had their flags changed or arrived. The
// counters of the mailbox are compared, and the modseqs narrowed.
func (w *world) commit(box *modelBox, changed []*modelMsg, must bool) {
	st := w.status(box.name)
	high := st["HIGHESTMODSEQ"]
	if high < box.highest || (must || len(changed) > 0) && high == box.highest {
		w.t.Errorf("%s: HIGHESTMODSEQ went from %d to %d after %d changes", box.name, box.highest, high, len(changed))
	}
	for _, m := range changed {
		m.lo, m.hi = box.highest+1, high
	}
	box.highest = high
	unseen, deleted := 0, 0
	for _, m := range box.msgs {
		if !m.flags[`\Seen`] {
			unseen++
		}
		if m.flags[`\Deleted`] {
			deleted++
		}
	}
	for key, want := range map[string]int{"MESSAGES": len(box.msgs), "UNSEEN": unseen, "DELETED": deleted} {
		if int(st[key]) != want {
			w.t.Errorf("STATUS %s: %s is %d, want %d", box.name, key, st[key], want)
		}
	}
	if uint32(st["UIDNEXT"]) <= box.lastUID {
		w.t.Errorf("STATUS %s: UIDNEXT is %d, but UID %d was given", box.name, st["UIDNEXT"], box.lastUID)
	}
}

// arrive puts messages with the given UIDs into box.
func (w *world) arrive(box *modelBox, uids []uint32, make func(i int) *modelMsg) []*modelMsg {
	var added []*modelMsg
	for i, uid := range uids {
		if uid <= box.lastUID {
			w.t.Errorf("%s: UID %d was given after %d", box.name, uid, box.lastUID)
		}
		box.lastUID = uid
		m := make(i)
		m.uid = uid
		box.msgs, added = append(box.msgs, m), append(added, m)
	}
	return added
}

// find returns the message with uid, or nil.
func (b *modelBox) find(uid uint32) *modelMsg {
	i, ok := slices.BinarySearchFunc(b.msgs, uid, func(m *modelMsg, uid uint32) int { return int(m.uid) - int(uid) })
	if !ok {
		return nil
	}
	return b.msgs[i]
}

// remove takes messages out of b.
func (b *modelBox) remove(gone func(*modelMsg) bool) (removed []*modelMsg) {
	b.msgs = slices.DeleteFunc(b.msgs, func(m *modelMsg) bool {
		if gone(m) {
			removed = append(removed, m)
			return true
		}
		return false
	})
	return removed
}

// observe compares one message's modseq with what is known of it.
func (w *world) observe(box *modelBox, m *modelMsg, modseq uint64) {
	if modseq < m.lo || modseq > m.hi {
		w.t.Errorf("%s: UID %d has MODSEQ %d, want %d to %d", box.name, m.uid, modseq, m.lo, m.hi)
		return
	}
	m.lo, m.hi = modseq, modseq
}

// newMessage makes bytes that no other message has.
func (w *world) newMessage() string {
	w.bodies++
	return fmt.Sprintf("From: anna@school.test\r\nSubject: message %d\r\n\r\n%s\r\n", w.bodies, strings.Repeat("x", w.rng.IntN(300)))
}

// randomFlags picks some flags.
func (w *world) randomFlags() []string {
	all := []string{`\Seen`, `\Deleted`, `\Flagged`, `\Answered`, `\Draft`, "$Forwarded", "Klassenfahrt"}
	var out []string
	for _, f := range all {
		if w.rng.IntN(4) == 0 {
			out = append(out, f)
		}
	}
	return out
}

func (m *modelMsg) flagList() []string { return slices.Sorted(maps.Keys(m.flags)) }

// apply changes m's flags and tells whether that changed anything.
func (m *modelMsg) apply(mode byte, flags []string) bool {
	before := m.flagList()
	if mode == '=' {
		m.flags = map[string]bool{}
	}
	for _, f := range flags {
		if mode == '-' {
			delete(m.flags, f)
		} else {
			m.flags[f] = true
		}
	}
	return !slices.Equal(before, m.flagList())
}

// checkFresh compares the model with what a client that knows nothing reads.
func (w *world) checkFresh(name string) {
	c := &actor{w: w, client: loginClient(w.t, w.addr, "f.", testUser, testPassword), caches: map[string]*cache{}, condstore: true}
	c.open(name, false)
	w.checkView(c)
	c.nc.Close()
}
