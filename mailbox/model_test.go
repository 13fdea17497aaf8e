package mailbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// modelMessage and modelBox are what a mailbox should be, as plainly as it can be said.
type modelMessage struct {
	uid   UID
	flags Flags
	size  int64
	body  string
}

type modelBox struct {
	validity uint32
	uidNext  UID
	messages []modelMessage
	gone     map[UID]ModSeq // when it was expunged
}

// modelOwner plays random commands against the mail domain and against modelBoxes.
type modelOwner struct {
	*rapid.T
	w     *school
	ctx   context.Context
	owner directory.ID
	boxes map[string]*modelBox
	open  []*modelSession
	n     int // messages made so far
}

// modelSession is an open mailbox and what its client was last told.
type modelSession struct {
	name string
	box  *Box
	told *Snapshot
}

func TestModel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			if n++; s.Postgres() && n > 20 {
				return // the same steps take ten times as long there
			}
			o := &modelOwner{T: rt, w: w, ctx: context.Background(), owner: w.account(fmt.Sprintf("pupil%d", n), 0), boxes: map[string]*modelBox{}}
			w.mail.views.limit = rapid.SampledFrom([]int64{1, 1 << 20}).Draw(rt, "view memory")
			o.begin()
			rt.Repeat(map[string]func(*rapid.T){
				"append": o.append, "deliver": o.deliver, "store": o.store, "copy": o.copy, "move": o.copy, "expunge": o.expunge,
				"replace": o.replace, "create": o.create, "delete": o.delete, "rename": o.rename, "open": o.reopen, "failed": o.failed,
				"": o.verify,
			})
			for _, s := range o.open {
				s.box.Close()
			}
		})
		w.sameAsRows()
		w.problems()
	})
}

func (o *modelOwner) ok(err error) {
	if err != nil {
		o.Helper()
		o.Fatal(err)
	}
}

func (o *modelOwner) begin() {
	list, err := o.w.mail.Mailboxes(o.ctx, o.owner)
	o.ok(err)
	for _, b := range list {
		o.boxes[b.Name] = &modelBox{validity: b.UIDValidity, uidNext: 1, gone: map[UID]ModSeq{}}
	}
	for range 3 {
		o.openBox("INBOX")
	}
}

func (o *modelOwner) openBox(name string) *modelSession {
	b, err := o.w.mail.Open(o.ctx, o.owner, name)
	o.ok(err)
	s := &modelSession{name: name, box: b, told: b.Snapshot()}
	o.open = append(o.open, s)
	return s
}

// names lists the model's mailboxes, sorted, so that draws are repeatable.
func (o *modelOwner) names() []string { return slices.Sorted(maps.Keys(o.boxes)) }

func (o *modelOwner) name(label string) string { return rapid.SampledFrom(o.names()).Draw(o.T, label) }

func (o *modelOwner) session() *modelSession {
	return o.open[rapid.IntRange(0, len(o.open)-1).Draw(o.T, "session")]
}

func (o *modelOwner) body() string {
	o.n++
	return text(fmt.Sprintf("Nachricht %d", rapid.IntRange(0, o.n).Draw(o.T, "body"))) // sometimes known bytes
}

func (o *modelOwner) flags() Flags { return Flags(rapid.IntRange(0, 127).Draw(o.T, "flags")) }

// uids picks some that are there, some that were, and one that never was.
func (o *modelOwner) uids(b *modelBox) []UID {
	var list []UID
	every := rapid.IntRange(1, 3).Draw(o.T, "every")
	for uid := UID(rapid.IntRange(1, int(b.uidNext)).Draw(o.T, "first")); uid <= b.uidNext+1; uid += UID(every) {
		list = append(list, uid)
	}
	return list
}

func (b *modelBox) add(m modelMessage) UID {
	m.uid = b.uidNext
	b.uidNext++
	b.messages = append(b.messages, m)
	return m.uid
}

