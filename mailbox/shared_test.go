package mailbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store/fault"
)

func TestParseRights(t *testing.T) {
	tests := []struct {
		letters    string
		want       string
		compatible string
		err        string
	}{
		{"", "", "", ""},
		{"lrs", "lrs", "lrs", ""},
		{"aetxkpiwsrl", "lrswipkxtea", "lrswipkxteacd", ""},
		{"c", "kx", "kxc", ""},
		{"d", "te", "ted", ""},
		{"lk", "lk", "lkc", ""},
		{"lt", "lt", "ltd", ""},
		{"lrq", "", "", `'q' is no right`},
		{"L", "", "", `'L' is no right`},
	}
	for _, tt := range tests {
		r, err := ParseRights(tt.letters)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("ParseRights(%q) = %v, want %s", tt.letters, err, tt.err)
			}
			continue
		}
		if err != nil || r.String() != tt.want || r.Compatible() != tt.compatible {
			t.Errorf("ParseRights(%q) = %q %q %v, want %q %q", tt.letters, r, r.Compatible(), err, tt.want, tt.compatible)
		}
	}
}

// office makes a teacher's account and shares its mailbox name with ben.
func (w *school) office(name, letters string) directory.ID {
	w.Helper()
	a, err := w.dir.AccountByAddress(context.Background(), "office")
	if err != nil {
		list, _, err := w.dir.AddAccounts(context.Background(), []directory.NewAccount{{
			Address: "office@school.test", Name: "Office", Role: directory.Staff, Password: "correct horse battery"}})
		w.check(err)
		a = list[0]
	}
	w.share(a.ID, name, "ben", letters)
	return a.ID
}

func (w *school) share(owner directory.ID, name, with, letters string) {
	w.Helper()
	r, err := ParseRights(letters)
	w.check(err)
	w.check(w.mail.AdministerRights(context.Background(), owner, name, with, GrantReplace, r))
}

