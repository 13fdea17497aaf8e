package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/smtpd/queue"
	"schulhof/store"
)

// idsOf are the findings' ids without those that the machine of the test may cause by itself, and what is said of every school.test.
func idsOf(findings []finding) (ids []string) {
	for _, f := range findings {
		if !slices.Contains([]string{"disk-memory", "disk-slow", "limit-files", "clock-free", "domain-internal"}, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// doctor runs the command at console k and returns its exit status and findings.
func (k *console) doctor(t *testing.T) (status int, ids []string) {
	t.Helper()
	status, stdout, stderr := k.run(t, "", "doctor", "--json")
	var doc struct {
		OK       bool      `json:"ok"`
		Findings []finding `json:"findings"`
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatalf("doctor wrote %q, %q: %v", stdout, stderr, err)
	}
	failed := slices.ContainsFunc(doc.Findings, func(f finding) bool { return f.Severity == severityError })
	if doc.OK == failed || (status == exitRefused) != failed || (stderr != "") != failed {
		t.Errorf("doctor = %d, ok %t, stderr %q with %+v", status, doc.OK, stderr, doc.Findings)
	}
	return status, idsOf(doc.Findings)
}

// Faults that keep the data from being opened: the command tells them all the same, with its exit status.
func TestDoctorWithoutData(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		harm func(t *testing.T, k *console) error
		want []string
	}{
		{"nothing is wrong but that nobody administers", func(*testing.T, *console) error { return nil }, []string{"admin-none"}},
		{"the settings have a fault", func(_ *testing.T, k *console) error {
			return os.WriteFile(k.c.Path, []byte("[mail]\nmax_sise = 1\n"), 0o600)
		}, []string{"config-faulty"}},
		{"there are no settings", func(_ *testing.T, k *console) error { return os.Remove(k.c.Path) }, []string{"config-faulty"}},
		{"the data folder is gone", func(_ *testing.T, k *console) error {
			return k.set("server.data", filepath.Join(k.dir, "none"))
		}, []string{"database-open", "data-missing"}},
		{"another process holds the data", func(t *testing.T, k *console) error {
			openSchool(t, k.c)
			return nil
		}, []string{"data-in-use"}},
		{"the database is garbage", func(_ *testing.T, k *console) error {
			return os.WriteFile(filepath.Join(k.c.Server.Data, "schulhof.db"), []byte(strings.Repeat("no database ", 1000)), 0o600)
		}, []string{"database-open"}},
		{"the database is of a newer program", func(t *testing.T, k *console) error {
			r := openSchool(t, k.c)
			err := r.Store.Write(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
				return err
			})
			return errors.Join(err, r.Close())
		}, []string{"database-open"}},
		{"the settings may be read by others", func(_ *testing.T, k *console) error {
			return os.Chmod(filepath.Join(k.c.Server.Data, "schulhof.toml"), 0o604)
		}, []string{"file-open", "admin-none"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := newConsole(t, false)
			if err := k.free(); err != nil {
				t.Fatal(err)
			}
			if err := tt.harm(t, k); err != nil {
				t.Fatal(err)
			}
			if _, got := k.doctor(t); !slices.Equal(got, tt.want) {
				t.Errorf("doctor found %q, want %q", got, tt.want)
			}
		})
	}
}

// free turns every listener of the settings file off, so that other servers on this machine do not matter.
func (k *console) free() error {
	for _, s := range k.c.Listen.Services() {
		if err := k.set("listen."+s.Name, "[]"); err != nil {
			return err
		}
	}
	return nil
}

// set writes a value into the settings file, a list as it stands there.
func (k *console) set(key, value string) error {
	text, err := os.ReadFile(k.c.Path)
	if err != nil {
		return err
	}
	section, name, _ := strings.Cut(key, ".")
	if !strings.HasPrefix(value, "[") {
		value = fmt.Sprintf("%q", value)
	}
	head, tail, found := strings.Cut(string(text), "["+section+"]\n")
	line := regexp.MustCompile(`(?m)^` + name + ` = .*$`)
	at := line.FindStringIndex(tail)
	if !found || at == nil {
		return fmt.Errorf("no %s in %s", key, k.c.Path)
	}
	return os.WriteFile(k.c.Path, []byte(head+"["+section+"]\n"+tail[:at[0]]+name+" = "+value+tail[at[1]:]), 0o600)
}

// Faults of disks, keys and rooms that need more than a command to seed.
func TestDoctorFindsFaultsOfTheMachine(t *testing.T) {
	tests := []struct {
		name string
		harm func(t *testing.T, e *examination) error
		want string // among what is found
	}{
		{"a disk that fails", func(_ *testing.T, e *examination) error {
			e.fsync = func(*os.File) error { return syscall.EIO }
			return nil
		}, "disk-fsync"},
		{"a folder that takes no files", func(_ *testing.T, e *examination) error {
			path := filepath.Join(t.TempDir(), "file")
			e.config.Server.Data = path
			return os.WriteFile(path, nil, 0o600)
		}, "disk-write"},
		{"the authority's certificate is broken", func(_ *testing.T, e *examination) error {
			return os.WriteFile(filepath.Join(filepath.Dir(e.config.TLS.Certificate), authorityCert), []byte("broken"), 0o600)
		}, "authority-unusable"},
		{"the authority is over", func(_ *testing.T, e *examination) error {
			a, err := newAuthority(filepath.Dir(e.config.TLS.Certificate), e.config.Server.Hostname, e.now.Add(-authorityLife-time.Hour))
			if err != nil {
				return err
			}
			return a.issue(e.config.TLS.Certificate, e.config.TLS.Key, []string{e.config.Server.Hostname}, e.now)
		}, "authority-expired"},
		{"the database does not answer", func(_ *testing.T, e *examination) error { return e.rooms.Store.Close() }, "database-silent"},
		{"a file belongs to somebody else", func(t *testing.T, e *examination) error {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			return os.Chown(filepath.Join(e.config.Server.Data, "schulhof.db"), 65534, -1)
		}, "file-owner"},
		{"few files may be open", func(t *testing.T, _ *examination) error {
			var before syscall.Rlimit
			if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil || os.Geteuid() != 0 {
				t.Skip("only root can raise the limit again")
			}
			t.Cleanup(func() { syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before) })
			return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: min(before.Cur, doctorFiles-1), Max: doctorFiles - 1})
		}, "limit-files"},
		{"no domain", func(t *testing.T, e *examination) error {
			return e.rooms.Directory.RemoveDomain(t.Context(), "school.test")
		}, "domain-none"},
		{"a second domain without keys", func(t *testing.T, e *examination) error {
			return e.rooms.Directory.AddDomain(t.Context(), "zweite-schule.test")
		}, "dkim-missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newSchool(t)
			r, err := openRooms(t.Context(), c, quiet())
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			e := &examination{config: c, rooms: r, now: time.Now()}
			if err := tt.harm(t, e); err != nil {
				t.Fatal(err)
			}
			found := e.examine(t.Context()).findings
			at := slices.IndexFunc(found, func(f finding) bool { return f.ID == tt.want })
			if at < 0 || found[at].Detail == "" || found[at].Fix == "" || strings.ContainsAny(found[at].ID, " _") {
				t.Errorf("doctor found %+v, want %s", found, tt.want)
			}
		})
	}
}

