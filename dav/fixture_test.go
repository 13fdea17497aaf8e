package dav

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"schulhof/dav/collection"
	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/storetest"
)

const testPassword = "geheim-7b-2026"

// school is a DAV server with a few people: anna and ben are pupils of class 7b, klein owns it, otto is a pupil elsewhere,
// root is an administrator. Its clock stands still until a test moves it.
type school struct {
	testing.TB
	store *store.Store
	dir   *directory.Directory
	dav   *collection.Collections
	srv   *Server
	http  *httptest.Server
	ids   map[string]directory.ID
	clock atomic.Int64
}

func newSchool(t testing.TB) *school {
	t.Helper()
	return newSchoolIn(t, storetest.Open(t))
}

func newSchoolIn(t testing.TB, s *store.Store) *school {
	t.Helper()
	w := &school{TB: t, store: s, ids: map[string]directory.ID{}}
	w.clock.Store(time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC).Unix())
	ctx := context.Background()
	var err error
	w.dir, err = directory.New(ctx, s, directory.Options{HashParams: directory.HashParams{MemoryKiB: 8, Time: 1, Threads: 1}})
	w.check(err)
	now := func() time.Time { return time.Unix(w.clock.Load(), 0) }
	w.dav, err = collection.New(ctx, s, w.dir, collection.Options{Now: now, MaxFileSize: 12 << 20})
	w.check(err)
	t.Cleanup(func() { w.dav.Close() })
	w.check(w.dir.AddDomain(ctx, "school.test"))
	quota := int64(20 << 20)
	for _, p := range []struct {
		login string
		role  directory.Role
	}{{"anna", directory.Student}, {"ben", directory.Student}, {"klein", directory.Teacher}, {"otto", directory.Student}, {"root", directory.Admin}} {
		list, _, err := w.dir.AddAccounts(ctx, []directory.NewAccount{{Address: p.login + "@school.test", Role: p.role, Password: testPassword,
			Name: strings.ToUpper(p.login[:1]) + p.login[1:], QuotaBytes: &quota}})
		w.check(err)
		w.ids[p.login] = list[0].ID
	}
	g, err := w.dir.AddGroup(ctx, directory.Group{Name: "7b", Title: "Klasse 7b", Kind: directory.Class})
	w.check(err)
	w.ids["7b"] = g.ID
	w.check(w.dir.AddMembers(ctx, g.ID, []directory.ID{w.ids["anna"], w.ids["ben"]}, false))
	w.check(w.dir.AddMembers(ctx, g.ID, []directory.ID{w.ids["klein"]}, true))
	_, err = w.dir.AddResource(ctx, directory.Resource{Name: "aula", Title: "Aula", Kind: directory.Place})
	w.check(err)
	disabled := directory.Disabled
	list, _, err := w.dir.AddAccounts(ctx, []directory.NewAccount{{Address: "disabled@school.test", Role: directory.Teacher, Password: testPassword}})
	w.check(err)
	w.check(w.dir.ChangeAccount(ctx, list[0].ID, directory.AccountChange{State: &disabled}))
	w.srv, err = New(Options{Store: s, Directory: w.dir, Collections: w.dav, Hostname: "mail.school.test", AllowPlaintextLoopback: true, Now: now})
	w.check(err)
	w.http = httptest.NewServer(w.srv.Handler())
	t.Cleanup(w.http.Close)
	return w
}

func (w *school) check(err error) {
	if err != nil {
		w.Helper()
		w.Fatal(err)
	}
}

// answer is what came back, with the whole body.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request as who ("": without a login). Headers are pairs of name and value.
func (w *school) do(who, method, path, body string, headers ...string) answer {
	w.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	return w.send(who, method, path, in, headers...)
}

func (w *school) send(who, method, path string, body io.Reader, headers ...string) answer {
	w.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, w.http.URL+path, body)
	w.check(err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	if who != "" {
		req.SetBasicAuth(who, testPassword)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	res, err := client.Do(req)
	w.check(err)
	defer res.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(res.Body)
	w.check(err)
	return answer{res.StatusCode, res.Header, b.String()}
}

// want is do for a status.
func (w *school) want(status int, who, method, path, body string, headers ...string) answer {
	w.Helper()
	a := w.do(who, method, path, body, headers...)
	if a.status != status {
		w.Fatalf("%s %s as %q = %d, want %d\n%s", method, path, who, a.status, status, a.body)
	}
	return a
}

// exchange is a request that has not been looked at yet, for tests of single steps.
func (w *school) exchange(who, method, url string) *exchange {
	w.Helper()
	r := httptest.NewRequest(method, url, nil)
	r.RemoteAddr = "127.0.0.1:5"
	if who != "" {
		r.SetBasicAuth(who, testPassword)
	}
	answer := httptest.NewRecorder()
	return &exchange{srv: w.srv, w: answer, r: r, log: w.srv.log, body: requestBody{w: answer, in: r.Body}}
}
