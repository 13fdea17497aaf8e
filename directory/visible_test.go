package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// seers is a directory for tests of who sees whom.
type seers struct {
	testing.TB
	store *store.Store
	dir   *Directory
	clock time.Time
}

func newSeers(t testing.TB, s *store.Store) *seers {
	t.Helper()
	w := &seers{TB: t, store: s, clock: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}
	w.open()
	w.check(w.dir.AddDomain(t.Context(), "school.test"))
	return w
}

func (w *seers) open() {
	w.Helper()
	dir, err := New(context.Background(), w.store, Options{Now: func() time.Time { return w.clock }, HashParams: HashParams{MemoryKiB: 8, Time: 1, Threads: 1}})
	w.check(err)
	w.dir = dir
}

func (w *seers) check(err error) {
	if err != nil {
		w.Helper()
		w.Fatal(err)
	}
}

func (w *seers) account(login string, role Role) ID {
	w.Helper()
	list, _, err := w.dir.AddAccounts(context.Background(), []NewAccount{{Address: login + "@school.test", Name: login, Role: role, Password: "correct horse battery"}})
	w.check(err)
	return list[0].ID
}

func (w *seers) group(name string, kind Kind, members ...ID) ID {
	w.Helper()
	g, err := w.dir.AddGroup(context.Background(), Group{Name: name, Kind: kind})
	w.check(err)
	w.check(w.dir.AddMembers(context.Background(), g.ID, members, false))
	return g.ID
}

func (w *seers) state(id ID, s State) {
	w.Helper()
	w.check(w.dir.ChangeAccount(context.Background(), id, AccountChange{State: &s}))
}

// sees writes whom who sees as one line; groups with how many are in them.
func (w *seers) sees(who ID) string {
	w.Helper()
	list, _, err := w.dir.Visible(context.Background(), who)
	w.check(err)
	var words []string
	for i := range list {
		word := list[i].Login()
		if list[i].Group.ID != 0 {
			word += fmt.Sprintf("(%d)", len(list[i].Members))
		}
		words = append(words, word)
		if one, err := w.dir.VisibleByLogin(context.Background(), who, list[i].Login()); err != nil || one.ID() != list[i].ID() {
			w.Errorf("%s alone: %+v %v", list[i].Login(), one, err)
		}
	}
	return strings.Join(words, " ")
}

func TestWhoSeesWhom(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSeers(t, s)
		anna, ben, otto := w.account("anna", Student), w.account("ben", Student), w.account("otto", Student)
		klein, vogt := w.account("klein", Teacher), w.account("vogt", Teacher)
		mum, office := w.account("mum", Parent), w.account("office", Staff)
		w.group("7b", Class, anna, ben, klein)
		w.group("chess", Club, anna, otto)
		w.group("everyone", All, anna, ben, otto, klein, vogt, mum, office)
		w.group("council", Club, mum)
		all := "7b(3) anna ben chess(2) council(1) everyone(7) klein mum office otto vogt"
		for who, want := range map[ID]string{
			anna: "7b(3) anna ben chess(2) klein otto", ben: "7b(3) anna ben klein", otto: "anna chess(2) otto",
			klein: all, vogt: all, office: all, mum: "council(1) mum",
		} {
			if got := w.sees(who); got != want {
				t.Errorf("%d sees %s, want %s", who, got, want)
			}
		}
		for _, login := range []string{"vogt", "mum", "everyone", "nobody", "council", ""} {
			if _, err := w.dir.VisibleByLogin(t.Context(), anna, login); !fault.Is(err, fault.NotFound) {
				t.Errorf("anna and %s: %v", login, err)
			}
		}
		w.state(ben, Disabled)
		if got := w.sees(anna); got != "7b(2) anna chess(2) klein otto" {
			t.Errorf("with ben disabled: %s", got)
		}
		if _, _, err := w.dir.Visible(t.Context(), 1<<40); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	})
}

// since writes what changed for who since a change.
func (w *seers) since(who ID, seq uint64) (string, uint64) {
	w.Helper()
	changed, gone, next, err := w.dir.VisibleSince(context.Background(), who, seq)
	w.check(err)
	var words []string
	for i := range changed {
		words = append(words, changed[i].Login())
	}
	for _, login := range gone {
		words = append(words, "-"+login)
	}
	return strings.Join(words, " "), next
}

