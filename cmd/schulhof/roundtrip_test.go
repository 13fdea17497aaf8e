package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
)

// oddLetter is a message whose lines are all that has ever broken an mbox: From lines, quotes of them, dots, 8-bit, long lines, blank ends.
func oddLetter(r *rand.Rand, n int) string {
	lines := []string{
		"From here on", ">From there", ">>From far away", "From anna@school.test Mon Jan  5 08:00:00 2026", " From within", "", "", ".", "..", "Grüße",
		"\xff\xfe no UTF-8", strings.Repeat("long ", 30_000), "tab\tand blank ", "Status: RO", "Content-Length: 3", "a \x00 NUL",
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Subject: letter %d\r\nDate: Mon, 5 Jan 2026 08:00:%02d +0000\r\n\r\n", n, n%60)
	for range r.IntN(12) {
		b.WriteString(lines[r.IntN(len(lines))] + "\r\n")
	}
	return b.String()
}

// oddSchool has odd letters in several mailboxes, with flags, keywords and dates of every kind.
func oddSchool(t *testing.T, letters int) (*rooms, directory.ID) {
	t.Helper()
	r, anna := testRooms(t)
	rnd := rand.New(rand.NewPCG(3, 4))
	boxes := []string{"INBOX", "Klasse/7b", "Entwürfe & mehr", "a.b/c", "Trash"}
	flags := []string{`\Seen`, `\Answered`, `\Flagged`, `\Draft`, `\Deleted`, "$Forwarded", "Hausaufgaben", "$Label1"}
	for _, name := range boxes[1:4] {
		if _, err := r.Mail.Create(t.Context(), anna.ID, name, ""); err != nil {
			t.Fatal(err)
		}
	}
	for n := range letters {
		spool := r.Mail.NewSpool()
		if _, err := spool.Write([]byte(oddLetter(rnd, n))); err != nil {
			t.Fatal(err)
		}
		prepared, err := r.Mail.Prepare(t.Context(), spool)
		if err != nil {
			t.Fatal(err)
		}
		m := mailbox.Appended{Message: prepared, Date: time.Date(2001+n%30, 1, 5, 8, 0, n%60, 0, time.UTC)}
		for _, f := range flags {
			if rnd.IntN(3) == 0 {
				m.Flags = append(m.Flags, f)
			}
		}
		if _, err := r.Mail.Append(t.Context(), anna.ID, boxes[n%len(boxes)], []mailbox.Appended{m}); err != nil {
			t.Fatal(err)
		}
		prepared.Release()
		spool.Close()
	}
	return r, anna.ID
}

// tree reads all files beneath dir.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// What is exported and imported for another person is the same mail, byte for byte, flag for flag; and exported again, the same files.
func TestMailGoesRound(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"maildir", "mbox"} {
		t.Run(format, func(t *testing.T) {
			r, anna := oddSchool(t, 60)
			made, _, err := r.Directory.AddAccounts(t.Context(), []directory.NewAccount{{Address: "ben@school.test", Role: directory.Student}})
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			export := func(who, to string) exportedAccount {
				t.Helper()
				if status, _, errOut := command(t, r, "export", "--format", format, "--user", who, filepath.Join(dir, to)); status != 0 {
					t.Fatal(errOut)
				}
				var doc exportedAccount
				text, err := os.ReadFile(filepath.Join(dir, to, "account.json"))
				if err := errors.Join(err, json.Unmarshal(text, &doc)); err != nil {
					t.Fatal(err)
				}
				return doc
			}
			first := export("anna", "first")
			if format == "maildir" {
				if status, _, errOut := command(t, r, "import", "mail", "--user", "ben", filepath.Join(dir, "first", "mail")); status != 0 {
					t.Fatal(errOut)
				}
			} else {
				for _, b := range first.Mailboxes {
					if b.Messages == 0 {
						continue
					}
					if status, _, errOut := command(t, r, "import", "mail", "--user", "ben", "--mailbox", b.Name, filepath.Join(dir, "first", b.Path)); status != 0 {
						t.Fatalf("%s: %s", b.Name, errOut)
					}
				}
			}
			want, got := mailOf(t, r, anna), mailOf(t, r, made[0].ID)
			slices.Sort(want)
			slices.Sort(got)
			for i := range want {
				if i >= len(got) || got[i] != want[i] {
					t.Fatalf("%d messages of %d; the first that differs:\n%.300s\nwant\n%.300s", len(got), len(want), got[min(i, len(got)-1)], want[i])
				}
			}
			if export("ben", "second"); format == "mbox" {
				a, b := tree(t, filepath.Join(dir, "first", "mail")), tree(t, filepath.Join(dir, "second", "mail"))
				for name, text := range a {
					if sortedKeywords(b[name]) != sortedKeywords(text) {
						t.Errorf("%s is another file the second time", name)
					}
				}
			}
		})
	}
}

