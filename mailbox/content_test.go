package mailbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"schulhof/mailbox/message"
	"schulhof/store/fault"
)

// threads returns the thread of each message in who's mailbox, as small numbers in order of their appearance.
func (w *school) threads(b *Box) string {
	w.Helper()
	var entries []Entry
	for i := range b.Snapshot().Len() {
		entries = append(entries, b.Snapshot().At(i))
	}
	list, err := b.Contents(context.Background(), entries, WantBlob, nil)
	w.check(err)
	names := map[ThreadID]int{}
	var words []string
	for _, c := range list {
		if names[c.Thread] == 0 {
			names[c.Thread] = len(names) + 1
		}
		words = append(words, fmt.Sprint(names[c.Thread]))
	}
	return strings.Join(words, " ")
}

func mail(id, references, inReplyTo string) string {
	body := "From: a@school.test\r\nSubject: " + id + "\r\n"
	if id != "" {
		body += "Message-ID: <" + id + ">\r\n"
	}
	if references != "" {
		body += "References: <" + strings.ReplaceAll(references, " ", "> <") + ">\r\n"
	}
	if inReplyTo != "" {
		body += "In-Reply-To: <" + inReplyTo + ">\r\n"
	}
	return body + "\r\n" + id + references + inReplyTo
}

func TestThreads(t *testing.T) {
	tests := []struct {
		name     string
		messages []string
		want     string
	}{
		{"strangers", []string{mail("a", "", ""), mail("b", "", "")}, "1 2"},
		{"a reply", []string{mail("a", "", ""), mail("b", "a", "a")}, "1 1"},
		{"a reply that comes first", []string{mail("b", "a", "a"), mail("a", "", "")}, "1 1"},
		{"only In-Reply-To, a chain", []string{mail("a", "", ""), mail("b", "", "a"), mail("c", "", "b")}, "1 1 1"},
		{"two replies to a stranger", []string{mail("b", "x", ""), mail("c", "x", "")}, "1 1"},
		{"the nearest known ancestor decides", []string{mail("a", "", ""), mail("b", "", ""), mail("c", "a b", "")}, "1 2 2"},
		{"no ids at all", []string{mail("", "", "") + "1", mail("", "", "") + "2"}, "1 2"},
		{"many references", []string{mail("r", "", ""), mail("z", "r "+strings.Repeat("y ", 60)+"q", "")}, "1 1"},
	}
	each(t, func(t *testing.T, w *school) {
		for i, tt := range tests {
			for _, together := range []bool{false, true} {
				who := w.account(fmt.Sprintf("pupil%d%t", i, together), 0)
				salt := fmt.Sprintf("%d%t.", i, together) // other ids in each round: threads are the server's
				var list []Appended
				for _, m := range tt.messages {
					for _, id := range []string{"a", "b", "c", "x", "y", "z", "q", "r"} {
						m = strings.ReplaceAll(m, "<"+id+">", "<"+salt+id+">")
					}
					list = append(list, Appended{Message: w.prepare(m)})
				}
				if together {
					_, err := w.mail.Append(context.Background(), who, "INBOX", list)
					w.check(err)
				} else {
					for _, a := range list {
						_, err := w.mail.Append(context.Background(), who, "INBOX", []Appended{a})
						w.check(err)
					}
				}
				if got := w.threads(w.box(who, "INBOX")); got != tt.want {
					t.Errorf("%s, together %t: threads %s, want %s", tt.name, together, got, tt.want)
				}
			}
		}
	})
}

