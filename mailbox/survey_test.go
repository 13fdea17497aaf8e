package mailbox

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"schulhof/directory"
)

// surveyed is what Survey says of ben's mailboxes that are not empty or somebody else's, in one line.
func (w *school) surveyed(s Survey) string {
	w.Helper()
	var b strings.Builder
	for _, st := range s.Boxes {
		if st.Mailbox.Owner == w.ben && st.Messages == 0 && st.UIDNext == 1 {
			continue
		}
		fmt.Fprintf(&b, "%s %d/%d", st.Mailbox.Name, st.Messages, st.UIDNext)
		if st.Mailbox.Subscribed {
			b.WriteString(" subscribed")
		}
		if !w.mail.RightsOn(w.ben, &st.Mailbox).Has(RightRead) {
			b.WriteString(" unreadable")
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

// TestSurvey: whatever changes what a survey says wakes the keys of the survey before, and what one may not see is not in it.
func TestSurvey(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		office := w.office("INBOX", "")
		_, err := w.mail.Create(ctx, office, "Akten", "")
		w.check(err)
		group, err := w.dir.AddGroup(ctx, directory.Group{Name: "7b", Kind: directory.Class})
		w.check(err)
		member := func(ids ...directory.ID) { w.check(w.dir.AddMembers(ctx, group.ID, ids, false)) }
		member(w.anna)
		w.check(w.mail.ProvideGroup(ctx, group.ID))
		w.check(w.mail.Subscribe(ctx, w.ben, "INBOX", false))
		const akten = "Other Users/office/Akten"
		steps := []struct {
			name string
			run  func()
			want string
		}{
			{"mail for oneself", func() { w.fill(w.ben, "INBOX", 2) }, "INBOX 2/3"},
			{"the right to look", func() { w.share(office, "Akten", "ben", "l") }, "INBOX 2/3; " + akten + " 0/1 unreadable"},
			{"mail of others", func() { w.fill(office, "Akten", 1, `\Deleted`) }, "INBOX 2/3; " + akten + " 1/2 unreadable"},
			{"the right to read", func() { w.share(office, "Akten", "ben", "lr") }, "INBOX 2/3; " + akten + " 1/2"},
			{"a subscription", func() { w.check(w.mail.Subscribe(ctx, w.ben, akten, true)) }, "INBOX 2/3; " + akten + " 1/2 subscribed"},
			{"an expunge of others", func() { w.expunge(w.box(office, "Akten"), 1) }, "INBOX 2/3; " + akten + " 0/2 subscribed"},
			{"a name of others", func() { w.check(w.mail.Rename(ctx, office, "Akten", "Alt")) }, "INBOX 2/3; Other Users/office/Alt 0/2"},
			{"the right is taken", func() { w.share(office, "Alt", "ben", "") }, "INBOX 2/3"},
			{"a right for anyone", func() { w.share(office, "Alt", "anyone", "lr") }, "INBOX 2/3; Other Users/office/Alt 0/2"},
			{"a group", func() { member(w.ben) }, "INBOX 2/3; Other Users/office/Alt 0/2; Shared/7b 0/1"},
			{"a right for the group", func() { w.share(office, "Sent", "7b", "lr") },
				"INBOX 2/3; Other Users/office/Alt 0/2; Other Users/office/Sent 0/1; Shared/7b 0/1"},
			{"its mail", func() { w.fill(group.ID, "INBOX", 1) },
				"INBOX 2/3; Other Users/office/Alt 0/2; Other Users/office/Sent 0/1; Shared/7b 1/2"},
			{"it is deleted", func() { w.check(w.mail.Delete(ctx, office, "Alt")) }, "INBOX 2/3; Other Users/office/Sent 0/1; Shared/7b 1/2"},
			{"one leaves", func() { w.check(w.dir.RemoveMembers(ctx, group.ID, []directory.ID{w.ben})) }, "INBOX 2/3"},
		}
		before, err := w.mail.Survey(ctx, w.ben, true)
		w.check(err)
		for _, step := range steps {
			sub := w.store.Subscribe(before.Keys...)
			step.run()
			select {
			case <-sub.C():
			default:
				t.Errorf("%s: nobody is woken", step.name)
			}
			sub.Close()
			before, err = w.mail.Survey(ctx, w.ben, true)
			w.check(err)
			if got := w.surveyed(before); got != step.want {
				t.Errorf("%s:\n got %s\nwant %s", step.name, got, step.want)
			}
		}
		w.share(office, "INBOX", "ben", "lr")
		own, err := w.mail.Survey(ctx, w.ben, false)
		w.check(err)
		if got := w.surveyed(own); got != "INBOX 2/3" {
			t.Errorf("only the own ones: %s", got)
		}
	})
}