// TestRightsOfCommands: each command needs its right, and without l and r the mailbox does not exist. RFC 4314 §4.
func TestRightsOfCommands(t *testing.T) {
	const name = "Other Users/office/Akten"
	open := func(fn func(ctx context.Context, b *Box) error) func(context.Context, *school) error {
		return func(ctx context.Context, w *school) error {
			b, err := w.mail.Open(ctx, w.ben, name)
			if err != nil {
				return err
			}
			defer b.Close()
			return fn(ctx, b)
		}
	}
	tests := []struct {
		name   string
		needs  string // these letters suffice
		always string // given in any case
		call   func(ctx context.Context, w *school) error
	}{
		{"open", "r", "", open(func(context.Context, *Box) error { return nil })},
		{"status", "r", "", func(ctx context.Context, w *school) error { _, err := w.mail.Status(ctx, w.ben, name); return err }},
		{"append", "i", "", func(ctx context.Context, w *school) error {
			_, err := w.mail.Append(ctx, w.ben, name, []Appended{{Message: w.prepare(text("x"))}})
			return err
		}},
		{"copy into it", "i", "", func(ctx context.Context, w *school) error {
			w.fill(w.ben, "INBOX", 1)
			_, err := w.box(w.ben, "INBOX").Copy(ctx, nil, name)
			return err
		}},
		{"copy out of it", "r", "", open(func(ctx context.Context, b *Box) error { _, err := b.Copy(ctx, []UID{1}, "Archive"); return err })},
		{"move out of it", "te", "r", open(func(ctx context.Context, b *Box) error { _, err := b.Move(ctx, []UID{1}, "Archive"); return err })},
		{"expunge", "e", "r", open(func(ctx context.Context, b *Box) error { _, err := b.Expunge(ctx, nil); return err })},
		{"\\Seen", "s", "r", open(func(ctx context.Context, b *Box) error {
			_, err := b.StoreFlags(ctx, []UID{1}, FlagOp{Mode: FlagsAdd, Flags: Seen})
			return err
		})},
		{"\\Deleted", "t", "r", open(func(ctx context.Context, b *Box) error {
			_, err := b.StoreFlags(ctx, []UID{1}, FlagOp{Mode: FlagsAdd, Flags: DeletedFlag})
			return err
		})},
		{"\\Flagged", "w", "r", open(func(ctx context.Context, b *Box) error {
			_, err := b.StoreFlags(ctx, []UID{1}, FlagOp{Mode: FlagsAdd, Flags: Flagged})
			return err
		})},
		{"create", "k", "", func(ctx context.Context, w *school) error {
			_, err := w.mail.Create(ctx, w.ben, name+"/neu", "")
			return err
		}},
		{"delete", "x", "", func(ctx context.Context, w *school) error { return w.mail.Delete(ctx, w.ben, name) }},
		{"list rights", "a", "", func(ctx context.Context, w *school) error { _, err := w.mail.Access(ctx, w.ben, name); return err }},
		{"what can be granted", "a", "", func(ctx context.Context, w *school) error {
			_, _, err := w.mail.Grantable(ctx, w.ben, name, "anna")
			return err
		}},
		{"set rights", "a", "", func(ctx context.Context, w *school) error {
			return w.mail.SetRights(ctx, w.ben, name, "anna", GrantAdd, RightLookup)
		}},
		{"replace", "te", "ri", open(func(ctx context.Context, b *Box) error {
			p := b.mail
			s := p.NewSpool()
			defer s.Close()
			if _, err := s.Write([]byte(text("r"))); err != nil {
				return err
			}
			m, err := p.Prepare(ctx, s)
			if err != nil {
				return err
			}
			defer m.Release()
			_, err = b.Replace(ctx, 1, name, Appended{Message: m})
			return err
		})},
	}
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("INBOX", "")
		for _, tt := range tests {
			renew := func(letters string) {
				_ = w.mail.Delete(ctx, office, "Akten") // not there the first time
				_, err := w.mail.Create(ctx, office, "Akten", "")
				w.check(err)
				w.fill(office, "Akten", 2)
				w.share(office, "Akten", "ben", letters)
			}
			needs, err := ParseRights(tt.needs)
			w.check(err)
			renew(tt.needs + tt.always)
			if err := tt.call(ctx, w); err != nil {
				t.Errorf("%s with %s%s: %v", tt.name, tt.always, tt.needs, err)
			}
			renew((AllRights &^ needs).String())
			if err := tt.call(ctx, w); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s without %s: %v", tt.name, tt.needs, err)
			}
			renew((AllRights &^ needs &^ RightLookup &^ RightRead).String())
			if err := tt.call(ctx, w); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s without %s, l and r: %v", tt.name, tt.needs, err)
			}
			renew("")
			if err := tt.call(ctx, w); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s without a right: %v", tt.name, err)
			}
		}
		w.problems()
		w.sameAsRows()
	})
}