func TestAppendTheSameBytesOften(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		same := w.prepare(text("gleich"))
		var list []Appended
		for i := range 40 {
			if i%3 == 0 {
				list = append(list, Appended{Message: w.prepare(text(fmt.Sprint("anders ", i)))})
			} else {
				list = append(list, Appended{Message: same})
			}
		}
		for range 2 {
			done, err := w.mail.Append(context.Background(), w.anna, "INBOX", list)
			if err != nil || len(done.To) != 40 {
				t.Fatal(done, err)
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM content`); n != 15 {
			t.Errorf("%d contents, want 15", n)
		}
		if n := w.count(`SELECT COUNT(*) FROM blob WHERE refs <> 1`); n != 0 {
			t.Errorf("%d blobs have not exactly one reference", n)
		}
		w.sameAsRows()
		w.problems()
	})
}

func TestContentsInAnyOrder(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.fill(w.anna, "INBOX", 100)
		b := w.box(w.anna, "INBOX")
		all := make([]Entry, 100)
		for i := range all {
			all[i] = b.Snapshot().At(i)
		}
		reversed := slices.Clone(all)
		slices.Reverse(reversed)
		var sparse []Entry
		for i := 0; i < 100; i += 9 {
			sparse = append(sparse, all[i])
		}
		tests := []struct {
			name    string
			entries []Entry
		}{
			{"none", nil}, {"one", all[7:8]}, {"a few apart", []Entry{all[3], all[90]}}, {"all", all}, {"reversed", reversed},
			{"sparse", sparse}, {"twice the same", []Entry{all[1], all[2], all[1]}},
			{"one that does not exist", []Entry{all[4], {Content: 4711}, all[5]}},
		}
		var buf ContentBuf
		for _, tt := range tests {
			list, err := b.Contents(ctx, tt.entries, WantEnvelope|WantLayout|WantPreview, &buf)
			w.check(err)
			if len(list) != len(tt.entries) {
				t.Fatalf("%s: %d contents of %d", tt.name, len(list), len(tt.entries))
			}
			for i, c := range list {
				e := tt.entries[i]
				if e.Content == 4711 {
					if c.ID != 0 {
						t.Errorf("%s: %+v", tt.name, c)
					}
					continue
				}
				part, err := message.ParseLayout(c.Layout)
				subject := fmt.Sprintf(`"INBOX %d"`, e.UID-1)
				if c.ID != e.Content || !strings.Contains(string(c.Envelope), subject) || err != nil || part.Subtype != "plain" || c.Structure != nil {
					t.Errorf("%s: content %d is %+v (%v), want subject %s", tt.name, i, c, err, subject)
				}
			}
		}
	})
}

func TestPrepareRefusesTooLarge(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.check(w.mail.Close())
		w.open(Options{MaxSize: 100})
		if w.mail.MaxSize() != 100 {
			t.Error(w.mail.MaxSize())
		}
		spool := w.mail.NewSpool()
		defer spool.Close()
		_, err := spool.Write(make([]byte, 101))
		w.check(err)
		if _, err := w.mail.Prepare(context.Background(), spool); !fault.Is(err, fault.TooLarge) {
			t.Error(err)
		}
	})
}

func TestAnyBytesCanBeAppended(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		bodies := []string{"", "\x00", "From: \x00\xff\r\nSubject: a\x00b\r\n\r\n\x00", "no header", strings.Repeat("x", 300<<10), "Message-ID: <\xff\x00>\r\n\r\n"}
		var list []Appended
		for _, body := range bodies {
			list = append(list, Appended{Message: w.prepare(body)})
		}
		_, err := w.mail.Append(context.Background(), w.anna, "INBOX", list)
		w.check(err)
		b := w.box(w.anna, "INBOX")
		var entries []Entry
		for i := range bodies {
			entries = append(entries, b.Snapshot().At(i))
		}
		contents, err := b.Contents(context.Background(), entries, WantBlob|WantPreview, nil)
		w.check(err)
		for i, c := range contents {
			r, err := w.mail.OpenBody(context.Background(), c.Blob)
			w.check(err)
			got := make([]byte, r.Size())
			if _, err := r.ReadAt(got, 0); string(got) != bodies[i] {
				t.Errorf("%d bytes came back, want %d (%v)", len(got), len(bodies[i]), err)
			}
			r.Close()
		}
		w.problems()
	})
}
