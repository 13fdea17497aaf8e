package dav

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"schulhof/dav/collection"
	"schulhof/store"
)

// fill puts n small files into a folder of anna's, past HTTP.
func (w *school) fill(folder string, n int) {
	w.Helper()
	ctx := context.Background()
	place := collection.Path{Space: collection.Files, Segments: []string{folder}}
	_, err := w.dav.Make(ctx, w.ids["anna"], place, collection.MakeOptions{Kind: collection.Folder})
	w.check(err)
	for i := range n {
		w.file(ctx, place.Child(fmt.Sprintf("file %05d & more.txt", i)), "x")
	}
}

func (w *school) file(ctx context.Context, p collection.Path, content string) {
	w.Helper()
	spool := w.dav.NewSpool()
	defer spool.Close()
	_, err := io.WriteString(spool, content)
	w.check(err)
	_, _, err = w.dav.Put(ctx, w.ids["anna"], p, spool, collection.PutOptions{})
	w.check(err)
}

// names lists the hrefs of a multistatus.
func names(t testing.TB, body string) (hrefs []string) {
	t.Helper()
	var m struct {
		Responses []struct {
			Href string `xml:"DAV: href"`
		} `xml:"DAV: response"`
	}
	if err := xml.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("the answer is no XML: %v", err)
	}
	for _, r := range m.Responses {
		hrefs = append(hrefs, r.Href)
	}
	return hrefs
}

// A listing that takes several pages has every member once, in order.
func TestListingOfSeveralPages(t *testing.T) {
	w := newSchool(t)
	n := 2*childrenPage + 3
	w.fill("viele", n)
	hrefs := names(t, w.want(207, "anna", "PROPFIND", "/webdav/Files/viele/", "", "Depth", "1").body)
	if len(hrefs) != n+1 || hrefs[0] != "/webdav/Files/viele/" || !slices.IsSorted(hrefs) || len(slices.Compact(hrefs)) != n+1 {
		t.Errorf("%d hrefs, want %d, each once and sorted", len(hrefs), n+1)
	}
	if want := "/webdav/Files/viele/file%2000000%20%26%20more.txt"; hrefs[1] != want {
		t.Errorf("the first member is %s, want %s", hrefs[1], want)
	}
}

// A first synchronisation of several pages is one answer with every member once, and the token of all of them.
func TestSyncOfSeveralPages(t *testing.T) {
	w := newSchool(t)
	n := 2*childrenPage + 3
	w.fill("viele", n)
	ask := func(token string) answer {
		return w.want(207, "anna", "REPORT", "/webdav/Files/viele/",
			`<sync-collection xmlns="DAV:"><sync-token>`+token+`</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`)
	}
	first := ask("")
	hrefs := names(t, first.body)
	slices.Sort(hrefs)
	if len(hrefs) != n || len(slices.Compact(hrefs)) != n {
		t.Errorf("%d members, want %d, each once", len(hrefs), n)
	}
	_, token, _ := strings.Cut(first.body, "<D:sync-token>")
	token, _, _ = strings.Cut(token, "<")
	if again := names(t, ask(token).body); len(again) != 0 {
		t.Errorf("with the token of the answer there are %d changes, want none", len(again))
	}
}

// largest remembers the largest piece that was written at once.
type largest struct {
	*httptest.ResponseRecorder
	most, total int
}

func (l *largest) Write(b []byte) (int, error) {
	l.most, l.total = max(l.most, len(b)), l.total+len(b)
	return len(b), nil
}

// A listing is sent while it is made: what is held at once does not grow with the number of members.
func TestListingIsStreamed(t *testing.T) {
	w := newSchool(t)
	w.fill("viele", 3*childrenPage)
	x := w.exchange("anna", "PROPFIND", "/webdav/Files/viele/")
	x.r.Header.Set("Depth", "1")
	out := &largest{ResponseRecorder: httptest.NewRecorder()}
	x.w = out
	w.check(x.run(context.Background()))
	if out.most > 2*flushAt || out.total < 10*flushAt {
		t.Errorf("%d bytes were sent, up to %d at once, want at most %d", out.total, out.most, 2*flushAt)
	}
}

// Whatever a client calls its properties and puts into them, they come back the same.
func TestDeadPropertiesComeBack(t *testing.T) {
	w := newSchool(t)
	w.want(201, "anna", "PUT", "/webdav/Files/x", "")
	properties := []string{
		`<p1 xmlns="u">text</p1>`, `<p2>none</p2>`, `<a:p3 xmlns:a="u" xmlns:b="v" b:c="&quot;&lt;">x<b:y/>z</a:p3>`,
		`<p4 xmlns="u" xml:lang="de">Grüße</p4>`, `<p5 xmlns="u">` + strings.Repeat("lang ", 1000) + `</p5>`, `<p6 xmlns="u"/>`,
		`<D:p7 xmlns:D="DAV:">even in DAV:</D:p7>`, `<Öl xmlns="http://example.org/ü">ü</Öl>`, "<p8 xmlns=\"u\"> \n\t x </p8>",
	}
	body := `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>` + strings.Join(properties, "") + `</D:prop></D:set></D:propertyupdate>`
	w.want(207, "anna", "PROPPATCH", "/webdav/Files/x", body)
	w.want(201, "anna", "COPY", "/webdav/Files/x", "", "Destination", "/webdav/Files/y")
	w.want(201, "anna", "MOVE", "/webdav/Files/y", "", "Destination", "/webdav/Files/z")
	a := w.want(207, "anna", "PROPFIND", "/webdav/Files/z", "", "Depth", "0")
	for _, p := range properties {
		if !strings.Contains(a.body, p) {
			t.Errorf("%s did not come back", p)
		}
	}
	if len(names(t, a.body)) != 1 {
		t.Errorf("%s", a.body)
	}
}