// What people see of each other's mailboxes, and under which names.
func TestVisible(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("INBOX", "lr")
		for _, name := range []string{"Akten/2026", "geheim"} {
			_, err := w.mail.Create(ctx, office, name, "")
			w.check(err)
		}
		w.share(office, "Akten", "ben", "")
		w.share(office, "Akten/2026", "anyone", "lr")
		g, err := w.dir.AddGroup(ctx, directory.Group{Name: "7b", Kind: directory.Class})
		w.check(err)
		w.check(w.dir.AddMembers(ctx, g.ID, []directory.ID{w.ben}, false))
		w.check(w.mail.ProvideGroup(ctx, g.ID))
		see := func(who directory.ID) string {
			list, err := w.mail.Visible(ctx, who)
			w.check(err)
			var names []string
			for _, b := range list {
				if Reserved(b.Name) {
					name := b.Name
					if b.NoSelect {
						name = "(" + name + ")"
					}
					names = append(names, name)
				}
			}
			return strings.Join(names, ", ")
		}
		if got, want := see(w.ben), "(Other Users), Other Users/office, (Other Users/office/Akten), Other Users/office/Akten/2026, (Shared), Shared/7b"; got != want {
			t.Errorf("ben sees  %s\nwant      %s", got, want)
		}
		if got, want := see(w.anna), "(Other Users), (Other Users/office), (Other Users/office/Akten), Other Users/office/Akten/2026"; got != want {
			t.Errorf("anna sees %s\nwant      %s", got, want)
		}
		w.check(w.dir.RemoveMembers(ctx, g.ID, []directory.ID{w.ben}))
		if got := see(w.ben); strings.Contains(got, "Shared") {
			t.Errorf("ben has left 7b and sees %s", got)
		}
		if got := see(office); got != "" {
			t.Errorf("office sees %s", got)
		}
		for _, name := range []string{"Other Users", "Shared", "Shared/9z", "Other Users/nobody/x", "Other Users/office/INBOX", "Other Users/ben"} {
			if _, err := w.mail.Create(ctx, w.ben, name, ""); err == nil {
				t.Errorf("ben creates %s", name)
			}
			if _, err := w.mail.Open(ctx, w.ben, name); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A group's owner may everything with its mailbox, its members read it, each with their own \Seen; a new mailbox in it is theirs as well.
func TestGroupMailbox(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		g, err := w.dir.AddGroup(ctx, directory.Group{Name: "7b", Kind: directory.Class})
		w.check(err)
		w.check(w.dir.AddMembers(ctx, g.ID, []directory.ID{w.anna}, true))
		w.check(w.dir.AddMembers(ctx, g.ID, []directory.ID{w.ben}, false))
		w.check(w.mail.ProvideGroup(ctx, g.ID))
		results, err := w.mail.Deliver(ctx, Delivery{Message: w.prepare(text("Ausflug")), Recipients: []To{{Owner: g.ID}, {Owner: g.ID}}})
		if err != nil || results[0] != nil || results[1] != nil {
			t.Fatal(results, err)
		}
		anna, ben := w.box(w.anna, "Shared/7b"), w.box(w.ben, "Shared/7b")
		if _, err := ben.StoreFlags(ctx, []UID{1}, FlagOp{Mode: FlagsReplace, Flags: Seen | Flagged | DeletedFlag}); err != nil {
			t.Error(err)
		}
		if _, err := anna.StoreFlags(ctx, []UID{1, 2}, FlagOp{Mode: FlagsAdd, Flags: Answered}); err != nil {
			t.Error(err)
		}
		if a, b := anna.Snapshot().At(0).Flags, ben.Snapshot().At(0).Flags; a != Answered || b != Answered|Seen {
			t.Errorf("anna sees %b, ben %b", a, b)
		}
		if s := w.status(w.ben, "Shared/7b"); s.Unseen != 1 || s.Mailbox.Name != "Shared/7b" {
			t.Errorf("ben's status %+v", s)
		}
		if s := w.status(w.anna, "Shared/7b"); s.Unseen != 2 {
			t.Errorf("anna's status %+v", s)
		}
		if _, err := w.mail.Create(ctx, w.ben, "Shared/7b/Fotos", ""); !fault.Is(err, fault.Forbidden) {
			t.Error(err)
		}
		made, err := w.mail.Create(ctx, w.anna, "Shared/7b/Fotos", "")
		if err != nil || made.Name != "Shared/7b/Fotos" {
			t.Errorf("%+v, %v", made, err)
		}
		if r, err := w.mail.MyRights(ctx, w.ben, "Shared/7b/Fotos"); err != nil || r != readers {
			t.Errorf("ben inherits %s, %v", r, err)
		}
		w.check(w.mail.Rename(ctx, w.anna, "Shared/7b/Fotos", "Shared/7b/Bilder/alt"))
		for _, to := range []string{"Fotos", "Other Users/ben/Fotos", "Shared/7b", "Shared"} {
			if err := w.mail.Rename(ctx, w.anna, "Shared/7b/Bilder/alt", to); err == nil {
				t.Errorf("renamed to %s", to)
			}
		}
		if err := w.mail.Delete(ctx, w.anna, "Shared/7b"); !fault.Is(err, fault.Refused) {
			t.Error(err)
		}
		if err := w.mail.Rename(ctx, w.anna, "Shared/7b", "Shared/7b/x"); err == nil {
			t.Error("renamed a group's INBOX")
		}
		w.sameAsRows()
		w.problems()
		w.check(w.dir.DeleteGroup(ctx, g.ID))
		if n := w.count(`SELECT COUNT(*) FROM mailbox_right`); n != 0 {
			t.Errorf("%d rights are left", n)
		}
		if !ben.Gone() {
			t.Error("ben's view is not gone")
		}
	})
}

