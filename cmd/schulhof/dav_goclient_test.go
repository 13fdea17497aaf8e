package main

import (
	"context"
	"crypto/sha256"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
	"github.com/emersion/go-vcard"
	"github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/caldav"
	"github.com/emersion/go-webdav/carddav"
)

// as is an HTTP client for go-webdav with name's password.
func (s *school) as(t *testing.T, name string) webdav.HTTPClient {
	client := s.web(t)
	client.CheckRedirect = nil // it follows, as a client that begins at .well-known must
	return webdav.HTTPClientWithBasicAuth(client, name, storyPassword)
}

func (s *school) goFiles(t *testing.T) {
	c, err := webdav.NewClient(s.as(t, "anna"), "https://localhost:"+s.ports["https"]+"/webdav/Files/")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	must("MKCOL", c.Mkdir(ctx, "Bio & Geo"))
	must("MKCOL", c.Mkdir(ctx, "Bio & Geo/Blätter #1"))
	sum := sha256.New()
	const size = 3<<20 + 17
	w, err := c.Create(ctx, "Bio & Geo/Blätter #1/100%.bin") // sent in chunks, without a length
	must("PUT", err)
	_, err = io.Copy(io.MultiWriter(w, sum), io.LimitReader(rand.NewChaCha8([32]byte{1}), size))
	must("PUT", err)
	must("PUT", w.Close())
	must("COPY", c.Copy(ctx, "Bio & Geo", "Kopie", nil))
	must("MOVE", c.Move(ctx, "Kopie/Blätter #1/100%.bin", "Kopie/bewegt?.bin", nil))
	info, err := c.Stat(ctx, "Kopie/bewegt?.bin")
	must("PROPFIND", err)
	if info.Size != size || info.IsDir || info.ETag == "" || time.Since(info.ModTime).Abs() > time.Hour {
		t.Errorf("the moved file is %+v", info)
	}
	r, err := c.Open(ctx, "Kopie/bewegt?.bin")
	must("GET", err)
	back := sha256.New()
	n, err := io.Copy(back, r)
	must("GET", err)
	must("GET", r.Close())
	if n != size || !slices.Equal(back.Sum(nil), sum.Sum(nil)) {
		t.Errorf("%d bytes came back, want the %d that went", n, int64(size))
	}
	list, err := c.ReadDir(ctx, "Kopie", false)
	must("PROPFIND", err)
	var names []string
	for _, f := range list {
		names = append(names, f.Path)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"/webdav/Files/Kopie/", "/webdav/Files/Kopie/Blätter #1/", "/webdav/Files/Kopie/bewegt?.bin"}) {
		t.Errorf("the folder has %q", names)
	}
	if err := c.Move(ctx, "Bio & Geo", "Kopie", &webdav.MoveOptions{NoOverwrite: true}); !saysStatus(err, http.StatusPreconditionFailed) {
		t.Errorf("a move over a folder that is to stay: %v, want 412", err)
	}
	if _, err := c.ReadDir(ctx, "", true); !saysStatus(err, http.StatusForbidden) || !strings.Contains(err.Error(), "propfind-finite-depth") {
		t.Errorf("PROPFIND without bound: %v, want 403 propfind-finite-depth", err)
	}
	must("DELETE", c.RemoveAll(ctx, "Kopie"))
	if _, err := c.Stat(ctx, "Kopie/bewegt?.bin"); !saysStatus(err, http.StatusNotFound) {
		t.Errorf("a deleted file: %v, want 404", err)
	}
}

// saysStatus says whether err is the library's for an HTTP status; the type is its own affair.
func saysStatus(err error, status int) bool {
	return err != nil && strings.Contains(err.Error(), http.StatusText(status))
}

