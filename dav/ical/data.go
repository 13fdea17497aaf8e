package ical

import (
	"time"

	"schulhof/dav/contentline"
)

// DataRequest is what a client wants of an object: CALDAV:calendar-data. The zero value wants all of it. RFC 4791 §9.6.
type DataRequest struct {
	Expand          *TimeRange // instances instead of recurrence, in UTC; excludes LimitRecurrence
	LimitRecurrence *TimeRange // only overrides that matter for a time
	LimitFreeBusy   *TimeRange // only FREEBUSY periods of a time
	Comp            *CompRequest
	Zones           ZoneRequest
}

// CompRequest names what to keep of a component. RFC 4791 §9.6.1.
type CompRequest struct {
	Name     string
	AllProps bool
	Props    []PropRequest
	AllComps bool
	Comps    []CompRequest
}

// PropRequest names a property to keep, without its value if NoValue. RFC 4791 §9.6.4.
type PropRequest struct {
	Name    string
	NoValue bool
}

// ZoneRequest says what becomes of VTIMEZONE. RFC 7809 §3.1.
type ZoneRequest uint8

// Zones stay as they are, those of the tz database are left out, or those that are missing are added.
const (
	ZonesAsStored ZoneRequest = iota
	ZonesByReference
	ZonesIncluded
)

// Whole tells whether the request wants the object as it is stored.
func (r *DataRequest) Whole() bool {
	return r.Expand == nil && r.LimitRecurrence == nil && r.LimitFreeBusy == nil && r.Comp == nil && r.Zones == ZonesAsStored
}

// Select makes what a client wants of the object. floating is where times without a zone are read, nil for UTC. The error is
// ErrTooMany, or a *Violation if the object never passed Check.
func (c *Calendar) Select(r *DataRequest, floating *time.Location, budget *Budget) ([]byte, error) {
	if err := c.begin(floating, budget); err != nil {
		return nil, err
	}
	root := c.root
	var err error
	switch {
	case r.Expand != nil:
		root, err = c.expand(*r.Expand, budget)
	case r.LimitRecurrence != nil:
		root, err = c.limitRecurrence(*r.LimitRecurrence, budget)
	}
	if err != nil {
		return nil, err
	}
	if r.LimitFreeBusy != nil {
		root = limitFreeBusy(root, r.LimitFreeBusy)
	}
	switch r.Zones {
	case ZonesByReference:
		root = withoutKnownZones(root)
	case ZonesIncluded:
		root = withZones(root)
	}
	if r.Comp != nil && r.Comp.Name != "" && root.Is(r.Comp.Name) {
		root = part(root, r.Comp)
	}
	return root.AppendTo(nil), nil
}

// part copies what a request keeps of a component. Without allprop and prop it keeps no property but those that
// make the result an iCalendar object at all.
func part(c *contentline.Component, r *CompRequest) *contentline.Component {
	out := &contentline.Component{Name: c.Name}
	for i := range c.Lines {
		line := c.Lines[i]
		keep, bare := r.AllProps, false
		for _, p := range r.Props {
			if line.Is(p.Name) {
				keep, bare = true, p.NoValue
			}
		}
		if !keep {
			continue
		}
		if bare {
			line.Value = ""
		}
		out.Lines = append(out.Lines, line)
	}
	for _, child := range c.Children {
		if r.AllComps {
			out.Children = append(out.Children, child)
			continue
		}
		for i := range r.Comps {
			if child.Is(r.Comps[i].Name) {
				out.Children = append(out.Children, part(child, &r.Comps[i]))
				break
			}
		}
	}
	return out
}

// limitRecurrence keeps overrides that lie in a time, or whose instance without them would, or that change what comes after them. RFC 4791 §9.6.6.
func (c *Calendar) limitRecurrence(r TimeRange, budget *Budget) (*contentline.Component, error) {
	masters := make(map[string]*entry)
	for _, e := range c.entries {
		if !e.recurID.given() {
			masters[e.uid] = e
		}
	}
	drop := make(map[*contentline.Component]bool)
	for _, e := range c.entries {
		if !budget.step(1) {
			return nil, ErrTooMany
		}
		if !e.recurID.given() {
			continue
		}
		start, end := e.span()
		keep := overlapsEvent(start, end, &r)
		id := e.recurID.instant()
		if m := masters[e.uid]; m != nil && m.anchor().given() {
			keep = keep || overlapsEvent(id, m.endFrom(id), &r)
		}
		keep = keep || e.thisAndFuture && id < r.End
		drop[e.comp] = !keep
	}
	out := &contentline.Component{Name: c.root.Name, Lines: c.root.Lines}
	for _, child := range c.root.Children {
		if !drop[child] {
			out.Children = append(out.Children, child)
		}
	}
	return out, nil
}

// limitFreeBusy keeps FREEBUSY periods that touch a time. RFC 4791 §9.6.7.
func limitFreeBusy(root *contentline.Component, r *TimeRange) *contentline.Component {
	out := &contentline.Component{Name: root.Name, Lines: root.Lines}
	for _, child := range root.Children {
		if child.Is("VFREEBUSY") {
			child = limitPeriods(child, r)
		}
		out.Children = append(out.Children, child)
	}
	return out
}

func limitPeriods(c *contentline.Component, r *TimeRange) *contentline.Component {
	out := &contentline.Component{Name: c.Name, Children: c.Children}
	for _, line := range c.Lines {
		if line.Is("FREEBUSY") {
			kept := ""
			for item := range splitList(line.Value) {
				if start, end, ok := busyPeriod(item); ok && overlapsEvent(start, end, r) {
					kept += "," + item
				}
			}
			if kept == "" {
				continue
			}
			line.Value = kept[1:]
		}
		out.Lines = append(out.Lines, line)
	}
	return out
}

// withoutKnownZones leaves out VTIMEZONEs that the client has itself: those named as in the tz database.
func withoutKnownZones(root *contentline.Component) *contentline.Component {
	out := &contentline.Component{Name: root.Name, Lines: root.Lines}
	for _, child := range root.Children {
		if id := child.Get("TZID"); child.Is("VTIMEZONE") && id != nil {
			if loc, ok := Location(id.Value); ok && loc.String() == id.Value {
				continue
			}
		}
		out.Children = append(out.Children, child)
	}
	return out
}

// withZones adds the VTIMEZONEs that lines refer to and the object lacks.
func withZones(root *contentline.Component) *contentline.Component {
	have := make(map[string]bool)
	for _, child := range root.Children {
		if id := child.Get("TZID"); child.Is("VTIMEZONE") && id != nil {
			have[id.Value] = true
		}
	}
	var zones []*contentline.Component
	var look func(c *contentline.Component)
	look = func(c *contentline.Component) {
		for i := range c.Lines {
			tzid, ok := c.Lines[i].Param("TZID")
			if !ok || have[tzid] {
				continue
			}
			have[tzid] = true
			if loc, ok := Location(tzid); ok {
				zones = append(zones, WriteZone(tzid, loc))
			}
		}
		for _, child := range c.Children {
			look(child)
		}
	}
	look(root)
	return &contentline.Component{Name: root.Name, Lines: root.Lines, Children: append(zones, root.Children...)}
}