func TestWhatEnteredAndLeft(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSeers(t, s)
		ctx := t.Context()
		anna, ben, otto := w.account("anna", Student), w.account("ben", Student), w.account("otto", Student)
		klein := w.account("klein", Teacher)
		class := w.group("7b", Class, anna, ben)
		name, quota, teacher, student, title := "Benno", int64(5), Teacher, Student, "Klasse"
		club := ID(0)
		steps := []struct {
			name                string
			do                  func() error
			anna, klein, onOtto string
		}{
			{"nothing", func() error { return nil }, "", "", ""},
			{"a new name", func() error { return w.dir.ChangeAccount(ctx, ben, AccountChange{Name: &name}) }, "ben", "ben", ""},
			{"a quota", func() error { return w.dir.ChangeAccount(ctx, ben, AccountChange{QuotaBytes: &quota}) }, "", "", ""},
			{"a member more", func() error { return w.dir.AddMembers(ctx, class, []ID{klein}, true) }, "7b klein", "7b", ""},
			{"the same again", func() error { return w.dir.AddMembers(ctx, class, []ID{klein}, false) }, "", "", ""},
			{"a title", func() error { return w.dir.ChangeGroup(ctx, class, &title, nil, nil) }, "7b", "7b", ""},
			{"a member less", func() error { return w.dir.RemoveMembers(ctx, class, []ID{ben}) }, "7b -ben", "7b", ""},
			{"and back", func() error { return w.dir.AddMembers(ctx, class, []ID{ben}, false) }, "7b ben", "7b", ""},
			{"disabled", func() error { w.state(ben, Disabled); return nil }, "7b -ben", "7b -ben", ""},
			{"deleted", func() error { w.state(ben, Deleted); return nil }, "", "", ""},
			{"purged", func() error { return w.dir.PurgeAccount(ctx, ben) }, "", "", ""},
			{"a new one of that name", func() error { return w.dir.AddMembers(ctx, class, []ID{w.account("ben", Student)}, false) }, "7b ben", "7b ben", ""},
			{"a promotion", func() error { return w.dir.ChangeAccount(ctx, anna, AccountChange{Role: &teacher}) }, "anna otto", "anna", ""},
			{"and back", func() error { return w.dir.ChangeAccount(ctx, anna, AccountChange{Role: &student}) }, "anna -otto", "anna", ""},
			{"a club", func() error { club = w.group("chess", Club, anna, otto); return nil }, "chess otto", "chess", "anna chess"},
			{"a club no more", func() error { return w.dir.DeleteGroup(ctx, club) }, "-chess -otto", "-chess", "-anna -chess"},
		}
		seq := map[ID]uint64{anna: w.dir.ListSeq(), klein: w.dir.ListSeq(), otto: w.dir.ListSeq()}
		first, purged := w.dir.ListSeq(), map[ID]uint64{}
		for _, step := range steps {
			w.check(step.do())
			for who, want := range map[ID]string{anna: step.anna, klein: step.klein, otto: step.onOtto} {
				var got string
				if got, seq[who] = w.since(who, seq[who]); got != want {
					t.Errorf("%s: %d is told %q, want %q", step.name, who, got, want)
				}
			}
			if step.name == "purged" {
				purged = maps.Clone(seq)
			}
		}
		w.open() // the log is durable
		for who, seq := range purged {
			if got, _ := w.since(who, seq); !strings.Contains(got, "ben") && who != otto {
				t.Errorf("%d was there when ben was purged and is told %q, without the new one", who, got)
			}
			if _, _, _, err := w.dir.VisibleSince(ctx, who, first); !fault.Is(err, fault.Expired) {
				t.Errorf("%d was away since before ben was deleted: %v, want fault.Expired, for the log has forgotten ben", who, err)
			}
		}
	})
}

// Sync from any change equals the difference of what was seen then and now.
func TestModelOfWhatIsVisible(t *testing.T) {
	w := newSeers(t, storetest.Open(t))
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		m := &visibleModel{T: rt, w: w, prefix: fmt.Sprintf("x%d", n)}
		for i := range 6 {
			m.accounts = append(m.accounts, w.account(fmt.Sprintf("%sp%d", m.prefix, i), Student))
		}
		for i, kind := range []Kind{Class, Course, All} {
			m.groups = append(m.groups, w.group(fmt.Sprintf("%sg%d", m.prefix, i), kind))
		}
		m.seen = map[ID][]glance{}
		rt.Repeat(map[string]func(*rapid.T){"member": m.member, "role": m.role, "state": m.state, "name": m.name, "kind": m.kind, "": m.verify})
		for _, id := range m.accounts {
			w.state(id, Deleted)
			w.check(w.dir.PurgeAccount(context.Background(), id))
		}
		for _, id := range m.groups {
			w.check(w.dir.DeleteGroup(context.Background(), id))
		}
	})
}