// Copies keep what the person has read, and keywords by name; each owner's quota counts.
func TestCopyBetweenOwners(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("INBOX", "lrswite")
		w.fill(w.ben, "INBOX", 1, "$MDNSent", "wichtig") // so that the bits differ
		w.fill(office, "INBOX", 3, "wichtig", `\Flagged`)
		theirs := w.box(w.ben, "Other Users/office")
		_, err := theirs.StoreFlags(ctx, []UID{2}, FlagOp{Mode: FlagsAdd, Flags: Seen})
		w.check(err)
		before, err := w.mail.Quota(ctx, w.ben)
		w.check(err)
		done, err := theirs.Copy(ctx, []UID{2, 3}, "Archive")
		if err != nil || !slices.Equal(done.To, []UID{1, 2}) {
			t.Fatal(done, err)
		}
		after, err := w.mail.Quota(ctx, w.ben)
		if err != nil || after.UsedMessages != before.UsedMessages+2 {
			t.Errorf("ben's quota %+v, then %+v", before, after)
		}
		archive := w.box(w.ben, "Archive")
		const wichtig = Flags(1) << (firstKeyword + 1) // ben's second keyword
		if a, b := archive.Snapshot().At(0).Flags, archive.Snapshot().At(1).Flags; a != Seen|Flagged|wichtig || b != Flagged|wichtig {
			t.Errorf("the copies have %b and %b", a, b)
		}
		if _, err := theirs.Move(ctx, []UID{1}, "Archive"); err != nil {
			t.Error(err)
		}
		if q, err := w.mail.Quota(ctx, office); err != nil || q.UsedMessages != 2 {
			t.Errorf("office's quota %+v %v", q, err)
		}
		if _, err := archive.Copy(ctx, []UID{1}, "Other Users/office"); err != nil {
			t.Error(err)
		}
		if e := theirs.Snapshot().At(2); e.Flags != Seen|Flagged|1<<firstKeyword {
			t.Errorf("what came back has %b", e.Flags)
		}
		if e := w.box(office, "INBOX").Snapshot().At(2); e.Flags != Flagged|1<<firstKeyword {
			t.Errorf("the owner sees %b", e.Flags)
		}
		w.sameAsRows()
		w.problems()
	})
}

// Keywords that somebody else appends with are dropped without the right w, also from the dictionary that they would be added to.
func TestAppendToSomebodyElse(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("INBOX", "lrite")
		flags := []string{"wichtig", `\Seen`, `\Flagged`, `\Deleted`}
		w.fill(w.ben, "Other Users/office", 1, flags...)
		theirs, own := w.box(w.ben, "Other Users/office"), w.box(office, "INBOX")
		_, err := theirs.Replace(ctx, 1, "Other Users/office", Appended{Message: w.prepare(text("neu")), Flags: flags})
		w.check(err)
		if names, err := w.mail.Keywords(ctx, office); err != nil || len(names) != 0 {
			t.Errorf("office has the keywords %q, %v", names, err)
		}
		if f := own.Snapshot().At(0).Flags; f != DeletedFlag {
			t.Errorf("flags %b", f)
		}
		w.share(office, "INBOX", "ben", "lrwis")
		w.fill(w.ben, "Other Users/office", 1, flags...)
		if mine, f := theirs.Snapshot().At(1).Flags, own.Snapshot().At(1).Flags; mine != Seen|Flagged|1<<firstKeyword || f != Flagged|1<<firstKeyword {
			t.Errorf("flags %b, the owner's %b", mine, f)
		}
	})
}

