package mailbox

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/storetest"
)

// canary is a word that stands in everything that the deleted account had.
const canary = "Kanarienvogel"

// filesWith lists the files below dir in which word stands, in any case. Packs are left out: their frames are compressed, and a
// pack of which others have the larger part is not written anew.
func filesWith(t *testing.T, dir, word string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(path) == ".pack" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(bytes.ToLower(b), bytes.ToLower([]byte(word))) {
			names = append(names, strings.TrimPrefix(path, dir))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestNoByteIsLeftOfAPurgedAccount: after the second stage of deletion, the sweeps and the compaction, and a stop of the server,
// neither the database with its free pages nor the search index has a byte of what the account had, and no blob is left. What
// others have is whole.
func TestNoByteIsLeftOfAPurgedAccount(t *testing.T) {
	dir := t.TempDir()
	var now time.Time
	s, err := store.Open(context.Background(), store.Options{Dir: dir, SealSize: 2000, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	w := newSchool(t, s)
	now = time.Unix(w.clock.Load(), 0)
	ctx := context.Background()
	list, _, err := w.dir.AddAccounts(ctx, []directory.NewAccount{{Address: strings.ToLower(canary) + "@school.test", Name: canary,
		Role: directory.Student, Password: "correct horse battery"}})
	w.check(err)
	bird := list[0].ID
	_, err = w.mail.Create(ctx, bird, canary+"/Post", "")
	w.check(err)
	for i := range 12 {
		body := text(fmt.Sprint(canary, " ", i)) + strings.Repeat(fmt.Sprintf("%s singt %d Lieder. ", canary, i), 20)
		p := w.prepare(body)
		_, err := w.mail.Append(ctx, bird, canary+"/Post", []Appended{{Message: p, Flags: []string{"$" + canary}}})
		w.check(err)
		p.Release() // or its blob would stay
	}
	w.fill(w.ben, "INBOX", 5)
	w.check(w.mail.catchUp(ctx))
	if names := filesWith(t, dir, canary); len(names) < 2 {
		t.Errorf("before: only %v has the word; the test sees too little", names)
	}
	w.check(w.mail.Subscribe(ctx, bird, canary+"/Post", true))
	w.check(w.dir.ChangeAccount(ctx, bird, directory.AccountChange{State: new(directory.Deleted)}))
	w.check(w.dir.PurgeAccount(ctx, bird))
	for range 4 { // sweeps, grace times, compaction, removal of packs
		w.clock.Add(int64((store.DefaultGrace + time.Hour).Seconds()))
		now = time.Unix(w.clock.Load(), 0)
		w.check(w.mail.tidy(ctx))
		w.check(w.mail.indexer.sweep(ctx))
		_, err := s.Compact(ctx)
		w.check(err)
	}
	if n := w.count(`SELECT COUNT(*) FROM blob`); n != 5 {
		t.Errorf("%d blobs are left, want those of somebody else", n)
	}
	w.fill(w.ben, "INBOX", 2)
	w.problems()
	w.check(w.dir.Close())
	w.check(w.mail.Close())
	w.check(s.Close())
	if names := filesWith(t, dir, canary); len(names) > 0 {
		t.Errorf("what is left: %v", names)
	}
	w.store = storetest.OpenWith(t, store.Options{Dir: dir})
	w.open(Options{})
	if n := w.status(w.ben, "INBOX").Messages; n != 7 {
		t.Errorf("somebody else has %d messages, want 7", n)
	}
	w.problems()
	w.check(w.store.Check(ctx, false, func(p store.Problem) { t.Errorf("%s: %s", p.ID, p.Detail) }))
}
