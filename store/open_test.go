package store_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"github.com/prometheus/client_golang/prometheus"
)

func TestOneServerPerDirectory(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		s := storetest.OpenWith(t, o)
		if _, err := store.Open(context.Background(), o); !fault.Is(err, fault.InUse) {
			t.Errorf("a second Open = %v, want InUse", err)
		}
		if o.Database != "" {
			elsewhere := store.Options{Dir: t.TempDir(), Database: o.Database}
			if _, err := store.Open(context.Background(), elsewhere); !fault.Is(err, fault.InUse) {
				t.Errorf("the same database for another directory: %v, want InUse", err)
			}
		}
		for i := range 20 { // Close lets go of the lock before it returns, not some time later
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			var err error
			if s, err = store.Open(context.Background(), o); err != nil {
				t.Fatalf("Open after Close, time %d: %v", i+1, err)
			}
		}
		s.Close()
	})
}

func TestMetricsComeAndGo(t *testing.T) {
	registry := prometheus.NewRegistry()
	for range 2 { // a closed store leaves nothing behind
		s, err := store.Open(context.Background(), store.Options{Dir: t.TempDir(), Metrics: registry})
		if err != nil {
			t.Fatal(err)
		}
		scratch(t, s)
		stored(t, s, noise(1000))
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]float64{}
		for _, f := range families {
			m := f.GetMetric()[0]
			seen[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
		if seen["schulhof_store_blob_bytes_total"] != 1000 || seen["schulhof_store_commit_seconds"] != 2 || seen["schulhof_store_free_bytes"] == 0 || seen["schulhof_store_read_only"] != 0 {
			t.Errorf("metrics: %v", seen)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMigrations(t *testing.T) {
	one := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE blob (id {{id}}, hash {{bytes}}, pack BIGINT, offset_ BIGINT, length BIGINT, size BIGINT, refs BIGINT, unreferenced_at BIGINT);")}
	two := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE second (id {{id}}, name {{text}} NOT NULL);")}
	lite := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE third (id BIGINT NOT NULL, PRIMARY KEY (id)) {{without_rowid}};")}
	broken := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE fourth (id {{what}});")}
	old := fstest.MapFS{"0001_one.sql": one}
	all := fstest.MapFS{"0001_one.sql": one, "0002_two.sql": two, "0003_three.sqlite.sql": lite, "0003_three.postgres.sql": lite}
	storetest.EachEmpty(t, func(t *testing.T, o store.Options) {
		open := func(files fstest.MapFS) error {
			s, err := store.Open(context.Background(), store.WithMigrations(o, files))
			if err != nil {
				return err
			}
			if len(files) > 1 {
				write(t, s, "INSERT INTO third (id) VALUES (1) ON CONFLICT DO NOTHING")
			}
			return s.Close()
		}
		for _, files := range []fstest.MapFS{old, all, all} {
			if err := open(files); err != nil {
				t.Fatal(err)
			}
		}
		if err := open(old); !fault.Is(err, fault.Refused) {
			t.Errorf("a newer schema: %v, want Refused", err)
		}
		if err := open(fstest.MapFS{"0004_four.sql": broken}); err == nil {
			t.Error("an unknown word was let through")
		}
		copied, _ := filepath.Glob(filepath.Join(o.Dir, "*.before-0001"))
		if o.Database == "" && len(copied) != 1 {
			t.Errorf("copies before migrating: %v", copied)
		}
	})
}

func TestKeysAreNeverUsedAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		write(t, s, "INSERT INTO blob (hash, pack, offset_, length, size, refs) VALUES ($1, 1, 1, 1, 1, 0)", []byte("a"))
		first := number(t, s, "SELECT id FROM blob")
		write(t, s, "DELETE FROM blob")
		write(t, s, "INSERT INTO blob (hash, pack, offset_, length, size, refs) VALUES ($1, 1, 1, 1, 1, 0)", []byte("a"))
		if again := number(t, s, "SELECT id FROM blob"); again == first {
			t.Errorf("key %d was given out twice", again)
		}
	})
}

func TestSpoolsLeaveNothingBehind(t *testing.T) {
	s := storetest.Open(t)
	left := func() int {
		entries, err := os.ReadDir(filepath.Join(s.Dir(), "tmp"))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	p := s.NewSpool()
	chunk := noise(100_000)
	for range 3 {
		if _, err := p.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := p.Bytes(); ok || left() != 1 {
		t.Errorf("300,000 bytes: in memory = %t, %d files in tmp", ok, left())
	}
	got := make([]byte, 150_000)
	if _, err := p.ReadAt(got, 100_000); err != nil || !bytes.Equal(got[:100_000], chunk) {
		t.Errorf("ReadAt: %v", err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if left() != 0 {
		t.Errorf("%d files left in tmp", left())
	}
	if _, err := p.Write(chunk); err == nil {
		t.Error("a closed spool takes bytes")
	}
}

func TestTheFloorOfFreeSpace(t *testing.T) {
	s := storetest.OpenWith(t, store.Options{FreeFloor: 1 << 60})
	scratch(t, s)
	if _, err := s.PutBytes(context.Background(), []byte("x")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Put below the floor = %v, want Unavailable", err)
	}
	if s.ReadOnlyCause() == nil {
		t.Error("ReadOnlyCause = nil below the floor")
	}
	p := s.NewSpool()
	defer p.Close()
	if _, err := p.Write(noise(store.SmallBlob + 1)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a large spool below the floor = %v, want Unavailable", err)
	}
	write(t, s, "INSERT INTO scratch (n) VALUES (1)") // deleting and marking as read go on
}