func (s *school) goCalendars(t *testing.T) {
	ctx := t.Context()
	c, err := caldav.NewClient(s.as(t, "ben"), "https://localhost:"+s.ports["https"]+"/")
	if err != nil {
		t.Fatal(err)
	}
	principal, err := c.FindCurrentUserPrincipal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	home, err := c.FindCalendarHomeSet(ctx, principal)
	if err != nil {
		t.Fatal(err)
	}
	calendars, err := c.FindCalendars(ctx, home)
	if err != nil {
		t.Fatal(err)
	}
	components := map[string]string{}
	for _, calendar := range calendars {
		components[strings.TrimPrefix(calendar.Path, home)] = strings.Join(calendar.SupportedComponentSet, " ")
		if calendar.MaxResourceSize != 1<<20 || calendar.Name == "" {
			t.Errorf("%s takes %d bytes and is called %q", calendar.Path, calendar.MaxResourceSize, calendar.Name)
		}
	}
	want := map[string]string{"calendar/": "VEVENT", "tasks/": "VTODO VJOURNAL", "group-7b/": "VEVENT", "group-7b~tasks/": "VTODO VJOURNAL"}
	if !maps.Equal(components, want) {
		t.Errorf("calendars: %q, want %q", components, want)
	}

	s.goEvents(ctx, t, c, home+"calendar/")
	if _, err := c.PutCalendarObject(ctx, home+"group-7b/streich.ics", lesson("Streich", time.Now())); !saysStatus(err, http.StatusForbidden) {
		t.Errorf("a pupil writes into the class's calendar: %v, want 403", err)
	}
}

