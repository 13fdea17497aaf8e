package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
)

// testRooms opens the rooms of a new server with anna@school.test.
func testRooms(t *testing.T) (*rooms, directory.Account) {
	t.Helper()
	ctx := context.Background()
	c := config.Default(t.TempDir())
	r, err := openRooms(ctx, c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := r.Directory.AddDomain(ctx, "school.test"); err != nil {
		t.Fatal(err)
	}
	added, _, err := r.Directory.AddAccounts(ctx, []directory.NewAccount{{Address: "anna@school.test", Role: directory.Student, Name: "Anna"}})
	if err != nil {
		t.Fatal(err)
	}
	return r, added[0]
}

// command runs a command line as the server would for a caller.
func command(t *testing.T, r *rooms, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	dir := t.TempDir()
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errOut, directory: dir, files: localFiles{dir}, args: args,
		version: "test", commands: commands(), inServer: r}
	return a.execute(context.Background()), out.String(), errOut.String()
}

// folder writes files into a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			path = filepath.Join(path, "placeholder")
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mailOf lists everyone's messages: mailbox, sorted flags, text.
func mailOf(t *testing.T, r *rooms, owner directory.ID) (all []string) {
	t.Helper()
	ctx := context.Background()
	boxes, err := r.Mail.Mailboxes(ctx, owner)
	if err != nil {
		t.Fatal(err)
	}
	keywords, err := r.Mail.Keywords(ctx, owner)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boxes {
		if b.NoSelect {
			continue
		}
		box, err := r.Mail.Open(ctx, owner, b.Name)
		if err != nil {
			t.Fatal(err)
		}
		defer box.Close()
		snapshot := box.Snapshot()
		for i := range snapshot.Len() {
			var buf mailbox.ContentBuf
			entry := snapshot.At(i)
			contents, err := box.Contents(ctx, []mailbox.Entry{entry}, mailbox.WantBlob, &buf)
			if err != nil {
				t.Fatal(err)
			}
			body, err := r.Mail.OpenBody(ctx, contents[0].Blob)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(body)
			body.Close()
			if err != nil {
				t.Fatal(err)
			}
			m := exportedMail{flags: entry.Flags, keywords: keywords}
			flags := m.words()
			for flag, name := range map[mailbox.Flags]string{mailbox.Seen: "S", mailbox.Answered: "R", mailbox.Flagged: "F", mailbox.Draft: "D", mailbox.DeletedFlag: "T"} {
				if entry.Flags&flag != 0 {
					flags = append(flags, name)
				}
			}
			slices.Sort(flags)
			all = append(all, fmt.Sprintf("%s %v %s %q", b.Name, flags, time.Unix(entry.Date, 0).UTC().Format(time.DateTime), text))
		}
	}
	return all
}

func TestFolderNames(t *testing.T) {
	tests := []struct{ mailbox, folder string }{
		{"Sent", ".Sent"},
		{"Klasse/7b", ".Klasse.7b"},
		{"Entwürfe", ".Entw&APw-rfe"},
		{"Kunst & Musik", ".Kunst &- Musik"},
		{"a.b/c", ".a&AC4-b.c"},
		{"日本語", ".&ZeVnLIqe-"},
		{"Ausflug 😀", ".Ausflug &2D3eAA-"},
	}
	for _, tt := range tests {
		if got := folderName(tt.mailbox); got != tt.folder {
			t.Errorf("folderName(%q) = %q, want %q", tt.mailbox, got, tt.folder)
		}
		if got := mailboxName(tt.folder); got != tt.mailbox {
			t.Errorf("mailboxName(%q) = %q, want %q", tt.folder, got, tt.mailbox)
		}
	}
	for folder, want := range map[string]string{".Stra\xdfe": "Stra_e", ".A &B": "A &B", ".Müll": "Müll", "Plain": "Plain"} {
		if got := mailboxName(folder); got != want {
			t.Errorf("mailboxName(%q) = %q, want %q", folder, got, want)
		}
	}
}

