package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOtherPeoplesCalendarClients uses the calendars and contacts of a running school with programs and libraries that others
// wrote. SCHULHOF_E2E=1: vdirsyncer keeps 1,000 objects of a kind the same instead of 30.
func TestOtherPeoplesCalendarClients(t *testing.T) {
	t.Parallel()
	s := startSchool(t)
	t.Run("python3-caldav", s.pythonCalDAV)
	t.Run("vdirsyncer", s.vdirsyncer)
	t.Run("go-webdav, files", s.goFiles)
	t.Run("go-webdav, calendars", s.goCalendars)
	t.Run("go-webdav, contacts", s.goContacts)
}

// web is a client that believes the school's authority and follows no redirect.
func (s *school) web(t *testing.T) *http.Client {
	transport := &http.Transport{TLSClientConfig: s.trust(t), ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// pythonCalDAV runs testdata/clients/caldav_library.py, which has the cases.
func (s *school) pythonCalDAV(t *testing.T) {
	python := "/usr/bin/python3" // Debian's, which has Debian's libraries
	if out, err := exec.Command(python, "-c", "import caldav").CombinedOutput(); err != nil {
		t.Skipf("python3-caldav is not installed: %v %s", err, out)
	}
	out := tool(t, python, "testdata/clients/caldav_library.py", "https://localhost:"+s.ports["https"], s.ca, "tina", "anna", storyPassword)
	if n := strings.Count(out, "\nok ") + 1; n < 25 || !strings.Contains(out, fmt.Sprintf("%d of %d cases hold", n, n)) {
		t.Errorf("%d cases held\n%s", n, out)
	}
}

// pair is a folder here and a home there that vdirsyncer keeps the same.
type pair struct {
	storage string // vdirsyncer's name for the protocol
	home    string // path of the home on the server
	own     string // the collection in it that is there from the beginning
	ext     string
	mime    string
	item    func(uid, text string) string
	dir     string
	far     *davClient
}

// vdirsyncer keeps a calendar home and a contacts home the same as two folders.
type vdirsyncer struct {
	school   *school
	dir      string
	settings string
	pairs    []*pair
}

func (s *school) vdirsyncer(t *testing.T) {
	if _, err := exec.LookPath("vdirsyncer"); err != nil {
		t.Skip("vdirsyncer is not installed")
	}
	n := 15
	if os.Getenv(longVariable) != "" {
		n = 500
	}
	v := &vdirsyncer{school: s, dir: t.TempDir(), pairs: []*pair{
		{storage: "caldav", home: "/dav/calendars/sync/", own: "calendar", ext: ".ics", mime: "text/calendar", item: syncedEvent},
		{storage: "carddav", home: "/dav/contacts/sync/", own: "contacts", ext: ".vcf", mime: "text/vcard", item: syncedCard},
	}}
	for _, p := range v.pairs {
		p.dir, p.far = filepath.Join(v.dir, p.storage), s.dav(t, "sync")
	}
	v.newThings(t, n)
	v.changes(t, n)
	v.conflicts(t, n)
	if cards, err := os.ReadDir(filepath.Join(v.dir, "carddav", "directory")); err != nil || len(cards) < 4 {
		t.Errorf("of the school's directory %d cards came, %v", len(cards), err)
	}
}

func syncedEvent(uid, text string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Beispiel//DE\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\n" +
		"DTSTART;TZID=Europe/Berlin:20260302T080000\r\nDTEND;TZID=Europe/Berlin:20260302T084500\r\nRRULE:FREQ=WEEKLY\r\nSUMMARY:" + text + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

func syncedCard(uid, text string) string {
	return "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:" + uid + "\r\nFN:" + text + "\r\nN:" + text + ";;;;\r\nEMAIL;TYPE=HOME:a@example.org\r\nX-EIGEN:bleibt\r\nEND:VCARD\r\n"
}

// newThings begins with n things on each side, and a collection that the server does not have yet.
func (v *vdirsyncer) newThings(t *testing.T, n int) {
	t.Helper()
	for _, p := range v.pairs {
		for i := range n {
			p.here(t, p.own, fmt.Sprintf("hier-%d", i), "erst")
			p.there(t, p.own, fmt.Sprintf("dort-%d", i), "erst")
		}
		p.here(t, "neu", "einzeln", "erst")
	}
	v.configure(t, "")
	v.run(t, "discover")
	v.run(t, "sync")
	for _, p := range v.pairs {
		p.same(t, p.own, 2*n)
		p.same(t, "neu", 1)
	}
	v.quiet(t)
}

// changes changes and deletes on both sides.
func (v *vdirsyncer) changes(t *testing.T, n int) {
	t.Helper()
	for _, p := range v.pairs {
		p.here(t, p.own, "hier-0", "anders")
		p.here(t, p.own, "dort-1", "anders")
		p.there(t, p.own, "hier-1", "anders dort")
		if err := os.Remove(filepath.Join(p.dir, p.own, "hier-2"+p.ext)); err != nil {
			t.Fatal(err)
		}
		p.far.want(t, http.StatusNoContent, "DELETE", p.home+p.own+"/dort-2"+p.ext, "")
	}
	v.run(t, "sync")
	for _, p := range v.pairs {
		all := p.same(t, p.own, 2*n-2)
		for uid, want := range map[string]string{"hier-0": "anders", "dort-1": "anders", "hier-1": "anders dort", "hier-3": "erst"} {
			if !strings.Contains(all[uid], ":"+want+"\n") {
				t.Errorf("%s is %q, want %q", uid, all[uid], want)
			}
		}
	}
}

// conflicts changes one thing on both sides. Without a rule vdirsyncer says so and leaves both; with one they are the same again.
func (v *vdirsyncer) conflicts(t *testing.T, n int) {
	t.Helper()
	for _, p := range v.pairs {
		p.here(t, p.own, "hier-4", "hier")
		p.there(t, p.own, "hier-4", "dort")
	}
	out, err := v.command("sync").CombinedOutput()
	if err == nil || bytes.Count(out, []byte("conflict")) < len(v.pairs) {
		t.Errorf("conflicts went by unsaid: %v\n%s", err, out)
	}
	v.configure(t, `conflict_resolution = "b wins"`)
	v.run(t, "sync")
	for _, p := range v.pairs {
		if all := p.same(t, p.own, 2*n-2); !strings.Contains(all["hier-4"], ":dort\n") {
			t.Errorf("after the conflict: %q", all["hier-4"])
		}
	}
	v.quiet(t)
}

func (v *vdirsyncer) configure(t *testing.T, more string) {
	t.Helper()
	text := fmt.Sprintf("[general]\nstatus_path = %q\n", filepath.Join(v.dir, "status"))
	for _, p := range v.pairs {
		text += fmt.Sprintf(`[pair %[1]s]
a = "%[1]s_here"
b = "%[1]s_there"
collections = ["from a", "from b"]
%[2]s
[storage %[1]s_here]
type = "filesystem"
path = %[3]q
fileext = %[4]q
[storage %[1]s_there]
type = "%[1]s"
url = "https://localhost:%[5]s/"
username = "sync@school.test"
password = %[6]q
verify = %[7]q
`, p.storage, more, p.dir, p.ext, v.school.ports["https"], storyPassword, v.school.ca)
	}
	v.settings = filepath.Join(v.dir, "vdirsyncer.conf")
	write(t, v.settings, text)
}

func (v *vdirsyncer) command(what string) *exec.Cmd {
	cmd := exec.Command("vdirsyncer", "--config", v.settings, what)
	cmd.Stdin = strings.NewReader(strings.Repeat("y\n", 20)) // yes, make the collection
	return cmd
}

func (v *vdirsyncer) run(t *testing.T, what string) string {
	t.Helper()
	out, err := v.command(what).CombinedOutput()
	if err != nil {
		t.Fatalf("vdirsyncer %s: %v\n%s", what, err, out)
	}
	return string(out)
}

// quiet wants that a run has nothing to do and that the server's side does not move.
func (v *vdirsyncer) quiet(t *testing.T) {
	t.Helper()
	var seen []*replica
	for _, p := range v.pairs {
		r := &replica{client: p.far, path: p.home + p.own + "/"}
		r.sync(t)
		seen = append(seen, r)
	}
	out := v.run(t, "sync")
	if busy := regexp.MustCompile(`(?m)^(Copying|Deleting|Updating).*$`).FindString(out); busy != "" {
		t.Errorf("a run without news: %s", busy)
	}
	for _, r := range seen {
		if news := r.sync(t); len(news) != 0 {
			t.Errorf("a run without news changed %q", news)
		}
	}
}

// here writes one item into the folder. vdirsyncer names what it makes by UID, too.
func (p *pair) here(t *testing.T, collection, uid, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(p.dir, collection), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(p.dir, collection, uid+p.ext), p.item(uid, text))
}

// there puts one item.
func (p *pair) there(t *testing.T, collection, uid, text string) {
	t.Helper()
	path := p.home + collection + "/" + uid + p.ext
	answer, err := p.far.do("PUT", path, p.item(uid, text), "Content-Type", p.mime)
	if err != nil || answer.status != http.StatusCreated && answer.status != http.StatusNoContent {
		t.Fatalf("PUT %s: %v, %d %s", path, err, answer.status, answer.text)
	}
}

// same wants n items on both sides, the same ones, and returns them by UID. Line ends do not count: XML has only one kind.
func (p *pair) same(t *testing.T, collection string, n int) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, collection, "*"+p.ext))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		uid := strings.TrimSuffix(filepath.Base(file), p.ext)
		all[uid] = strings.ReplaceAll(string(text), "\r\n", "\n")
		if far := p.far.want(t, http.StatusOK, "GET", p.home+collection+"/"+uid+p.ext, "").text; strings.ReplaceAll(far, "\r\n", "\n") != all[uid] {
			t.Errorf("%s is %q here and %q there", uid, all[uid], far)
		}
	}
	if there := len(p.far.list(t, p.home+collection+"/")); len(all) != n || there != n {
		t.Errorf("%s: %d items here, %d there, want %d", collection, len(all), there, n)
	}
	return all
}
