package webmail

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/smtpd/queue"
	"schulhof/store"
	"schulhof/store/storetest"
)

const password = "richtig-Pferd-9"

// world is a small school with its pages: anna, ben, and weg, who is disabled.
type world struct {
	t     *testing.T
	store *store.Store
	dir   *directory.Directory
	mail  *mailbox.Mail
	queue *queue.Queue
	desk  *desk
	srv   *Server
	mux   *http.ServeMux
	id    map[string]directory.ID

	mu   sync.Mutex
	time time.Time
}

func newWorld(t *testing.T, s *store.Store, change ...func(*Options)) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{t: t, store: s, id: map[string]directory.ID{}, time: time.Date(2026, 11, 26, 7, 30, 0, 0, time.UTC)}
	var err error
	check := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w.dir, err = directory.New(ctx, s, directory.Options{HashParams: directory.HashParams{MemoryKiB: 8, Time: 1, Threads: 1}, Now: w.now})
	check()
	w.dir.OnPurge(Purge)
	w.mail, err = mailbox.New(ctx, s, w.dir, mailbox.Options{Now: w.now})
	check()
	w.queue, err = queue.New(ctx, s, w.mail, w.dir, queue.Options{Hostname: "mail.school.test", Now: w.now})
	check()
	t.Cleanup(func() {
		w.mail.Close()
		w.dir.Close()
	})
	err = w.dir.AddDomain(ctx, "school.test")
	check()
	var list []directory.NewAccount
	for _, name := range []string{"anna", "ben", "weg"} {
		list = append(list, directory.NewAccount{Address: name + "@school.test", Name: strings.ToUpper(name[:1]) + name[1:] + " Müller", Role: directory.Student, Password: password})
	}
	accounts, _, err := w.dir.AddAccounts(ctx, list)
	check()
	for _, a := range accounts {
		w.id[a.Login] = a.ID
	}
	off := directory.Disabled
	err = w.dir.ChangeAccount(ctx, w.id["weg"], directory.AccountChange{State: &off})
	check()
	w.desk = &desk{w: w}
	zone, err := time.LoadLocation("Europe/Berlin")
	check()
	o := Options{Store: s, Directory: w.dir, Mail: w.mail, Queue: w.queue, Submitter: w.desk, Zone: zone, Now: w.now, AllowPlaintextLoopback: true}
	for _, c := range change {
		c(&o)
	}
	w.srv, err = New(o)
	check()
	w.mux = http.NewServeMux()
	w.srv.Register(w.mux)
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.time
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

// browser is one person's browser: it keeps cookies and follows what a form leads to.
type browser struct {
	w       *world
	cookies map[string]*http.Cookie
	lang    string
	plain   bool   // without TLS
	peer    string // from where
	site    string // Sec-Fetch-Site of what is posted
}

func (w *world) browser() *browser {
	return &browser{w: w, cookies: map[string]*http.Cookie{}, lang: "en", peer: "192.0.2.7:5000", site: "same-origin"}
}

// answer is what came back.
type answer struct {
	*http.Response
	body string
}

func (b *browser) do(method, path string, form url.Values) answer {
	b.w.t.Helper()
	r := httptest.NewRequest(method, "https://mail.school.test"+path, strings.NewReader(form.Encode()))
	r.RemoteAddr = b.peer
	if b.plain {
		r.TLS = nil
	} else {
		r.TLS = &tls.ConnectionState{}
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", b.site)
	}
	r.Header.Set("Accept-Language", b.lang)
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	b.w.mux.ServeHTTP(rec, r)
	a := answer{Response: rec.Result()}
	text, _ := io.ReadAll(a.Body)
	a.body = string(text)
	for _, c := range a.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c
		}
	}
	return a
}

func (b *browser) get(path string) answer { return b.do("GET", path, nil) }

func (b *browser) post(path string, pairs ...string) answer {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do("POST", path, form)
}

// signedIn is a browser in which somebody has signed in.
func (w *world) signedIn(login string) *browser {
	w.t.Helper()
	b := w.browser()
	if a := b.post("/signin", "login", login, "password", password); a.StatusCode != 303 {
		w.t.Fatalf("signing in as %s: %d %s", login, a.StatusCode, a.text())
	}
	return b
}

var markup = regexp.MustCompile(`(?s)<head>.*?</head>|<[^>]*>`)

// text is the page without its markup.
func (a answer) text() string {
	return strings.Join(strings.Fields(markup.ReplaceAllString(a.body, " ")), " ")
}

// want complains when a page is not what it should be.
func (a answer) want(t *testing.T, what string, status int, texts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s: %d, want %d: %s", what, a.StatusCode, status, a.text())
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s: %q is missing in %s", what, text, a.text())
		}
	}
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(t, newWorld(t, s)) })
}
