package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	// killCyclesVariable names how often TestKilledServerLosesNothing kills the server; 5 when it is not set, 200 in "make e2e".
	killCyclesVariable = "SCHULHOF_KILL_CYCLES"
	longVariable       = "SCHULHOF_E2E"
)

// sent is what became of the messages of a test.
type sent struct {
	mu           sync.Mutex
	acknowledged map[string]bool
	unknown      map[string]string // the connection ended before an answer: subject and text
	enough       chan struct{}     // closed when want are acknowledged in this cycle
	want         int
}

func (s *sent) note(subject, text string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.unknown[subject] = text
		return
	}
	s.acknowledged[subject] = true
	if s.want--; s.want == 0 {
		close(s.enough)
	}
}

func letter(subject string, size int) string {
	return "From: sender@outside.example\r\nTo: anna@school.test\r\nSubject: " + subject + "\r\n\r\n" +
		strings.Repeat("Am Freitag faellt die Chemie aus, "+subject+".\r\n", 1+size/50)
}

// TestKilledServerLosesNothing kills the server while LMTP clients deliver and IMAP clients append. After each start what
// was acknowledged is there once; what was not is sent again by LMTP, as a mail server would, and then is there once, too.
func TestKilledServerLosesNothing(t *testing.T) {
	t.Parallel()
	cycles := 5
	if os.Getenv(longVariable) != "" {
		cycles = 200
	}
	if n, err := strconv.Atoi(os.Getenv(killCyclesVariable)); err == nil {
		cycles = n
	}
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna", "ben")
	mail := &sent{acknowledged: map[string]bool{}, unknown: map[string]string{}}
	added := &sent{acknowledged: map[string]bool{}, unknown: map[string]string{}}
	for cycle := range cycles {
		mail.want, mail.enough = 150, make(chan struct{})
		added.want, added.enough = 30, make(chan struct{})
		l.serve(t)
		for subject, text := range mail.unknown { // the other server tries again
			if err := l.deliver("anna", text); err != nil {
				t.Fatalf("cycle %d: the second try of %s: %v", cycle, subject, err)
			}
			mail.acknowledged[subject] = true
			delete(mail.unknown, subject)
		}
		stop := make(chan struct{})
		var clients sync.WaitGroup
		for worker := range 6 {
			clients.Go(func() { l.load(cycle, worker, mail, added, stop) })
		}
		for _, enough := range []chan struct{}{mail.enough, added.enough} {
			select {
			case <-enough:
			case <-time.After(storyPatience):
				t.Error("too little was acknowledged")
			}
		}
		l.kill() // in the middle of it
		close(stop)
		clients.Wait()
		l.serve(t)
		verifySent(t, cycle, "mail", mail, l.subjects(t, "anna", "INBOX"))
		verifySent(t, cycle, "appended", added, l.subjects(t, "ben", "INBOX"))
		l.kill()
	}
	if out := l.schulhof(t, "check"); !strings.Contains(out, "No problems") {
		t.Errorf("check: %s", out)
	}
	t.Logf("%d kills: %d deliveries and %d appends acknowledged, %d deliveries and %d appends cut off at last", cycles,
		len(mail.acknowledged), len(added.acknowledged), len(mail.unknown), len(added.unknown))
}

// load sends until the server is gone. Every third worker appends.
func (l *live) load(cycle, worker int, mail, added *sent, stop chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		subject := fmt.Sprintf("c%d w%d n%d", cycle, worker, n)
		text := letter(subject, n%40*500)
		if worker%3 != 2 {
			err := l.deliver("anna", text)
			mail.note(subject, text, err)
			if err != nil {
				return
			}
			continue
		}
		c, err := l.login("ben")
		if err != nil {
			return
		}
		for ; err == nil; n++ {
			subject = fmt.Sprintf("c%d w%d n%d", cycle, worker, n)
			err = c.add("INBOX", letter(subject, n%40*500))
			added.note(subject, "", err)
		}
		c.conn.Close()
		return
	}
}

// verifySent compares what is there with what was acknowledged.
func verifySent(t *testing.T, cycle int, what string, s *sent, found map[string]int) {
	t.Helper()
	for subject := range s.acknowledged {
		if found[subject] != 1 {
			t.Errorf("cycle %d: %s: %q was acknowledged and is there %d times", cycle, what, subject, found[subject])
		}
	}
	for subject, n := range found {
		_, unknown := s.unknown[subject]
		if n != 1 || !unknown && !s.acknowledged[subject] {
			t.Errorf("cycle %d: %s: %q is there %d times (sent: %t)", cycle, what, subject, n, unknown)
		}
	}
}

// TestBytesAreOnTheDiskBeforeTheAnswer watches the server's system calls: the pack's fsync, then the log's, then the answer.
func TestBytesAreOnTheDiskBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed: the order of fsync and answer is not watched")
	}
	if out, err := exec.Command(strace, "-f", "true").CombinedOutput(); err != nil {
		t.Skipf("strace may not trace here: %v: %s", err, out)
	}
	trace := filepath.Join(t.TempDir(), "trace")
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna")
	l.wrap = []string{strace, "-f", "-y", "-s", "40", "-e", "trace=fsync,fdatasync,write,writev,sendto", "-o", trace}
	l.serve(t)
	if err := l.deliver("anna", letter("over LMTP", 8000)); err != nil {
		t.Fatal(err)
	}
	c, err := l.login("anna")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.add("INBOX", letter("over IMAP", 8000)); err != nil {
		t.Fatal(err)
	}
	c.conn.Close()
	l.kill()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	calls := completedCalls(string(text))
	for _, way := range []struct{ name, begins, answer string }{
		{"LMTP", `, "354 `, `, "250 2.`},
		{"IMAP", `, "t1 OK`, `, "t2 OK `},
	} {
		pack, wal, answer := orderAfter(calls, way.begins, way.answer)
		if pack < 0 || wal < 0 || answer < 0 || pack > wal || wal > answer {
			t.Errorf("%s: pack fsync'd at %d, log fsync'd at %d, answered at %d of the trace, want this order\n%s", way.name, pack, wal, answer,
				strings.Join(calls, "\n"))
		}
	}
}