// sortedKeywords brings the words of X-Keywords into one order: each account numbers its keywords as they come.
func sortedKeywords(mbox string) string {
	lines := strings.Split(mbox, "\n")
	for i, line := range lines {
		if words, found := strings.CutPrefix(line, "X-Keywords: "); found {
			lines[i] = sortedWords(words)
		}
	}
	return strings.Join(lines, "\n")
}

// A folder of .eml files keeps every byte of files with CRLF, and ends lines with CRLF where they end with LF.
func TestEMLKeepsBytes(t *testing.T) {
	r, anna := testRooms(t)
	rnd := rand.New(rand.NewPCG(5, 6))
	files, want := map[string]string{}, []string{}
	for n := range 20 {
		text := oddLetter(rnd, n)
		want = append(want, fmt.Sprintf("%q", text))
		if n%2 == 1 {
			text = strings.ReplaceAll(text, "\r\n", "\n")
		}
		files[fmt.Sprintf("%02d.eml", n)] = text
	}
	if status, _, errOut := command(t, r, "import", "mail", "--user", "anna", folder(t, files)); status != 0 {
		t.Fatal(errOut)
	}
	for i, m := range mailOf(t, r, anna.ID) {
		if date := fmt.Sprintf("2026-01-05 08:00:%02d ", i); !strings.HasSuffix(m, want[i]) || !strings.Contains(m, date) {
			t.Errorf("%02d.eml became %.200s, want the date %s and its text", i, m, date)
		}
	}
}

// An import that is interrupted anywhere and started again ends with the same mail as one that was not.
func TestInterruptedImportGoesOn(t *testing.T) {
	t.Parallel()
	files := map[string]string{"tmp/": "", "new/": ""}
	for n := range 3 * importBatch {
		files[fmt.Sprintf("cur/%03d:2,S", n)] = fmt.Sprintf("Subject: %d\r\n\r\ntext\r\n", n)
	}
	dir := folder(t, files)
	for _, after := range []int{0, 1, importBatch - 1, importBatch, 2*importBatch + 5} {
		r, anna := testRooms(t)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		tree, err := localFiles{dir}.Tree(".")
		if err != nil {
			t.Fatal(err)
		}
		source, err := folderSource(tree)
		if err != nil {
			t.Fatal(err)
		}
		i := &mailImport{mail: r.Mail, owner: anna.ID, known: map[string]map[store.Hash]int{}}
		read := 0
		err = source(ctx, func(m importedMail) error {
			if read == after {
				stop()
				return ctx.Err()
			}
			read++
			return i.add(ctx, m)
		})
		i.drop() // what a cancelled command leaves
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted after %d: %v", after, err)
		}
		there := len(mailOf(t, r, anna.ID))
		status, out, errOut := command(t, r, "import", "mail", "--user", "anna", dir)
		if want := fmt.Sprintf("%d messages imported, %d were there", len(files)-2-there, there); status != 0 || !strings.Contains(out, want) {
			t.Errorf("interrupted after %d: status %d, %s%s, want %s", after, status, out, errOut, want)
		}
		if got := mailOf(t, r, anna.ID); len(got) != len(files)-2 || len(slices.Compact(got)) != len(got) {
			t.Errorf("interrupted after %d: %d messages at last", after, len(got))
		}
	}
}

// What cannot be imported is named, the rest is there, and the status says 1.
func TestImportNamesWhatFailed(t *testing.T) {
	c := config.Default(t.TempDir())
	c.Mail.MaxSize = 1 << 20
	r, err := openRooms(t.Context(), c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Directory.AddDomain(t.Context(), "school.test"); err != nil {
		t.Fatal(err)
	}
	made, _, err := r.Directory.AddAccounts(t.Context(), []directory.NewAccount{{Address: "anna@school.test", Role: directory.Student}})
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{"a.eml": "Subject: a\r\n\r\nx\r\n", "b.eml": "Subject: b\r\n\r\n" + strings.Repeat("x", 1<<20), "Klasse/c.eml": "Subject: c\r\n\r\n" + strings.Repeat("x", 2<<20), "d.eml": ""})
	status, stdout, stderr := command(t, r, "import", "mail", "--json", "--user", "anna", dir)
	var report importReport
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || status != exitRefused || !strings.Contains(stderr, "2 messages could not be imported") {
		t.Fatalf("status %d, %s%s, %v", status, stdout, stderr, err)
	}
	if report.Imported != 2 || len(report.Failed) != 2 || report.Failed[0].Where != "b.eml" || report.Failed[1].Where != "Klasse: Klasse/c.eml" || !strings.Contains(report.Failed[0].Reason, "mail.max_size") {
		t.Errorf("report %+v", report)
	}
	if got := mailOf(t, r, made[0].ID); len(got) != 2 {
		t.Errorf("%d messages, want a and d", len(got))
	}
	if _, out, _ := command(t, r, "import", "mail", "--user", "anna", dir); !strings.Contains(out, "not imported: b.eml: ") || !strings.Contains(out, "0 messages imported, 2 were there already, 2 failed") {
		t.Errorf("as text: %s", out)
	}
}