func TestMboxVariants(t *testing.T) {
	const postmark = "From anna@school.test Mon Jan  5 08:00:00 2026\n"
	head := func(more string) string { return "Subject: x\n" + more + "\n" }
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	tests := []struct {
		name, in string
		want     []string
	}{
		{"two messages", postmark + head("") + "one\n\n" + postmark + head("") + "two\n", []string{crlf(head("") + "one\n"), crlf(head("") + "two\n")}},
		{"mboxo and mboxrd quote From", postmark + head("") + ">From here\n>>From there\n> From\n\n", []string{crlf(head("") + "From here\n>From there\n> From\n")}},
		{"From within a paragraph is text", postmark + head("") + "a\nFrom here on\n\n", []string{crlf(head("") + "a\nFrom here on\n")}},
		{"From without a date is text", postmark + head("") + "a\n\nFrom here on\n\n", []string{crlf(head("") + "a\n\nFrom here on\n")}},
		{"mboxcl quotes and counts", postmark + head("Content-Length: 11\n") + ">From here\n\n" + postmark + head("") + "two\n",
			[]string{crlf(head("Content-Length: 11\n") + "From here\n"), crlf(head("") + "two\n")}},
		{"mboxcl2 only counts", postmark + head("Content-Length: 74\n") + "a\n\n" + postmark + ">From is kept here, too\n" + "\n" + postmark + head("") + "two\n",
			[]string{crlf(head("Content-Length: 74\n") + "a\n\n" + postmark + ">From is kept here, too\n"), crlf(head("") + "two\n")}},
		{"a wrong Content-Length is ignored", postmark + head("Content-Length: 4\n") + "one\nmore\n\n" + postmark + head("") + "two\n",
			[]string{crlf(head("Content-Length: 4\n") + "one\nmore\n"), crlf(head("") + "two\n")}},
		{"CRLF", crlf(postmark + head("") + "one\n\n" + postmark + head("") + "two\n\n"), []string{crlf(head("") + "one\n"), crlf(head("") + "two\n")}},
		{"no end of the last line", postmark + head("") + "one", []string{crlf(head("")) + "one"}},
		{"an empty body", postmark + head("") + "\n" + postmark + head("") + "two\n", []string{crlf(head("")), crlf(head("") + "two\n")}},
		{"a line longer than any buffer", postmark + head("") + strings.Repeat("x", 100_000) + "\n\n", []string{crlf(head("")) + strings.Repeat("x", 100_000) + "\r\n"}},
		{"nothing", "", nil},
		{"empty lines", "\n\n", nil},
	}
	for _, tt := range tests {
		m := &mboxReader{file: strings.NewReader(tt.in), size: int64(len(tt.in))}
		var got []string
		for {
			msg, err := m.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			text, err := io.ReadAll(m.open(msg))
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			got = append(got, string(text))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n got %.500q\nwant %.500q", tt.name, got, tt.want)
		}
	}
}

func TestPostmarks(t *testing.T) {
	want := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	for _, line := range []string{
		"From anna@school.test Mon Jan  5 08:00:00 2026", "From - Mon Jan  5 08:00:00 2026", "From anna@school.test Mon Jan  5 08:00 2026",
		"From anna@school.test Mon Jan  5 09:00:00 2026 +0100", "From anna@school.test  Mon Jan 05 09:00:00 +0100 2026",
		"From \"anna b\"@school.test Mon Jan  5 08:00:00 2026", "From Mon Jan  5 08:00:00 2026",
	} {
		if got, ok := postmark([]byte(line + "\n")); !ok || !got.Equal(want) {
			t.Errorf("postmark(%q) = %v, %t", line, got, ok)
		}
	}
	for _, line := range []string{"From here on", "From: anna", ">From anna Mon Jan  5 08:00:00 2026", "from anna Mon Jan  5 08:00:00 2026", ""} {
		if got, ok := postmark([]byte(line)); ok {
			t.Errorf("postmark(%q) = %v", line, got)
		}
	}
}

