package collection

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// longGames is how many games the models play with SCHULHOF_E2E: more than 20,000 steps, about 30 in each game.
const longGames = 800

// TestMain sets how long the models play: a short game, or a long one.
func TestMain(m *testing.M) {
	flag.Parse()
	checks := "10"
	if os.Getenv("SCHULHOF_E2E") != "" {
		checks = strconv.Itoa(longGames)
	}
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "rapid.checks" })
	if !set {
		if err := flag.Set("rapid.checks", checks); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// games counts the games that a model has begun.
type games struct {
	n    int
	lost bool
}

// next begins another one. It is not played on PostgreSQL beyond gamesOnPostgres, unless one was lost: rapid plays that again to make it shorter.
func (g *games) next(t *rapid.T, s *store.Store) (play bool) {
	g.n++
	t.Cleanup(func() { g.lost = g.lost || t.Failed() })
	return !s.Postgres() || g.n <= gamesOnPostgres() || g.lost
}

// gamesOnPostgres is how many games the models play there, where the same steps take some times as long.
func gamesOnPostgres() int {
	if os.Getenv("SCHULHOF_E2E") != "" {
		return longGames
	}
	return 4
}

// tree is what a group's folder should be, as plainly as it can be said: the content of each path, folders with a slash at the end.
type tree map[string]string

// below are the paths of t that are p or in it.
func (t tree) below(p string) (list []string) {
	for q := range t {
		if q == p || q == p+"/" || strings.HasPrefix(q, p+"/") {
			list = append(list, q)
		}
	}
	return list
}

func (t tree) file(p string) bool   { _, ok := t[p]; return ok }
func (t tree) folder(p string) bool { _, ok := t[p+"/"]; return ok || p == "" }
func (t tree) there(p string) bool  { return t.file(p) || t.folder(p) }

func parentOf(p string) string { return p[:max(strings.LastIndexByte(p, '/'), 0)] }

func inside(p, q string) bool { return p == q || strings.HasPrefix(p, q+"/") }

// graft copies what is at from to to, which was emptied.
func (t tree) graft(from, to string) {
	for _, p := range t.below(from) {
		t[to+p[len(from):]] = t[p]
	}
}

func (t tree) cut(p string) {
	for _, q := range t.below(p) {
		delete(t, q)
	}
}

// device is a client: what it knows of each folder it has synced.
type device struct {
	who   directory.ID
	known map[string]*knowledge
}

type knowledge struct {
	since Token
	etags map[string]string // folders have ""
}

// modelTree plays random commands of four clients against a group's folder and against a tree.
type modelTree struct {
	*rapid.T
	w       *school
	top     string
	tree    tree
	devices []*device
	steps   *int
}

func TestModelOfFiles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s)
		var g games
		steps := 0
		rapid.Check(t, func(rt *rapid.T) {
			if !g.next(rt, s) {
				return
			}
			m := &modelTree{T: rt, w: w, steps: &steps, top: fmt.Sprintf("groups:/g%d", g.n), tree: tree{}}
			w.group(fmt.Sprintf("g%d", g.n), directory.Class, w.anna, w.ben, w.otto, w.klein)
			for _, who := range []directory.ID{w.anna, w.anna, w.ben, w.klein} {
				m.devices = append(m.devices, &device{who, map[string]*knowledge{}})
			}
			rt.Repeat(map[string]func(*rapid.T){
				"put": m.put, "put known": m.putKnown, "make": m.make, "delete": m.delete, "move": m.move, "copy": m.copy,
				"sync": m.sync, "failed": m.failed, "property": m.property, "": m.verify,
			})
		})
		if t.Logf("%d steps", steps); os.Getenv("SCHULHOF_E2E") != "" && steps < 20_000 {
			t.Errorf("%d steps are too few", steps)
		}
		w.sound()
	})
}

func (m *modelTree) ok(err error) {
	if err != nil {
		m.Helper()
		m.Fatal(err)
	}
}

func (m *modelTree) device() *device { return rapid.SampledFrom(m.devices).Draw(m.T, "device") }

// path is one of 39 places, three deep.
func (m *modelTree) path(label string) string {
	names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3).Draw(m.T, label)
	return strings.Join(names, "/")
}

func (m *modelTree) at(p string) Path {
	if p == "" {
		return at(m.top)
	}
	return at(m.top + "/" + p)
}

func (m *modelTree) content() string {
	return strings.Repeat("x", rapid.IntRange(0, 3).Draw(m.T, "size")) + rapid.SampledFrom([]string{"", "1", "2"}).Draw(m.T, "content")
}

