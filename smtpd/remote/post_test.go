package remote

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestPostAddress(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]bool{
		"https://there.example/tls?x=y": true, "HTTPS://there.example:443": true, "https://there.example:8443/": false, "http://there.example/": false,
		"https://u:p@there.example/": false, "https://192.0.2.1/": false, "https://[::1]/": false, "https://localhost/": false, "https://10.1/": false,
		"https:///x": false, "mailto:a@b.example": false, "https://there.example/" + strings.Repeat("x", maxURI): false, "": false,
	} {
		if got := postAddress(uri) != nil; got != want {
			t.Errorf("postAddress(%q): %t, want %t", uri, got, want)
		}
	}
}

// A report is posted to a public address only, follows nobody elsewhere, and is not taken for sent when the server says no.
func TestPost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "tls.there.example. A 192.0.2.9", "inside.example. A 10.0.0.9")
	var got []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+r.Host+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+string(body))
		switch r.URL.Path {
		case "/no":
			out.WriteHeader(http.StatusForbidden)
		case "/elsewhere":
			http.Redirect(out, r, "https://inside.example/x", http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	for _, at := range []string{"192.0.2.9:443", "10.0.0.9:443"} {
		w.where[netip.MustParseAddrPort(at)] = server.Listener.Addr().String()
	}
	for uri, want := range map[string]bool{
		"https://tls.there.example/take": true, "https://tls.there.example/no": false, "https://tls.there.example/elsewhere": false, "https://inside.example/take": false,
		"https://nowhere.example/": false,
	} {
		if err := w.client.post(t.Context(), postAddress(uri), []byte("packed")); (err == nil) != want {
			t.Errorf("%s: %v", uri, err)
		}
	}
	if len(got) != 3 {
		t.Errorf("posted %q, want three", got)
	}
	for _, one := range got {
		if !strings.HasPrefix(one, "POST tls.there.example/") || !strings.HasSuffix(one, " application/tlsrpt+gzip packed") {
			t.Errorf("posted %q", one)
		}
	}
}

// A report is posted again, for days, only while nobody has it: one server that is down costs neither the others nor the mail.
func TestPostAgain(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	const yes, no, mail = "https://tls.there.example/take", "https://tls.there.example/no", "mailto:tls@there.example"
	tests := []struct {
		domain string
		rua    []string
		rounds []string // what is posted on each, and "mail"
	}{
		{"one.example", []string{no, yes}, []string{"no take", ""}},
		{"both.example", []string{yes, no, mail}, []string{"take no mail", ""}},
		{"letter.example", []string{no, mail}, []string{"no mail", ""}},
		{"nobody.example", []string{no, no}, []string{"no no", "no no", "no no", ""}},
	}
	var zone []string
	for _, tt := range tests {
		zone = append(zone, "_smtp._tls."+tt.domain+`. TXT "v=TLSRPTv1; rua=`+strings.Join(tt.rua, ",")+`"`)
	}
	clock := &movable{now: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)}
	w := newWorld(t, func(o *Options) { o.Store, o.Now = s, clock.Now }, append(zone, "tls.there.example. A 192.0.2.9")...)
	var got []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Path[1:])
		if r.URL.Path == "/no" {
			out.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	w.where[netip.MustParseAddrPort("192.0.2.9:443")] = server.Listener.Addr().String()
	for _, tt := range tests {
		clock.add(time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC).Sub(clock.Now()))
		w.client.counted.worked(tt.domain, policyNone, nil)
		if err := w.client.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for round, days := range []int{1, reportDays, reportDays + 1, reportDays + 1}[:len(tt.rounds)] {
			clock.add(time.Date(2027, 3, 1+days, 0, 0, 0, 0, time.UTC).Sub(clock.Now()))
			out := &sentReports{store: s}
			got = nil
			if err := w.client.report(t.Context(), reportedBy(out)); err != nil {
				t.Fatal(err)
			}
			for range out.to {
				got = append(got, "mail")
			}
			if posted := strings.Join(got, " "); posted != tt.rounds[round] {
				t.Errorf("%s, round %d: %q, want %q", tt.domain, round, posted, tt.rounds[round])
			}
		}
	}
}
