package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestKilledServerKeepsFilesAndCalendars kills the server while clients put, replace, move and delete files and events. After each
// start every worker finds what was acknowledged to it, and of the one request that was cut off either all or nothing; a
// client that has asked for changes since before the kill has the same as one that lists everything.
func TestKilledServerKeepsFilesAndCalendars(t *testing.T) {
	t.Parallel()
	cycles := 3
	if os.Getenv(longVariable) != "" {
		cycles = 100
	}
	if n, err := strconv.Atoi(os.Getenv(killCyclesVariable)); err == nil {
		cycles = n
	}
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna", "ben")
	l.serve(t)
	workers := newDAVWorkers(t, l)
	const enough = 200 // acknowledged requests before a kill
	acknowledged, cut := 0, 0
	for cycle := range cycles {
		done := make(chan struct{}, 1<<16)
		var clients sync.WaitGroup
		for _, w := range workers {
			clients.Go(func() { w.load(done) })
		}
		for range enough {
			select {
			case <-done:
			case <-time.After(storyPatience):
				t.Fatalf("cycle %d: too little was acknowledged\n%s", cycle, l.log.String())
			}
		}
		l.kill() // in the middle of it
		clients.Wait()
		acknowledged += enough + len(done)
		l.serve(t)
		for _, w := range workers {
			if len(w.open) > 0 {
				cut++
			}
			w.verify(t, cycle)
		}
	}
	l.stop(t)
	if out := l.schulhof(t, "check"); !strings.Contains(out, "No problems") {
		t.Errorf("check: %s", out)
	}
	t.Logf("%d kills: %d requests acknowledged, %d cut off", cycles, acknowledged, cut)
}

// newDAVWorkers makes two people's folders and calendars.
func newDAVWorkers(t *testing.T, l *live) (workers []*davWorker) {
	t.Helper()
	for i, name := range []string{"anna", "anna", "ben", "ben"} {
		client := &davClient{base: "http://" + l.ports["http"], name: name, password: storyPassword, http: &http.Client{Transport: &http.Transport{}}}
		w := &davWorker{client: client, state: map[string]string{}, number: i}
		if i%2 == 0 {
			w.folder, w.text = fmt.Sprintf("/webdav/Files/w%d/", i), fileText
			client.want(t, http.StatusCreated, "MKCOL", w.folder, "")
		} else {
			w.folder, w.text = fmt.Sprintf("/dav/calendars/%s/w%d/", name, i), eventText
			client.want(t, http.StatusCreated, "MKCALENDAR", w.folder, "")
		}
		w.seen = replica{client: client, path: w.folder}
		workers = append(workers, w)
	}
	return workers
}

// davWorker is a client with a folder or calendar of its own, and what it was told about it.
type davWorker struct {
	client  *davClient
	number  int
	folder  string
	text    func(name string, n int) string
	n       int               // requests so far
	state   map[string]string // what is there by all that was acknowledged
	open    map[string]string // what the request that was cut off would have made of some names; "": gone
	refused string            // an answer that nobody expects
	seen    replica
}

func fileText(name string, n int) string {
	return strings.Repeat(fmt.Sprintf("%s, %d. Fassung\n", name, n), 1+n*37%9000)
}

func eventText(name string, n int) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Beispiel//DE\r\nBEGIN:VEVENT\r\nUID:" + name + "\r\nDTSTAMP:20260101T000000Z\r\n" +
		fmt.Sprintf("DTSTART:202603%02dT080000Z\r\nSUMMARY:%s\\, %d. Fassung\r\n", 1+n%28, name, n) +
		strings.Repeat("COMMENT:"+strings.Repeat("x", 60)+"\r\n", n%200) + "END:VEVENT\r\nEND:VCALENDAR\r\n"
}

// load works until the server is gone.
func (w *davWorker) load(done chan<- struct{}) {
	w.open = nil
	for w.step() {
		done <- struct{}{}
	}
}

// step sends one request; false: it was not acknowledged.
func (w *davWorker) step() bool {
	w.n++
	name := fmt.Sprintf("%d-%d", w.number, w.n*7%23)
	var method, body string
	var headers []string
	expect := http.StatusCreated
	after := map[string]string{}
	old, there := w.state[name]
	switch other := fmt.Sprintf("%d-m%d", w.number, w.n); {
	case there && w.n%5 == 0:
		method, after[name], expect = "DELETE", "", http.StatusNoContent
	case there && w.n%7 == 0 && strings.HasPrefix(w.folder, "/webdav/"):
		method, after[name], after[other] = "MOVE", "", old
		headers = []string{"Destination", w.folder + other}
	default:
		method, body = "PUT", w.text(name, w.n)
		after[name] = body
		if there {
			expect = http.StatusNoContent
		} else {
			headers = []string{"If-None-Match", "*"}
		}
	}
	answer, err := w.client.do(method, w.folder+name, body, headers...)
	if err != nil {
		w.open = after
		return false
	}
	if answer.status != expect {
		w.refused = fmt.Sprintf("%s %s: %d, want %d\n%s", method, w.folder+name, answer.status, expect, answer.text)
		return false
	}
	apply(w.state, after)
	return true
}

func apply(state, after map[string]string) {
	for name, text := range after {
		if text == "" {
			delete(state, name)
		} else {
			state[name] = text
		}
	}
}

// verify compares what is there with what was acknowledged. The request that was cut off may be done, or not.
func (w *davWorker) verify(t *testing.T, cycle int) {
	t.Helper()
	if w.refused != "" {
		t.Fatalf("cycle %d: %s", cycle, w.refused)
	}
	w.client.http.CloseIdleConnections()
	w.seen.sync(t)
	w.seen.check(t)
	found := map[string]string{}
	for href := range w.client.list(t, w.folder) {
		found[strings.TrimPrefix(href, w.folder)] = w.client.want(t, http.StatusOK, "GET", href, "").text
	}
	if maps.Equal(found, w.state) {
		return
	}
	done := maps.Clone(w.state)
	apply(done, w.open)
	if maps.Equal(found, done) {
		w.state = done
		return
	}
	for name := range union(found, w.state, done) {
		if text := found[name]; text != w.state[name] && text != done[name] {
			t.Errorf("cycle %d: %s%s has %d bytes %.60q, acknowledged %d bytes %.60q, cut off with %d bytes %.60q", cycle, w.folder, name,
				len(text), text, len(w.state[name]), w.state[name], len(done[name]), done[name])
		}
	}
	t.Fatalf("cycle %d: %s is in no state that it may be in", cycle, w.folder)
}

// union has the names of all.
func union(all ...map[string]string) map[string]bool {
	names := map[string]bool{}
	for _, m := range all {
		for name := range m {
			names[name] = true
		}
	}
	return names
}
