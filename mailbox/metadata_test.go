package mailbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store/fault"
)

const benSession = 7 // the session that notes

func (w *school) note(name string, entries ...string) error {
	var list []MetadataEntry
	for _, e := range entries {
		key, value, some := strings.Cut(e, "=")
		entry := MetadataEntry{Name: key}
		if some {
			entry.Value = []byte(value)
		}
		list = append(list, entry)
	}
	return w.mail.SetMetadata(context.Background(), w.ben, name, list, benSession)
}

func (w *school) noted(name string, depth MetadataDepth, entries ...string) string {
	w.Helper()
	list, err := w.mail.Metadata(context.Background(), w.ben, name, entries, depth)
	w.check(err)
	var out []string
	for _, e := range list {
		if e.Value == nil {
			out = append(out, e.Name)
		} else {
			out = append(out, e.Name+"="+string(e.Value))
		}
	}
	return strings.Join(out, " ")
}

func TestMetadata(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.check(w.note("Archive", "/private/Comment=mine", "/shared/comment=ours", "/private/v/a=1", "/private/v/a/b=2"))
		tests := []struct {
			depth   MetadataDepth
			entries string
			want    string
		}{
			{DepthNone, "/private/comment /SHARED/Comment", "/private/comment=mine /shared/comment=ours"},
			{DepthNone, "/private/other /private/other", "/private/other"},
			{DepthNone, "/private/v/a", "/private/v/a=1"},
			{DepthChildren, "/private/v", "/private/v/a=1"},
			{DepthAll, "/private/v", "/private/v/a=1 /private/v/a/b=2"},
			{DepthAll, "/private", "/private/comment=mine /private/v/a=1 /private/v/a/b=2"},
			{DepthChildren, "/shared", "/shared/comment=ours"},
		}
		for _, tt := range tests {
			if got := w.noted("Archive", tt.depth, strings.Fields(tt.entries)...); got != tt.want {
				t.Errorf("%s to depth %d: %s, want %s", tt.entries, tt.depth, got, tt.want)
			}
		}
		for _, name := range []string{"", "/private", "/private/", "/other/x", "private/x", "/private/a//b", "/private/a*", "/private/%", "/private/ä", "/private/a\n", "/private/" + strings.Repeat("x", MaxMetadataName)} {
			if err := w.note("Archive", name+"=x"); !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", name, err)
			}
		}
		w.check(w.mail.Rename(ctx, w.ben, "Archive", "Archiv"))
		w.check(w.note("Archiv", "/private/v/a", "/private/none"))
		if got := w.noted("Archiv", DepthAll, "/private/v"); got != "/private/v/a/b=2" {
			t.Errorf("after the renaming %s", got)
		}
		w.check(w.mail.Delete(ctx, w.ben, "Archiv"))
		if n := w.count(`SELECT COUNT(*) FROM mailbox_metadata`); n != 0 {
			t.Errorf("%d entries are left", n)
		}
	})
}

