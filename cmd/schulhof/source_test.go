package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// read gives what a source holds, in its order: mailbox, flags, place.
func readSource(t *testing.T, dir string) (all []string) {
	t.Helper()
	tree, err := localFiles{dir}.Tree(".")
	if err != nil {
		t.Fatal(err)
	}
	source, err := folderSource(tree)
	if err == nil {
		err = source(t.Context(), func(m importedMail) error {
			text, err := io.ReadAll(m.text)
			all = append(all, fmt.Sprintf("%s|%s|%s|%q", m.mailbox, strings.Join(m.flags, " "), m.where, text))
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// How other programs lay out their folders, and what each folder becomes.
func TestFoldersOfOtherPrograms(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"one Maildir", map[string]string{"cur/1:2,S": "a", "new/2": "b", "tmp/3": "c"}, []string{`|\Seen|cur/1:2,S|"a"`, `||new/2|"b"`}},
		{"Maildir++ of Dovecot and Courier", map[string]string{"cur/": "", "new/": "", ".Sent/cur/1:2,S": "a", ".Sent/new/": "", ".Klasse.7b/cur/2:2,": "b", ".Klasse.7b/new/": ""},
			[]string{`Klasse/7b||.Klasse.7b/cur/2:2,|"b"`, `Sent|\Seen|.Sent/cur/1:2,S|"a"`}},
		{"folders in folders of mbsync and offlineimap", map[string]string{"INBOX/cur/1:2,": "a", "INBOX/new/": "", "Klasse/7b/cur/2:2,": "b", "Klasse/7b/new/": "", "Klasse/cur/": "", "Klasse/new/": ""},
			[]string{`||INBOX/cur/1:2,|"a"`, `Klasse/7b||Klasse/7b/cur/2:2,|"b"`}},
		{"names in modified UTF-7 and in UTF-8", map[string]string{".Entw&APw-rfe/cur/1:2,D": "a", ".Entw&APw-rfe/new/": "", ".Müll/cur/2:2,": "b", ".Müll/new/": ""},
			[]string{`Entwürfe|\Draft|.Entw&APw-rfe/cur/1:2,D|"a"`, `Müll||.Müll/cur/2:2,|"b"`}},
		{"flags in any order, unknown ones, two lists", map[string]string{"cur/1:2,TSRPFD": "a", "cur/2:2,SXz9": "b", "cur/3:2,S,S=77": "c", "cur/4:1,S": "d", "cur/5": "e", "new/": ""},
			[]string{`|\Deleted \Seen \Answered $Forwarded \Flagged \Draft|cur/1:2,TSRPFD|"a"`, `|\Seen|cur/2:2,SXz9|"b"`, `|\Seen|cur/3:2,S,S=77|"c"`, `||cur/4:1,S|"d"`, `||cur/5|"e"`}},
		{"keywords of Dovecot, of this folder only", map[string]string{"cur/1:2,a": "a", "new/": "", "dovecot-keywords": "0 Lob\nnonsense\n27 Zuviel\n1 Tadel\n", ".B/cur/2:2,ab": "b", ".B/new/": "", ".B/dovecot-keywords": "1 Nur-hier\n"},
			[]string{`|Lob|cur/1:2,a|"a"`, `B|Nur-hier|.B/cur/2:2,ab|"b"`}},
		{"letters of Outlook Express and others", map[string]string{"a.eml": "Subject: a\n\nx\n", "B.EML": "b", "sub/c.eml": "c", "sub/deep/d.eml": "d", "readme.txt": "no", "noextension": "no"},
			[]string{`|\Seen|B.EML|"b"`, `|\Seen|a.eml|"Subject: a\r\n\r\nx\r\n"`, `sub|\Seen|sub/c.eml|"c"`, `sub/deep|\Seen|sub/deep/d.eml|"d"`}},
		{"a Maildir beside letters: the Maildir counts", map[string]string{"a.eml": "a", "box/cur/1:2,": "b", "box/new/": ""}, []string{`box||box/cur/1:2,|"b"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, readSource(t, folder(t, tt.files))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The fields that mail programs keep in an mbox become flags and go; others stay.
func TestMboxFields(t *testing.T) {
	tests := []struct {
		name, in string
		flags    []string
		text     string // "": as it came
		internal bool
	}{
		{"none", "Subject: a\r\n\r\n", nil, "", false},
		{"read", "Status: RO\r\nSubject: a\r\n\r\n", []string{`\Seen`}, "Subject: a\r\n\r\n", false},
		{"unread", "Status: O\r\n\r\n", nil, "\r\n", false},
		{"every state", "Status: R\r\nX-Status: AFDT\r\n\r\n", []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`}, "\r\n", false},
		{"keywords, over two fields and twice", "X-Keywords: a b  \r\nx-keywords: b c\r\n\r\n", []string{"a", "b", "c"}, "\r\n", false},
		{"folded fields go whole", "X-Keywords: a\r\n b\r\nSubject: c\r\n d\r\n\r\n", []string{"a"}, "Subject: c\r\n d\r\n\r\n", false},
		{"UIDs of another server", "X-UID: 5\r\nX-IMAPbase: 1 2\r\nSubject: a\r\n\r\n", nil, "Subject: a\r\n\r\n", false},
		{"Mozilla's bits stay", "X-Mozilla-Status: 0013\r\n\r\n", []string{`\Seen`, `\Answered`}, "", false},
		{"Mozilla's nonsense", "X-Mozilla-Status: zzzz\r\n\r\n", nil, "", false},
		{"UW-IMAP's note to itself", "X-IMAP: 1 2\r\nSubject: DON'T DELETE\r\n\r\n", nil, "Subject: DON'T DELETE\r\n\r\n", true},
		{"no end of the header", "Subject: a", nil, "", false},
		{"nothing", "", nil, "", false},
	}
	for _, tt := range tests {
		in := bufio.NewReaderSize(strings.NewReader(tt.in), 32<<10)
		h, err := mboxHeader(in)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		want := tt.text
		if want == "" {
			want = tt.in
		}
		slices.Sort(h.flags)
		slices.Sort(tt.flags)
		if !slices.Equal(h.flags, tt.flags) || string(h.text) != want || h.internal != tt.internal {
			t.Errorf("%s: flags %q, text %q, internal %t, want %q, %q, %t", tt.name, h.flags, h.text, h.internal, tt.flags, want, tt.internal)
		}
	}
	// A header without end is looked at for a while only, and none of it is lost.
	long := strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\r\n", 1000)
	in := bufio.NewReaderSize(strings.NewReader(long), 32<<10)
	h, err := mboxHeader(in)
	rest, err2 := io.ReadAll(in)
	if err != nil || err2 != nil || string(h.text)+string(rest) != long || len(h.text) > importHeaderLimit+2000 {
		t.Errorf("an endless header: %d bytes looked at, %d left of %d, %v %v", len(h.text), len(rest), len(long), err, err2)
	}
}

// The date of a letter is that of its header; what is no date, or stands in the text, is none.
func TestHeaderDate(t *testing.T) {
	at := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"Date: Mon, 5 Jan 2026 08:00:00 +0000\n\n": at, "Subject: x\r\ndate:Mon, 5 Jan 2026 09:00:00 +0100\r\n\r\n": at, "DATE : x\n": {},
		"Subject: x\n\nDate: Mon, 5 Jan 2026 08:00:00 +0000\n": {}, "Date: yesterday\n\n": {}, "": {}, "\n": {}, "X-Date: Mon, 5 Jan 2026 08:00:00 +0000\n\n": {},
	} {
		if got := headerDate([]byte(in)); !got.Equal(want) {
			t.Errorf("headerDate(%q) = %v, want %v", in, got, want)
		}
	}
}

// Dates of files are those of a Maildir's messages.
func TestMaildirDates(t *testing.T) {
	r, anna := testRooms(t)
	dir := folder(t, map[string]string{"cur/1:2,S": "Date: Tue, 6 Jan 2026 08:00:00 +0000\r\n\r\nx\r\n", "new/": ""})
	at := time.Date(2019, 5, 4, 3, 2, 1, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "cur", "1:2,S"), at, at); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := command(t, r, "import", "mail", "--user", "anna", dir); status != 0 {
		t.Fatal(stderr)
	}
	if got := mailOf(t, r, anna.ID); len(got) != 1 || !strings.HasPrefix(got[0], "INBOX [S] 2019-05-04 03:02:01 ") {
		t.Errorf("imported %q", got)
	}
}

