package mailbox

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// sharedModel is one mailbox that several people use, as plainly as it can be said: the owner's flags, and who of the others has read what.
type sharedModel struct {
	*rapid.T
	w        *school
	ctx      context.Context
	people   []*modelPerson // the owner first
	messages []sharedMessage
	n        int
}

type sharedMessage struct {
	uid   UID
	flags Flags // the owner's
	read  map[directory.ID]bool
}

// modelPerson is a session, and what it was last told.
type modelPerson struct {
	id     directory.ID
	name   string // of the mailbox
	rights Rights
	box    *Box
	told   *Snapshot
}

func TestSharedModel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			if n++; s.Postgres() && n > 5 || n > 40 && flag.Lookup("rapid.checks").Value.String() == "100" {
				return // CI has other things to do, too
			}
			m := &sharedModel{T: rt, w: w, ctx: context.Background()}
			m.begin(fmt.Sprintf("office%d", n))
			rt.Repeat(map[string]func(*rapid.T){
				"append": m.append, "store": m.store, "store again": m.store, "copy": m.copy, "expunge": m.expunge, "grant": m.grant, "reopen": m.reopen,
				"": m.verify,
			})
			for _, p := range m.people {
				p.box.Close()
			}
		})
		w.sameAsRows()
		w.problems()
	})
}

func (m *sharedModel) ok(err error) {
	if err != nil {
		m.Helper()
		m.Fatal(err)
	}
}

func (m *sharedModel) begin(login string) {
	owner := m.w.account(login, 0)
	m.people = []*modelPerson{{id: owner, name: "INBOX", rights: AllRights}}
	for _, id := range []directory.ID{m.w.anna, m.w.ben} {
		m.people = append(m.people, &modelPerson{id: id, name: "Other Users/" + login, rights: AllRights})
	}
	for _, p := range m.people {
		if p.id != owner {
			m.ok(m.w.mail.AdministerRights(m.ctx, owner, "INBOX", m.identifier(p), GrantReplace, AllRights))
		}
		m.open(p)
	}
}

func (m *sharedModel) identifier(p *modelPerson) string {
	if p.id == m.w.anna {
		return "anna"
	}
	return "ben"
}

func (m *sharedModel) open(p *modelPerson) {
	box, err := m.w.mail.Open(m.ctx, p.id, p.name)
	m.ok(err)
	p.box, p.told = box, box.Snapshot()
}

func (m *sharedModel) owner() directory.ID { return m.people[0].id }

func (m *sharedModel) person() *modelPerson { return rapid.SampledFrom(m.people).Draw(m.T, "person") }

func (m *sharedModel) flags() (f Flags) {
	for _, bit := range []Flags{Seen, Flagged, DeletedFlag} {
		if rapid.Bool().Draw(m.T, "flag") {
			f |= bit
		}
	}
	return f
}

// seenBy is what p sees of a message.
func (msg *sharedMessage) seenBy(m *sharedModel, p *modelPerson) Flags {
	if p.id == m.owner() {
		return msg.flags
	}
	f := msg.flags &^ Seen
	if msg.read[p.id] {
		f |= Seen
	}
	return f
}

// set gives a message what p sees of it then.
func (msg *sharedMessage) set(m *sharedModel, p *modelPerson, f Flags) {
	if p.id == m.owner() {
		msg.flags = f
		return
	}
	msg.flags = msg.flags&Seen | f&^Seen
	msg.read[p.id] = f&Seen != 0
}

func (m *sharedModel) names(f Flags) (names []string) {
	for bit, name := range map[Flags]string{Seen: `\Seen`, Flagged: `\Flagged`, DeletedFlag: `\Deleted`} {
		if f&bit != 0 {
			names = append(names, name)
		}
	}
	return names
}

func (m *sharedModel) append(*rapid.T) {
	p, f := m.person(), m.flags()
	m.n++
	spool := m.w.mail.NewSpool()
	defer spool.Close()
	_, err := spool.Write([]byte(text(fmt.Sprint("shared ", m.owner(), m.n))))
	m.ok(err)
	prepared, err := m.w.mail.Prepare(m.ctx, spool)
	m.ok(err)
	defer prepared.Release()
	done, err := m.w.mail.Append(m.ctx, p.id, p.name, []Appended{{Message: prepared, Flags: m.names(f)}})
	if !p.rights.Has(RightInsert) {
		if err == nil {
			m.Fatalf("%s appends with %s", p.name, p.rights)
		}
		return
	}
	m.ok(err)
	msg := sharedMessage{uid: done.To[0], read: map[directory.ID]bool{}}
	msg.set(m, p, f&p.rights.Flags())
	m.messages = append(m.messages, msg)
}

// some draws messages.
func (m *sharedModel) some() (uids []UID, at []int) {
	for i, msg := range m.messages {
		if rapid.Bool().Draw(m.T, "taken") {
			uids, at = append(uids, msg.uid), append(at, i)
		}
	}
	return uids, at
}

