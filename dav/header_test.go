package dav

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"schulhof/store/fault"
)

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestParseDepth(t *testing.T) {
	tests := []struct {
		in   string
		want depth
		ok   bool
	}{
		{"", depth1, true}, {"0", depth0, true}, {"1", depth1, true}, {"infinity", depthInfinity, true}, {"Infinity", depthInfinity, true},
		{"1,noroot", depth1, true}, {"2", 0, false}, {"-1", 0, false}, {"infinite", 0, false},
	}
	for _, tt := range tests {
		h := http.Header{}
		if tt.in != "" {
			h.Set("Depth", tt.in)
		}
		got, err := parseDepth(h, depth1)
		if (err == nil) != tt.ok || tt.ok && got != tt.want {
			t.Errorf("parseDepth(%q) = %v, %v", tt.in, got, err)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("parseDepth(%q): %v, want fault invalid", tt.in, err)
		}
	}
}

func TestParseOverwrite(t *testing.T) {
	for in, want := range map[string]string{"": "true", "T": "true", "F": "false", "f": "false", "true": "error", "TF": "error"} {
		got, err := parseOverwrite(header("Overwrite", in))
		switch {
		case want == "error":
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("parseOverwrite(%q): %v, want fault invalid", in, err)
			}
		case err != nil || got != (want == "true"):
			t.Errorf("parseOverwrite(%q) = %v, %v", in, got, err)
		}
	}
}

func TestParseTimeout(t *testing.T) {
	const most = time.Hour
	for in, want := range map[string]time.Duration{
		"": most, "Second-60": time.Minute, "second-60": time.Minute, "Infinite": most, "Infinite, Second-4100000000": most,
		"Second-4100000000": most, "Extended-5, Second-7": 7 * time.Second, "Second-0": most, "Second-x": most, "Second--5": most,
		"Second-99999999999999999999999": most, "nonsense": most,
	} {
		if got := parseTimeout(header("Timeout", in), most); got != want {
			t.Errorf("parseTimeout(%q) = %v, want %v", in, got, want)
		}
	}
}

