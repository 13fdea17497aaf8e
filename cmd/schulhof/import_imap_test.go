package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/fault"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

func TestParseIMAPAddress(t *testing.T) {
	tests := []struct {
		in   string
		want imapAddress
		err  string
	}{
		{"imaps://anna@old.test", imapAddress{"anna", "old.test", "993", true}, ""},
		{"imap://old.test/", imapAddress{"anna@school.test", "old.test", "143", false}, ""},
		{"imaps://anna%40old.test@[::1]:1993", imapAddress{"anna@old.test", "::1", "1993", true}, ""},
		{"imaps://anna:secret@old.test", imapAddress{}, "no password in the address"},
		{"imaps://old.test/INBOX", imapAddress{}, "all folders"},
		{"imaps://", imapAddress{}, "is no address"},
		{"imaps://old test", imapAddress{}, "is no address"},
	}
	for _, tt := range tests {
		got, err := parseIMAPAddress(tt.in, "anna@school.test")
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: %v, want %s", tt.in, err, tt.err)
			}
		} else if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", tt.in, got, err, tt.want)
		}
	}
}

func TestTargetOfAFolder(t *testing.T) {
	tests := []struct {
		name, prefix string
		delim        rune
		attr         imap.MailboxAttr
		want         string
	}{
		{"inbox", "", '/', "", ""},
		{"Klasse/7b", "", '/', "", "Klasse/7b"},
		{"INBOX.Klasse.7b", "INBOX.", '.', "", "Klasse/7b"},
		{"Noten 1/2.alt", "", '.', "", "Noten 1_2/alt"},
		{"Gesendete Objekte", "", '/', imap.MailboxAttrSent, "Sent"},
		{"[Gmail]/All Mail", "", '/', imap.MailboxAttrAll, "[Gmail]/All Mail"},
		{"ein/Name", "", 0, "", "ein_Name"},
		{"/a//b/", "", '/', "", "a/b"},
	}
	for _, tt := range tests {
		s := &imapImport{prefix: tt.prefix, uses: map[string]string{`\Sent`: "Sent"}}
		if got := s.target(&imap.ListData{Mailbox: tt.name, Delim: tt.delim, Attrs: []imap.MailboxAttr{tt.attr}}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What belongs to others is no folder of the person who moves: the longest prefix says whose a folder is.
func TestForeignFolders(t *testing.T) {
	space := func(prefix string) []imap.NamespaceDescriptor {
		return []imap.NamespaceDescriptor{{Prefix: prefix, Delim: '.'}}
	}
	dovecot := imap.NamespaceData{Personal: space(""), Other: space("user."), Shared: space("Public.")}
	cyrus := imap.NamespaceData{Personal: space("INBOX."), Other: space("user."), Shared: space("")}
	tests := []struct {
		space imap.NamespaceData
		name  string
		want  bool
	}{
		{imap.NamespaceData{}, "Public.Kollegium", false},
		{dovecot, "Klasse", false},
		{dovecot, "Public.Kollegium", true},
		{dovecot, "Public", true},
		{dovecot, "Publica", false},
		{dovecot, "user.ben.Klasse", true},
		{cyrus, "inbox", false},
		{cyrus, "INBOX.user", false},
		{cyrus, "Kollegium", true},
		{imap.NamespaceData{Personal: space(""), Shared: space("")}, "Klasse", false},
	}
	for _, tt := range tests {
		if got := (&imapImport{space: tt.space}).foreign(tt.name); got != tt.want {
			t.Errorf("%s in %+v: %t", tt.name, tt.space, got)
		}
	}
}

// Names that are other people's here get a level above them, whatever is imported; a mailbox that was asked for is taken as it is.
func TestImportTarget(t *testing.T) {
	tests := [][3]string{ // top, name there, mailbox here
		{"", "", "INBOX"},
		{"", "Shared", "Imported/Shared"},
		{"", "Shared/7b", "Imported/Shared/7b"},
		{"", "Other Users/ben/x", "Imported/Other Users/ben/x"},
		{"", "Sharedx", "Sharedx"},
		{"", "Klasse/Shared", "Klasse/Shared"},
		{"Alt", "Shared/7b", "Alt/Shared/7b"},
		{"Shared/7b", "", "Shared/7b"},
		{"Shared/7b", "x", "Shared/7b/x"},
	}
	for _, tt := range tests {
		if got := (&mailImport{top: tt[0]}).target(tt[1]); got != tt[2] {
			t.Errorf("%q below %q: %q, want %q", tt[1], tt[0], got, tt[2])
		}
	}
}

// newcomer is an account that mail is imported into.
func newcomer(t *testing.T, quota int64) (*rooms, *mailImport) {
	t.Helper()
	r := openSchool(t, newSchool(t))
	list, _, err := r.Directory.AddAccounts(t.Context(), []directory.NewAccount{{Address: "neu@school.test", Name: "Neu", Role: directory.Staff, Password: storyPassword, QuotaBytes: &quota}})
	if err != nil {
		t.Fatal(err)
	}
	return r, newImport(r.Mail, list[0].ID)
}

func newImport(m *mailbox.Mail, owner directory.ID) *mailImport {
	return &mailImport{mail: m, owner: owner, known: map[string]map[store.Hash]int{}, report: importReport{Failed: []failedMail{}}}
}

// dovecotFolder is what a folder of Dovecot has: the file names of a Maildir say the flags.
type dovecotFolder struct {
	folder string
	files  map[string]string
}

// dovecot runs Dovecot's IMAP server on folders, already logged in.
func dovecot(t *testing.T, folders []dovecotFolder) (connect func() *imapclient.Client, mail string) {
	t.Helper()
	if _, err := exec.LookPath("doveadm"); err != nil {
		t.Skip("doveadm is not installed (dovecot-imapd)")
	}
	dir, err := os.MkdirTemp("", "dovecot") // t.TempDir is closed to another user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	credential := &syscall.Credential{Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())}
	if os.Getuid() == 0 { // Dovecot gives root no mail
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Skip("there is no user nobody")
		}
		uid, _ := strconv.ParseUint(nobody.Uid, 10, 32)
		gid, _ := strconv.ParseUint(nobody.Gid, 10, 32)
		credential.Uid, credential.Gid = uint32(uid), uint32(gid)
	}
	config := "log_path = " + dir + "/log\nssl = no\nbase_dir = " + dir + "/run\nstate_dir = " + dir + "\nmail_home = " + dir + "\nmail_location = maildir:" + dir + "/Mail\n" +
		"first_valid_uid = 1\nnamespace inbox {\n inbox = yes\n separator = .\n prefix = INBOX.\n mailbox Gesendet {\n  special_use = \\Sent\n }\n}\n" +
		"namespace {\n type = public\n separator = .\n prefix = Public.\n location = maildir:" + dir + "/Public\n subscriptions = no\n}\n"
	for _, f := range folders {
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, "Mail", f.folder, sub), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for name, text := range f.files {
			file := filepath.Join(dir, "Mail", f.folder, "cur", name)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			date := time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)
			if err := os.Chtimes(file, date, date); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "dovecot.conf"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	own := func() {
		_ = filepath.Walk(dir, func(path string, _ os.FileInfo, _ error) error {
			return os.Lchown(path, int(credential.Uid), int(credential.Gid))
		})
	}
	own()
	return func() *imapclient.Client {
		own()
		near, far := net.Pipe()
		cmd := exec.Command("doveadm", "-c", filepath.Join(dir, "dovecot.conf"), "exec", "imap")
		cmd.Env, cmd.Dir = []string{"USER=alt", "HOME=" + dir, "PATH=" + os.Getenv("PATH")}, dir
		cmd.Stdin, cmd.Stdout = far, far
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c := imapclient.New(near, nil)
		t.Cleanup(func() {
			near.Close()
			far.Close()
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		if err := c.WaitGreeting(); err != nil {
			log, _ := os.ReadFile(dir + "/log")
			t.Skipf("Dovecot does not serve here: %v\n%s", err, log)
		}
		return c
	}, filepath.Join(dir, "Mail")
}

// Everything comes over from Dovecot: folders with their levels, special uses, flags, dates; a second run takes only what is new.
func TestImportFromDovecot(t *testing.T) {
	letter := func(n int) string {
		return fmt.Sprintf("From: a@old.test\r\nSubject: %d\r\n\r\nText %d\r\n%s", n, n, strings.Repeat("x", 200))
	}
	connect, files := dovecot(t, []dovecotFolder{
		{"", map[string]string{"1.a:2,S": letter(1), "2.a:2,FR": letter(2), "3.a:2,": letter(3)}},
		{".Gesendet", map[string]string{"4.a:2,S": letter(4)}},
		{".Klasse.&AMQ-rger", map[string]string{"5.a:2,T": letter(5), "6.a:2,": strings.Repeat("gross ", 2000)}},
		{"../Public/.Kollegium", map[string]string{"8.a:2,": letter(8)}},
	})
	r, i := newcomer(t, 0)
	ctx := t.Context()
	run := func(i *mailImport, again bool) {
		t.Helper()
		if err := (&imapImport{client: connect(), into: i, source: "test", again: again}).run(ctx); err != nil {
			t.Fatal(err)
		}
	}
	run(i, false)
	if i.report.Imported != 6 || len(i.report.Failed) != 0 {
		t.Errorf("%+v", i.report)
	}
	check := func(name string, want ...string) {
		t.Helper()
		b, err := r.Mail.Open(ctx, i.owner, name)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		var got []string
		for n := range b.Snapshot().Len() {
			e := b.Snapshot().At(n)
			got = append(got, fmt.Sprintf("%05b %s", e.Flags, time.Unix(e.Date, 0).UTC().Format("2006")))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has %q, want %q", name, got, want)
		}
	}
	check("INBOX", "00001 2021", "00110 2021", "00000 2021")
	check("Sent", "00001 2021")
	check("Klasse/Ärger", "01000 2021", "00000 2021")
	if err := os.WriteFile(filepath.Join(files, "cur", "7.a:2,"), []byte(letter(7)), 0o600); err != nil {
		t.Fatal(err)
	}
	second := newImport(r.Mail, i.owner)
	run(second, false)
	if second.report.Imported != 1 || second.report.Present != 0 {
		t.Errorf("the second run: %+v", second.report)
	}
	third := newImport(r.Mail, i.owner)
	run(third, true)
	if third.report.Imported != 0 || third.report.Present != 7 {
		t.Errorf("again: %+v", third.report)
	}
}

// What does not fit is told, message by message, and tried again by the next run.
func TestImportIntoAFullMailbox(t *testing.T) {
	letter := func(n, size int) string {
		return fmt.Sprintf("Subject: %d\r\n\r\n%s\r\n", n, strings.Repeat("x", size))
	}
	connect, _ := dovecot(t, []dovecotFolder{{"", map[string]string{"1.a:2,": letter(1, 500), "2.a:2,": letter(2, 5000), "3.a:2,": letter(3, 300)}}})
	r, i := newcomer(t, 2000)
	ctx := t.Context()
	if err := (&imapImport{client: connect(), into: i, source: "test"}).run(ctx); err != nil {
		t.Fatal(err)
	}
	if i.report.Imported != 2 || len(i.report.Failed) != 1 || i.report.Failed[0].Where != "UID 2" || !strings.Contains(i.report.Failed[0].Reason, "full") {
		t.Errorf("%+v", i.report)
	}
	room := int64(1 << 20)
	if err := r.Directory.ChangeAccount(ctx, i.owner, directory.AccountChange{QuotaBytes: &room}); err != nil {
		t.Fatal(err)
	}
	next := newImport(r.Mail, i.owner)
	if err := (&imapImport{client: connect(), into: next, source: "test"}).run(ctx); err != nil {
		t.Fatal(err)
	}
	if next.report.Imported != 1 || next.report.Present != 2 {
		t.Errorf("the next run: %+v", next.report)
	}
}

// A folder in which something did not fit is not noted by the folder after it.
func TestImportIntoAFullMailboxFromTwoFolders(t *testing.T) {
	letter := func(n, size int) string {
		return fmt.Sprintf("Subject: %d\r\n\r\n%s\r\n", n, strings.Repeat("x", size))
	}
	connect, _ := dovecot(t, []dovecotFolder{
		{"", map[string]string{"1.a:2,": letter(1, 500), "2.a:2,": letter(2, 5000)}},
		{".Klasse", map[string]string{"3.a:2,": letter(3, 300)}},
	})
	r, i := newcomer(t, 2000)
	ctx := t.Context()
	if err := (&imapImport{client: connect(), into: i, source: "test"}).run(ctx); err != nil {
		t.Fatal(err)
	}
	if i.report.Imported != 2 || len(i.report.Failed) != 1 {
		t.Errorf("%+v", i.report)
	}
	room := int64(1 << 20)
	if err := r.Directory.ChangeAccount(ctx, i.owner, directory.AccountChange{QuotaBytes: &room}); err != nil {
		t.Fatal(err)
	}
	next := newImport(r.Mail, i.owner)
	if err := (&imapImport{client: connect(), into: next, source: "test"}).run(ctx); err != nil {
		t.Fatal(err)
	}
	if next.report.Imported != 1 || next.report.Present != 1 {
		t.Errorf("the next run: %+v", next.report)
	}
}

// A server that says nothing, or nothing more, does not keep whoever leaves.
func TestConnectEndsWithItsCaller(t *testing.T) {
	for _, greeting := range []string{"", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hier\r\n"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		go func() {
			defer leave()
			c, err := ln.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			if _, err := c.Write([]byte(greeting)); err == nil && greeting != "" {
				_, _ = c.Read(make([]byte, 1)) // until the client has asked for something
			}
		}()
		host, port, err := net.SplitHostPort(ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (imapAddress{login: "anna", host: host, port: port}).connect(ctx, "x", nil); !errors.Is(err, context.Canceled) {
			t.Errorf("after %q: %v", greeting, err)
		}
	}
}

// An import that ends early has noted no more than what is stored.
func TestImportMark(t *testing.T) {
	r, i := newcomer(t, 0)
	ctx := context.Background()
	want := mailbox.ImportMark{UIDValidity: 1<<32 - 1, UID: 7}
	if got, err := r.Mail.ImportMark(ctx, i.owner, "s", "f"); err != nil || got != (mailbox.ImportMark{}) {
		t.Error(got, err)
	}
	for range 2 {
		if err := r.Mail.SetImportMark(ctx, i.owner, "s", "f", want); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := r.Mail.ImportMark(ctx, i.owner, "s", "f"); err != nil || got != want {
		t.Error(got, err)
	}
	if err := i.add(ctx, importedMail{where: "x", text: strings.NewReader("Subject: x\r\n\r\n")}); err != nil {
		t.Error(err)
	}
	i.reached = func(context.Context) error { return fault.New(fault.Refused, "noted") }
	if err := i.flush(ctx); err == nil || i.report.Imported != 1 {
		t.Errorf("%v, %+v: want the message stored, then the note", err, i.report)
	}
	i.full = true
	i.reached = func(context.Context) error { t.Error("noted though something did not fit"); return nil }
	if err := i.flush(ctx); err != nil {
		t.Error(err)
	}
}