// goEvents puts lessons and finds them again.
func (s *school) goEvents(ctx context.Context, t *testing.T, c *caldav.Client, calendar string) {
	t.Helper()
	var paths []string
	for day, title := range []string{"Deutsch", "Mathe", "Sport"} {
		at := time.Date(2026, 4, 13+day, 8, 0, 0, 0, time.UTC)
		path := calendar + "stunde " + title + ".ics"
		put, err := c.PutCalendarObject(ctx, path, lesson(title, at))
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.GetCalendarObject(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		if put.ETag == "" || got.ETag != put.ETag {
			t.Errorf("%s: ETag %q after PUT, %q after GET", title, put.ETag, got.ETag)
		}
		paths = append(paths, path)
	}
	whole := caldav.CalendarCompRequest{Name: "VCALENDAR", AllProps: true, AllComps: true}
	query := func(from, to int, request caldav.CalendarCompRequest) []string {
		t.Helper()
		found, err := c.QueryCalendar(ctx, calendar, &caldav.CalendarQuery{
			CompRequest: request,
			CompFilter: caldav.CompFilter{Name: "VCALENDAR", Comps: []caldav.CompFilter{{
				Name: "VEVENT", Start: time.Date(2026, 4, from, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 4, to, 0, 0, 0, 0, time.UTC),
			}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return titles(t, found)
	}
	for _, tt := range []struct {
		from, to int
		want     []string
	}{{13, 16, []string{"Deutsch", "Mathe", "Sport"}}, {14, 15, []string{"Mathe"}}, {16, 30, nil}} {
		if got := query(tt.from, tt.to, whole); !slices.Equal(got, tt.want) {
			t.Errorf("from the %d. to the %d. there is %q, want %q", tt.from, tt.to, got, tt.want)
		}
	}
	some := caldav.CalendarCompRequest{Name: "VCALENDAR", Props: []string{"VERSION", "PRODID"}, Comps: []caldav.CalendarCompRequest{{Name: "VEVENT", Props: []string{"UID", "SUMMARY"}}}}
	if got := query(14, 15, some); !slices.Equal(got, []string{"Mathe"}) {
		t.Errorf("of some properties only there is %q", got)
	}
	found, err := c.MultiGetCalendar(ctx, calendar, &caldav.CalendarMultiGet{Paths: paths[:2], CompRequest: whole})
	if err != nil {
		t.Fatal(err)
	}
	if got := titles(t, found); !slices.Equal(got, []string{"Deutsch", "Mathe"}) {
		t.Errorf("multiget has %q", got)
	}
}

// lesson is an event of 45 minutes.
func lesson(title string, at time.Time) *ical.Calendar {
	event := ical.NewEvent()
	event.Props.SetText(ical.PropUID, "stunde-"+title)
	event.Props.SetDateTime(ical.PropDateTimeStamp, at)
	event.Props.SetDateTime(ical.PropDateTimeStart, at)
	event.Props.SetDateTime(ical.PropDateTimeEnd, at.Add(45*time.Minute))
	event.Props.SetText(ical.PropSummary, title)
	calendar := ical.NewCalendar()
	calendar.Props.SetText(ical.PropVersion, "2.0")
	calendar.Props.SetText(ical.PropProductID, "-//Beispiel//DE")
	calendar.Children = append(calendar.Children, event.Component)
	return calendar
}

// titles are the summaries of found, sorted.
func titles(t *testing.T, found []caldav.CalendarObject) (all []string) {
	t.Helper()
	for _, object := range found {
		for _, event := range object.Data.Events() {
			title, err := event.Props.Text(ical.PropSummary)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, title)
		}
	}
	slices.Sort(all)
	return all
}

func (s *school) goContacts(t *testing.T) {
	ctx := t.Context()
	c, err := carddav.NewClient(s.as(t, "ben"), "https://localhost:"+s.ports["https"]+"/.well-known/carddav")
	if err != nil {
		t.Fatal(err)
	}
	home := "/dav/contacts/ben/"
	if got, err := c.FindAddressBookHomeSet(ctx, "/dav/principals/users/ben/"); err != nil || got != home {
		t.Fatalf("the home is %q, %v", got, err)
	}
	books, err := c.FindAddressBooks(ctx, home)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, book := range books {
		names = append(names, strings.TrimPrefix(book.Path, home))
		if !book.SupportsAddressData("text/vcard", "3.0") || !book.SupportsAddressData("text/vcard", "4.0") {
			t.Errorf("%s takes %+v", book.Path, book.SupportedAddressData)
		}
	}
	if slices.Sort(names); !slices.Equal(names, []string{"contacts/", "directory/", "group-7b/"}) {
		t.Errorf("address books: %q", names)
	}

	s.goCards(ctx, t, c, home+"contacts/")
	s.goDirectory(ctx, t, c, home+"directory/")
}

// goCards puts cards, changes them, and asks for what changed.
func (s *school) goCards(ctx context.Context, t *testing.T, c *carddav.Client, own string) {
	t.Helper()
	empty, err := c.SyncCollection(ctx, own, &carddav.SyncQuery{})
	if err != nil || len(empty.Updated)+len(empty.Deleted) != 0 || empty.SyncToken == "" {
		t.Fatalf("the first sync: %+v, %v", empty, err)
	}
	for _, name := range []string{"Özlem Kaya", "Peter Müller", "Petra Meier"} {
		put, err := c.PutAddressObject(ctx, own+name+".vcf", contact(name))
		if err != nil || put.ETag == "" {
			t.Fatalf("PUT %s: %+v, %v", name, put, err)
		}
	}
	got, err := c.GetAddressObject(ctx, own+"Özlem Kaya.vcf")
	if err != nil || got.Card.PreferredValue(vcard.FieldFormattedName) != "Özlem Kaya" {
		t.Errorf("GET: %+v, %v", got, err)
	}
	s.goQueries(ctx, t, c, own)

	since, err := c.SyncCollection(ctx, own, &carddav.SyncQuery{SyncToken: empty.SyncToken})
	if err != nil || len(since.Updated) != 3 || len(since.Deleted) != 0 {
		t.Fatalf("sync after three cards: %+v, %v", since, err)
	}
	if err := c.RemoveAll(ctx, own+"Petra Meier.vcf"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutAddressObject(ctx, own+"Peter Müller.vcf", contact("Peter Müller-Lüdenscheidt")); err != nil {
		t.Fatal(err)
	}
	last, err := c.SyncCollection(ctx, own, &carddav.SyncQuery{SyncToken: since.SyncToken})
	if err != nil || len(last.Updated) != 1 || last.Updated[0].Path != own+"Peter Müller.vcf" || !slices.Equal(last.Deleted, []string{own + "Petra Meier.vcf"}) {
		t.Errorf("sync after one change and one deletion: %+v, %v", last, err)
	}
}

// goQueries finds three cards by filters and by path.
func (s *school) goQueries(ctx context.Context, t *testing.T, c *carddav.Client, own string) {
	t.Helper()
	find := func(q carddav.AddressBookQuery) []string {
		t.Helper()
		q.DataRequest.AllProp = true
		found, err := c.QueryAddressBook(ctx, own, &q)
		if err != nil {
			t.Fatal(err)
		}
		return people(found)
	}
	named := func(text string, how carddav.MatchType) carddav.PropFilter {
		return carddav.PropFilter{Name: "FN", TextMatches: []carddav.TextMatch{{Text: text, MatchType: how}}}
	}
	for _, tt := range []struct {
		query carddav.AddressBookQuery
		want  []string
	}{
		{carddav.AddressBookQuery{PropFilters: []carddav.PropFilter{named("PET", carddav.MatchStartsWith)}}, []string{"Peter Müller", "Petra Meier"}},
		{carddav.AddressBookQuery{PropFilters: []carddav.PropFilter{named("özlem", carddav.MatchContains)}}, []string{"Özlem Kaya"}},
		{carddav.AddressBookQuery{PropFilters: []carddav.PropFilter{named("pet", carddav.MatchContains), named("meier", carddav.MatchEndsWith)}, FilterTest: carddav.FilterAllOf}, []string{"Petra Meier"}},
		{carddav.AddressBookQuery{PropFilters: []carddav.PropFilter{{Name: "NICKNAME", IsNotDefined: true}}}, []string{"Peter Müller", "Petra Meier", "Özlem Kaya"}},
		{carddav.AddressBookQuery{PropFilters: []carddav.PropFilter{named("nobody", carddav.MatchEquals)}}, nil},
	} {
		if got := find(tt.query); !slices.Equal(got, tt.want) {
			t.Errorf("%+v finds %q, want %q", tt.query, got, tt.want)
		}
	}
	several, err := c.MultiGetAddressBook(ctx, own, &carddav.AddressBookMultiGet{
		Paths: []string{own + "Peter Müller.vcf", own + "Özlem Kaya.vcf"}, DataRequest: carddav.AddressDataRequest{Props: []string{"FN", "UID"}},
	})
	if got := people(several); err != nil || !slices.Equal(got, []string{"Peter Müller", "Özlem Kaya"}) {
		t.Errorf("multiget has %q, %v", got, err)
	}
}

// goDirectory reads the school's directory as a pupil: the people of the class are there once.
func (s *school) goDirectory(ctx context.Context, t *testing.T, c *carddav.Client, book string) {
	t.Helper()
	found, err := c.QueryAddressBook(ctx, book, &carddav.AddressBookQuery{DataRequest: carddav.AddressDataRequest{AllProp: true}})
	if err != nil {
		t.Fatal(err)
	}
	got := people(found)
	for _, want := range []string{"Anna Schmidt", "Ben Yılmaz", "Tina Lehmann", "Klasse 7b"} {
		if n := len(got) - len(slices.DeleteFunc(slices.Clone(got), func(name string) bool { return name == want })); n != 1 {
			t.Errorf("the directory has %s %d times: %q", want, n, got)
		}
	}
	if _, err := c.PutAddressObject(ctx, book+"neu.vcf", contact("Neu")); !saysStatus(err, http.StatusForbidden) {
		t.Errorf("PUT into the directory: %v, want 403", err)
	}
}

// contact is a card with a name.
func contact(name string) vcard.Card {
	card := vcard.Card{}
	card.SetValue(vcard.FieldVersion, "4.0")
	card.SetValue(vcard.FieldUID, "urn:x:"+strings.Fields(name)[0])
	card.SetValue(vcard.FieldFormattedName, name)
	return card
}

// people are the names of found, sorted.
func people(found []carddav.AddressObject) (all []string) {
	for _, object := range found {
		all = append(all, object.Card.PreferredValue(vcard.FieldFormattedName))
	}
	slices.Sort(all)
	return all
}
