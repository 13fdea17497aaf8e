package dav

import (
	"strings"
	"testing"
)

// TestConditionalRequests: what If-Match, If-None-Match and the dates decide about reading and writing. RFC 9110 §13.1, §13.2.2.
func TestConditionalRequests(t *testing.T) {
	w := newSchool(t)
	w.want(201, "anna", "PUT", "/webdav/Files/a", "0123456789")
	w.want(201, "anna", "MKCOL", "/webdav/Files/d/", "")
	tag := w.want(200, "anna", "GET", "/webdav/Files/a", "").header.Get("ETag")
	const before, at, after = "Tue, 24 Nov 2026 07:59:59 GMT", "Tue, 24 Nov 2026 08:00:00 GMT", "Tue, 24 Nov 2026 08:00:01 GMT"
	rows := func(name string, status int, headers ...string) []asked {
		list := []asked{{name, "GET", "/webdav/Files/a", "", headers, status, ""}, {name, "HEAD", "/webdav/Files/a", "", headers, status, ""}}
		return list
	}
	for _, list := range [][]asked{
		rows("the tag that one has", 304, "If-None-Match", tag),
		rows("the same, weak", 304, "If-None-Match", "W/"+tag),
		rows("among others", 304, "If-None-Match", `"x", W/"y" , `+tag),
		rows("in two lines", 304, "If-None-Match", `"x"`, "If-None-Match", tag),
		rows("another one", 200, "If-None-Match", `"x"`),
		rows("any", 304, "If-None-Match", "*"),
		rows("must be this", 200, "If-Match", tag),
		rows("must be this or another", 200, "If-Match", `"x", `+tag),
		rows("must be there", 200, "If-Match", "*"),
		rows("must be another", 412, "If-Match", `"x"`),
		rows("a weak tag is no ground for If-Match", 412, "If-Match", "W/"+tag),
		rows("not changed since", 304, "If-Modified-Since", at),
		rows("changed since", 200, "If-Modified-Since", before),
		rows("a date that is none", 200, "If-Modified-Since", "yesterday"),
		rows("the tag goes before the date", 200, "If-None-Match", `"x"`, "If-Modified-Since", after),
		rows("unmodified since", 200, "If-Unmodified-Since", at),
		rows("modified since", 412, "If-Unmodified-Since", before),
		rows("the tag goes before that date, too", 200, "If-Match", tag, "If-Unmodified-Since", before),
	} {
		w.asks(t, "anna", list)
	}
	w.asks(t, "anna", []asked{
		{"not the one that is there", "PUT", "/webdav/Files/a", "new", []string{"If-Match", `"x"`}, 412, "If-Match"},
		{"a weak tag", "PUT", "/webdav/Files/a", "new", []string{"If-Match", "W/" + tag}, 412, "If-Match"},
		{"there already", "PUT", "/webdav/Files/a", "new", []string{"If-None-Match", "*"}, 412, "If-None-Match"},
		{"that one", "PUT", "/webdav/Files/a", "new", []string{"If-None-Match", "W/" + tag}, 412, "If-None-Match"},
		{"not there yet", "PUT", "/webdav/Files/b", "new", []string{"If-Match", "*"}, 412, "If-Match"},
		{"a list that is none", "PUT", "/webdav/Files/a", "new", []string{"If-Match", "a b"}, 400, "entity tag"},
		{"an empty list", "PUT", "/webdav/Files/a", "new", []string{"If-None-Match", " , "}, 400, "empty"},
		{"too many", "PUT", "/webdav/Files/a", "new", []string{"If-Match", strings.Repeat(`"a",`, maxETags+1)}, 413, "entity tags"},
		{"one of them does not hold", "PUT", "/webdav/Files/a", "new", []string{"If-Match", tag, "If-None-Match", "*"}, 412, "If-None-Match"},
		{"a collection has no tag", "DELETE", "/webdav/Files/d/", "", []string{"If-Match", tag}, 412, "If-Match"},
		{"a collection is there", "MKCOL", "/webdav/Files/e/", "", []string{"If-Match", "*"}, 412, "If-Match"},
		{"nothing has been written", "GET", "/webdav/Files/a", "", []string{"If-Match", tag}, 200, "0123456789"},
		{"the collection of any tag", "DELETE", "/webdav/Files/d/", "", []string{"If-Match", "*"}, 204, ""},
		{"this one, or nothing", "PUT", "/webdav/Files/a", "new", []string{"If-Match", `"x", ` + tag, "If-None-Match", `"y"`}, 204, ""},
		{"properties of another version", "PROPPATCH", "/webdav/Files/a", `<propertyupdate xmlns="DAV:"><set><prop><x xmlns="u"/></prop></set></propertyupdate>`,
			[]string{"If-Match", tag}, 412, "If-Match"},
		{"a lock of another version", "LOCK", "/webdav/Files/a", lockBody("shared"), []string{"If-Match", tag}, 412, "If-Match"},
		{"a new event", "PUT", "/dav/calendars/anna/calendar/e.ics", event("e"), []string{"If-None-Match", "*"}, 201, ""},
		{"a new event that is there", "PUT", "/dav/calendars/anna/calendar/e.ics", event("e"), []string{"If-None-Match", "*"}, 412, "If-None-Match"},
		{"one's version is not that of the server", "DELETE", "/dav/calendars/anna/calendar/e.ics", "", []string{"If-Match", tag}, 412, "If-Match"},
		{"what is there now, for the one who lost", "PUT", "/dav/calendars/anna/calendar/e.ics", event("e"),
			[]string{"If-Match", tag, "Prefer", "return=representation"}, 412, "SUMMARY:Mathe"},
		{"a new member under a condition of the collection", "POST", "/webdav/Files/?add-member", "x", []string{"If-None-Match", "*"}, 412, "If-None-Match"},
	})
}

