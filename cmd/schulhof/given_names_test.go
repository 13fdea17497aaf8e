package main

import (
	"encoding/xml"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"schulhof/config"
	"schulhof/dav"
	"schulhof/directory"
)

// TestGivenNames: a school's people read the names of what they have in the school's language, German unless the settings say otherwise. What
// somebody called theirs stays when the language changes.
func TestGivenNames(t *testing.T) {
	t.Parallel()
	const own = `<propertyupdate xmlns="DAV:"><set><prop><displayname>Meine Tasks</displayname></prop></set></propertyupdate>`
	c := newSchool(t)
	for _, tt := range []struct {
		language, teacher string // "": as init writes it
		want              map[string]string
	}{
		{"", "Lehrkraft", map[string]string{"calendar": "Kalender", "tasks": "Aufgaben", "contacts": "Kontakte", "directory": "Schulverzeichnis",
			"group-7b": "Klasse 7b", "group-7b~tasks": "Klasse 7b: Aufgaben"}},
		{config.LanguageEnglish, "Teacher", map[string]string{"calendar": "Calendar", "tasks": "Meine Tasks", "contacts": "Contacts", "directory": "School directory",
			"group-7b": "Klasse 7b", "group-7b~tasks": "Klasse 7b: Tasks"}},
		{config.LanguageGerman, "Lehrkraft", map[string]string{"calendar": "Kalender", "tasks": "Meine Tasks", "contacts": "Kontakte", "directory": "Schulverzeichnis",
			"group-7b": "Klasse 7b", "group-7b~tasks": "Klasse 7b: Aufgaben"}},
	} {
		if tt.language != "" {
			c.Server.Language = tt.language
		}
		r := openSchool(t, c)
		if tt.language == "" {
			furnishClass(t, r)
		}
		anna := httpDAV(t, r, "anna")
		if got := anna.names(t, "/dav/calendars/anna/", "/dav/contacts/anna/"); !maps.Equal(got, tt.want) {
			t.Errorf("%q: %v, want %v", tt.language, got, tt.want)
		}
		if card := anna.want(t, http.StatusOK, "GET", "/dav/contacts/anna/directory/anna.vcf", ""); !strings.Contains(card.text, "\r\nROLE:"+tt.teacher+"\r\n") {
			t.Errorf("%q: %s", tt.language, card.text)
		}
		anna.want(t, http.StatusMultiStatus, "PROPPATCH", "/dav/calendars/anna/tasks/", own)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// furnishClass makes Anna, a teacher, and her class.
func furnishClass(t *testing.T, r *rooms) {
	t.Helper()
	made, _, err := r.Directory.AddAccounts(t.Context(), []directory.NewAccount{{Address: "anna@school.test", Role: directory.Teacher, Password: storyPassword}})
	if err != nil {
		t.Fatal(err)
	}
	class, err := r.Directory.AddGroup(t.Context(), directory.Group{Name: "7b", Title: "Klasse 7b", Kind: directory.Class})
	if err == nil {
		err = r.Directory.AddMembers(t.Context(), class.ID, []directory.ID{made[0].ID}, true)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// httpDAV serves r's collections until the test ends, to name.
func httpDAV(t *testing.T, r *rooms, name string) *davClient {
	t.Helper()
	files, err := dav.New(dav.Options{Store: r.Store, Directory: r.Directory, Collections: r.DAV, Hostname: r.Config.Server.Hostname, Log: r.Log,
		AllowPlaintextLoopback: true, Zone: r.Config.Server.Zone()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(files.Handler())
	t.Cleanup(server.Close)
	return &davClient{base: server.URL, name: name, password: storyPassword, http: server.Client()}
}

// names is what the collections in homes are called, by the last part of their paths. A group's calendar and its address book have the same.
func (c *davClient) names(t *testing.T, homes ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, home := range homes {
		answer := c.want(t, http.StatusMultiStatus, "PROPFIND", home, `<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>`, "Depth", "1")
		var m struct {
			Responses []struct {
				Href string `xml:"DAV: href"`
				Name string `xml:"DAV: propstat>prop>displayname"`
			} `xml:"DAV: response"`
		}
		if err := xml.Unmarshal([]byte(answer.text), &m); err != nil {
			t.Fatalf("%s: %v\n%s", home, err, answer.text)
		}
		for _, r := range m.Responses {
			last := strings.Trim(strings.TrimPrefix(r.Href, home), "/")
			if last == "" { // the home itself
				continue
			}
			if before, ok := all[last]; ok && before != r.Name {
				t.Errorf("%s is called %q and %q", last, before, r.Name)
			}
			all[last] = r.Name
		}
	}
	return all
}

// TestGivenNamesAreWhole: a language that leaves a name out would show nothing in its place.
func TestGivenNamesAreWhole(t *testing.T) {
	t.Parallel()
	for _, language := range []string{config.LanguageGerman, config.LanguageEnglish} {
		w, ok := givenNames[language]
		if !ok || w.Calendar == "" || w.Tasks == "" || w.Contacts == "" || w.Directory == "" || w.Teacher == "" || w.Staff == "" {
			t.Errorf("%s: %+v", language, w)
		}
	}
}