// completedCalls lists calls: syncs where they return, writes where they begin.
func completedCalls(trace string) (calls []string) {
	begun := map[string]string{} // by thread
	resumed := regexp.MustCompile(`^<\.\.\. (\w+) resumed>.*= 0`)
	for line := range strings.SplitSeq(trace, "\n") {
		thread, call, _ := strings.Cut(line, " ")
		call = strings.TrimSpace(call)
		sync := strings.HasPrefix(call, "fsync(") || strings.HasPrefix(call, "fdatasync(")
		switch {
		case sync && strings.HasSuffix(call, "<unfinished ...>"):
			begun[thread] = call
		case resumed.MatchString(call) && begun[thread] != "":
			calls = append(calls, begun[thread])
			delete(begun, thread)
		case sync && strings.HasSuffix(call, "= 0"), strings.HasPrefix(call, "write"), strings.HasPrefix(call, "sendto("):
			calls = append(calls, call)
		}
	}
	return calls
}

// orderAfter finds the three steps behind the call that contains begins; -1: missing. Of the syncs before the answer the
// first of the pack and the last of the log count.
func orderAfter(calls []string, begins, answer string) (packAt, logAt, answerAt int) {
	packAt, logAt, answerAt = -1, -1, -1
	started := false
	for i, call := range calls {
		sync := strings.HasPrefix(call, "f")
		switch {
		case !started:
			started = strings.Contains(call, begins)
		case sync && packAt < 0 && strings.Contains(call, ".pack>"):
			packAt = i
		case sync && strings.Contains(call, "schulhof.db-wal>"):
			logAt = i
		case strings.Contains(call, answer):
			return packAt, logAt, i
		}
	}
	return packAt, logAt, answerAt
}

// TestAFullDiskIsAnsweredAndPasses fills the disk under a running server.
func TestAFullDiskIsAnsweredAndPasses(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=160m,mode=0700"); err != nil {
		t.Skipf("a file system of limited size cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	l := newLive(t, filepath.Join(disk, "data"), "anna")
	l.serve(t)
	if err := l.deliver("anna", letter("before", 8000)); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(disk, "filler")
	var st syscall.Statfs_t
	if err := syscall.Statfs(disk, &st); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filler, make([]byte, int64(st.Bavail)*int64(st.Bsize)-66<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var refused error
	for i := 0; i < 50 && refused == nil; i++ {
		refused = l.deliver("anna", letter(fmt.Sprintf("filling %d", i), 200)+noiseText(1<<20))
	}
	answer, ok := refused.(*smtp.SMTPError)
	if lmtp, is := refused.(smtp.LMTPDataError); is {
		for _, e := range lmtp {
			answer, ok = e, true
		}
	}
	if !ok || answer.Code/100 != 4 {
		t.Fatalf("LMTP on a full disk: %v, want 4xx", refused)
	}
	c, err := l.login("anna")
	if err != nil {
		t.Fatalf("login on a full disk: %v", err)
	}
	defer c.conn.Close()
	err = c.add("INBOX", letter("too much", 200)+noiseText(3<<20))
	if err == nil || !strings.HasPrefix(err.Error(), "NO [OVERQUOTA]") && !strings.HasPrefix(err.Error(), "NO [SERVERBUG]") {
		t.Errorf("APPEND on a full disk: %v, want NO [OVERQUOTA] or [SERVERBUG]", err)
	}
	t.Logf("full disk: LMTP %d %v, IMAP %v", answer.Code, answer.EnhancedCode, err)
	for _, line := range []string{"SELECT INBOX", "FETCH 1 (BODY.PEEK[])", `STORE 1 +FLAGS (\Deleted)`, "EXPUNGE"} {
		if lines, err := c.command("%s", line); err != nil {
			t.Errorf("%s on a full disk: %v %v", line, err, lines)
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if !patiently(func() bool { // the server looks ten times a second
		err = l.deliver("anna", letter("after", 8000))
		return err == nil
	}) {
		t.Errorf("LMTP when there is room again: %v", err)
	}
	found := l.subjects(t, "anna", "INBOX")
	if found["after"] != 1 || found["before"] != 0 || found["too much"] != 0 {
		t.Errorf("mail at last: %v", found)
	}
	l.stop(t)
	if out := l.schulhof(t, "check"); !strings.Contains(out, "No problems") {
		t.Errorf("check: %s", out)
	}
}

// noiseText is text that does not compress much.
func noiseText(size int) string {
	var b strings.Builder
	for n := uint64(88172645463325252); b.Len() < size; {
		for range 8 {
			n ^= n << 13
			n ^= n >> 7
			n ^= n << 17
			b.WriteString(strconv.FormatUint(n, 36))
		}
		b.WriteString("\r\n")
	}
	return b.String()
}