// INBOX keeps what is noted about it when it is renamed, and the new mailbox has it, too; what others note for themselves does not go along. RFC 5464 §4.1.
func TestRenamingINBOXCopiesMetadata(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.share(w.ben, "INBOX", "anna", "lr")
		w.check(w.note("INBOX", "/private/comment=mine", "/shared/comment=ours"))
		w.check(w.mail.SetMetadata(ctx, w.anna, "Other Users/ben", []MetadataEntry{{"/private/comment", []byte("anna's")}}, 0))
		w.check(w.mail.Rename(ctx, w.ben, "INBOX", "alt/Post"))
		for _, name := range []string{"INBOX", "alt/Post"} {
			if got := w.noted(name, DepthNone, "/private/comment", "/shared/comment"); got != "/private/comment=mine /shared/comment=ours" {
				t.Errorf("%s: %s", name, got)
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM mailbox_metadata`); n != 5 {
			t.Errorf("%d entries", n)
		}
		var many []string
		for i := range MaxMetadata - 4 {
			many = append(many, fmt.Sprintf("/private/n%d=x", i))
		}
		w.check(w.note("alt/Post", many...))
		if err := w.mail.Rename(ctx, w.ben, "INBOX", "neu"); !fault.Is(err, fault.Limit) {
			t.Error(err)
		}
		if _, err := w.mail.Lookup(ctx, w.ben, "neu", 0); !fault.Is(err, fault.NotFound) {
			t.Errorf("a mailbox without what is noted about INBOX: %v", err)
		}
	})
}

// Who may read and write what: RFC 5464 §3.3.
func TestMetadataRights(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("INBOX", "lr")
		const name = "Other Users/office"
		w.check(w.mail.SetMetadata(ctx, office, "INBOX", []MetadataEntry{{"/shared/comment", []byte("ours")}, {"/private/comment", []byte("the office's")}}, 0))
		w.check(w.note(name, "/private/comment=ben's"))
		if got := w.noted(name, DepthNone, "/private/comment", "/shared/comment"); got != "/private/comment=ben's /shared/comment=ours" {
			t.Error(got)
		}
		if err := w.note(name, "/private/comment=x", "/shared/comment=x"); !fault.Is(err, fault.Forbidden) {
			t.Error(err)
		}
		if got := w.noted(name, DepthNone, "/private/comment"); got != "/private/comment=ben's" {
			t.Errorf("a refused change left %s", got)
		}
		for _, tt := range []struct {
			rights string
			want   fault.Kind // of the refusal; 0: there is none
		}{{"l", fault.Forbidden}, {"r", fault.Forbidden}, {"lkxtea", fault.Forbidden}, {"swip", fault.NotFound}, {"ls", 0}, {"lw", 0}, {"li", 0}, {"lp", 0}} {
			w.share(office, "INBOX", "ben", tt.rights)
			_, now, err := w.mail.MetadataChanges(ctx, w.ben, math.MaxUint64, 0)
			w.check(err)
			w.check(w.mail.SetMetadata(ctx, office, "INBOX", []MetadataEntry{{"/shared/comment", []byte("ours")}}, 0))
			told, _, err := w.mail.MetadataChanges(ctx, w.ben, now, 0)
			w.check(err)
			_, read := w.mail.Metadata(ctx, w.ben, name, []string{"/shared/comment"}, DepthNone)
			for _, err := range []error{read, w.note(name, "/private/comment=ben's")} {
				if (err == nil) != (tt.want == 0) || err != nil && !fault.Is(err, tt.want) || (len(told) == 1) != (tt.want == 0) {
					t.Errorf("with %s: %v, told %v", tt.rights, err, told)
				}
			}
		}
		w.share(office, "INBOX", "ben", "")
		if _, err := w.mail.Metadata(ctx, w.ben, name, []string{"/shared/comment"}, DepthNone); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
		if err := w.note("", "/shared/motd=x"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a pupil notes something about the server: %v", err)
		}
		w.check(w.note("", "/private/motd=x"))
		deleted := directory.Deleted
		w.check(w.dir.ChangeAccount(ctx, w.ben, directory.AccountChange{State: &deleted}))
		w.check(w.dir.PurgeAccount(ctx, w.ben))
		if n := w.count(`SELECT COUNT(*) FROM mailbox_metadata`); n != 2 {
			t.Errorf("%d entries, want the office's two", n)
		}
	})
}

func TestMetadataLimits(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		if err := w.note("INBOX", "/private/a="+strings.Repeat("x", MaxMetadataValue+1)); !errors.Is(err, ErrMetadataTooLarge) {
			t.Error(err)
		}
		w.check(w.note("INBOX", "/private/a="+strings.Repeat("x", MaxMetadataValue)))
		var many []string
		for i := range MaxMetadata {
			many = append(many, fmt.Sprintf("/private/n%d=x", i))
		}
		if err := w.note("Sent", many...); !errors.Is(err, ErrMetadataTooMany) {
			t.Error(err)
		}
		w.check(w.note("Sent", many[1:]...))
		if err := w.note("INBOX", "/shared/one=x"); !errors.Is(err, ErrMetadataTooMany) {
			t.Error(err)
		}
		w.check(w.note("INBOX", "/private/a"))
		w.check(w.note("INBOX", "/shared/one=x"))
	})
}

// Sessions are told of what others change and they may read; what is forgotten is not told.
func TestMetadataChanges(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("INBOX", "lr")
		_, now, err := w.mail.MetadataChanges(ctx, w.ben, math.MaxUint64, 0)
		w.check(err)
		set := func(name string, by uint64) {
			w.check(w.mail.SetMetadata(ctx, office, "INBOX", []MetadataEntry{{name, []byte("x")}}, by))
		}
		set("/shared/a", 0)
		set("/private/a", 0)
		set("/shared/b", benSession)
		w.check(w.note("", "/private/c=x"))
		told := func(by uint64) string {
			list, next, err := w.mail.MetadataChanges(ctx, w.ben, now, by)
			w.check(err)
			now = next
			var out []string
			for _, c := range list {
				out = append(out, c.Path+":"+strings.Join(c.Names, ","))
			}
			return strings.Join(out, " ")
		}
		if got := told(benSession); got != "Other Users/office:/shared/a" {
			t.Errorf("told %q", got)
		}
		if got := told(benSession); got != "" {
			t.Errorf("told again %q", got)
		}
		for range maxMetadataLog + 10 {
			w.mail.notes.add(MetadataChange{Names: []string{"/shared/x"}})
		}
		if list, _, _ := w.mail.MetadataChanges(ctx, w.ben, now, benSession); len(list) == 0 || len(list) > maxMetadataLog {
			t.Errorf("%d changes", len(list))
		}
		w.share(office, "INBOX", "ben", "")
		set("/shared/a", 0)
		if list, next, _ := w.mail.MetadataChanges(ctx, w.ben, now, benSession); next == now || list[len(list)-1].Mailbox != 0 {
			t.Error("told of a mailbox that is no longer shared")
		}
	})
}