// take removes the messages that are chosen and returns them.
func (o *modelOwner) take(name string, chosen func(modelMessage) bool) (taken []modelMessage) {
	b := o.boxes[name]
	modseq := o.w.status(o.owner, name).HighestModSeq
	b.messages = slices.DeleteFunc(b.messages, func(m modelMessage) bool {
		if chosen(m) {
			taken = append(taken, m)
			b.gone[m.uid] = modseq
			return true
		}
		return false
	})
	return taken
}

func (o *modelOwner) append(*rapid.T) {
	name := o.name("mailbox")
	var list []Appended
	var want []UID
	for range rapid.IntRange(1, 4).Draw(o.T, "messages") {
		body := o.body()
		list = append(list, Appended{Message: o.w.prepare(body), Flags: []string{`\Seen`, "$label"}})
		want = append(want, o.boxes[name].add(modelMessage{flags: Seen | 1<<firstKeyword, size: int64(len(body)), body: body}))
	}
	done, err := o.w.mail.Append(o.ctx, o.owner, name, list)
	o.ok(err)
	if !slices.Equal(done.To, want) || done.UIDValidity != o.boxes[name].validity {
		o.Fatalf("APPENDUID %d %v, want %d %v", done.UIDValidity, done.To, o.boxes[name].validity, want)
	}
}

func (o *modelOwner) deliver(*rapid.T) {
	body, name, flags := o.body(), o.name("mailbox"), o.flags()
	results, err := o.w.mail.Deliver(o.ctx, Delivery{Message: o.w.prepare(body), Recipients: []To{
		{Owner: o.owner, Mailbox: name, Flags: flags}, {Owner: o.owner, Mailbox: "unknown"}, {Owner: o.w.ben}}})
	o.ok(errors.Join(append(results, err)...))
	o.boxes[name].add(modelMessage{flags: flags, size: int64(len(body)), body: body})
	o.boxes["INBOX"].add(modelMessage{size: int64(len(body)), body: body})
}

func (o *modelOwner) failed(*rapid.T) {
	broken := errors.New("broken")
	_, err := o.w.mail.Deliver(o.ctx, Delivery{Message: o.w.prepare(o.body()), Recipients: []To{{Owner: o.owner, Mailbox: o.name("mailbox")}},
		Also: func(*store.Tx) error { return broken }})
	if !errors.Is(err, broken) {
		o.Fatal(err)
	}
}

func (o *modelOwner) store(*rapid.T) {
	s := o.session()
	b := o.boxes[s.name]
	op := FlagOp{Mode: FlagMode(rapid.IntRange(0, 2).Draw(o.T, "mode")), Flags: o.flags()}
	snap := s.box.Snapshot()
	if rapid.Bool().Draw(o.T, "unchangedsince") {
		since := ModSeq(rapid.IntRange(0, int(snap.HighestModSeq())).Draw(o.T, "since"))
		op.UnchangedSince = &since
	}
	uids := o.uids(b)
	failed, err := s.box.StoreFlags(o.ctx, uids, op)
	o.ok(err)
	keep, set := op.masks()
	var want []UID
	for i := range b.messages {
		m := &b.messages[i]
		if !slices.Contains(uids, m.uid) {
			continue
		}
		at, _ := snap.Find(m.uid)
		if op.UnchangedSince != nil && snap.At(at).ModSeq > *op.UnchangedSince {
			want = append(want, m.uid)
			continue
		}
		m.flags = m.flags&keep | set
	}
	if !slices.Equal(failed, want) {
		o.Fatalf("held back %v, want %v", failed, want)
	}
}

func (o *modelOwner) copy(*rapid.T) {
	s, to := o.session(), o.name("to")
	b := o.boxes[s.name]
	uids, move := o.uids(b), rapid.Bool().Draw(o.T, "move")
	transfer := s.box.Copy
	if move {
		transfer = s.box.Move
	}
	done, err := transfer(o.ctx, uids, to)
	o.ok(err)
	chosen := func(m modelMessage) bool { return slices.Contains(uids, m.uid) }
	var moved []modelMessage
	for _, m := range b.messages {
		if chosen(m) {
			moved = append(moved, m)
		}
	}
	if move {
		o.take(s.name, chosen)
	}
	var from, target []UID
	for _, m := range moved {
		from = append(from, m.uid)
		target = append(target, o.boxes[to].add(m))
	}
	if !slices.Equal(done.From, from) || !slices.Equal(done.To, target) || done.UIDValidity != o.boxes[to].validity {
		o.Fatalf("COPYUID %+v, want %v %v", done, from, target)
	}
}