// expect compares an error with what the model says; nil: it succeeds.
func (m *modelTree) expect(what string, err, want error) bool {
	m.Helper()
	if want == nil {
		m.ok(err)
		return true
	}
	var kind fault.Kind
	switch {
	case errors.Is(want, ErrNoParent), errors.Is(want, ErrIsCollection), errors.Is(want, ErrNotEmpty), errors.Is(want, errStale):
		if !errors.Is(err, want) {
			m.Fatalf("%s: %v, want %v", what, err, want)
		}
		return false
	default:
		kind = fault.KindOf(want)
	}
	if !fault.Is(err, kind) {
		m.Fatalf("%s: %v, want %s", what, err, kind)
	}
	return false
}

var (
	errStale      = errors.New("stale")
	errMissing    = fault.New(fault.NotFound, "")
	errExists     = fault.New(fault.AlreadyExists, "")
	errImpossible = fault.New(fault.Forbidden, "")
)

func (m *modelTree) writable(p string) error {
	switch {
	case m.tree.folder(p):
		return ErrIsCollection
	case !m.tree.folder(parentOf(p)):
		return ErrNoParent
	}
	return nil
}

func (m *modelTree) put(*rapid.T) { m.putIf(m.device().who, m.path("path"), nil, m.writable) }

func (m *modelTree) putIf(who directory.ID, p string, cond Condition, want func(string) error) {
	content := m.content()
	s := m.w.spool(content)
	defer s.Close()
	was := m.tree.file(p)
	_, created, err := m.w.dav.Put(context.Background(), who, m.at(p), s, PutOptions{Guard: Guard{If: cond}})
	if m.expect("put "+p, err, want(p)) {
		if created == was {
			m.Fatalf("put %s: created is %t", p, created)
		}
		m.tree[p] = content
	}
}

// putKnown writes only over what the client knows: it never overwrites what it has not seen.
func (m *modelTree) putKnown(*rapid.T) {
	d, p := m.device(), m.path("path")
	etag, knows := "", false
	if k := d.known[parentOf(p)]; k != nil {
		etag, knows = k.etags[p[strings.LastIndexByte(p, '/')+1:]]
	}
	cond := func(s *State) error {
		r, err := s.At(m.at(p))
		if err == nil && (r.Exists != knows || knows && r.ETag != etag) {
			err = errStale
		}
		return err
	}
	m.putIf(d.who, p, cond, func(p string) error {
		if err := m.writable(p); err != nil {
			return err
		}
		content, there := m.tree[p]
		if there != knows || there && etag != sumOf(content) {
			return errStale
		}
		return nil
	})
}

func sumOf(content string) string {
	return etagText(etagOf(sha256.Sum256([]byte(content))))
}

func (m *modelTree) make(*rapid.T) {
	p := m.path("path")
	var want error
	switch {
	case m.tree.there(p):
		want = errExists
	case !m.tree.folder(parentOf(p)):
		want = ErrNoParent
	}
	_, err := m.w.dav.Make(context.Background(), m.device().who, m.at(p), MakeOptions{Kind: Folder})
	if m.expect("make "+p, err, want) {
		m.tree[p+"/"] = ""
	}
}

func (m *modelTree) delete(*rapid.T) {
	p := m.path("path")
	var want error
	if !m.tree.there(p) {
		want = errMissing
	}
	err := m.w.dav.Delete(context.Background(), m.device().who, m.at(p), DeleteOptions{})
	if m.expect("delete "+p, err, want) {
		m.tree.cut(p)
	}
}

// transfer is what the model says of a move or copy.
func (m *modelTree) transfer(from, to string, overwrite bool) error {
	switch {
	case !m.tree.there(from):
		return errMissing
	case !m.tree.folder(parentOf(to)):
		return ErrNoParent
	case inside(to, from), m.tree.there(to) && inside(from, to):
		return errImpossible
	case m.tree.there(to) && !overwrite:
		return ErrNotEmpty
	}
	return nil
}

func (m *modelTree) move(*rapid.T) {
	from, to, overwrite := m.path("from"), m.path("to"), rapid.Bool().Draw(m.T, "overwrite")
	_, created, err := m.w.dav.Move(context.Background(), m.device().who, m.at(from), m.at(to), MoveOptions{Overwrite: overwrite})
	if !m.expect("move "+from+" "+to, err, m.transfer(from, to, overwrite)) {
		return
	}
	if created == m.tree.there(to) {
		m.Fatalf("move to %s: created is %t", to, created)
	}
	m.tree.cut(to)
	m.tree.graft(from, to)
	m.tree.cut(from)
}

