package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

func TestBackupAndRestore(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		o.SealSize = 20_000
		s := storetest.OpenWith(t, o)
		bodies := map[store.BlobID][]byte{}
		for _, size := range []int{10, 8000, 8000, 8000, 300_000, 9 << 20} {
			body := noise(size)
			bodies[refer(t, s, body)] = body
		}
		if err := os.MkdirAll(filepath.Join(o.Dir, "dkim"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(o.Dir, "dkim", "key.pem"), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { // serving goes on
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					refer(t, s, fmt.Append(nil, i))
				}
			}
		})
		saved := filepath.Join(t.TempDir(), "backup")
		err := s.Backup(context.Background(), saved)
		close(stop)
		wg.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Backup(context.Background(), saved); !fault.Is(err, fault.Refused) {
			t.Errorf("a second backup into the same folder: %v, want Refused", err)
		}

		target := store.Options{Dir: filepath.Join(t.TempDir(), "restored"), SealSize: o.SealSize}
		if o.Database != "" {
			target.Database = storetest.Postgres(t)
			if err := store.Restore(context.Background(), saved, target.Dir); !fault.Is(err, fault.Refused) {
				t.Errorf("Restore without a database: %v, want Refused", err)
			}
		}
		if err := store.RestoreTo(context.Background(), saved, target); err != nil {
			t.Fatal(err)
		}
		restored := storetest.OpenWith(t, target)
		for id, body := range bodies {
			if !bytes.Equal(bodyOf(t, restored, id), body) {
				t.Errorf("blob %d came back changed", id)
			}
		}
		noProblems(t, restored)
		refer(t, restored, []byte("life goes on"))
		if key, err := os.ReadFile(filepath.Join(target.Dir, "dkim", "key.pem")); string(key) != "secret" {
			t.Errorf("the key: %q, %v", key, err)
		}
		if err := store.RestoreTo(context.Background(), saved, target); !fault.Is(err, fault.Refused) {
			t.Errorf("Restore over a data directory: %v, want Refused", err)
		}
	})
}

func TestRestoreRefusesADamagedBackup(t *testing.T) {
	s := storetest.Open(t)
	refer(t, s, noise(5000))
	packFile := func(dir string) string {
		found, err := filepath.Glob(filepath.Join(dir, "packs", "*", "*.pack"))
		if err != nil || len(found) != 1 {
			t.Fatalf("packs: %v, %v", found, err)
		}
		return found[0]
	}
	tests := []struct {
		name   string
		damage func(dir string) error
		want   string
	}{
		{"a flipped bit", func(dir string) error {
			b, err := os.ReadFile(packFile(dir))
			b[len(b)-1] ^= 1
			return errors.Join(err, os.WriteFile(packFile(dir), b, 0o600))
		}, "not what was saved"},
		{"a missing file", func(dir string) error { return os.Remove(packFile(dir)) }, "missing"},
		{"no manifest", func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) }, "no manifest"},
		{"half a manifest", func(dir string) error { return os.Truncate(filepath.Join(dir, "manifest.json"), 30) }, "manifest"},
		{"a path that leads out", func(dir string) error {
			b, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
			b = []byte(strings.Replace(string(b), "schulhof.db", "../../evil", 1))
			return errors.Join(err, os.WriteFile(filepath.Join(dir, "manifest.json"), b, 0o600))
		}, "evil"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, to := filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "r")
			if err := s.Backup(context.Background(), dir); err != nil {
				t.Fatal(err)
			}
			if err := tt.damage(dir); err != nil {
				t.Fatal(err)
			}
			err := store.Restore(context.Background(), dir, to)
			if !fault.Is(err, fault.Refused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Restore = %v, want Refused with %q", err, tt.want)
			}
			if left, _ := os.ReadDir(to); len(left) > 0 {
				t.Errorf("%d files were left", len(left))
			}
		})
	}
}