func (o *modelOwner) expunge(*rapid.T) {
	s := o.session()
	var uids []UID
	if rapid.Bool().Draw(o.T, "uid expunge") {
		uids = o.uids(o.boxes[s.name])
	}
	got, err := s.box.Expunge(o.ctx, uids)
	o.ok(err)
	var want []UID
	for _, m := range o.take(s.name, func(m modelMessage) bool {
		return m.flags&DeletedFlag != 0 && (uids == nil || slices.Contains(uids, m.uid))
	}) {
		want = append(want, m.uid)
	}
	if !slices.Equal(got, want) {
		o.Fatalf("expunged %v, want %v", got, want)
	}
}

func (o *modelOwner) replace(*rapid.T) {
	s, to, body := o.session(), o.name("to"), o.body()
	b := o.boxes[s.name]
	if len(b.messages) == 0 {
		if _, err := s.box.Replace(o.ctx, 1, to, Appended{Message: o.w.prepare(body)}); !fault.Is(err, fault.Conflict) {
			o.Fatalf("replace of nothing: %v", err)
		}
		return
	}
	uid := rapid.SampledFrom(b.messages).Draw(o.T, "message").uid
	before := o.w.status(o.owner, s.name).HighestModSeq
	done, err := s.box.Replace(o.ctx, uid, to, Appended{Message: o.w.prepare(body)})
	o.ok(err)
	o.take(s.name, func(m modelMessage) bool { return m.uid == uid })
	b.gone[uid] = before + 1
	if want := o.boxes[to].add(modelMessage{size: int64(len(body)), body: body}); !slices.Equal(done.To, []UID{want}) {
		o.Fatalf("replaced by %v, want %d", done.To, want)
	}
}

func (o *modelOwner) create(*rapid.T) {
	name := rapid.SampledFrom([]string{"a", "a/b", "a/b/c", "ä", "INBOX/x"}).Draw(o.T, "name")
	_, err := o.w.mail.Create(o.ctx, o.owner, name, "")
	if o.boxes[name] != nil {
		if !fault.Is(err, fault.AlreadyExists) {
			o.Fatal(err)
		}
		return
	}
	o.ok(err)
	o.learn()
}

// learn takes mailboxes into the model that have come into being.
func (o *modelOwner) learn() {
	list, err := o.w.mail.Mailboxes(o.ctx, o.owner)
	o.ok(err)
	for _, b := range list {
		if !b.NoSelect && o.boxes[b.Name] == nil {
			o.boxes[b.Name] = &modelBox{validity: b.UIDValidity, uidNext: 1, gone: map[UID]ModSeq{}}
		}
	}
}

func (o *modelOwner) delete(*rapid.T) {
	name := o.name("mailbox")
	err := o.w.mail.Delete(o.ctx, o.owner, name)
	if name == "INBOX" {
		if !fault.Is(err, fault.Refused) {
			o.Fatal(err)
		}
		return
	}
	o.ok(err)
	delete(o.boxes, name)
	o.drop(name)
}

// drop closes the sessions of a mailbox that is gone.
func (o *modelOwner) drop(name string) {
	for i, s := range o.open {
		if s.name == name {
			if !s.box.Gone() {
				o.Fatalf("%s was deleted, the session does not know", name)
			}
			if _, err := s.box.StoreFlags(o.ctx, uidsOf(s.box.Snapshot()), FlagOp{Mode: FlagsReplace, Flags: 1 << 40}); err != nil && !fault.Is(err, fault.NotFound) {
				o.Fatal(err)
			}
			s.box.Close()
			o.open = append(o.open[:i:i], o.open[i+1:]...)
			o.openBox("INBOX")
			o.drop(name)
			return
		}
	}
}