// exchanges runs requests without a network, for benchmarks.
func (w *school) exchanges(b *testing.B, status int, make func(i int) *exchange) {
	b.Helper()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		x := make(i)
		i++
		if err := x.run(context.Background()); err != nil {
			b.Fatal(err)
		}
		if x.status != status {
			b.Fatalf("status %d", x.status)
		}
	}
}

func benchSchool(b *testing.B) *school { return newSchoolIn(b, openStore(b)) }

func openStore(b *testing.B) *store.Store {
	s, err := store.Open(context.Background(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

func BenchmarkPropfind1000(b *testing.B) {
	w := benchSchool(b)
	w.fill("viele", 1000)
	body := `<propfind xmlns="DAV:"><prop><resourcetype/><getetag/><getcontentlength/><getlastmodified/></prop></propfind>`
	w.exchanges(b, 207, func(int) *exchange {
		x := w.exchange("anna", "PROPFIND", "/webdav/Files/viele/")
		x.r.Header.Set("Depth", "1")
		x.body.in = strings.NewReader(body)
		x.w = &largest{ResponseRecorder: httptest.NewRecorder()}
		return x
	})
}

func BenchmarkPutSmall(b *testing.B) {
	w := benchSchool(b)
	content := bytes.Repeat([]byte("x"), 4096)
	w.exchanges(b, 201, func(i int) *exchange {
		x := w.exchange("anna", "PUT", fmt.Sprintf("/webdav/Files/%d", i))
		copy(content, fmt.Sprint(i))
		x.body.in, x.r.ContentLength = bytes.NewReader(content), int64(len(content))
		return x
	})
}

func BenchmarkGetSmall(b *testing.B) {
	w := benchSchool(b)
	w.file(context.Background(), collection.Path{Space: collection.Files, Segments: []string{"x"}}, strings.Repeat("x", 4096))
	w.exchanges(b, 200, func(int) *exchange { return w.exchange("anna", "GET", "/webdav/Files/x") })
}

func BenchmarkSyncWithoutChange(b *testing.B) {
	w := benchSchool(b)
	w.fill("viele", 1000)
	_, token, _ := strings.Cut(w.want(207, "anna", "PROPFIND", "/webdav/Files/viele/",
		`<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>`, "Depth", "0").body, "<D:sync-token>")
	token, _, _ = strings.Cut(token, "<")
	body := `<sync-collection xmlns="DAV:"><sync-token>` + token + `</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`
	w.exchanges(b, 207, func(int) *exchange {
		x := w.exchange("anna", "REPORT", "/webdav/Files/viele/")
		x.body.in = strings.NewReader(body)
		return x
	})
}

// TestReportsTellWhatPropfindTells: which properties a report asks for decides how much is read of each object, not what they say.
func TestReportsTellWhatPropfindTells(t *testing.T) {
	w := newSchool(t)
	for _, tt := range []struct {
		kind                      kind
		collection, object, bytes string
		space, reports, filter    string
	}{
		{kindEvent, "/dav/calendars/anna/calendar/", "e.ics", event("e"), nsCalDAV, "calendar-", `<r:comp-filter name="VCALENDAR"/>`},
		{kindCard, "/dav/contacts/anna/contacts/", "c.vcf", card("c"), nsCardDAV, "addressbook-", `<r:prop-filter name="UID"/>`},
	} {
		w.want(201, "anna", "PUT", tt.collection+tt.object, tt.bytes)
		w.want(207, "anna", "PROPPATCH", tt.collection+tt.object, patchBody(`<x xmlns="u">kept</x><D:displayname xmlns:D="DAV:">Ein Name</D:displayname>`, ""))
		asked := []name{{Space: "u", Local: "x"}, dav("none")}
		for i := range w.srv.live.all {
			if p := &w.srv.live.all[i]; p.kinds&tt.kind != 0 {
				asked = append(asked, p.name)
			}
		}
		for _, p := range asked {
			prop := `<prop xmlns="DAV:"><x:` + p.Local + ` xmlns:x="` + p.Space + `"/></prop>`
			found := w.want(207, "anna", "PROPFIND", tt.collection+tt.object, `<propfind xmlns="DAV:">`+prop+`</propfind>`, "Depth", "0").body
			for report, inner := range map[string]string{"multiget": `<href xmlns="DAV:">` + tt.collection + tt.object + `</href>`, "query": `<r:filter>` + tt.filter + `</r:filter>`} {
				tag := `r:` + tt.reports + report
				got := w.want(207, "anna", "REPORT", tt.collection, `<`+tag+` xmlns:r="`+tt.space+`">`+prop+inner+`</`+tag+`>`, "Depth", "1").body
				if got != found || !strings.Contains(got, p.Local) {
					t.Errorf("%s of %s in a %s: %s, PROPFIND says %s", describe(p), tt.object, report, got, found)
				}
			}
		}
	}
}