// TestRanges: parts of a file, and when the whole of it comes instead. RFC 9110 §14.1.2, §14.2, §13.1.5.
func TestRanges(t *testing.T) {
	w := newSchool(t)
	w.want(201, "anna", "PUT", "/webdav/Files/a", "0123456789")
	w.want(201, "anna", "PUT", "/webdav/Files/empty", "")
	tag := w.want(200, "anna", "GET", "/webdav/Files/a", "").header.Get("ETag")
	const modified = "Tue, 24 Nov 2026 08:00:00 GMT"
	tests := []struct {
		name           string
		headers        []string
		status         int
		body, contents string // contents: Content-Range
	}{
		{"from the start", []string{"Range", "bytes=0-3"}, 206, "0123", "bytes 0-3/10"},
		{"to the end", []string{"Range", "bytes=7-"}, 206, "789", "bytes 7-9/10"},
		{"the last ones", []string{"Range", "bytes=-2"}, 206, "89", "bytes 8-9/10"},
		{"more than there are", []string{"Range", "bytes=8-99"}, 206, "89", "bytes 8-9/10"},
		{"the last hundred", []string{"Range", "bytes=-100"}, 206, "0123456789", "bytes 0-9/10"},
		{"one byte", []string{"Range", "bytes=5-5"}, 206, "5", "bytes 5-5/10"},
		{"behind the end", []string{"Range", "bytes=10-"}, 416, "", "bytes */10"},
		{"backwards", []string{"Range", "bytes=5-2"}, 416, "", ""},
		{"no range", []string{"Range", "bytes=a-b"}, 416, "", ""},
		{"of this version", []string{"Range", "bytes=0-3", "If-Range", tag}, 206, "0123", "bytes 0-3/10"},
		{"of another version", []string{"Range", "bytes=0-3", "If-Range", `"x"`}, 200, "0123456789", ""},
		{"a weak tag does not do", []string{"Range", "bytes=0-3", "If-Range", "W/" + tag}, 200, "0123456789", ""},
		{"of this date", []string{"Range", "bytes=0-3", "If-Range", modified}, 206, "0123", "bytes 0-3/10"},
		{"of an earlier date", []string{"Range", "bytes=0-3", "If-Range", "Tue, 24 Nov 2026 07:00:00 GMT"}, 200, "0123456789", ""},
		{"the condition goes first", []string{"Range", "bytes=0-3", "If-None-Match", tag}, 304, "", ""},
	}
	for _, tt := range tests {
		a := w.do("anna", "GET", "/webdav/Files/a", "", tt.headers...)
		if a.status != tt.status || tt.status < 300 && a.body != tt.body || tt.contents != "" && a.header.Get("Content-Range") != tt.contents {
			t.Errorf("%s: %d %q, Content-Range %q", tt.name, a.status, a.body, a.header.Get("Content-Range"))
		}
		head := w.do("anna", "HEAD", "/webdav/Files/a", "", tt.headers...)
		if head.status != tt.status || head.body != "" || head.header.Get("Content-Length") != a.header.Get("Content-Length") {
			t.Errorf("%s: HEAD = %d, %q bytes; GET %q", tt.name, head.status, head.header.Get("Content-Length"), a.header.Get("Content-Length"))
		}
	}
	parts := w.want(206, "anna", "GET", "/webdav/Files/a", "", "Range", "bytes=0-1, -1")
	if !strings.HasPrefix(parts.header.Get("Content-Type"), "multipart/byteranges") || !strings.Contains(parts.body, "bytes 9-9/10") {
		t.Errorf("two ranges: %v %q", parts.header, parts.body)
	}
	if a := w.want(200, "anna", "GET", "/webdav/Files/empty", ""); a.body != "" || a.header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("an empty file: %q %v", a.body, a.header)
	}
	for _, value := range []string{"bytes 0-1/10", "bytes 0-9/10", "bytes */10", "nonsense"} {
		w.want(400, "anna", "PUT", "/webdav/Files/a", "XY", "Content-Range", value)
	}
	if a := w.want(200, "anna", "GET", "/webdav/Files/a", ""); a.body != "0123456789" {
		t.Errorf("a part was put: %q", a.body)
	}
}