// Grants: who may give them, to whom, and what they become.
func TestSetRights(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("INBOX", "lr")
		steps := []struct {
			who        directory.ID
			identifier string
			mode       GrantMode
			rights     string
			want       string // of the list; "": refused
		}{
			{office, "anna", GrantReplace, "lrs", "office lrswipkxtea, anna lrs, ben lr"},
			{office, "anna@school.test", GrantAdd, "wi", "office lrswipkxtea, anna lrswi, ben lr"},
			{office, "anna", GrantRemove, "sw", "office lrswipkxtea, anna lri, ben lr"},
			{office, "anna", GrantReplace, "", "office lrswipkxtea, ben lr"},
			{office, "anyone", GrantReplace, "p", "office lrswipkxtea, anyone p, ben lr"},
			{office, "office", GrantReplace, "l", ""},
			{office, "-ben", GrantReplace, "l", ""},
			{office, "nobody", GrantReplace, "l", ""},
			{w.ben, "anna", GrantReplace, "l", ""},
		}
		for _, s := range steps {
			r, err := ParseRights(s.rights)
			w.check(err)
			name := "INBOX"
			if s.who != office {
				name = "Other Users/office"
			}
			err = w.mail.SetRights(ctx, s.who, name, s.identifier, s.mode, r)
			if s.want == "" {
				if err == nil {
					t.Errorf("%+v: not refused", s)
				}
				continue
			}
			list, listErr := w.mail.Access(ctx, office, "INBOX")
			var got []string
			for _, g := range list {
				got = append(got, fmt.Sprint(g.Identifier, " ", g.Rights))
			}
			if err != nil || listErr != nil || strings.Join(got, ", ") != s.want {
				t.Errorf("%+v: %v, %v, %v", s, got, err, listErr)
			}
		}
		if may, err := w.mail.MayPost(ctx, w.anna, "office@school.test"); err != nil || !may {
			t.Errorf("anyone may write as office: %v %v", may, err)
		}
		if may, err := w.mail.MayPost(ctx, w.anna, "ben@school.test"); err != nil || may {
			t.Errorf("anna may write as ben: %v %v", may, err)
		}
		if err := w.mail.SetRights(ctx, w.ben, "INBOX", "anna", GrantReplace, readers); !fault.Is(err, fault.Refused) {
			t.Errorf("a pupil shares: %v", err)
		}
	})
}

// What is granted is still granted after a restart, and how many rights there may be is limited.
func TestRightsAreKeptAndBounded(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("INBOX", "lrsi")
		w.fill(office, "INBOX", 2)
		_, err := w.box(w.ben, "Other Users/office").StoreFlags(ctx, []UID{2}, FlagOp{Mode: FlagsAdd, Flags: Seen})
		w.check(err)
		w.check(w.mail.Close())
		w.open(Options{})
		b := w.box(w.ben, "Other Users/office")
		if b.Rights().String() != "lrsi" || b.Snapshot().Unseen() != 1 {
			t.Errorf("%s, %d unseen", b.Rights(), b.Snapshot().Unseen())
		}
		w.manyRights(office)
		if err := w.mail.SetRights(ctx, office, "INBOX", "anna", GrantReplace, readers); !fault.Is(err, fault.Limit) {
			t.Error(err)
		}
		w.check(w.mail.SetRights(ctx, office, "INBOX", "ben", GrantReplace, 0))
		if _, err := b.StoreFlags(ctx, []UID{1}, FlagOp{Mode: FlagsAdd, Flags: Seen}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("after the rights are gone: %v", err)
		}
	})
}