func (o *modelOwner) rename(*rapid.T) {
	from := o.name("from")
	to := rapid.SampledFrom([]string{"a/z", "neu", "Archive/2026"}).Draw(o.T, "to")
	err := o.w.mail.Rename(o.ctx, o.owner, from, to)
	if err != nil {
		if kind := fault.KindOf(err); kind != fault.AlreadyExists && kind != fault.Refused {
			o.Fatal(err)
		}
		return
	}
	if from == "INBOX" {
		o.learn()
		for _, m := range o.take("INBOX", func(modelMessage) bool { return true }) {
			o.boxes[to].add(m)
		}
		return
	}
	for _, name := range o.names() {
		if name == from || isBelow(name, from) {
			now := to + name[len(from):]
			o.boxes[now] = o.boxes[name]
			delete(o.boxes, name)
			for _, s := range o.open {
				if s.name == name {
					s.name = now
				}
			}
		}
	}
	o.learn()
}

func (o *modelOwner) reopen(*rapid.T) {
	i := rapid.IntRange(0, len(o.open)-1).Draw(o.T, "session")
	o.open[i].box.Close()
	o.open = append(o.open[:i:i], o.open[i+1:]...)
	o.openBox(o.name("mailbox"))
}

// verify compares what every session sees, and what STATUS and the quota say, with the model.
func (o *modelOwner) verify(*rapid.T) {
	var quota Quota
	for name, b := range o.boxes {
		st := o.w.status(o.owner, name)
		want := Status{Mailbox: st.Mailbox, UIDNext: b.uidNext, HighestModSeq: st.HighestModSeq, Messages: uint32(len(b.messages))}
		for _, m := range b.messages {
			want.Size += m.size
			if m.flags&Seen == 0 {
				want.Unseen++
			}
			if m.flags&DeletedFlag != 0 {
				want.Deleted++
				want.DeletedSize += m.size
			}
		}
		if st != want || st.Mailbox.UIDValidity != b.validity {
			o.Fatalf("STATUS of %s: %+v, want %+v", name, st, want)
		}
		quota.UsedBytes += want.Size
		quota.UsedMessages += int64(want.Messages)
	}
	q, err := o.w.mail.Quota(o.ctx, o.owner)
	if err != nil || q != quota {
		o.Fatalf("quota %+v %v, want %+v", q, err, quota)
	}
	for _, s := range o.open {
		o.verifySession(s)
	}
	o.w.sameAsRows()
}

func (o *modelOwner) verifySession(s *modelSession) {
	snap, b := s.box.Snapshot(), o.boxes[s.name]
	if got := s.box.Mailbox().Name; got != s.name {
		o.Fatalf("the session's mailbox is called %s, want %s", got, s.name)
	}
	if snap.Len() != len(b.messages) || snap.UIDNext() != b.uidNext {
		o.Fatalf("%s has %d messages, UIDNEXT %d, want %d, %d", s.name, snap.Len(), snap.UIDNext(), len(b.messages), b.uidNext)
	}
	for i, m := range b.messages {
		if e := snap.At(i); e.UID != m.uid || e.Flags != m.flags || e.Size != m.size {
			o.Fatalf("%s message %d is %+v, want %+v", s.name, i+1, e, m)
		}
	}
	uids, all, err := s.box.Expunged(o.ctx, s.told.HighestModSeq())
	o.ok(err)
	var want []UID
	for uid, modseq := range b.gone {
		if modseq > s.told.HighestModSeq() {
			want = append(want, uid)
		}
	}
	slices.Sort(want)
	if !all || !slices.Equal(uids, want) {
		o.Fatalf("%s expunged since %d: %v %t, want %v", s.name, s.told.HighestModSeq(), uids, all, want)
	}
	checkDiff(o.T, s.told, snap)
	if rapid.Bool().Draw(o.T, "tell") {
		s.told = snap
	}
}
