package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
)

// sql changes rows behind the rooms' backs, as a fault would.
func sql(t *testing.T, r *rooms, query string) {
	t.Helper()
	err := r.Store.Write(context.Background(), func(tx *store.Tx) error {
		n, err := tx.Exec(query)
		if err == nil && n == 0 {
			err = errors.New("no row was changed")
		}
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// problemsOf runs check and returns its status and what it found: the ids, those mended with a "+".
func problemsOf(t *testing.T, r *rooms, flags ...string) (status int, ids []string) {
	t.Helper()
	status, stdout, stderr := command(t, r, append([]string{"check", "--json"}, flags...)...)
	var doc struct {
		Problems []problem `json:"problems"`
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatalf("check wrote %q, %q: %v", stdout, stderr, err)
	}
	for _, p := range doc.Problems {
		id := p.ID
		if p.Mended {
			id += "+"
		}
		if p.Detail == "" {
			t.Errorf("%s has no detail", p.ID)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return status, ids
}

// Each kind of damage is found under its id; repair mends what can be mended without loss, and says 1 while something is left.
func TestCheckFindsAndRepairMends(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		harm   func(t *testing.T, r *rooms)
		found  string // ids, sorted
		mended string // the same after --repair, mended ones with a "+"
	}{
		{"nothing", func(*testing.T, *rooms) {}, "", ""},
		{"counters of a mailbox", rows(`UPDATE mailbox SET messages = messages + 2, size = 1 WHERE name = 'INBOX'`), "mail-counters mail-quota", "mail-counters+"},
		{"a UIDNEXT that was used", rows(`UPDATE mailbox SET uidnext = 1 WHERE name = 'INBOX'`), "mail-uidnext", "mail-uidnext+"},
		{"a modseq that went back", rows(`UPDATE mailbox SET modseq = 0 WHERE name = 'INBOX'`), "mail-modseq", "mail-modseq+"},
		{"the quota in use", rows(`UPDATE mail_owner SET used_bytes = used_bytes + 1000`), "mail-quota", "mail-quota+"},
		{"counts of references", rows(`UPDATE blob SET refs = refs + 5`), "blob-refs", "blob-refs+"},
		{"messages of no mailbox", rows(`UPDATE message SET mailbox_id = 999 WHERE mailbox_id = (SELECT id FROM mailbox WHERE name = 'INBOX')`),
			"mail-counters mail-orphans", ""},
		{"a content that nobody has", rows(`DELETE FROM message WHERE uid = 1 AND mailbox_id = (SELECT id FROM mailbox WHERE name = 'INBOX')`),
			"mail-content-idle mail-counters", ""},
		{"a content that is gone", rows(`UPDATE message SET content_id = 999 WHERE uid = 1`), "mail-content-idle mail-content-missing", ""},
		{"a body whose row is gone", rows(`UPDATE content SET blob_id = 999 WHERE id = 1`), "blob-gone blob-refs mail-blob-missing", ""},
		{"bytes of a body", damagePack, "blob-damaged", "blob-damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, anna := testRooms(t)
			if status, out, errOut := command(t, r, "import", "mail", "--user", "anna@school.test", folder(t, theMaildir())); status != 0 {
				t.Fatalf("status %d: %s%s", status, out, errOut)
			}
			before := len(mailOf(t, r, anna.ID))
			tt.harm(t, r)
			status, got := problemsOf(t, r)
			if strings.Join(got, " ") != tt.found || (status == exitRefused) != (tt.found != "") {
				t.Fatalf("check = %d %q, want %q", status, got, tt.found)
			}
			status, got = problemsOf(t, r, "--repair")
			left := slices.ContainsFunc(got, func(id string) bool { return !strings.HasSuffix(id, "+") })
			if tt.mended != "" && strings.Join(got, " ") != tt.mended || (status == exitRefused) != left {
				t.Errorf("check --repair = %d %q, want %q", status, got, tt.mended)
			}
			again, rest := problemsOf(t, r, "--repair")
			if lost := strings.Contains(tt.found, "missing") || strings.Contains(tt.found, "damaged"); (again == exitRefused) != lost {
				t.Errorf("afterwards check = %d %q", again, rest)
			}
			if strings.HasSuffix(tt.mended, "+") && len(mailOf(t, r, anna.ID)) != before {
				t.Error("repair removed mail")
			}
		})
	}
}

func rows(query string) func(*testing.T, *rooms) {
	return func(t *testing.T, r *rooms) { sql(t, r, query) }
}

// damagePack turns a byte within the newest body.
func damagePack(t *testing.T, r *rooms) {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(r.Store.Dir(), "packs", "*", "*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("packs: %q, %v", packs, err)
	}
	var offset, length int64
	err = r.Store.Read(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT offset_, length FROM blob ORDER BY id DESC LIMIT 1`).Scan(&offset, &length)
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(packs[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, offset+length-3); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0xff
	if _, err := f.WriteAt(b, offset+length-3); err != nil {
		t.Fatal(err)
	}
}

// Damaged bytes are set aside for whoever wants to look at them; nothing is deleted.
func TestRepairSetsDamagedBytesAside(t *testing.T) {
	r, _ := testRooms(t)
	if status, _, errOut := command(t, r, "import", "mail", "--user", "anna@school.test", folder(t, theMaildir())); status != 0 {
		t.Fatal(errOut)
	}
	damagePack(t, r)
	for _, flags := range [][]string{nil, {"--repair"}, {"--repair"}} {
		status, ids := problemsOf(t, r, flags...)
		aside, err := filepath.Glob(filepath.Join(r.Store.Dir(), "aside", "*.frame"))
		if want := min(len(flags), 1); status != exitRefused || !slices.Equal(ids, []string{"blob-damaged"}) || err != nil || len(aside) != want {
			t.Errorf("check %q = %d %q, aside %q, want %d file", flags, status, ids, aside, want)
		}
	}
	var blobs int
	if err := r.Store.Read(t.Context(), func(tx *store.Tx) error { return tx.QueryRow(`SELECT COUNT(*) FROM blob`).Scan(&blobs) }); err != nil || blobs != 6 {
		t.Errorf("%d rows of blobs are left, %v, want all 6", blobs, err)
	}
}

// everything is what a restored server must have as it was: mail with UIDs and states, people and their passwords.
func everything(t *testing.T, r *rooms, owner directory.ID) string {
	t.Helper()
	var b strings.Builder
	boxes, err := r.Mail.Mailboxes(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	for _, box := range boxes {
		if box.NoSelect {
			continue
		}
		status, err := r.Mail.Status(t.Context(), owner, box.Name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%+v\n", status)
		open, err := r.Mail.Open(t.Context(), owner, box.Name)
		if err != nil {
			t.Fatal(err)
		}
		snapshot := open.Snapshot()
		for i := range snapshot.Len() {
			fmt.Fprintf(&b, "%+v\n", snapshot.At(i))
		}
		open.Close()
	}
	accounts, err := r.Directory.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	quota, err := r.Mail.Quota(t.Context(), owner)
	fmt.Fprintf(&b, "%+v\n%+v %v\n%s", accounts, quota, err, strings.Join(mailOf(t, r, owner), "\n"))
	return b.String()
}

// A restored server is the saved one: UIDs, UIDVALIDITY, modseqs, flags, quotas, passwords; keys and settings too.
func TestRestoredServerIsTheSavedOne(t *testing.T) {
	t.Parallel()
	k := newConsole(t, false)
	r, err := openRooms(t.Context(), k.c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	made, _, err := r.Directory.AddAccounts(t.Context(), []directory.NewAccount{{Address: "anna@school.test", Role: directory.Student, Password: storyPassword}})
	if err != nil {
		t.Fatal(err)
	}
	if status, _, errOut := command(t, r, "import", "mail", "--user", "anna@school.test", folder(t, theMaildir())); status != 0 {
		t.Fatal(errOut)
	}
	box, err := r.Mail.Open(t.Context(), made[0].ID, "Archiv/2025")
	if err != nil {
		t.Fatal(err)
	}
	if removed, err := box.Expunge(t.Context(), nil); err != nil || len(removed) != 1 { // a UID that must not come again
		t.Fatalf("expunged %v, %v", removed, err)
	}
	box.Close()
	want := everything(t, r, made[0].ID)
	if status, _, errOut := command(t, r, "backup", filepath.Join(k.dir, "saved")); status != 0 {
		t.Fatal(errOut)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if status, stdout, stderr := k.run(t, "", "restore", "saved", "--data", "again", "--json"); status != 0 || jsonKeys(t, stdout) != "data" {
		t.Fatalf("restore = %d, %s%s", status, stdout, stderr)
	}
	c, err := config.Load(filepath.Join(k.dir, "again", settingsFile))
	if err != nil || c.Server.Data != filepath.Join(k.dir, "again") || c.TLS.Certificate != filepath.Join(k.dir, "again", "tls", serverCert) {
		t.Fatalf("the restored settings mean %+v, %v: want the new folder", c.Server, err)
	}
	restored, err := openRooms(t.Context(), c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	if got := everything(t, restored, made[0].ID); got != want {
		t.Errorf("restored\n%s\nwant\n%s", got, want)
	}
	_, err = restored.Directory.Authenticate(t.Context(), directory.Attempt{Login: "anna", Secret: storyPassword, Need: directory.ScopeMail})
	if err != nil {
		t.Errorf("the password: %v", err)
	}
	for _, name := range []string{"tls/ca.key", "tls/ca.pem", "tls/server.pem", "tls/server.key", settingsFile} {
		saved, err1 := os.ReadFile(filepath.Join(k.c.Server.Data, name))
		got, err2 := os.ReadFile(filepath.Join(c.Server.Data, name))
		info, err3 := os.Stat(filepath.Join(c.Server.Data, name))
		if err := errors.Join(err1, err2, err3); err != nil || string(saved) != string(got) || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, mode %v, or another content", name, err, info.Mode())
		}
	}
}

// Backups that are not whole are refused, and the new folder stays as empty as it was.
func TestRestoreRefusals(t *testing.T) {
	t.Parallel()
	k := newConsole(t, false)
	if status, _, errOut := k.run(t, "", "backup", "saved"); status != 0 {
		t.Fatal(errOut)
	}
	saved := filepath.Join(k.dir, "saved")
	tests := []struct {
		name   string
		harm   func(dir string) error
		reason string
	}{
		{"a byte was changed", func(dir string) error { return flip(filepath.Join(dir, "schulhof.db")) }, "schulhof.db in the backup is not what was saved"},
		{"a file was cut", func(dir string) error { return os.Truncate(filepath.Join(dir, "schulhof.db"), 100) }, "is not what was saved"},
		{"a file is missing", func(dir string) error { return os.Remove(filepath.Join(dir, settingsFile)) }, "schulhof.toml is missing in the backup"},
		{"there is no manifest", func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) }, "no manifest.json"},
		{"the manifest is cut", func(dir string) error { return os.Truncate(filepath.Join(dir, "manifest.json"), 20) }, "manifest of the backup is damaged"},
		{"the manifest leads out", func(dir string) error {
			return edit(filepath.Join(dir, "manifest.json"), `"schulhof.toml"`, `"../schulhof.toml"`)
		}, `names the path "../schulhof.toml"`},
		{"the manifest is of a later program", func(dir string) error {
			return edit(filepath.Join(dir, "manifest.json"), `"format": 1`, `"format": 99`)
		}, "format 99"},
	}
	for i, tt := range tests {
		copied := filepath.Join(k.dir, fmt.Sprintf("copy%d", i))
		if err := errors.Join(os.CopyFS(copied, os.DirFS(saved)), tt.harm(copied)); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		status, stdout, stderr := k.run(t, "", "restore", copied, "--data", "new")
		if status != exitRefused || stdout != "" || !strings.Contains(stderr, tt.reason) {
			t.Errorf("%s: restore = %d, %q, want %q", tt.name, status, stderr, tt.reason)
		}
		if left, err := os.ReadDir(filepath.Join(k.dir, "new")); err != nil && !errors.Is(err, fs.ErrNotExist) || len(left) != 0 {
			t.Errorf("%s: left behind %v, %v", tt.name, left, err)
		}
	}
	for name, args := range map[string][]string{
		"into a folder in use": {"restore", saved, "--data", k.c.Server.Data}, "into the backup itself": {"restore", saved, "--data", saved},
		"of nothing": {"restore", "none", "--data", "new"}, "into PostgreSQL": {"restore", saved, "--data", "new", "--database", "postgres://x@127.0.0.1:1/x"},
	} {
		if status, _, stderr := k.run(t, "", args...); status != exitRefused || stderr == "" {
			t.Errorf("%s: restore = %d, %q", name, status, stderr)
		}
	}
	if status, _, stderr := k.run(t, "", "restore", saved); status != exitUsage || !strings.Contains(stderr, `"data" not set`) {
		t.Errorf("without --data: %d, %q", status, stderr)
	}
}

func flip(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text[len(text)/2] ^= 1
	return os.WriteFile(path, text, 0o600)
}

func edit(path, old, replacement string) error {
	text, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(text), old) {
		err = fmt.Errorf("%s lacks %s", path, old)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strings.Replace(string(text), old, replacement, 1)), 0o600)
}

// A backup that is made while mail comes in is whole: what it has of that mail is a beginning of it, without gaps or halves.
func TestBackupWhileMailComesIn(t *testing.T) {
	r, anna := testRooms(t)
	saved, data := filepath.Join(t.TempDir(), "saved"), filepath.Join(t.TempDir(), "data")
	started, stop := make(chan struct{}), make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if n == 10 {
				close(started)
			}
			if err := appendLetter(r, anna.ID, fmt.Sprintf("Subject: %d\r\n\r\n%s\r\n", n, strings.Repeat("x", n%50*100))); err != nil {
				t.Error(err)
				return
			}
		}
	})
	<-started
	status, _, errOut := command(t, r, "backup", saved)
	close(stop)
	writer.Wait()
	if status != 0 {
		t.Fatal(errOut)
	}
	if status, _, errOut := command(t, r, "restore", saved, "--data", data); status != 0 {
		t.Fatal(errOut)
	}
	restored, err := openRooms(t.Context(), config.Default(data), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	all, kept := mailOf(t, r, anna.ID), mailOf(t, restored, anna.ID)
	if len(kept) < 10 || len(kept) > len(all) || !slices.Equal(kept, all[:len(kept)]) {
		t.Errorf("the backup has %d of %d messages, want the first ones, ten or more", len(kept), len(all))
	}
	if status, ids := problemsOf(t, restored); status != 0 {
		t.Errorf("check of the restored data: %q", ids)
	}
}

func appendLetter(r *rooms, owner directory.ID, text string) error {
	spool := r.Mail.NewSpool()
	defer spool.Close()
	if _, err := spool.Write([]byte(text)); err != nil {
		return err
	}
	prepared, err := r.Mail.Prepare(context.Background(), spool)
	if err != nil {
		return err
	}
	defer prepared.Release()
	_, err = r.Mail.Append(context.Background(), owner, "INBOX", []mailbox.Appended{{Message: prepared}})
	return err
}
