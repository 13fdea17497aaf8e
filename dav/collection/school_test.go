package collection

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/storetest"
)

// school is a DAV domain with people, a clock that stands still, and short words for what tests do.
type school struct {
	testing.TB
	store *store.Store
	dir   *directory.Directory
	dav   *Collections
	anna  directory.ID // a student of 7b
	ben   directory.ID // a student of 7b
	klein directory.ID // a teacher, owner of 7b
	otto  directory.ID // a student elsewhere
	class directory.ID // 7b
	clock atomic.Int64
}

// each runs test on both databases: for tests of statements and transactions. They run beside each other, because most of their time is
// spent waiting for a new database of PostgreSQL.
func each(t *testing.T, test func(t *testing.T, w *school)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(t, newSchool(t, s)) })
}

// quick runs test on SQLite alone: for tests of what is decided above the statements, which others run on both databases.
func quick(t *testing.T, test func(t *testing.T, w *school)) {
	t.Helper()
	test(t, newSchool(t, storetest.Open(t)))
}

func newSchool(t testing.TB, s *store.Store) *school {
	t.Helper()
	w := &school{TB: t, store: s}
	w.clock.Store(time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC).Unix())
	w.open(Options{})
	w.check(w.dir.AddDomain(t.Context(), "school.test"))
	w.anna, w.ben = w.account("anna", directory.Student), w.account("ben", directory.Student)
	w.klein, w.otto = w.account("klein", directory.Teacher), w.account("otto", directory.Student)
	w.class = w.group("7b", directory.Class, w.anna, w.ben)
	w.check(w.dir.AddMembers(t.Context(), w.class, []directory.ID{w.klein}, true))
	t.Cleanup(func() { w.dav.Close() })
	return w
}

// open makes the rooms over the store, as a start of the server does.
func (w *school) open(o Options) {
	w.Helper()
	now := func() time.Time { return time.Unix(w.clock.Load(), 0) }
	dir, err := directory.New(w.Context(), w.store, directory.Options{Now: now,
		HashParams: directory.HashParams{MemoryKiB: 8, Time: 1, Threads: 1}})
	w.check(err)
	o.Now = now
	c, err := New(w.Context(), w.store, dir, o)
	w.check(err)
	w.dir, w.dav = dir, c
}

func (w *school) check(err error) {
	if err != nil {
		w.Helper()
		w.Fatal(err)
	}
}

func (w *school) account(login string, role directory.Role) directory.ID {
	w.Helper()
	list, _, err := w.dir.AddAccounts(context.Background(), []directory.NewAccount{{
		Address: login + "@school.test", Name: strings.ToUpper(login[:1]) + login[1:], Role: role, Password: "correct horse battery"}})
	w.check(err)
	return list[0].ID
}

func (w *school) group(name string, kind directory.Kind, members ...directory.ID) directory.ID {
	w.Helper()
	g, err := w.dir.AddGroup(context.Background(), directory.Group{Name: name, Title: "Class " + name, Kind: kind})
	w.check(err)
	w.check(w.dir.AddMembers(context.Background(), g.ID, members, false))
	return g.ID
}

// at reads a path as tests write it: "calendars:anna/calendar/x.ics", "files:/a/b", "groups:/7b/x".
func at(s string) Path {
	space, rest, _ := strings.Cut(s, ":")
	owner, rest, _ := strings.Cut(rest, "/")
	p := Path{Owner: owner}
	for _, sp := range []Space{Calendars, Contacts, Files, Groups} {
		if sp.String() == space {
			p.Space = sp
		}
	}
	if rest != "" {
		p.Segments = strings.Split(rest, "/")
	}
	return p
}

func (w *school) spool(content string) *store.Spool {
	w.Helper()
	s := w.dav.NewSpool()
	_, err := s.Write([]byte(content))
	w.check(err)
	return s
}

func (w *school) tryPut(who directory.ID, path, content string, o PutOptions) (Node, bool, error) {
	w.Helper()
	s := w.spool(content)
	defer s.Close()
	return w.dav.Put(context.Background(), who, at(path), s, o)
}

func (w *school) put(who directory.ID, path, content string) Node {
	w.Helper()
	n, _, err := w.tryPut(who, path, content, PutOptions{})
	w.check(err)
	return n
}

func (w *school) make(who directory.ID, path string, kind Kind) Node {
	w.Helper()
	n, err := w.dav.Make(context.Background(), who, at(path), MakeOptions{Kind: kind})
	w.check(err)
	return n
}

func (w *school) delete(who directory.ID, path string) {
	w.Helper()
	w.check(w.dav.Delete(context.Background(), who, at(path), DeleteOptions{}))
}

func (w *school) node(who directory.ID, path string) Node {
	w.Helper()
	n, err := w.dav.Resolve(context.Background(), who, at(path))
	if err != nil {
		w.Fatalf("%s: %v", path, err)
	}
	return n
}

// read is the content of an object.
func (w *school) read(who directory.ID, path string) string {
	w.Helper()
	r, err := w.dav.Open(context.Background(), w.node(who, path))
	w.check(err)
	defer r.Close()
	b := make([]byte, r.Size())
	if len(b) > 0 {
		_, err = r.ReadAt(b, 0)
		w.check(err)
	}
	return string(b)
}

// list writes the members of a collection as one line; collections end with a slash.
func (w *school) list(who directory.ID, path string) string {
	w.Helper()
	var words []string
	n := w.node(who, path)
	after := ""
	for {
		page, err := w.dav.Children(context.Background(), who, n, after, 3)
		w.check(err)
		for _, m := range page {
			word := m.Name()
			if m.Kind.IsCollection() {
				word += "/"
			}
			words = append(words, word)
		}
		if len(page) < 3 {
			return strings.Join(words, " ")
		}
		after = page[2].Name()
	}
}

func (w *school) usage(who directory.ID, path string) int64 {
	w.Helper()
	u, err := w.dav.Usage(context.Background(), w.node(who, path))
	w.check(err)
	return u.Used
}

// event is a small calendar object.
func event(uid string) string {
	return fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//school//test//EN\r\nBEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20261124T080000Z\r\n"+
		"DTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\nSUMMARY:Exam %s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", uid, uid)
}

func directoryQuota(n int64) directory.AccountChange {
	return directory.AccountChange{QuotaBytes: &n}
}

// task is a small task.
func task(uid string) string {
	return strings.ReplaceAll(strings.Replace(event(uid), "DTEND", "DUE", 1), "VEVENT", "VTODO")
}

// firstDay is when the first of the events of largeEvent is, in unix seconds.
var firstDay = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC).Unix() //nolint:gochecknoglobals // a constant

// largeEvent is an event of about 1 KB on the n-th day.
func largeEvent(n, version int) string {
	start := time.Unix(firstDay, 0).UTC().AddDate(0, 0, n)
	return fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//school//test//EN\r\nBEGIN:VEVENT\r\nUID:large-%d\r\nDTSTAMP:20261124T080000Z\r\n"+
		"SEQUENCE:%d\r\nDTSTART:%s\r\nDTEND:%s\r\nSUMMARY:Lesson %d\r\nDESCRIPTION:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		n, version, start.Format("20060102T150405Z"), start.Add(time.Hour).Format("20060102T150405Z"), n,
		strings.Repeat("\r\n Bring the book and the map.", 25))
}
