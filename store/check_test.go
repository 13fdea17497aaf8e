package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

func TestCheckFindsAndMends(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		scratch(t, s)
		s.RegisterRefs("scratch", "SELECT n, COUNT(*) FROM scratch GROUP BY n")
		good, wrong, rotten := refer(t, s, noise(500)), refer(t, s, noise(500)), refer(t, s, noise(500))
		for _, id := range []store.BlobID{good, wrong, rotten, 99} {
			write(t, s, "INSERT INTO scratch (n) VALUES ($1)", id)
		}
		write(t, s, "UPDATE blob SET refs = 7 WHERE id = $1", wrong)
		l, err := locate(t, s, rotten)
		if err != nil {
			t.Fatal(err)
		}
		found, _ := filepath.Glob(filepath.Join(s.Dir(), "packs", "*", "*.pack"))
		f, err := os.OpenFile(found[0], os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteAt([]byte("rot"), l.Offset+l.Length-10)
		f.Close()
		problems := func(repair bool) map[string]bool {
			all := map[string]bool{}
			if err := s.Check(context.Background(), repair, func(p store.Problem) { all[p.ID] = p.Mended }); err != nil {
				t.Fatal(err)
			}
			return all
		}
		want := map[string]bool{"blob-damaged": false, "blob-refs": false, "blob-gone": false}
		if got := problems(false); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("check: %v, want %v", got, want)
		}
		want["blob-refs"] = true
		if got := problems(true); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("repair: %v, want %v", got, want)
		}
		delete(want, "blob-refs")
		if got := problems(true); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("after repair: %v, want %v", got, want)
		}
		if n := number(t, s, "SELECT refs FROM blob WHERE id = $1", wrong); n != 1 {
			t.Errorf("refs = %d after repair, want 1", n)
		}
		if aside, _ := filepath.Glob(filepath.Join(s.Dir(), "aside", "blob-*.frame")); len(aside) != 1 {
			t.Errorf("set aside: %v, want the damaged blob", aside)
		}
	})
}

func TestCheckReadsACopyInReadOnlyMode(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(context.Background(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	id := refer(t, s, []byte("kept"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = storetest.OpenWith(t, store.Options{Dir: dir, ReadOnly: true})
	noProblems(t, s)
	if got := bodyOf(t, s, id); string(got) != "kept" {
		t.Errorf("body = %q", got)
	}
	if err := s.Write(context.Background(), func(*store.Tx) error { return nil }); !fault.Is(err, fault.Refused) {
		t.Errorf("Write = %v, want Refused", err)
	}
}