// TestDownloadsDoNoHarm: whatever someone put into a file, a browser that opens it must not run it as a page of this server, and caches
// of others must not keep it.
func TestDownloadsDoNoHarm(t *testing.T) {
	w := newSchool(t)
	for name, kind := range map[string]string{"page.html": "text/html", "picture.svg": "image/svg+xml", "any": ""} {
		var headers []string
		if kind != "" {
			headers = []string{"Content-Type", kind}
		}
		w.want(201, "anna", "PUT", "/webdav/Files/"+name, "<script>alert(1)</script>", headers...)
		h := w.want(200, "anna", "GET", "/webdav/Files/"+name, "").header
		if h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" || h.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: %v", name, h)
		}
		if kind != "" && !strings.HasPrefix(h.Get("Content-Type"), kind) {
			t.Errorf("%s is %q, it was put as %q", name, h.Get("Content-Type"), kind)
		}
		if kind == "" && h.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("a file of unknown type is %q: its bytes must not decide", h.Get("Content-Type"))
		}
	}
}

// TestIfOverHTTP: lists, tags, Not, and the tokens that they submit. RFC 4918 §10.4.
func TestIfOverHTTP(t *testing.T) {
	w := newSchool(t)
	w.want(201, "anna", "PUT", "/webdav/Files/a", "1")
	w.want(201, "anna", "PUT", "/webdav/Files/b", "2")
	tagA := w.want(200, "anna", "GET", "/webdav/Files/a", "").header.Get("ETag")
	tagB := w.want(200, "anna", "GET", "/webdav/Files/b", "").header.Get("ETag")
	token := w.lock("anna", "/webdav/Files/b", "exclusive")
	const nothing = "(Not <urn:uuid:none>)"
	put := func(name, header string, status int) asked {
		return asked{name, "PUT", "/webdav/Files/a", "1", []string{"If", header}, status, ""}
	}
	w.asks(t, "anna", []asked{
		put("its tag", "(["+tagA+"])", 204), put("another's tag", "(["+tagB+"])", 412), put("not another's", "(Not ["+tagB+"])", 204),
		put("not its own", "(Not ["+tagA+"])", 412), put("both must hold", "(["+tagA+"] ["+tagB+"])", 412),
		put("one of two lists", "(["+tagB+"]) (["+tagA+"])", 204), put("a weak tag", "([W/"+tagA+"])", 412),
		put("a lock that is elsewhere", "("+token+")", 412), put("the same, tagged", "</webdav/Files/b> ("+token+")", 204),
		put("with the server's name", "<"+w.http.URL+"/webdav/Files/b> ("+token+" ["+tagB+"])", 204),
		put("on another server", "<http://example.org/webdav/Files/b> ("+token+")", 412), put("always true", nothing, 204),
		put("a resource that is not there", "</webdav/Files/c> (["+tagA+"])", 412), put("not there, and that is right", "</webdav/Files/c> (Not ["+tagA+"])", 204),
		put("no list", "x", 400), put("an empty list", "()", 400), put("open", "(["+tagA+"]", 400), put("too long", "(<"+strings.Repeat("x", maxIfHeader)+">)", 413),
		put("mixed", nothing+" </webdav/Files/b> ("+token+")", 400), put("a reference that is none", "<::> "+nothing, 400),
		{"locked, and nothing submitted", "PUT", "/webdav/Files/b", "2", nil, 423, "lock-token-submitted"},
		{"submitted, where the list does not hold", "PUT", "/webdav/Files/b", "2", []string{"If", "(" + token + " [" + tagA + "])"}, 412, ""},
		{"submitted in a list that does not hold, beside one that does", "PUT", "/webdav/Files/b", "2", []string{"If", "(" + token + " [" + tagA + "]) " + nothing}, 204, ""},
		{"submitted negated", "PUT", "/webdav/Files/b", "2", []string{"If", "(Not " + token + ") " + nothing}, 204, ""},
		{"submitted about another resource", "PUT", "/webdav/Files/b", "2", []string{"If", "</webdav/Files/a> (Not " + token + ")"}, 204, ""},
		{"a token that is made up", "PUT", "/webdav/Files/b", "2", []string{"If", "(<urn:uuid:1>) " + nothing}, 423, ""},
	})
	const sync = `<sync-collection xmlns="DAV:"><sync-token/><sync-level>1</sync-level><prop/></sync-collection>`
	for _, read := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/webdav/Files/a", "", 200}, {"HEAD", "/webdav/Files/a", "", 200}, {"OPTIONS", "/webdav/Files/a", "", 200},
		{"PROPFIND", "/webdav/Files/a", "", 207}, {"REPORT", "/webdav/Files/", sync, 207}, {"PROPFIND", "/dav/", "", 207},
	} {
		ask := func(name, header string, status int) asked {
			return asked{name, read.method, read.path, read.body, []string{"Depth", "0", "If", header}, status, ""}
		}
		w.asks(t, "anna", []asked{
			ask("always true", nothing, read.status), ask("its tag", "</webdav/Files/a> (["+tagA+"])", read.status),
			ask("another's tag", "</webdav/Files/a> (["+tagB+"])", 412), ask("a lock", "</webdav/Files/b> ("+token+")", read.status),
			ask("no such lock", "</webdav/Files/b> (<urn:uuid:1>)", 412), ask("no list", "x", 400),
			ask("what one may not see is not there", "</webdav/Groups/9z/x> (Not ["+tagA+"])", read.status),
		})
	}
	w.want(412, "anna", "UNLOCK", "/webdav/Files/b", "", "Lock-Token", token, "If", "(["+tagA+"])")
	w.want(204, "anna", "UNLOCK", "/webdav/Files/b", "", "Lock-Token", token, "If", "(["+tagB+"])")
}