// A disk is slow when even the best of three fsyncs takes long.
func TestDoctorTimesTheDisk(t *testing.T) {
	for name, tt := range map[string]struct {
		takes []time.Duration
		slow  bool
	}{
		"fast":            {[]time.Duration{time.Millisecond, time.Millisecond, time.Millisecond}, false},
		"busy for once":   {[]time.Duration{time.Second, 2 * time.Second, 50 * time.Millisecond}, false},
		"slow every time": {[]time.Duration{200 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond}, true},
	} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			e := &examination{config: config.Default(dir), now: time.Now()}
			next := 0
			e.fsync = func(*os.File) error {
				time.Sleep(tt.takes[next])
				next++
				return nil
			}
			e.checkFsync(t.Context())
			if slow := slices.ContainsFunc(e.findings, func(f finding) bool { return f.ID == "disk-slow" }); slow != tt.slow || next != 3 {
				t.Errorf("%s: %+v after %d tries", name, e.findings, next)
			}
		})
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

// A file system of limited size in memory, without a file to spare.
func TestDoctorLooksAtTheFileSystem(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=16m,nr_inodes=100,mode=0700"); err != nil {
		t.Skipf("a file system of limited size cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	e := &examination{config: config.Default(disk), now: time.Now()}
	e.checkDisk(t.Context())
	if got := ids(e.findings); !slices.Equal(got, []string{"disk-full", "disk-memory"}) {
		t.Errorf("an empty file system of 16 MiB: %q", got)
	}
	for i := 0; ; i++ {
		if f, err := os.Create(filepath.Join(disk, fmt.Sprint(i))); err != nil {
			break
		} else if err := f.Close(); err != nil || i > 200 {
			t.Fatalf("%d files, %v", i, err)
		}
	}
	e = &examination{config: config.Default(disk), now: time.Now()}
	e.config.Store.MinFree = 0
	e.checkDisk(t.Context())
	e.checkFsync(t.Context())
	if got := ids(e.findings); !slices.Equal(got, []string{"disk-inodes", "disk-memory", "disk-write"}) {
		t.Errorf("a file system without a file to spare: %q", got)
	}
}

func ids(findings []finding) (list []string) {
	for _, f := range findings {
		list = append(list, f.ID)
	}
	return list
}

// After an fsync that failed the store takes no writes: doctor and /readyz say so, reading goes on.
func TestDoctorSeesAStoreThatStopped(t *testing.T) {
	c := newSchool(t)
	broken := false
	s, err := store.Open(t.Context(), store.Options{Dir: c.Server.Data, FreeFloor: -1, Faults: func(op, _ string) error {
		if broken && (op == "fsync" || op == "commit") {
			return syscall.EIO
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := &rooms{Config: c, Store: s, Log: slog.New(slog.DiscardHandler)}
	defer r.Close()
	if r.Directory, err = directory.New(t.Context(), s, directory.Options{}); err != nil {
		t.Fatal(err)
	}
	if r.Mail, err = mailbox.New(t.Context(), s, r.Directory, mailbox.Options{}); err != nil {
		t.Fatal(err)
	}
	if r.Queue, err = queue.New(t.Context(), s, r.Mail, r.Directory, queue.Options{}); err != nil {
		t.Fatal(err)
	}
	broken = true
	if err := r.Directory.AddDomain(t.Context(), "zweite-schule.test"); err == nil {
		t.Fatal("a write on a broken disk succeeded")
	}
	e := &examination{config: c, rooms: r, now: time.Now(), fsync: func(*os.File) error { return nil }}
	if got := idsOf(e.examine(t.Context()).findings); !slices.Contains(got, "store-read-only") || slices.Contains(got, "database-silent") {
		t.Errorf("doctor found %q", got)
	}
	certs, err := newCertificates(c, r.Log)
	if err != nil {
		t.Fatal(err)
	}
	h := &health{config: c, store: s, certs: certs}
	if err := h.alive(t.Context()); err != nil {
		t.Errorf("/healthz: %v: a restart loop would not mend a disk", err)
	}
	if err := errors.Join(h.faults(t.Context())...); err == nil || !strings.Contains(err.Error(), "store: ") {
		t.Errorf("/readyz: %v", err)
	}
	if err := r.applyRetention(t.Context(), time.Now().Add(20*365*24*time.Hour)); err != nil {
		t.Errorf("the retention tries to write: %v", err)
	}
}

// Each id that the source knows is explained in the guide, and seeded by a test, but for those that a test cannot cause.
func TestEveryFindingIsSeeded(t *testing.T) {
	impossible := strings.Fields("port-privileged database-domains database-accounts database-queue acme-unreadable")
	var tests, sources strings.Builder
	files, err := filepath.Glob("doctor*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "server_test.go") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			tests.Write(text)
		} else {
			sources.Write(text)
		}
	}
	known := regexp.MustCompile(`"([a-z-]+)", severity`).FindAllStringSubmatch(sources.String(), -1)
	if len(known) < 50 {
		t.Errorf("only %d findings in %q", len(known), files)
	}
	guide, err := os.ReadFile("../../docs/admin.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range known {
		if !strings.Contains(tests.String(), `"`+id[1]+`"`) && !slices.Contains(impossible, id[1]) {
			t.Errorf("no test seeds %s", id[1])
		}
		if !strings.Contains(string(guide), "`"+id[1]+"`") {
			t.Errorf("the guide does not explain %s", id[1])
		}
	}
}
