package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// TestWhoMayPost goes through every kind of posting and everybody who could write.
func TestWhoMayPost(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newPolicySchool(t, storetest.Open(t))
	for name, role := range map[string]Role{"head": Admin, "olga": Student, "petra": Parent} {
		w.ids[name] = add(t, w.Directory, name+"@school.test", role).ID
	}
	g, err := w.Group(ctx, "7b")
	must(t, err)
	must(t, w.AddMembers(ctx, g.ID, []ID{w.ids["olga"]}, true))
	must(t, w.AddMembers(ctx, g.ID, []ID{w.ids["petra"]}, false))
	must(t, w.AddExternals(ctx, g.ID, []string{"Lena@Example.org"}))
	tests := []struct{ name, who, sender, want string }{ // want: for members, staff, anyone, moderated
		{"an administrator who is no member", "head", "", "yes yes yes yes"},
		{"an owner, though a pupil", "olga", "", "yes yes yes yes"},
		{"a member, a pupil", "anna", "", "yes no yes held"},
		{"a member, a parent", "petra", "", "yes no yes held"},
		{"a member, a teacher", "tina", "", "yes yes yes held"},
		{"staff, no member", "otto", "", "yes yes yes held"},
		{"a pupil, no member", "ben", "", "no no yes held"},
		{"a parent, no member", "paul", "", "no no yes held"},
		{"a member elsewhere", "", "lena@example.org", "yes no yes held"},
		{"a member elsewhere, in other letters", "", "LENA@EXAMPLE.ORG", "yes no yes held"},
		{"a member elsewhere with a detail is another address", "", "lena+x@example.org", "no no yes held"},
		{"somebody elsewhere", "", "max@example.org", "no no yes held"},
		{"nobody", "", "", "no no yes held"},
		{"what is no address", "", "lena", "no no yes held"},
		{"an account that gives itself out for a member elsewhere", "ben", "lena@example.org", "no no yes held"},
	}
	for i, post := range Postings() {
		must(t, w.ChangeList(ctx, g.ID, ListChange{Post: &post}))
		for _, tt := range tests {
			got := "yes"
			switch moderated, err := w.MayPost(g.ID, w.ids[tt.who], tt.sender); {
			case fault.Is(err, fault.Refused) && strings.Contains(err.Error(), "7b@school.test") && !moderated:
				got = "no"
			case err != nil:
				got = err.Error()
			case moderated:
				got = "held"
			}
			if want := strings.Fields(tt.want)[i]; got != want {
				t.Errorf("%s: posting %s: %s, want %s", tt.name, post, got, want)
			}
		}
	}
	if _, err := w.MayPost(4711, w.ids["head"], ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("a group that is not there: %v", err)
	}
}