func (m *sharedModel) store(*rapid.T) {
	p, f := m.person(), m.flags()
	uids, at := m.some()
	op := FlagOp{Mode: rapid.SampledFrom([]FlagMode{FlagsReplace, FlagsAdd, FlagsRemove}).Draw(m.T, "mode"), Flags: f}
	if rapid.Bool().Draw(m.T, "conditional") {
		since := p.told.HighestModSeq()
		op.UnchangedSince = &since
	}
	before := p.box.Snapshot()
	failed, err := p.box.StoreFlags(m.ctx, uids, op)
	may := p.rights.Flags()
	if p.id != m.owner() && (may == 0 || f != 0 && f&may == 0) {
		if err == nil {
			m.Fatalf("flags %b are changed with %s", f, p.rights)
		}
		return
	}
	m.ok(err)
	keep, set := op.masks()
	for _, i := range at {
		msg := &m.messages[i]
		j, _ := before.Find(msg.uid)
		held := op.UnchangedSince != nil && before.At(j).ModSeq > *op.UnchangedSince
		if held != slices.Contains(failed, msg.uid) {
			m.Fatalf("UID %d, of modseq %d: failed %v", msg.uid, before.At(j).ModSeq, failed)
		}
		if !held {
			old := msg.seenBy(m, p)
			msg.set(m, p, old&^may|(old&keep|set)&may)
		}
	}
}

// copy copies within the mailbox, or moves there.
func (m *sharedModel) copy(*rapid.T) {
	p := m.person()
	uids, at := m.some()
	if uids == nil {
		return
	}
	move := rapid.Bool().Draw(m.T, "move")
	need := RightInsert
	var done Copied
	var err error
	if move {
		need |= RightTrash | RightExpunge
		done, err = p.box.Move(m.ctx, uids, p.name)
	} else {
		done, err = p.box.Copy(m.ctx, uids, p.name)
	}
	if !p.rights.Has(need) {
		if err == nil {
			m.Fatalf("move %v with %s", move, p.rights)
		}
		return
	}
	m.ok(err)
	var copies []sharedMessage
	for n, i := range at {
		msg := sharedMessage{uid: done.To[n], read: map[directory.ID]bool{}}
		msg.set(m, p, m.messages[i].seenBy(m, p)&p.rights.Flags())
		copies = append(copies, msg)
	}
	if move {
		m.messages = slices.DeleteFunc(m.messages, func(msg sharedMessage) bool { return slices.Contains(uids, msg.uid) })
	}
	m.messages = append(m.messages, copies...)
}

func (m *sharedModel) expunge(*rapid.T) {
	p := m.person()
	_, err := p.box.Expunge(m.ctx, nil)
	if !p.rights.Has(RightExpunge) {
		if err == nil {
			m.Fatalf("expunged with %s", p.rights)
		}
		return
	}
	m.ok(err)
	m.messages = slices.DeleteFunc(m.messages, func(msg sharedMessage) bool { return msg.flags&DeletedFlag != 0 })
}

// grant changes what somebody may do; they can read in any case.
func (m *sharedModel) grant(*rapid.T) {
	p := rapid.SampledFrom(m.people[1:]).Draw(m.T, "grantee")
	p.rights = RightRead | Rights(rapid.IntRange(0, int(AllRights)).Draw(m.T, "rights"))
	m.ok(m.w.mail.AdministerRights(m.ctx, m.owner(), "INBOX", m.identifier(p), GrantReplace, p.rights))
}

// reopen leaves and comes back, mostly to a view that has to be loaded.
func (m *sharedModel) reopen(*rapid.T) {
	m.w.mail.views.mu.Lock()
	m.w.mail.views.limit = rapid.SampledFrom([]int64{1, 1 << 20}).Draw(m.T, "view memory")
	m.w.mail.views.mu.Unlock()
	p := m.person()
	p.box.Close()
	m.open(p)
}

// verify compares what each person sees with the model, and what they would be told with what they see.
func (m *sharedModel) verify(*rapid.T) {
	for _, p := range m.people {
		now := p.box.Snapshot()
		if now.Len() != len(m.messages) {
			m.Fatalf("%s has %d messages, want %d", p.name, now.Len(), len(m.messages))
		}
		unseen := 0
		for i := range m.messages {
			e, want := now.At(i), m.messages[i].seenBy(m, p)
			if e.UID != m.messages[i].uid || e.Flags != want {
				m.Fatalf("%s of %d: UID %d has %b, want UID %d with %b", p.name, p.id, e.UID, e.Flags, m.messages[i].uid, want)
			}
			if want&Seen == 0 {
				unseen++
			}
		}
		_, changed, _ := now.Diff(p.told)
		for i := range now.Len() {
			e := now.At(i)
			j, ok := p.told.Find(e.UID)
			if !ok {
				continue
			}
			old := p.told.At(j)
			if old.Flags != e.Flags && (!slices.Contains(changed, i) || e.ModSeq <= p.told.HighestModSeq()) {
				m.Fatalf("%s is not told that UID %d has %b instead of %b", p.name, e.UID, e.Flags, old.Flags)
			}
		}
		p.told = now
		status, err := m.w.mail.Status(m.ctx, p.id, p.name)
		m.ok(err)
		if s := status[0]; int(s.Messages) != now.Len() || int(s.Unseen) != unseen || s.HighestModSeq != now.HighestModSeq() || now.Unseen() != unseen {
			m.Fatalf("%s: status %+v, want %d of which %d unseen, at %d", p.name, s, now.Len(), unseen, now.HighestModSeq())
		}
	}
}
