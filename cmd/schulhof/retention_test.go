package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/store/fault"
)

// retained are rooms on a clock that the test moves, with a log to read.
type retained struct {
	*rooms
	clock *demoClock
	log   *bytes.Buffer
}

func newRetained(t *testing.T, names ...string) *retained {
	t.Helper()
	k := &retained{clock: &demoClock{}, log: &bytes.Buffer{}}
	k.clock.set(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
	r, err := openRooms(t.Context(), config.Default(t.TempDir()), outside{log: slog.New(slog.NewTextHandler(k.log, nil)), now: k.clock.read, hash: cheapHash()})
	if err != nil {
		t.Fatal(err)
	}
	k.rooms = r
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := r.Directory.AddDomain(t.Context(), "school.test"); err != nil {
		t.Fatal(err)
	}
	var list []directory.NewAccount
	for _, name := range names {
		list = append(list, directory.NewAccount{Address: name + "@school.test", Role: directory.Student, Name: "Secret Name"})
	}
	if _, _, err := r.Directory.AddAccounts(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *retained) state(t *testing.T, name string, state directory.State) {
	t.Helper()
	a, err := k.Directory.AccountByAddress(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Directory.ChangeAccount(t.Context(), a.ID, directory.AccountChange{State: &state}); err != nil {
		t.Fatal(err)
	}
}

// later moves the clock and lets the server look.
func (k *retained) later(t *testing.T, by time.Duration) (left []string) {
	t.Helper()
	k.clock.set(k.clock.read().Add(by))
	if err := k.applyRetention(t.Context(), k.clock.read()); err != nil {
		t.Fatal(err)
	}
	accounts, err := k.Directory.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range accounts {
		left = append(left, a.Login)
	}
	slices.Sort(left)
	return left
}

// Deleted accounts go after the setting's time, counted from their last deletion; nobody else does.
func TestDeletedAccountsAreRemovedInTime(t *testing.T) {
	const day = 24 * time.Hour
	k := newRetained(t, "anna", "ben", "carla", "dora", "emil")
	anna, err := k.Directory.AccountByAddress(t.Context(), "anna")
	if err != nil {
		t.Fatal(err)
	}
	k.state(t, "anna", directory.Deleted)
	k.state(t, "carla", directory.Deleted)
	k.state(t, "emil", directory.Disabled) // for long, but not deleted
	if left := k.later(t, 30*day); len(left) != 5 {
		t.Errorf("after 30 days: %q", left)
	}
	k.state(t, "carla", directory.Active) // she came back,
	k.state(t, "carla", directory.Deleted)
	k.state(t, "dora", directory.Deleted)
	if left := k.later(t, 30*day); len(left) != 5 {
		t.Errorf("after exactly 60 days: %q, want all: less than a second more is not longer", left)
	}
	if left := k.later(t, time.Second); !slices.Equal(left, []string{"ben", "carla", "dora", "emil"}) {
		t.Errorf("after 60 days and a second: %q", left)
	}
	if boxes, err := k.Mail.Mailboxes(t.Context(), anna.ID); err == nil && len(boxes) > 0 {
		t.Errorf("anna's mailboxes are left: %v", boxes)
	}
	if _, _, err := k.Directory.AddAccounts(t.Context(), []directory.NewAccount{{Address: "anna@school.test", Role: directory.Parent}}); err != nil {
		t.Errorf("her address is not free again: %v", err)
	}
	if left := k.later(t, 30*day); !slices.Equal(left, []string{"anna", "ben", "emil"}) {
		t.Errorf("after 90 days: %q", left)
	}
	if log := k.log.String(); strings.Count(log, "removed for good") != 3 || strings.Contains(log, "Secret Name") || strings.Contains(log, "anna") {
		t.Errorf("the log should tell of three, without names:\n%s", log)
	}
}

func TestZeroKeepsDeletedAccounts(t *testing.T) {
	k := newRetained(t, "anna")
	k.Config.Retention.DeletedAccounts = 0
	k.state(t, "anna", directory.Deleted)
	if left := k.later(t, 20*365*24*time.Hour); len(left) != 1 {
		t.Error("a deleted account was removed although the setting says never")
	}
}

// The copy of the database before an update goes after its own time; nothing goes while the store takes no writes.
func TestCopiesBeforeUpdatesAreRemovedInTime(t *testing.T) {
	k := newRetained(t, "anna")
	k.Config.Retention.MigrationCopies = 48 * time.Hour
	path := filepath.Join(k.Store.Dir(), "schulhof.db.before-0002")
	if err := os.WriteFile(path, []byte("a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, k.clock.read(), k.clock.read()); err != nil {
		t.Fatal(err)
	}
	k.later(t, 47*time.Hour)
	if _, err := os.Stat(path); err != nil {
		t.Errorf("after 47 hours: %v", err)
	}
	k.later(t, 2*time.Hour)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after 49 hours: %v, want it gone", err)
	}
	if !strings.Contains(k.log.String(), "schulhof.db.before-0002") {
		t.Errorf("the log does not say so: %s", k.log)
	}
}

// Somebody brings an account back between the look and the removal: it stays.
func TestPurgeLosesAgainstEnable(t *testing.T) {
	k := newRetained(t, "anna")
	k.state(t, "anna", directory.Deleted)
	list := k.Directory.DeletedBefore(k.clock.read().Add(time.Hour))
	if len(list) != 1 {
		t.Fatalf("%d accounts are deleted", len(list))
	}
	k.state(t, "anna", directory.Active)
	if err := k.Directory.PurgeAccount(t.Context(), list[0].ID); !fault.Is(err, fault.Refused) {
		t.Errorf("PurgeAccount of an active account = %v, want fault.Refused", err)
	}
	if left := k.later(t, 365*24*time.Hour); len(left) != 1 {
		t.Error("an account that was brought back is gone")
	}
}

// The server looks an hour after its start, and every hour until it is stopped, whatever a look's outcome.
func TestRetentionLooksEveryHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		start := time.Now()
		var looks []time.Duration
		ended := make(chan error)
		go func() {
			ended <- everyHour(ctx, slog.New(slog.DiscardHandler), func(_ context.Context, now time.Time) error {
				looks = append(looks, now.Sub(start))
				return os.ErrPermission
			})
		}()
		time.Sleep(3*time.Hour + time.Minute)
		stop()
		if err := <-ended; err != nil || !slices.Equal(looks, []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour}) {
			t.Errorf("looked after %v, %v", looks, err)
		}
	})
}
