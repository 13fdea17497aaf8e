package mailbox

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// lessons lists and ends all lessons, as "spam" and "ham" with the message's UID in INBOX order of contents.
func (w *school) lessons() string {
	w.Helper()
	list, err := w.mail.Lessons(context.Background(), 1000)
	w.check(err)
	var out []string
	for _, l := range list {
		word := "ham"
		if l.Spam {
			word = "spam"
		}
		out = append(out, fmt.Sprintf("%d:%s:%d", l.Owner-w.anna, word, l.Content))
		w.check(w.store.Write(context.Background(), func(tx *store.Tx) error {
			there, err := w.mail.Learned(tx, l.ID)
			if !there {
				w.Errorf("lesson %d was gone", l.ID)
			}
			return err
		}))
	}
	return strings.Join(out, " ")
}

func TestLessonsOfMoves(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.check(w.mail.Close())
		w.open(Options{Lessons: true})
		ctx := context.Background()
		sub := w.store.Subscribe(LessonsKey())
		defer sub.Close()
		_, err := w.mail.Create(ctx, w.anna, "Mathe", "")
		w.check(err)
		tests := []struct {
			name     string
			from, to string
			copy     bool
			want     string
		}{
			{"to Junk", "INBOX", "Junk", false, "0:spam:%d"},
			{"a copy to Junk", "Mathe", "Junk", true, "0:spam:%d"},
			{"from Junk", "Junk", "INBOX", false, "0:ham:%d"},
			{"a copy from Junk", "Junk", "Mathe", true, "0:ham:%d"},
			{"junk is thrown away", "Junk", "Trash", false, ""},
			{"within Junk", "Junk", "Junk", true, ""},
			{"out of the trash into Junk", "Trash", "Junk", false, "0:spam:%d"},
			{"filed", "INBOX", "Mathe", false, "0:ham:%d"},
			{"archived", "INBOX", "Archive", false, "0:ham:%d"},
			{"a copy is not filed", "INBOX", "Mathe", true, ""},
			{"thrown away", "INBOX", "Trash", false, ""},
			{"sorted anew", "Mathe", "Archive", false, ""},
		}
		for _, tt := range tests {
			uids := w.fill(w.anna, tt.from, 1)
			b := w.box(w.anna, tt.from)
			i, _ := b.Snapshot().Find(uids[0])
			content := b.Snapshot().At(i).Content
			if tt.copy {
				_, err = b.Copy(ctx, uids, tt.to)
			} else {
				_, err = b.Move(ctx, uids, tt.to)
			}
			w.check(err)
			want := tt.want
			if want != "" {
				want = fmt.Sprintf(want, content)
				<-sub.C()
			}
			if got := w.lessons(); got != want {
				t.Errorf("%s: lessons %q, want %q", tt.name, got, want)
			}
		}
		w.problems()
	})
}

func TestLessonsOfKeywords(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.check(w.mail.Close())
		w.open(Options{Lessons: true})
		ctx := context.Background()
		uids := w.fill(w.ben, "INBOX", 3)
		b := w.box(w.ben, "INBOX")
		id := func(i int) ContentID { return b.Snapshot().At(i).Content }
		store := func(mode FlagMode, uids []UID, since *ModSeq, names ...string) {
			t.Helper()
			bits, _, err := w.mail.FlagBits(ctx, w.ben, names, true)
			w.check(err)
			_, err = b.StoreFlags(ctx, uids, FlagOp{Mode: mode, Flags: bits, UnchangedSince: since})
			w.check(err)
		}
		wants := func(when, want string) {
			t.Helper()
			if got := w.lessons(); got != want {
				t.Errorf("%s: lessons %q, want %q", when, got, want)
			}
		}
		store(FlagsAdd, uids[:2], nil, "$junk", `\Seen`)
		wants("spam", fmt.Sprintf("%d:spam:%d %d:spam:%d", w.ben-w.anna, id(0), w.ben-w.anna, id(1)))
		store(FlagsAdd, uids, nil, "$Junk")
		wants("one of three is new", fmt.Sprintf("%d:spam:%d", w.ben-w.anna, id(2)))
		before := b.Snapshot().HighestModSeq()
		store(FlagsAdd, uids[:1], nil, `\Flagged`)
		wants("another flag", "")
		store(FlagsReplace, uids, &before, "$NotJunk")
		wants("two of three are unchanged", fmt.Sprintf("%d:ham:%d %d:ham:%d", w.ben-w.anna, id(1), w.ben-w.anna, id(2)))
		store(FlagsRemove, uids, nil, "$Junk", "$NotJunk")
		wants("taken away", "")
	})
}

func TestLessonsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		_, err := w.box(w.anna, "INBOX").Move(ctx, w.fill(w.anna, "INBOX", 1), "Junk")
		w.check(err)
		if got := w.lessons(); got != "" {
			t.Errorf("nobody learns, but there are lessons: %q", got)
		}
		w.check(w.mail.Close())
		w.open(Options{Lessons: true})
		uids := w.fill(w.anna, "INBOX", maxLessons+5)
		_, err = w.box(w.anna, "INBOX").Move(ctx, uids, "Junk")
		w.check(err)
		list, err := w.mail.Lessons(ctx, 1000)
		w.check(err)
		if len(list) != maxLessons {
			t.Errorf("%d lessons of one move, want %d", len(list), maxLessons)
		}
		w.check(w.dir.ChangeAccount(ctx, w.anna, directory.AccountChange{State: new(directory.Deleted)}))
		w.check(w.dir.PurgeAccount(ctx, w.anna))
		if left, err := w.mail.Lessons(ctx, 1000); err != nil || len(left) != 0 {
			t.Errorf("%d lessons of a removed account, %v", len(left), err)
		}
		w.check(w.store.Write(ctx, func(tx *store.Tx) error {
			there, err := w.mail.Learned(tx, list[0].ID)
			if there {
				t.Error("a lesson of a removed account can be learned")
			}
			return err
		}))
	})
}

func TestTextOfAContent(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 1)
		var text bytes.Buffer
		content := w.box(w.anna, "INBOX").Snapshot().At(0).Content
		w.check(w.mail.WriteText(ctx, content, &text, 1<<20))
		if got := text.String(); !strings.Contains(got, "Subject: INBOX 0\n") || !strings.HasSuffix(got, "\n\nHallo, INBOX 0\n\n") {
			t.Errorf("text %q", got)
		}
		text.Reset()
		w.check(w.mail.WriteText(ctx, content, &text, 10))
		if text.Len() != 10 {
			t.Errorf("%d bytes, want 10", text.Len())
		}
		if err := w.mail.WriteText(ctx, 999, &text, 10); !fault.Is(err, fault.NotFound) {
			t.Errorf("no such content: %v", err)
		}
	})
}