func (m *modelTree) copy(*rapid.T) {
	from, to, overwrite := m.path("from"), m.path("to"), rapid.Bool().Draw(m.T, "overwrite")
	_, _, err := m.w.dav.Copy(context.Background(), m.device().who, m.at(from), m.at(to), CopyOptions{Overwrite: overwrite})
	if m.expect("copy "+from+" "+to, err, m.transfer(from, to, overwrite)) {
		m.tree.cut(to)
		m.tree.graft(from, to)
	}
}

func (m *modelTree) property(*rapid.T) {
	p := m.path("path")
	var want error
	if !m.tree.there(p) {
		want = errMissing
	}
	_, err := m.w.dav.Patch(context.Background(), m.device().who, m.at(p), PatchOptions{Set: []Property{property("p", m.content())}})
	m.expect("patch "+p, err, want)
}

// failed is a write that is refused at the last moment.
func (m *modelTree) failed(*rapid.T) {
	p := m.path("path")
	m.putIf(m.device().who, p, func(*State) error { return errStale }, func(p string) error {
		if err := m.writable(p); err != nil {
			return err
		}
		return errStale
	})
}

// listing is what a folder shows: the ETag of each member.
func (m *modelTree) listing(folder string) map[string]string {
	n, err := m.w.dav.Resolve(context.Background(), m.w.klein, m.at(folder))
	m.ok(err)
	list, err := m.w.dav.Children(context.Background(), m.w.klein, n, "", 0)
	m.ok(err)
	etags := map[string]string{}
	for _, c := range list {
		etags[c.Name()] = c.ETag
	}
	return etags
}

// sync brings a client's knowledge of a folder up to date, page by page, and compares it with the listing.
func (m *modelTree) sync(*rapid.T) {
	d, folder := m.device(), m.path("folder")
	if rapid.Bool().Draw(m.T, "top") {
		folder = ""
	}
	n, err := m.w.dav.Resolve(context.Background(), d.who, m.at(folder))
	if !m.tree.folder(folder) {
		delete(d.known, folder)
		return
	}
	m.ok(err)
	k := d.known[folder]
	if k == nil {
		k = &knowledge{etags: map[string]string{}}
	}
	limit := rapid.IntRange(1, 4).Draw(m.T, "limit")
	for more := true; more; {
		ch, err := m.w.dav.Changes(context.Background(), d.who, n, k.since, limit)
		if fault.Is(err, fault.Expired) && k.since.Collection != n.ID {
			k = &knowledge{etags: map[string]string{}} // it is another folder than before
			continue
		}
		m.ok(err)
		for _, name := range ch.Removed {
			delete(k.etags, name)
		}
		for _, c := range ch.Changed {
			k.etags[c.Name()] = c.ETag
		}
		k.since, more = ch.Next, ch.More
	}
	d.known[folder] = k
	if want := m.listing(folder); !maps.Equal(k.etags, want) {
		m.Fatalf("%s: the client has %v, the listing %v", folder, k.etags, want)
	}
}

// verify compares all folders and what the group uses with the tree. An ETag changes exactly when the bytes do: it is that of the bytes.
func (m *modelTree) verify(*rapid.T) {
	*m.steps++
	folders := []string{""}
	size := 0
	for p, content := range m.tree {
		size += len(content)
		if f, ok := strings.CutSuffix(p, "/"); ok {
			folders = append(folders, f)
		}
	}
	slices.Sort(folders)
	for _, f := range folders {
		want := map[string]string{}
		for p, content := range m.tree {
			name, isFolder := strings.CutSuffix(p, "/")
			if parentOf(name) != f {
				continue
			}
			if want[name[strings.LastIndexByte(name, '/')+1:]] = sumOf(content); isFolder {
				want[name[strings.LastIndexByte(name, '/')+1:]] = ""
			}
		}
		if got := m.listing(f); !maps.Equal(got, want) {
			m.Fatalf("%q has %v, want %v", f, got, want)
		}
	}
	n, err := m.w.dav.Resolve(context.Background(), m.w.klein, m.at(""))
	m.ok(err)
	u, err := m.w.dav.Usage(context.Background(), n)
	m.ok(err)
	if u.Used != int64(size) {
		m.Fatalf("the group uses %d bytes, its files have %d", u.Used, size)
	}
}
