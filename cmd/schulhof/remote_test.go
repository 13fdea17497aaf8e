package main

import (
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The policy for mail to our domains is served under their own name, and to nobody who asks for another one.
func TestSTSPolicy(t *testing.T) {
	c, handler := newDiscovery(t)
	ask := func(url string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
		return w
	}
	c.MTASTS.Mode, c.MTASTS.MaxAge = "enforce", 48*time.Hour
	const want = "version: STSv1\r\nmode: enforce\r\nmx: mail.school.test\r\nmax_age: 172800\r\n"
	for _, host := range []string{"mta-sts.school.test", "MTA-STS.School.test:443", "mta-sts.school.test."} {
		w := ask("https://" + host + stsPath)
		if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %d %q %s", host, w.Code, w.Header(), w.Body)
		}
	}
	for _, host := range []string{"mta-sts.elsewhere.test", "school.test", "mail.school.test", "mta-sts.", "mta-sts", "192.0.2.1"} {
		if w := ask("https://" + host + stsPath); w.Code != 404 {
			t.Errorf("%s: %d %s", host, w.Code, w.Body)
		}
	}
	_, before := stsPolicy(c)
	c.MTASTS.Mode = "none"
	if _, after := stsPolicy(c); after == before || len(after) != 20 {
		t.Errorf("id %q after %q: another policy needs another id", after, before)
	}
	c.MTASTS.Mode = "off"
	if w := ask("https://mta-sts.school.test" + stsPath); w.Code != 404 {
		t.Errorf("turned off: %d %s", w.Code, w.Body)
	}
}

// Our own listeners are recognised, so that mail is not sent to ourselves.
func TestOwnAddresses(t *testing.T) {
	got := ownAddresses([]string{":25", "192.0.2.1:2525", "[2001:db8::1]:25", "localhost:26", "nonsense", "1.2.3.4:x"})
	want := []netip.AddrPort{netip.MustParseAddrPort("[::]:25"), netip.MustParseAddrPort("192.0.2.1:2525"),
		netip.MustParseAddrPort("[2001:db8::1]:25"), netip.MustParseAddrPort("127.0.0.1:26")}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Errorf("own addresses (-want +got):\n%s", diff)
	}
}