// FuzzMbox: nothing makes the reader fail to end, go backwards or read outside the file.
func FuzzMbox(f *testing.F) {
	f.Add([]byte("From a Mon Jan  5 08:00:00 2026\nA: b\n\nc\n\nFrom a Mon Jan  5 08:00:00 2026\nContent-Length: 1\n\n>From \n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &mboxReader{file: bytes.NewReader(b), size: int64(len(b))}
		for last := int64(-1); ; last = m.off {
			msg, err := m.next()
			if err != nil {
				return
			}
			if msg.from > msg.to || msg.to > m.size || m.off <= last {
				t.Fatalf("%+v after %d", msg, last)
			}
			if _, err := io.Copy(io.Discard, m.open(msg)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// theMaildir has folders, flags, keywords, and messages with LF and CRLF.
func theMaildir() map[string]string {
	return map[string]string{
		"tmp/": "", "new/1": "Subject: new\n\nfirst\n", "cur/2:2,RS": "Subject: seen\r\n\r\nsecond\r\n", "cur/3:2,Fab": "Subject: important\n\nthird\n",
		"dovecot-keywords": "0 Hausaufgaben\n1 $Label1\n", "dovecot-uidlist": "3 V1 N4\n",
		".Archiv.2025/tmp/": "", ".Archiv.2025/new/": "", ".Archiv.2025/cur/9:2,PST": "Subject: old\n\nninth\n",
		".Entw&APw-rfe/new/": "", ".Entw&APw-rfe/cur/5:2,D": "Subject: draft\n\nfifth\n",
		"Verein/cur/7:2,": "Subject: nested\n\nseventh\n", "Verein/new/": "",
	}
}

func TestImportMaildirIsIdempotent(t *testing.T) {
	r, anna := testRooms(t)
	dir := folder(t, theMaildir())
	status, out, errOut := command(t, r, "import", "mail", "--user", "anna@school.test", dir)
	if status != 0 || !strings.Contains(out, "6 messages imported, 0 were there") {
		t.Fatalf("status %d: %s%s", status, out, errOut)
	}
	got := mailOf(t, r, anna.ID)
	for _, want := range []string{
		`INBOX []`, `"Subject: new\r\n\r\nfirst\r\n"`, `INBOX [R S]`, `"Subject: seen\r\n\r\nsecond\r\n"`, `INBOX [$Label1 F Hausaufgaben]`,
		`Archiv/2025 [$Forwarded S T]`, `Entwürfe [D]`, `Verein []`,
	} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("%s is missing in\n%s", want, strings.Join(got, "\n"))
		}
	}
	status, out, errOut = command(t, r, "import", "mail", "--json", "--user", "anna@school.test", dir)
	var report importReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || status != 0 || report.Imported != 0 || report.Present != 6 || report.Failed == nil {
		t.Errorf("the second run: status %d, %s%s, %v", status, out, errOut, err)
	}
	if again := mailOf(t, r, anna.ID); len(again) != len(got) {
		t.Errorf("%d messages after the second run, want %d", len(again), len(got))
	}
}

func TestImportMbox(t *testing.T) {
	r, anna := testRooms(t)
	const postmark = "From x Mon Jan  5 08:00:00 2026\n"
	dir := folder(t, map[string]string{"box": postmark + "X-IMAP: 1 2\nSubject: DON'T DELETE\n\n\n\n" +
		postmark + "Subject: a\nStatus: RO\nX-Status: AF\nX-Keywords: Lob\n\none\n\n" +
		postmark + "Subject: b\nX-Mozilla-Status: 0001\n\ntwo\n\n" + postmark + "Subject: a\n\none\n\n" + postmark + "Subject: a\n\none\n"})
	status, out, errOut := command(t, r, "import", "mail", "--user", "anna@school.test", "--mailbox", "Alt/Post", filepath.Join(dir, "box"))
	if status != 0 || !strings.Contains(out, "4 messages imported") {
		t.Fatalf("status %d: %s%s", status, out, errOut)
	}
	want := []string{
		`Alt/Post [F Lob R S] 2026-01-05 08:00:00 "Subject: a\r\n\r\none\r\n"`,
		`Alt/Post [S] 2026-01-05 08:00:00 "Subject: b\r\nX-Mozilla-Status: 0001\r\n\r\ntwo\r\n"`,
		`Alt/Post [] 2026-01-05 08:00:00 "Subject: a\r\n\r\none\r\n"`, `Alt/Post [] 2026-01-05 08:00:00 "Subject: a\r\n\r\none\r\n"`,
	}
	if got := mailOf(t, r, anna.ID); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, out, _ := command(t, r, "import", "mail", "--user", "anna@school.test", "--mailbox", "Alt/Post", filepath.Join(dir, "box")); !strings.Contains(out, "0 messages imported, 4 were there") {
		t.Errorf("the second run: %s", out)
	}
}

func TestImportEML(t *testing.T) {
	r, anna := testRooms(t)
	dir := folder(t, map[string]string{"a.eml": "Date: Mon, 5 Jan 2026 08:00:00 +0000\nSubject: a\n\none\n", "notes.txt": "no mail", "Klasse/b.EML": "Date: Mon, 5 Jan 2026 08:00:00 +0000\r\nSubject: b\r\n\r\ntwo\r\n"})
	if status, out, errOut := command(t, r, "import", "mail", "--user", "anna@school.test", "--mailbox", "Alt", dir); status != 0 {
		t.Fatalf("status %d: %s%s", status, out, errOut)
	}
	want := []string{
		`Alt [S] 2026-01-05 08:00:00 "Date: Mon, 5 Jan 2026 08:00:00 +0000\r\nSubject: a\r\n\r\none\r\n"`,
		`Alt/Klasse [S] 2026-01-05 08:00:00 "Date: Mon, 5 Jan 2026 08:00:00 +0000\r\nSubject: b\r\n\r\ntwo\r\n"`,
	}
	if got := mailOf(t, r, anna.ID); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestImportRefusals(t *testing.T) {
	r, _ := testRooms(t)
	dir := folder(t, map[string]string{"text": "no mbox\n", "empty/": ""})
	tests := []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"another server", []string{"imaps://anna@mail.old.test/INBOX"}, 2, "all folders are imported"},
		{"no mbox", []string{filepath.Join(dir, "text")}, 1, "no mbox"},
		{"an empty folder", []string{filepath.Join(dir, "empty")}, 1, "nothing to import"},
		{"nothing there", []string{filepath.Join(dir, "nowhere")}, 1, "no such file"},
		{"no path", nil, 2, "accepts 1 arg"},
		{"a mailbox that cannot be", []string{"--mailbox", "a//b", filepath.Join(dir, "..")}, 1, ""},
	}
	for _, tt := range tests {
		status, _, errOut := command(t, r, append([]string{"import", "mail", "--user", "anna@school.test"}, tt.args...)...)
		if status != tt.status || !strings.Contains(errOut, tt.want) {
			t.Errorf("%s: status %d, %q, want %d with %q", tt.name, status, errOut, tt.status, tt.want)
		}
	}
	if status, _, errOut := command(t, r, "import", "mail", "--user", "nobody@school.test", dir); status != 1 {
		t.Errorf("nobody's mail: status %d, %q", status, errOut)
	}
}

// TestExportComesBack exports in both formats and imports that for another person: it must be the same mail.
func TestExportComesBack(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"maildir", "mbox"} {
		t.Run(format, func(t *testing.T) {
			r, anna := testRooms(t)
			ctx := context.Background()
			if status, out, errOut := command(t, r, "import", "mail", "--user", "anna@school.test", folder(t, theMaildir())); status != 0 {
				t.Fatalf("status %d: %s%s", status, out, errOut)
			}
			added, _, err := r.Directory.AddAccounts(ctx, []directory.NewAccount{{Address: "ben@school.test", Role: directory.Student}})
			if err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(t.TempDir(), "export")
			status, out, errOut := command(t, r, "export", "--json", "--format", format, "--user", "anna@school.test", to)
			if status != 0 || !strings.Contains(out, `"messages": 6`) {
				t.Fatalf("status %d: %s%s", status, out, errOut)
			}
			var doc exportedAccount
			text, err := os.ReadFile(filepath.Join(to, "account.json"))
			if err == nil {
				err = json.Unmarshal(text, &doc)
			}
			if err != nil || doc.Address != "anna@school.test" || doc.Role != "student" || len(doc.Mailboxes) < 4 {
				t.Errorf("account.json: %s, %v", text, err)
			}
			if format == "maildir" {
				status, out, errOut = command(t, r, "import", "mail", "--user", "ben@school.test", filepath.Join(to, "mail"))
				if status != 0 {
					t.Fatalf("status %d: %s%s", status, out, errOut)
				}
			}
			for _, b := range doc.Mailboxes {
				if format == "mbox" && b.Messages > 0 {
					if status, _, errOut := command(t, r, "import", "mail", "--user", "ben@school.test", "--mailbox", b.Name, filepath.Join(to, b.Path)); status != 0 {
						t.Errorf("%s: %s", b.Name, errOut)
					}
				}
			}
			want, got := mailOf(t, r, anna.ID), mailOf(t, r, added[0].ID)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestCheckAndBackupCommands(t *testing.T) {
	r, anna := testRooms(t)
	if status, out, errOut := command(t, r, "import", "mail", "--user", "anna@school.test", folder(t, theMaildir())); status != 0 {
		t.Fatalf("status %d: %s%s", status, out, errOut)
	}
	if status, out, errOut := command(t, r, "check"); status != 0 || !strings.Contains(out, "No problems") {
		t.Errorf("check: status %d: %s%s", status, out, errOut)
	}
	err := r.Store.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE blob SET refs = refs + 5")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, out, _ := command(t, r, "check", "--json"); status != 1 || !strings.Contains(out, `"blob-refs"`) {
		t.Errorf("check of wrong counts: status %d: %s", status, out)
	}
	if status, out, _ := command(t, r, "check", "--repair"); status != 0 || !strings.Contains(out, "mended") {
		t.Errorf("check --repair: status %d: %s", status, out)
	}
	if status, out, _ := command(t, r, "check"); status != 0 {
		t.Errorf("check after repair: status %d: %s", status, out)
	}

	if status, out, errOut := command(t, r, "reindex", "--json"); status != 0 || !strings.Contains(out, `"done": true`) {
		t.Errorf("reindex: status %d: %s%s", status, out, errOut)
	}
	dir := t.TempDir()
	saved, data := filepath.Join(dir, "saved"), filepath.Join(dir, "data")
	if status, _, errOut := command(t, r, "backup", saved); status != 0 {
		t.Fatalf("backup: %s", errOut)
	}
	if status, _, errOut := command(t, r, "backup", saved); status != 1 || !strings.Contains(errOut, "not empty") {
		t.Errorf("a second backup: status %d, %s", status, errOut)
	}
	if status, _, errOut := command(t, r, "restore", saved, "--data", data); status != 0 {
		t.Fatalf("restore: %s", errOut)
	}
	restored, err := openRooms(context.Background(), config.Default(data), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	if got, want := mailOf(t, restored, anna.ID), mailOf(t, r, anna.ID); !slices.Equal(got, want) {
		t.Errorf("restored\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if status, out, _ := command(t, restored, "check"); status != 0 {
		t.Errorf("check of the restored data: %s", out)
	}
}
