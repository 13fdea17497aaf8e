package dav

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"schulhof/dav/collection"
	"schulhof/dav/ical"
	"schulhof/store/fault"
)

// dataRequest reads the CALDAV:calendar-data of a report. RFC 4791 §9.6.
func dataRequest(e *element, header http.Header) (r ical.DataRequest, err error) {
	contentType, _ := e.attr("content-type")
	version, _ := e.attr("version")
	if contentType != "" && !strings.EqualFold(contentType, "text/calendar") || version != "" && version != "2.0" {
		return r, violated(http.StatusForbidden, caldav("supported-calendar-data"), "objects are text/calendar of version 2.0")
	}
	r.Zones = zonesIn(header.Get("CalDAV-Timezones"))
	for _, child := range e.children() {
		switch child.name {
		case caldav("comp"):
			var c ical.CompRequest
			c, err = compRequest(child)
			r.Comp = &c
		case caldav("expand"):
			r.Expand, err = boundedRange(child)
		case caldav("limit-recurrence-set"):
			r.LimitRecurrence, err = boundedRange(child)
		case caldav("limit-freebusy-set"):
			r.LimitFreeBusy, err = boundedRange(child)
		default:
			err = fault.New(fault.Invalid, "calendar-data has no %s", describe(child.name))
		}
		if err != nil {
			return r, err
		}
	}
	if r.Expand != nil && r.LimitRecurrence != nil {
		return r, fault.New(fault.Invalid, "calendar-data asks for expand or for limit-recurrence-set, not for both")
	}
	return r, nil
}

func compRequest(e *element) (c ical.CompRequest, err error) {
	if c.Name, err = filterName(e); err != nil {
		return c, err
	}
	for _, child := range e.children() {
		switch child.name {
		case caldav("allprop"):
			c.AllProps = true
		case caldav("allcomp"):
			c.AllComps = true
		case caldav("prop"):
			var p ical.PropRequest
			if p.Name, err = filterName(child); err == nil {
				p.NoValue, err = yes(child, "novalue")
			}
			c.Props = append(c.Props, p)
		case caldav("comp"):
			var inner ical.CompRequest
			inner, err = compRequest(child)
			c.Comps = append(c.Comps, inner)
		default:
			err = fault.New(fault.Invalid, "CALDAV:comp has no %s", describe(child.name))
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

// eventListing is a multistatus of calendar objects.
type eventListing struct {
	*listing
	data     ical.DataRequest
	floating *time.Location
	object   []byte // the one at hand, as stored
}

// newEventListing prepares the answer of a report on calendar objects. The caller releases it.
func (x *exchange) newEventListing(body *element, floating *time.Location) (*eventListing, error) {
	want := wantedBy(body)
	l := &eventListing{floating: floating}
	var extra map[xml.Name]extraProperty
	if i := slices.Index(want.names, calendarData); i >= 0 {
		var err error
		if l.data, err = dataRequest(want.elements[i], x.r.Header); err != nil {
			return nil, err
		}
		extra = map[xml.Name]extraProperty{calendarData: l.writeData}
	}
	l.listing = x.newListing(want, extra)
	return l, nil
}

// show writes the answer for one object. What of it costs too much is answered as that, for this object alone.
func (l *eventListing) show(ctx context.Context, f collection.Found) error {
	l.object = f.Bytes
	begun := len(l.buf)
	err := l.found(ctx, f.Node)
	if errors.Is(err, ical.ErrTooMany) {
		l.buf = l.buf[:begun]
		return l.tooMany(f.Node.Path)
	}
	return err
}

// tooMany says that an object has more instances than an answer may have. RFC 4791 §7.8.
func (l *eventListing) tooMany(p collection.Path) error {
	return l.status(hrefOfPath(p, false), violated(http.StatusInsufficientStorage, dav("number-of-matches-within-limits"), ""))
}

func (l *eventListing) writeData(_ context.Context, w *xmlWriter, _ *described) (bool, error) {
	object := l.object
	if !l.data.Whole() {
		parsed, err := ical.Parse(object)
		if err != nil {
			return false, nil // it was taken in by other rules: there is nothing to choose from
		}
		if object, err = parsed.Select(&l.data, l.floating, ical.NewBudget()); err != nil {
			return false, err
		}
	}
	w.open(calendarData)
	w.textBytes(object)
	w.close(calendarData)
	return true, nil
}

// floating is where times without a zone are read: as the request says, or the calendar, or the server. RFC 4791 §5.2.2 and §9.8, RFC 7809.
func (x *exchange) floating(ctx context.Context, body *element) (*time.Location, error) {
	if e := body.child(caldav("timezone")); e != nil {
		_, loc, err := ical.ParseZone([]byte(e.text()))
		if err != nil {
			return nil, violated(http.StatusForbidden, caldav("valid-calendar-data"), "the time zone cannot be read: "+err.Error())
		}
		return loc, nil
	}
	if e := body.child(caldav("timezone-id")); e != nil {
		loc, ok := ical.Location(strings.TrimSpace(e.text()))
		if !ok {
			return nil, violated(http.StatusForbidden, caldav("valid-timezone"), "there is no such time zone")
		}
		return loc, nil
	}
	stored, err := x.srv.collections.Properties(ctx, x.res.node)
	if err != nil {
		return nil, err
	}
	d := described{x: x, r: &x.res, stored: stored[x.res.node.ID]}
	if id := d.storedText(calendarTimezoneID); id != "" {
		if loc, ok := ical.Location(id); ok {
			return loc, nil
		}
	}
	if zone := d.storedText(calendarTimezone); zone != "" {
		if _, loc, err := ical.ParseZone([]byte(zone)); err == nil {
			return loc, nil
		}
	}
	return x.srv.zone, nil
}

// storedText is the text of a stored property; "" when it is not there.
func (d *described) storedText(n xml.Name) string {
	p := d.find(n)
	if p == nil {
		return ""
	}
	e, err := parseXML(p.Value)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(e.text())
}