// postingAndItsDefault: a group is as its kind until it is set, is again when that is taken back, and its kind may change under it.
func postingAndItsDefault(t *testing.T, s *store.Store) {
	defaults := map[Kind]Posting{Class: PostAnyone, Course: PostAnyone, Year: PostStaff, Department: PostAnyone, Club: PostAnyone, StaffGroup: PostAnyone, All: PostStaff}
	ctx := context.Background()
	d := open(t, s, Options{})
	for _, kind := range Kinds() {
		g, err := d.AddGroup(ctx, Group{Name: "g-" + string(kind), Kind: kind, Post: PostMembers, Archive: true})
		must(t, err)
		if g.Posting() != defaults[kind] || g.Archive {
			t.Errorf("a new group of kind %s: posting %s, archive %t", kind, g.Posting(), g.Archive)
		}
	}
	g, err := d.Group(ctx, "g-all")
	must(t, err)
	posting := func(what string, want Posting, archive bool) {
		t.Helper()
		for when, d := range map[string]*Directory{"now": d, "after a restart": open(t, s, Options{})} {
			if g, err := d.GroupByID(g.ID); err != nil || g.Posting() != want || g.Archive != archive {
				t.Errorf("%s, %s: %+v, %v, want %s and %t", what, when, g, err, want, archive)
			}
		}
	}
	must(t, d.ChangeList(ctx, g.ID, ListChange{Post: new(PostModerated)}))
	posting("set", PostModerated, false)
	must(t, d.ChangeList(ctx, g.ID, ListChange{Archive: new(true)}))
	posting("an archive, and the rest as it was", PostModerated, true)
	must(t, d.ChangeGroup(ctx, g.ID, nil, new(Class), nil))
	posting("another kind does not change what is set", PostModerated, true)
	must(t, d.ChangeList(ctx, g.ID, ListChange{Post: new(Posting(""))}))
	posting("as its kind again, which is another one now", PostAnyone, true)
	for _, wrong := range []Posting{"everybody", "Members", " "} {
		if err := d.ChangeList(ctx, g.ID, ListChange{Post: &wrong}); !fault.Is(err, fault.Invalid) {
			t.Errorf("posting %q: %v", wrong, err)
		}
	}
	if err := d.ChangeList(ctx, 4711, ListChange{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a group that is not there: %v", err)
	}
	if _, err := d.GroupByID(4711); !fault.Is(err, fault.NotFound) {
		t.Errorf("find a group that is not there: %v", err)
	}
}

// TestModerators: the owners who can log in, or else the administrators who can.
func TestModerators(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newPolicySchool(t, storetest.Open(t))
	for _, name := range []string{"zoe", "head", "former"} {
		w.ids[name] = add(t, w.Directory, name+"@school.test", Admin).ID
	}
	must(t, w.ChangeAccount(ctx, w.ids["former"], AccountChange{State: new(Disabled)}))
	g, err := w.Group(ctx, "7b")
	must(t, err)
	check := func(what, want string) {
		t.Helper()
		var names []string
		for _, a := range w.Moderators(g.ID) {
			names = append(names, a.Login)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	check("no owner", "head zoe")
	must(t, w.AddMembers(ctx, g.ID, []ID{w.ids["tina"], w.ids["otto"]}, true))
	check("two owners", "otto tina")
	must(t, w.ChangeAccount(ctx, w.ids["otto"], AccountChange{State: new(Disabled)}))
	check("one is disabled", "tina")
	must(t, w.AddMembers(ctx, g.ID, []ID{w.ids["tina"]}, false))
	check("one is an owner no longer", "head zoe")
	must(t, w.ChangeAccount(ctx, w.ids["otto"], AccountChange{State: new(Active)}))
	check("and one comes back", "otto")
	must(t, w.RemoveMembers(ctx, g.ID, []ID{w.ids["otto"]}))
	check("none is left", "head zoe")
	for name, want := range map[string][2]bool{"tina": {true, false}, "otto": {false, false}, "anna": {true, false}} {
		if member, owner := w.Membership(g.ID, w.ids[name]); member != want[0] || owner != want[1] {
			t.Errorf("%s: member %t, owner %t, want %v", name, member, owner, want)
		}
	}
}

// TestListsAt: which groups an address leads to, by whatever way, each once.
func TestListsAt(t *testing.T) {
	t.Parallel()
	d := school(t, storetest.Open(t))
	must(t, d.AddAlias(context.Background(), Alias{"alle", []string{"everyone", "7b", "7b+x", "club"}}))
	for address, want := range map[string]string{
		"7b@school.test": "7b", "7B@School.Test": "7b", "7b+math@school.test": "7b", "empty@school.test": "empty", "everyone@school.test": "7b club",
		"everyone+x@school.test": "7b club", "alle@school.test": "7b club", "office@school.test": "", "anna@school.test": "", "anna+7b@school.test": "",
		"aula@school.test": "", "nobody@school.test": "", "postmaster@school.test": "", "7b@elsewhere.test": "", "7b@münchen.test": "", "7b": "", "": "",
	} {
		var names []string
		for _, g := range d.ListsAt(address) {
			names = append(names, g.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q leads to the groups %q, want %q", address, got, want)
		}
	}
}

// externals: members elsewhere are added and removed all or none, each has a name of its own that stays, and a restart knows them.
func externals(t *testing.T, s *store.Store) {
	ctx := context.Background()
	w := newPolicySchool(t, s)
	g, err := w.Group(ctx, "7b")
	must(t, err)
	list := func(d *Directory) (addresses string, tokens []string) {
		t.Helper()
		externals, err := d.Externals(g.ID)
		must(t, err)
		for _, x := range externals {
			addresses += " " + x.Address
			tokens = append(tokens, x.Token)
			if again, err := d.ExternalByToken(x.Token); err != nil || again != x {
				t.Errorf("by its token: %+v, %v, want %+v", again, err, x)
			}
		}
		return strings.TrimPrefix(addresses, " "), tokens
	}
	must(t, w.AddExternals(ctx, g.ID, []string{"mia@example.org", "Lena@EXAMPLE.org", "jürgen@München.example"}))
	const three = "jürgen@xn--mnchen-3ya.example lena@example.org mia@example.org"
	got, tokens := list(w.Directory)
	if got != three {
		t.Fatalf("members %q, want %q", got, three)
	}
	for i, token := range tokens {
		if len(token) != 16 || strings.ToLower(token) != token || slices.Contains(tokens[:i], token) {
			t.Errorf("token %q", token)
		}
	}
	for _, tt := range []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"one of ours", w.AddExternals(ctx, g.ID, []string{"new@example.org", "anna@school.test"}), fault.Refused},
		{"no address", w.AddExternals(ctx, g.ID, []string{"new@example.org", "lena@"}), fault.Invalid},
		{"no group", w.AddExternals(ctx, 4711, []string{"new@example.org"}), fault.NotFound},
		{"one who is not in it", w.RemoveExternals(ctx, g.ID, []string{"mia@example.org", "new@example.org"}), fault.NotFound},
		{"remove no address", w.RemoveExternals(ctx, g.ID, []string{"mia@example.org", "x"}), fault.Invalid},
		{"resume one who is not in it", w.ResumeExternals(ctx, g.ID, []string{"new@example.org"}), fault.NotFound},
		{"a list of no group", second(w.Externals(4711)), fault.NotFound},
		{"a token of nobody", second(w.ExternalByToken("aaaaaaaaaaaaaaaa")), fault.NotFound},
		{"no token", second(w.ExternalByToken("")), fault.NotFound},
	} {
		if !fault.Is(tt.err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, tt.err, tt.want)
		}
	}
	must(t, w.AddExternals(ctx, g.ID, []string{"LENA@example.org"}))
	for when, d := range map[string]*Directory{"now": w.Directory, "after a restart": open(t, s, Options{})} {
		if again, same := list(d); again != three || !slices.Equal(same, tokens) {
			t.Errorf("%s: %q %v, want nothing changed", when, again, same)
		}
	}
	must(t, w.RemoveExternals(ctx, g.ID, []string{"LENA@example.org", "jürgen@münchen.example"}))
	if got, _ := list(w.Directory); got != "mia@example.org" {
		t.Errorf("after two have left: %q", got)
	}
	must(t, w.DeleteGroup(ctx, g.ID))
	for when, d := range map[string]*Directory{"now": w.Directory, "after a restart": open(t, s, Options{})} {
		if _, err := d.ExternalByToken(tokens[2]); !fault.Is(err, fault.NotFound) {
			t.Errorf("a member of a group that is gone, %s: %v", when, err)
		}
	}
}

// TestExternalsAreBounded: as many as may be, and not one more.
func TestExternalsAreBounded(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	g, err := d.AddGroup(ctx, Group{Name: "newsletter", Kind: Club})
	must(t, err)
	addresses := make([]string, MaxExternals)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("reader%d@example.org", i)
	}
	must(t, d.AddExternals(ctx, g.ID, addresses))
	if err := d.AddExternals(ctx, g.ID, []string{"more@example.org"}); !fault.Is(err, fault.Limit) {
		t.Errorf("one more: %v", err)
	}
	must(t, d.AddExternals(ctx, g.ID, addresses[:2])) // they are in it
	if list, err := d.Externals(g.ID); err != nil || len(list) != MaxExternals {
		t.Errorf("%d members, %v, want %d", len(list), err, MaxExternals)
	}
}

