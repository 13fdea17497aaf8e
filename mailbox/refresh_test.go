package mailbox

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/mailbox/message"
	"schulhof/store"

	"github.com/google/go-cmp/cmp"
)

// contentState is everything that a content's row says.
type contentState struct {
	ID, Blob, Format, Size, Thread, IsReply                           int64
	Hash, Date                                                        sql.NullInt64
	Ref, References, Subject, From, To, Cc, Preview, Layout, Envelope string
	Envelope8, Structure, Structure8                                  string
}

func (w *school) contentStates() (all []contentState) {
	w.Helper()
	w.check(w.store.Read(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT id, blob_id, format, size, thread_id, is_reply, COALESCE(message_hash, -1), COALESCE(sent_date, -1), message_ref,
			references_, base_subject, from_key, to_key, cc_key, preview, layout, envelope, envelope_utf8, structure, structure_utf8 FROM content ORDER BY id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var s contentState
			var texts [12][]byte
			if err := rows.Scan(&s.ID, &s.Blob, &s.Format, &s.Size, &s.Thread, &s.IsReply, &s.Hash.Int64, &s.Date.Int64, &texts[0], &texts[1], &texts[2],
				&texts[3], &texts[4], &texts[5], &texts[6], &texts[7], &texts[8], &texts[9], &texts[10], &texts[11]); err != nil {
				return err
			}
			for i, to := range []*string{&s.Ref, &s.References, &s.Subject, &s.From, &s.To, &s.Cc, &s.Preview, &s.Layout, &s.Envelope, &s.Envelope8, &s.Structure, &s.Structure8} {
				*to = string(texts[i])
			}
			all = append(all, s)
		}
		return rows.Err()
	}))
	return all
}

// age makes the rows of contents look as an earlier version of the program might have left them: nothing of its index is right any more.
func (w *school) age(where string) {
	w.Helper()
	w.exec(`UPDATE content SET format = $1, message_hash = NULL, sent_date = 5, message_ref = NULL, references_ = NULL, base_subject = $2, is_reply = 1,
		from_key = $2, to_key = $2, cc_key = $2, preview = $2, layout = $2, envelope = $2, envelope_utf8 = NULL, structure = $2, structure_utf8 = NULL WHERE `+where,
		int64(message.FormatVersion-1), []byte("old"))
}

// aged is a school with different kinds of mail whose first contents were indexed by an earlier version.
func aged(w *school) (want []contentState) {
	w.Helper()
	list := []Appended{
		{Message: w.prepare(text("Wandertag"))},
		{Message: w.prepare("From: Jürgen <j@school.test>\r\nSubject: Re: Grüße\r\nReferences: <a@x> <b@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nTeil eins\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Teil zwei</p>\r\n--b--\r\n")},
		{Message: w.prepare("no header at all")},
		{Message: w.prepare(text("large") + strings.Repeat("sehr lang und nicht im Speicher\r\n", 20_000))},
		{Message: w.prepare(text("new"))},
	}
	_, err := w.mail.Append(context.Background(), w.anna, "INBOX", list)
	w.check(err)
	w.check(w.mail.catchUp(context.Background()))
	want = w.contentStates()
	w.age(fmt.Sprintf("id < %d", want[len(want)-1].ID))
	return want
}

// What an earlier version wrote of each content is made anew by reindex; ids and threads stay, and clients read the right thing.
func TestReindexRefreshesContentsOfAnEarlierVersion(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		want := aged(w)
		w.check(w.mail.Reindex(t.Context()))
		if diff := cmp.Diff(want, w.contentStates()); diff != "" {
			t.Error(diff)
		}
		b := w.box(w.anna, "INBOX")
		for term, hits := range map[string][]int{"teil zwei": {1}, "nicht im speicher": {3}, "no header": {2}} {
			if got := w.search(b, &Criteria{Op: Text, Text: term}); !slices.Equal(got, hits) {
				t.Errorf("%q is found in %v, want %v", term, got, hits)
			}
		}
		w.problems()
	})
}

// A start of a newer program finds a search index of the older one: in the background it makes both anew.
func TestANewerProgramRefreshesInTheBackground(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		want := aged(w)
		w.check(w.mail.Close())
		db, err := sql.Open("sqlite3", filepath.Join(w.store.Dir(), "search.db"))
		w.check(err)
		_, err = db.ExecContext(t.Context(), fmt.Sprintf("PRAGMA user_version = %d", searchFormat-1))
		w.check(err)
		w.check(db.Close())
		w.open(Options{})
		for {
			done, newest, err := w.mail.Indexed(t.Context())
			w.check(err)
			if done == newest {
				break
			}
			select {
			case <-t.Context().Done():
				t.Fatal("never indexed")
			case <-time.After(time.Millisecond):
			}
		}
		if diff := cmp.Diff(want, w.contentStates()); diff != "" {
			t.Error(diff)
		}
	})
}

// One message whose bytes are lost does not keep the others from being refreshed.
func TestRefreshGoesOnBehindADamagedBody(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		want := aged(w)
		w.exec(`UPDATE blob SET offset_ = offset_ + 1 WHERE id = $1`, want[1].Blob)
		w.check(w.mail.Reindex(t.Context()))
		got := w.contentStates()
		for i := range want {
			if fresh := got[i].Format == message.FormatVersion; fresh != (i != 1) {
				t.Errorf("content %d has format %d", i, got[i].Format)
			}
		}
	})
}