func TestParseLockToken(t *testing.T) {
	for in, want := range map[string]string{
		"<urn:uuid:1>": "urn:uuid:1", " <a:b> ": "a:b", "": "", "urn:uuid:1": "", "<>": "", "<a b>": "", "<a><b>": "",
	} {
		got, err := parseLockToken(header("Lock-Token", in))
		if got != want || (err == nil) != (want != "") {
			t.Errorf("parseLockToken(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestParsePrefer(t *testing.T) {
	tests := []struct {
		name string
		h    http.Header
		want preferences
	}{
		{"nothing", header(), preferences{}},
		{"minimal", header("Prefer", "return=minimal"), preferences{minimal: true}},
		{"in quotes, with parameters, among others", header("Prefer", `respond-async, Return="minimal"; x=y, depth-noroot`), preferences{minimal: true, noRoot: true}},
		{"in two lines", header("Prefer", "wait=5", "Prefer", "return=representation"), preferences{representation: true}},
		{"the first of two counts (RFC 7240 §4.2)", header("Prefer", "return=representation, return=minimal"), preferences{representation: true}},
		{"Microsoft's word for it", header("Brief", "t"), preferences{minimal: true}},
	}
	for _, tt := range tests {
		if got := parsePrefer(tt.h); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestParseETags(t *testing.T) {
	tests := []struct {
		name, in string
		want     etags
		kind     fault.Kind
	}{
		{"none", "", etags{}, 0},
		{"any", " * ", etags{present: true, any: true}, 0},
		{"one", `"a"`, etags{present: true, list: []etag{{`"a"`, false}}}, 0},
		{"several, one weak", `"a", W/"b" ,"c,d"`, etags{present: true, list: []etag{{`"a"`, false}, {`"b"`, true}, {`"c,d"`, false}}}, 0},
		{"without quotes", `a`, etags{}, fault.Invalid},
		{"no end", `"a`, etags{}, fault.Invalid},
		{"a space inside", `"a b"`, etags{}, fault.Invalid},
		{"no comma", `"a""b"`, etags{}, fault.Invalid},
		{"only commas", `, ,`, etags{}, fault.Invalid},
		{"too many", strings.Repeat(`"a",`, maxETags+1), etags{}, fault.TooLarge},
	}
	for _, tt := range tests {
		h := header()
		if tt.in != "" {
			h.Set("If-Match", tt.in)
		}
		got, err := parseETags(h, "If-Match")
		switch {
		case tt.kind != 0:
			if !fault.Is(err, tt.kind) {
				t.Errorf("%s: %v, want fault %v", tt.name, err, tt.kind)
			}
		case err != nil || !reflect.DeepEqual(got, tt.want):
			t.Errorf("%s: %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}

// RFC 9110 §8.8.3.2: a weak tag never matches strongly; "*" matches what exists.
func TestETagComparison(t *testing.T) {
	weak := etags{present: true, list: []etag{{`"a"`, true}}}
	strong := etags{present: true, list: []etag{{`"x"`, false}, {`"a"`, false}}}
	anything := etags{present: true, any: true}
	tests := []struct {
		name           string
		tags           etags
		current        string
		strongly, weak bool
	}{
		{"a weak tag", weak, `"a"`, false, true},
		{"one of several", strong, `"a"`, true, true},
		{"another", strong, `"b"`, false, false},
		{"any of what is there", anything, `"a"`, true, true},
		{"any of nothing", anything, "", false, false},
		{"a tag of nothing", strong, "", false, false},
	}
	for _, tt := range tests {
		if got := tt.tags.matchesStrongly(tt.current); got != tt.strongly {
			t.Errorf("%s: strongly %v", tt.name, got)
		}
		if got := tt.tags.matchesWeakly(tt.current); got != tt.weak {
			t.Errorf("%s: weakly %v", tt.name, got)
		}
	}
}

func TestLocalPath(t *testing.T) {
	tests := []struct {
		name, ref, want string
		here, ok        bool
	}{
		{"a path", "/webdav/Files/a%20b", "/webdav/Files/a%20b", true, true},
		{"a URI of the same host", "http://mail.school.test/x", "/x", true, true},
		{"another scheme and port, through a proxy", "https://mail.school.test:8443/x", "/x", true, true},
		{"the server's own name", "https://real.school.test/x", "/x", true, true},
		{"no path is the root", "http://mail.school.test", "/", true, true},
		{"capital letters", "HTTP://MAIL.School.test/x", "/x", true, true},
		{"another host", "http://elsewhere.test/x", "", false, true},
		{"another host without a scheme", "//elsewhere.test/x", "", false, true},
		{"another scheme", "ftp://mail.school.test/x", "", false, true},
		{"a relative path", "x/y", "", false, false},
		{"no URI", "http://mail.school.test/%zz", "", false, false},
		{"an opaque one", "mailto:x", "", false, false},
		{"empty", "", "", false, false},
	}
	r := httptest.NewRequest("COPY", "http://mail.school.test/", nil)
	x := &exchange{r: r, srv: &Server{hostname: "real.school.test"}}
	for _, tt := range tests {
		got, here, err := x.localPath(tt.ref)
		if got != tt.want || here != tt.here || (err == nil) != tt.ok {
			t.Errorf("%s: localPath(%q) = %q, %v, %v", tt.name, tt.ref, got, here, err)
		}
	}
}

// Whatever a client sends in a header, it is understood or refused.
func FuzzHeaders(f *testing.F) {
	f.Add(`"a", W/"b"`, "Infinite, Second-5", "return=minimal;x", "http://a/b")
	f.Add(`*`, "Second-", "=,;", "//")
	f.Fuzz(func(t *testing.T, tags, timeout, prefer, ref string) {
		h := http.Header{"If-Match": {tags}, "Timeout": {timeout}, "Prefer": {prefer}, "Lock-Token": {tags}, "Depth": {timeout}}
		if e, err := parseETags(h, "If-Match"); err == nil && !e.any && len(e.list) == 0 {
			t.Errorf("%q is no list and no error", tags)
		}
		if d := parseTimeout(h, time.Hour); d <= 0 || d > time.Hour {
			t.Errorf("timeout %q is %v", timeout, d)
		}
		if p := parsePrefer(h); p.minimal && p.representation {
			t.Errorf("prefer %q is both", prefer)
		}
		x := &exchange{r: httptest.NewRequest("COPY", "http://a/", nil), srv: &Server{}}
		if path, here, err := x.localPath(ref); here && (err != nil || !strings.HasPrefix(path, "/")) {
			t.Errorf("%q leads to %q, %v", ref, path, err)
		}
	})
}