// Things in a folder that are no mail do not stop an import, and links do not lead out of it.
func TestImportFromAStrangeFolder(t *testing.T) {
	r, anna := testRooms(t)
	secret := filepath.Join(t.TempDir(), "secret.eml")
	if err := os.WriteFile(secret, []byte("Subject: secret\r\n\r\nx\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{"cur/1:2,S": "Subject: one\r\n\r\nx\r\n", "cur/.hidden": "x", "new/": "", "tmp/7": "Subject: unfinished\r\n\r\nx\r\n", "cur/sub/x": "no mail", "notes.txt": "x"})
	if err := syscall.Mkfifo(filepath.Join(dir, "new", "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := command(t, r, "import", "mail", "--user", "anna", dir); status != 0 { // it does not wait for a writer
		t.Errorf("import = %d, %s", status, stderr)
	}
	if got := mailOf(t, r, anna.ID); len(got) != 1 || !strings.Contains(got[0], "Subject: one") {
		t.Errorf("imported %q", got)
	}
	link := folder(t, map[string]string{"a.eml": "Subject: a\r\n\r\nx\r\n"})
	if err := os.Symlink(secret, filepath.Join(link, "b.eml")); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := command(t, r, "import", "mail", "--user", "anna", "--mailbox", "Links", link); status != exitRefused || !strings.Contains(stderr, "escapes") {
		t.Errorf("a link that leads out: %d, %q", status, stderr)
	}
	if all := strings.Join(mailOf(t, r, anna.ID), "\n"); strings.Contains(all, "secret") {
		t.Error("a link led out of the folder")
	}
}

// More keywords than an account can have: the mail comes in without them.
func TestImportWithTooManyKeywords(t *testing.T) {
	r, anna := testRooms(t)
	var box strings.Builder
	for n := range mailbox.MaxKeywords + 5 {
		fmt.Fprintf(&box, "From x Mon Jan  5 08:00:00 2026\nSubject: %d\nStatus: RO\nX-Keywords: word%d\n\ntext\n\n", n, n)
	}
	dir := folder(t, map[string]string{"box": box.String()})
	status, out, errOut := command(t, r, "import", "mail", "--user", "anna", filepath.Join(dir, "box"))
	if want := fmt.Sprintf("%d messages imported", mailbox.MaxKeywords+5); status != 0 || !strings.Contains(out, want) {
		t.Fatalf("status %d: %s%s, want %s", status, out, errOut, want)
	}
	words := 0
	for _, m := range mailOf(t, r, anna.ID) {
		if !strings.HasPrefix(m, "INBOX [S") {
			t.Errorf("%s lost its state", m)
		}
		if strings.HasPrefix(m, "INBOX [S word") {
			words++
		}
	}
	if words == 0 || words > mailbox.MaxKeywords {
		t.Errorf("%d messages kept their keyword, want as many as go and at most %d", words, mailbox.MaxKeywords)
	}
}

// The account's file of an export says who it was, and where its mail is.
func TestExportedAccount(t *testing.T) {
	r, anna := testRooms(t)
	ctx := t.Context()
	g, err := r.Directory.AddGroup(ctx, directory.Group{Name: "7b", Title: "Klasse 7b", Kind: "class"})
	if err == nil {
		err = r.Directory.AddMembers(ctx, g.ID, []directory.ID{anna.ID}, true)
	}
	if err == nil {
		err = r.Directory.AddAlias(ctx, directory.Alias{Address: "info@school.test", Targets: []string{"anna@school.test"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "out")
	status, stdout, stderr := command(t, r, "export", "--user", "anna", "--json", to)
	if status != 0 || jsonKeys(t, stdout) != "export mailboxes messages objects" {
		t.Fatalf("export = %d, %s%s", status, stdout, stderr)
	}
	var doc exportedAccount
	text, err := os.ReadFile(filepath.Join(to, "account.json"))
	if err := errors.Join(err, json.Unmarshal(text, &doc)); err != nil {
		t.Fatal(err)
	}
	if doc.Login != "anna" || doc.Role != "student" || doc.State != "active" || !slices.Equal(doc.Aliases, []string{"info@school.test"}) ||
		!slices.Equal(doc.Groups, []exportedGroup{{"7b@school.test", "Klasse 7b", "class", true}}) {
		t.Errorf("account.json: %s", text)
	}
	uses := map[string]bool{}
	for _, b := range doc.Mailboxes {
		uses[b.SpecialUse] = true
		if info, err := os.Stat(filepath.Join(to, b.Path, "cur")); err != nil || !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("mailbox %s: %v, %v", b.Name, info, err)
		}
	}
	for _, use := range []string{`\Drafts`, `\Sent`, `\Junk`, `\Trash`, `\Archive`} {
		if !uses[use] {
			t.Errorf("no mailbox has the use %s: %s", use, text)
		}
	}
	if strings.Contains(string(text), "argon2") || strings.Contains(string(text), "assword") {
		t.Errorf("account.json tells about the password: %s", text)
	}
}
