// Package postfixtest runs Debian's Postfix for tests: in a folder of its own, as a mail server that others reach at one address.
package postfixtest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	daemons = "/usr/lib/postfix/sbin"
	master  = daemons + "/master"
	resolv  = "/etc/resolv.conf"

	patience = time.Minute // until Postfix has started, or has stopped
)

// services is master.cf without the door to the network.
const services = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
smtp unix - - n - - smtp
virtual unix - n n - - virtual
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
proxymap unix - - n - - proxymap
`

// Options say how Postfix runs.
type Options struct {
	Address  string   // where it takes mail, a loopback address with a port
	Settings []string // lines of main.cf
	// DNS is the address of a server at port 53 that Postfix asks about names; "": those that the machine asks. It needs the right to make
	// a mount namespace: CanHaveDNS says whether there is one.
	DNS string
}

// Postfix is one that runs until the test ends.
type Postfix struct {
	Dir string // its own, which all its users can read
	etc string
}

// Skip skips a test where Postfix cannot run, and says why.
func Skip(t testing.TB) {
	t.Helper()
	for _, file := range []string{master, daemons + "/smtpd"} {
		if _, err := os.Stat(file); err != nil {
			t.Skipf("Debian's Postfix is not installed (apt-get install postfix): %v", err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("Postfix starts as root only")
	}
}

// CanHaveDNS reports why Postfix cannot have a DNS server of its own here; nil: it can.
func CanHaveDNS() error {
	if out, err := exec.Command("unshare", "-m", "mount", "--bind", resolv, resolv).CombinedOutput(); err != nil {
		return errors.New("no mount namespace of its own: " + err.Error() + ": " + strings.TrimSpace(string(out)))
	}
	return nil
}

// Folder is a folder for the test that all users may read, as Postfix's own and those of mailboxes have to. t.TempDir is root's alone.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postfix")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Start starts it, or skips the test. It relays what comes from loopback addresses, but not to 127.0.0.1, which it takes for itself.
func Start(t testing.TB, o Options) *Postfix {
	t.Helper()
	Skip(t)
	p := &Postfix{Dir: Folder(t)}
	p.etc = filepath.Join(p.Dir, "etc")
	queue, data := filepath.Join(p.Dir, "queue"), filepath.Join(p.Dir, "data")
	if err := errors.Join(os.Mkdir(p.etc, 0o755), os.Mkdir(queue, 0o755), makeFolders(queue, data)); err != nil {
		t.Fatal(err)
	}
	settings := append([]string{
		"compatibility_level = 3.6", "queue_directory = " + queue, "data_directory = " + data, "command_directory = /usr/sbin",
		"daemon_directory = " + daemons, "mydestination =", "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4", "mynetworks = 127.0.0.0/8",
		"smtpd_relay_restrictions = permit_mynetworks, reject", "local_recipient_maps =", "alias_maps =", "alias_database =", "smtputf8_enable = yes",
		"maillog_file = " + p.log(), "maillog_file_prefixes = " + p.Dir,
	}, o.Settings...)
	door := o.Address + " inet n - n - - smtpd\n"
	if err := errors.Join(os.WriteFile(filepath.Join(p.etc, "main.cf"), []byte(strings.Join(settings, "\n")+"\n"), 0o644),
		os.WriteFile(filepath.Join(p.etc, "master.cf"), []byte(door+services), 0o644)); err != nil {
		t.Fatal(err)
	}
	start := []string{master, "-c", p.etc, "-w"}
	if o.DNS != "" {
		names := filepath.Join(p.Dir, "resolv.conf")
		if err := os.WriteFile(names, []byte("nameserver "+o.DNS+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		start = append([]string{"unshare", "-m", "sh", "-c", `mount --bind "$0" ` + resolv + ` && exec "$@"`, names}, start...)
	}
	p.run(t, start...)
	t.Cleanup(func() { p.stop(t, filepath.Join(queue, "pid", "master.pid")) })
	return p
}

// makeFolders makes what Postfix expects, as its own start script does, which looks at much else too.
func makeFolders(queue, data string) error {
	owner, err := user.Lookup("postfix")
	if err != nil {
		return err
	}
	group, err := user.LookupGroup("postdrop")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return err
	}
	errs := []error{os.Mkdir(data, 0o700), os.Chown(data, uid, -1), os.Mkdir(filepath.Join(queue, "pid"), 0o755)}
	for _, name := range []string{"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace", "maildrop", "public"} {
		dir := filepath.Join(queue, name)
		errs = append(errs, os.Mkdir(dir, 0o700), os.Chown(dir, uid, -1))
		if name == "maildrop" || name == "public" {
			errs = append(errs, os.Chown(dir, uid, gid), os.Chmod(dir, 0o730))
		}
	}
	return errors.Join(errs...)
}

// stop ends master, which ends all others, and waits for them: they write into a folder that goes away.
func (p *Postfix) stop(t testing.TB, pidFile string) {
	t.Helper()
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		t.Fatalf("%s: %q", pidFile, text)
	}
	syscall.Kill(-pid, syscall.SIGTERM)
	for end := time.Now().Add(patience); running(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("Postfix does not end")
		}
	}
}

// running reports whether a process of a group still runs. One that has ended does not, also where nobody asks what became of it. proc_pid_stat(5)
func running(group int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is a good one
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ") // state, parent, group
		if fields := strings.Fields(rest); len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" {
			return true
		}
	}
	return false
}

func (p *Postfix) log() string { return filepath.Join(p.Dir, "mail.log") }

// Log is what Postfix has logged so far.
func (p *Postfix) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(p.log())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run runs a command that must work.
func (p *Postfix) run(t testing.TB, command ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
		log, _ := os.ReadFile(p.log()) // there may be none yet
		t.Fatalf("%q: %v\n%s\n%s", command, err, out, log)
	}
}
