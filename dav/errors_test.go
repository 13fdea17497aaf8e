package dav

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"schulhof/dav/collection"
	"schulhof/store/fault"
)

// Every kind has a status of its own class, and only bugs and broken machines are 5xx.
func TestEveryFaultHasAStatus(t *testing.T) {
	for _, k := range fault.Kinds() {
		p := problemOf(fault.New(k, "a sentence"), collection.Files)
		if p.status < 400 || p.status > 599 || http.StatusText(p.status) == "" {
			t.Errorf("%v is %d", k, p.status)
		}
		ours := k == fault.Internal || k == fault.Unavailable || k == fault.OverQuota
		if (p.status >= 500) != ours {
			t.Errorf("%v is %d", k, p.status)
		}
		if (p.text == "") != (k == fault.Internal) {
			t.Errorf("%v says %q", k, p.text)
		}
	}
}

func TestProblemOf(t *testing.T) {
	cal, book, files := collection.Calendars, collection.Contacts, collection.Files
	rule := func(kind fault.Kind, name string) error {
		return fault.Wrap(kind, &collection.Precondition{Name: name}, "no")
	}
	tests := []struct {
		name   string
		err    error
		space  collection.Space
		status int
		want   name
	}{
		{"a problem stays what it is", fmt.Errorf("x: %w", refuse(418, "tea")), files, 418, name{}},
		{"no parent", fault.Wrap(fault.Conflict, collection.ErrNoParent, "no"), files, 409, name{}},
		{"a collection in the way", fault.Wrap(fault.Conflict, collection.ErrIsCollection, "no"), files, 405, name{}},
		{"a destination that is taken", fault.Wrap(fault.Conflict, collection.ErrNotEmpty, "no"), files, 412, name{}},
		{"a UID in a calendar", rule(fault.Conflict, "no-uid-conflict"), cal, 409, caldav("no-uid-conflict")},
		{"a UID in an address book", rule(fault.Conflict, "no-uid-conflict"), book, 409, carddav("no-uid-conflict")},
		{"bad data", rule(fault.Invalid, "valid-calendar-data"), cal, 403, caldav("valid-calendar-data")},
		{"a bad card", rule(fault.Invalid, "valid-address-data"), book, 403, carddav("valid-address-data")},
		{"a large event", rule(fault.TooLarge, "max-resource-size"), cal, 403, caldav("max-resource-size")},
		{"a large file", rule(fault.TooLarge, "max-resource-size"), files, 413, dav("max-resource-size")},
		{"no room", rule(fault.OverQuota, "quota-not-exceeded"), files, 507, dav("quota-not-exceeded")},
		{"a lock", rule(fault.InUse, "lock-token-submitted"), files, 423, dav("lock-token-submitted")},
		{"a name that is taken", rule(fault.AlreadyExists, "resource-must-be-null"), cal, 405, dav("resource-must-be-null")},
		{"an old token", rule(fault.Expired, "valid-sync-token"), cal, 403, dav("valid-sync-token")},
		{"not one's own", rule(fault.Forbidden, "need-privileges"), cal, 403, dav("need-privileges")},
		{"the client went away", fmt.Errorf("x: %w", context.Canceled), files, 503, name{}},
		{"a bug", errors.New("secret path /srv"), files, 500, name{}},
	}
	for _, tt := range tests {
		p := problemOf(tt.err, tt.space)
		if p.status != tt.status || p.condition != tt.want {
			t.Errorf("%s: %d %v, want %d %v", tt.name, p.status, describe(p.condition), tt.status, describe(tt.want))
		}
		w := xmlWriter{}
		p.appendError(&w)
		if strings.Contains(string(w.buf), "secret") {
			t.Errorf("%s: the answer tells what is for the log: %s", tt.name, w.buf)
		}
	}
}

// What stands in the way is named, escaped and inside its element.
func TestErrorBodyNamesWhatIsInTheWay(t *testing.T) {
	p := problemOf(fault.Wrap(fault.Conflict, &collection.Precondition{Name: "no-uid-conflict",
		Href: collection.Path{Space: collection.Calendars, Owner: "anna", Segments: []string{"calendar", "a&b.ics"}}}, "<taken>"), collection.Calendars)
	w := xmlWriter{}
	p.appendError(&w)
	want := `<D:error><C:no-uid-conflict><D:href>/dav/calendars/anna/calendar/a%26b.ics</D:href></C:no-uid-conflict>` +
		`<D:responsedescription>&lt;taken&gt;</D:responsedescription></D:error>`
	if got := string(w.buf); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