// A caller's folder is read through the control socket as it is read here.
func TestServedImportIsTheSame(t *testing.T) {
	t.Parallel()
	files := theMaildir()
	var reports [2]string
	for i, served := range []bool{false, true} {
		k := newConsole(t, served)
		if status, _, stderr := k.run(t, "", "user", "add", "anna", "--role", "student"); status != 0 {
			t.Fatal(stderr)
		}
		if err := os.Rename(folder(t, files), filepath.Join(k.dir, "mail")); err != nil {
			t.Fatal(err)
		}
		for _, args := range []string{"import mail --user anna mail --json", "import mail --user anna mail --json", "export --user anna out --json", "export --user anna boxes --format mbox --json"} {
			status, stdout, stderr := k.run(t, "", strings.Fields(args)...)
			if status != 0 {
				t.Fatalf("%s, served %t: %s", args, served, stderr)
			}
			reports[i] += stdout
		}
		for name, text := range tree(t, filepath.Join(k.dir, "out")) {
			if name, _, found := strings.Cut(name, ".V"); found { // behind it stands the time, and before it a file's
				reports[i] += filepath.Dir(name) + " "
			} else if strings.HasSuffix(name, "dovecot-keywords") {
				reports[i] += text + " "
			}
		}
		for _, name := range []string{"INBOX", "Archiv.2025", "Entw&APw-rfe"} {
			text, err := os.ReadFile(filepath.Join(k.dir, "boxes", "mail", name+".mbox"))
			if err != nil {
				t.Error(err)
			}
			_, body, _ := strings.Cut(string(text), "\n") // dates are those of files
			reports[i] += strings.ReplaceAll(body[:min(len(body), 30)], "\n", " ") + " "
		}
	}
	if a, b := sortedWords(reports[0]), sortedWords(reports[1]); a != b {
		t.Errorf("without a server\n%s\nwith one\n%s", a, b)
	}
}
