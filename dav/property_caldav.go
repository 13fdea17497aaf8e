package dav

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"schulhof/dav/collection"
	"schulhof/dav/ical"
)

// What Apple's calendar programs keep, and others with them.
var (
	calendarColor = name{Space: nsApple, Local: "calendar-color"}
	calendarOrder = name{Space: nsApple, Local: "calendar-order"}
)

// The time zone of a calendar, as a VTIMEZONE and by its name.
var (
	calendarTimezone   = caldav("calendar-timezone")
	calendarTimezoneID = caldav("calendar-timezone-id")
)

// caldavProperties are those of RFC 4791, of the time zones by reference (RFC 7809), and what programs keep with a calendar.
var caldavProperties = []property{
	{name: caldav("calendar-home-set"), kinds: kindPrincipal, has: hasHomes, write: homeIn(nameCalendars)},
	{name: caldav("calendar-user-address-set"), kinds: kindPrincipal, has: hasAddress, write: userAddresses},
	{name: caldav("calendar-user-type"), kinds: kindPrincipal, write: textOf(func(d *described) string { return d.r.about.kind })},
	{name: cs("email-address-set"), kinds: kindPrincipal, has: hasAddress, write: func(_ context.Context, w *xmlWriter, d *described) error {
		w.element(cs("email-address"), d.r.about.address)
		return nil
	}},
	{name: caldav("calendar-description"), kinds: kindCalendar, check: anyText},
	{name: calendarTimezone, kinds: kindCalendar, check: timezone, has: hasTimezone, write: timezoneOfID},
	{name: calendarTimezoneID, kinds: kindCalendar, check: timezoneID, has: hasTimezoneID, write: textOf((*described).idOfTimezone)},
	{name: caldav("calendar-availability"), kinds: kindCalendar | kindCalendarHome, check: anyText}, // RFC 7953
	{name: caldav("schedule-calendar-transp"), kinds: kindCalendar, check: anything,
		write: fixedText("<C:opaque/>")},
	{name: caldav("default-alarm-vevent-datetime"), kinds: kindCalendar | kindCalendarHome, check: anyText},
	{name: caldav("default-alarm-vevent-date"), kinds: kindCalendar | kindCalendarHome, check: anyText},
	{name: calendarColor, kinds: kindCalendar, check: color},
	{name: calendarOrder, kinds: kindCalendar | kindAddressBook, check: order},
	{name: caldav("supported-calendar-component-set"), kinds: kindCalendar, write: components},
	{name: caldav("supported-calendar-component-sets"), kinds: kindCalendarHome, write: fixedText(componentSets)},
	{name: caldav("supported-calendar-data"), kinds: kindCalendar, write: fixedText(`<C:calendar-data content-type="text/calendar" version="2.0"/>`)},
	{name: caldav("supported-collation-set"), kinds: kindCalendar, write: fixedText("<C:supported-collation>i;ascii-casemap</C:supported-collation>" +
		"<C:supported-collation>i;octet</C:supported-collation><C:supported-collation>i;unicode-casemap</C:supported-collation>")},
	{name: caldav("max-resource-size"), kinds: kindCalendar, write: number(collection.MaxObjectSize)},
}

// componentSets says which sets a new calendar may be made with: any. RFC 6638 §2.4.3 is older than that name, which
// Apple's and others' programs ask for.
const componentSets = `<C:supported-calendar-component-set><C:comp name="VEVENT"/></C:supported-calendar-component-set>` +
	`<C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set>` +
	`<C:supported-calendar-component-set><C:comp name="VJOURNAL"/></C:supported-calendar-component-set>` +
	`<C:supported-calendar-component-set><C:comp name="VEVENT"/><C:comp name="VTODO"/><C:comp name="VJOURNAL"/></C:supported-calendar-component-set>`

// hasHomes: people and groups have homes, resources not yet. There is exactly one of each: clients that find two show
// everything twice, or pick one at random.
func hasHomes(d *described) bool { return d.r.about.class == classUsers && d.r.about.id == d.x.who() }

func hasAddress(d *described) bool { return d.r.about.address != "" }

func homeIn(space string) func(context.Context, *xmlWriter, *described) error {
	return hrefTo(func(d *described) string { return hrefOf(true, nameDAV, space, d.r.about.login) })
}

// userAddresses are how invitations name someone. RFC 6638 §2.4.1.
func userAddresses(_ context.Context, w *xmlWriter, d *described) error {
	w.href("mailto:" + d.r.about.address)
	w.href(d.r.about.href())
	return nil
}

func components(_ context.Context, w *xmlWriter, d *described) error {
	for _, c := range d.r.node.Components {
		w.raw(`<C:comp name="`)
		w.text(c)
		w.raw(`"/>`)
	}
	return nil
}

func number(n int64) func(context.Context, *xmlWriter, *described) error {
	return func(_ context.Context, w *xmlWriter, _ *described) error {
		w.number(n)
		return nil
	}
}

// color is #RRGGBB, with or without an alpha channel, or a name: programs send all three.
func color(e *element) error {
	text := e.text()
	if len(text) > maxShortValue || len(e.children()) > 0 {
		return errValue("a colour")
	}
	return nil
}

// timezone is a VCALENDAR with one VTIMEZONE. RFC 4791 §5.2.2.
func timezone(e *element) error {
	if _, _, err := ical.ParseZone([]byte(e.text())); err != nil || len(e.children()) > 0 {
		return &problem{status: http.StatusForbidden, condition: caldav("valid-calendar-data"), text: "the value is no calendar with one time zone", err: err}
	}
	return nil
}

// timezoneID is the name of a zone that is known. RFC 7809 §5.2.
func timezoneID(e *element) error {
	if _, ok := ical.Location(strings.TrimSpace(e.text())); !ok {
		return violated(http.StatusForbidden, caldav("valid-timezone"), "no time zone of that name is known")
	}
	return nil
}

// sameZone are the two properties that tell a calendar's time zone. Who sets one of them says what the other is.
var sameZone = map[name]name{calendarTimezone: calendarTimezoneID, calendarTimezoneID: calendarTimezone}

// hasTimezone: a calendar whose zone was given by its name has the zone itself, too, for programs that know of no names. RFC 7809 §5.2.
func hasTimezone(d *described) bool {
	if d.find(calendarTimezone) != nil {
		return true
	}
	_, known := ical.Location(d.storedText(calendarTimezoneID))
	return known
}

func timezoneOfID(_ context.Context, w *xmlWriter, d *described) error {
	id := d.storedText(calendarTimezoneID)
	if loc, known := ical.Location(id); known {
		w.text(string(ical.ZoneCalendar(id, loc)))
	}
	return nil
}

// hasTimezoneID: a zone that is given has a name if it is one that everybody knows.
func hasTimezoneID(d *described) bool {
	return d.find(calendarTimezoneID) != nil || d.idOfTimezone() != ""
}

// idOfTimezone is the name, in the tz database, of the zone in calendar-timezone; "" if there is none that is known.
func (d *described) idOfTimezone() string {
	_, loc, err := ical.ParseZone([]byte(d.storedText(calendarTimezone)))
	if err != nil {
		return ""
	}
	if _, known := ical.Location(loc.String()); !known {
		return ""
	}
	return loc.String()
}

// order is a whole number, by which Apple's programs sort.
func order(e *element) error {
	text := e.text()
	if text == "" || len(text) > maxShortValue || slices.ContainsFunc([]byte(text), func(c byte) bool { return c < '0' || c > '9' }) {
		return errValue("a number")
	}
	return nil
}