// bounces: mail that comes back counts once a day, a week without forgets, and after five days in a row nothing more is sent.
func bounces(t *testing.T, s *store.Store) {
	ctx := context.Background()
	c := newClock()
	d := open(t, s, Options{Now: c.now})
	g, err := d.AddGroup(ctx, Group{Name: "bouncing", Kind: Class})
	must(t, err)
	must(t, d.AddExternals(ctx, g.ID, []string{"lena@example.org"}))
	list, err := d.Externals(g.ID)
	must(t, err)
	bounce := func() (paused bool) {
		t.Helper()
		must(t, s.Write(ctx, func(tx *store.Tx) (err error) {
			_, paused, err = d.CountBounce(tx, list[0].Token)
			return err
		}))
		return paused
	}
	const day = 24 * time.Hour
	for _, step := range []struct {
		name   string
		later  time.Duration
		count  int
		paused bool // by this one
		is     bool
	}{
		{"the first", 0, 1, false, false},
		{"the same day", bounceDay - time.Second, 1, false, false},
		{"the next day", time.Second, 2, false, false},
		{"a week later, still in a row", bounceForget, 3, false, false},
		{"more than a week without", bounceForget + time.Second, 1, false, false},
		{"the clock was set back", -30 * day, 1, false, false},
		{"and is right again", 31 * day, 2, false, false},
		{"the third", day, 3, false, false},
		{"the fourth", day, 4, false, false},
		{"the fifth", day, MaxBounces, true, true},
		{"nothing more is counted", day, MaxBounces, false, true},
		{"nor forgotten", 30 * day, MaxBounces, false, true},
	} {
		c.advance(step.later)
		paused := bounce()
		x, err := d.ExternalByToken(list[0].Token)
		if err != nil || paused != step.paused || x.Bounces != step.count || x.Paused != step.is {
			t.Errorf("%s: paused %t, %+v, %v, want %+v", step.name, paused, x, err, step)
		}
	}
	if x, err := open(t, s, Options{}).ExternalByToken(list[0].Token); err != nil || !x.Paused {
		t.Errorf("after a restart: %+v, %v", x, err)
	}
	must(t, d.ResumeExternals(ctx, g.ID, []string{"Lena@example.org"}))
	if paused := bounce(); paused {
		t.Error("one bounce after resuming pauses again")
	}
	if x, err := d.ExternalByToken(list[0].Token); err != nil || x.Bounces != 1 || x.Paused {
		t.Errorf("after resuming: %+v, %v", x, err)
	}
	err = s.Write(ctx, func(tx *store.Tx) error { return second(second2(d.CountBounce(tx, "gone"))) })
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("who has left: %v", err)
	}
}

func second2[A, B any](a A, _ B, err error) (A, error) { return a, err }
