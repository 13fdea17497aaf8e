package dav

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"schulhof/store"
	"schulhof/store/storetest"
)

// Several clients count in one file, each with If-Match: no count is lost, whichever order the requests take.
func TestNoUpdateIsLost(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchoolIn(t, s)
		w.want(201, "anna", "PUT", "/webdav/Files/n", "0")
		const clients, each = 4, 8
		var counting sync.WaitGroup
		for range clients {
			counting.Go(func() {
				for range each {
					w.count("/webdav/Files/n")
				}
			})
		}
		counting.Wait()
		if got := w.want(200, "anna", "GET", "/webdav/Files/n", "").body; got != fmt.Sprint(clients*each) {
			t.Errorf("counted %s, want %d", got, clients*each)
		}
	})
}

// count adds one to the number in a file, and tries again while others were quicker.
func (w *school) count(path string) {
	for {
		a := w.do("anna", "GET", path, "")
		n, err := strconv.Atoi(a.body)
		if err != nil {
			w.Errorf("the file is %q", a.body)
			return
		}
		put := w.do("anna", "PUT", path, fmt.Sprint(n+1), "If-Match", a.header.Get("ETag"))
		switch put.status {
		case 204:
			return
		case 412:
		default:
			w.Errorf("PUT = %d %s", put.status, put.body)
			return
		}
	}
}

// Of several clients that make one name with If-None-Match: *, exactly one does.
func TestOneOfManyMakesTheName(t *testing.T) {
	w := newSchool(t)
	var (
		racing sync.WaitGroup
		mu     sync.Mutex
		made   = map[int]int{}
	)
	for i := range 8 {
		racing.Go(func() {
			a := w.do("anna", "PUT", "/webdav/Files/one", fmt.Sprint(i), "If-None-Match", "*")
			mu.Lock()
			defer mu.Unlock()
			made[a.status]++
		})
	}
	racing.Wait()
	if made[201] != 1 || made[412] != 7 {
		t.Errorf("answers by status: %v, want one 201 and seven 412", made)
	}
}

// Of several clients that add something on the condition that nothing has been added since they looked, exactly one does. RFC 6578 §5.
func TestOneOfManyIsTheNext(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchoolIn(t, s)
		const folder = "/webdav/Files/"
		token := cutOut(w.want(207, "anna", "PROPFIND", folder, `<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>`, "Depth", "0").body, "<D:sync-token>", "<")
		var (
			racing sync.WaitGroup
			mu     sync.Mutex
			made   = map[int]int{}
		)
		for i := range 6 {
			racing.Go(func() {
				a := w.do("anna", "PUT", folder+fmt.Sprint(i), "x", "If", "<"+folder+"> (<"+token+">)")
				mu.Lock()
				defer mu.Unlock()
				made[a.status]++
			})
		}
		racing.Wait()
		if made[201] != 1 || made[412] != 5 {
			t.Errorf("answers by status: %v, want one 201 and five 412", made)
		}
	})
}