type visibleModel struct {
	*rapid.T
	w        *seers
	prefix   string
	accounts []ID
	groups   []ID
	seen     map[ID][]glance
}

// glance is what someone saw at some time: each login with all that its card is made of.
type glance struct {
	seq  uint64
	list map[string]string
}

func (m *visibleModel) one(list []ID, label string) ID {
	return rapid.SampledFrom(list).Draw(m.T, label)
}

func (m *visibleModel) member(*rapid.T) {
	group, who := m.one(m.groups, "group"), []ID{m.one(m.accounts, "account")}
	if member, _ := m.w.dir.Membership(group, who[0]); member {
		m.w.check(m.w.dir.RemoveMembers(context.Background(), group, who))
	} else {
		m.w.check(m.w.dir.AddMembers(context.Background(), group, who, rapid.Bool().Draw(m.T, "owner")))
	}
}

func (m *visibleModel) role(*rapid.T) {
	role := rapid.SampledFrom([]Role{Student, Student, Parent, Teacher}).Draw(m.T, "role")
	m.w.check(m.w.dir.ChangeAccount(context.Background(), m.one(m.accounts, "account"), AccountChange{Role: &role}))
}

func (m *visibleModel) state(*rapid.T) {
	m.w.state(m.one(m.accounts, "account"), rapid.SampledFrom([]State{Active, Active, Disabled}).Draw(m.T, "state"))
}

func (m *visibleModel) name(*rapid.T) {
	name := rapid.SampledFrom([]string{"A", "B"}).Draw(m.T, "name")
	m.w.check(m.w.dir.ChangeAccount(context.Background(), m.one(m.accounts, "account"), AccountChange{Name: &name}))
}

func (m *visibleModel) kind(*rapid.T) {
	kind := rapid.SampledFrom([]Kind{Class, All}).Draw(m.T, "kind")
	m.w.check(m.w.dir.ChangeGroup(context.Background(), m.one(m.groups, "group"), nil, &kind, nil))
}

func (m *visibleModel) look(who ID) glance {
	list, seq, err := m.w.dir.Visible(context.Background(), who)
	m.w.check(err)
	g := glance{seq, map[string]string{}}
	for _, c := range list {
		g.list[c.Login()] = fmt.Sprint(c.Account.Name, c.Account.Role, c.Group.Title, c.Group.Kind, c.Members)
	}
	return g
}

func (m *visibleModel) verify(*rapid.T) {
	for _, who := range m.accounts {
		now := m.look(who)
		for _, then := range m.seen[who] {
			changed, gone, next, err := m.w.dir.VisibleSince(context.Background(), who, then.seq)
			m.w.check(err)
			told := maps.Clone(then.list)
			for _, login := range gone {
				if _, had := told[login]; !had {
					m.Fatalf("%s is gone and was not there", login)
				}
				delete(told, login)
			}
			for _, c := range changed {
				told[c.Login()] = now.list[c.Login()]
			}
			if !maps.Equal(told, now.list) || next != now.seq {
				m.Fatalf("since %d: saw %v, was told %v and -%v, sees %v", then.seq, then.list, logins(changed), gone, now.list)
			}
		}
		if m.seen[who] = append(m.seen[who], now); len(m.seen[who]) > 5 {
			i := rapid.IntRange(0, 4).Draw(m.T, "forgotten")
			m.seen[who] = slices.Delete(m.seen[who], i, i+1)
		}
	}
}

func logins(list []Contact) (names []string) {
	for i := range list {
		names = append(names, list[i].Login())
	}
	return names
}

// The log is kept for LogRetention; older changes are refused, so that the client starts anew.
func TestTheLogIsForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSeers(t, s)
		anna := w.account("anna", Teacher)
		old := w.dir.ListSeq()
		w.account("ben", Student)
		w.clock = w.clock.Add(LogRetention - time.Second)
		w.account("carl", Student)
		if got, _ := w.since(anna, old); got != "ben carl" {
			t.Errorf("within the time: %s", got)
		}
		kept := w.dir.ListSeq()
		w.clock = w.clock.Add(time.Second)
		w.account("dora", Student)
		for range 2 {
			if _, _, _, err := w.dir.VisibleSince(t.Context(), anna, old); !fault.Is(err, fault.Expired) {
				t.Errorf("too old: %v", err)
			}
			if _, _, _, err := w.dir.VisibleSince(t.Context(), anna, kept+100); !fault.Is(err, fault.Expired) {
				t.Errorf("of the future: %v", err)
			}
			if got, _ := w.since(anna, kept); got != "dora" {
				t.Errorf("a change that is kept: %s", got)
			}
			w.open()
		}
	})
}
