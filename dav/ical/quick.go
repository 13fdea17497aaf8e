package ical

import (
	"bytes"
	"slices"
	"time"

	"schulhof/dav/contentline"
)

// MatchStored is Match for the bytes of an object that passed Check. It does not read time zones and what else stands
// before the components that the filter asks for, unless it has to; that is most of what a small event consists of.
func (f *Filter) MatchStored(b []byte, floating *time.Location, budget *Budget) (bool, error) {
	if c := f.partOf(b); c != nil && c.begin(floating, budget) == nil {
		return f.Match(c, floating, budget)
	}
	c, err := Parse(b)
	if err != nil {
		return false, err
	}
	return f.Match(c, floating, budget)
}

// partOf parses what lies between the first component that the filter asks for and the end of the calendar. It returns nil if that may
// not be enough for an answer, or is not to be found.
func (f *Filter) partOf(b []byte) *Calendar {
	component, _, _, ok := f.Window()
	if !ok || len(f.Comp.Props) > 0 || slices.ContainsFunc(f.Comp.Comps, func(c CompFilter) bool { return !slices.Contains(kinds, upper(c.Name)) }) {
		return nil
	}
	// At the begin of a line these are what they seem: a folded line goes on with a space.
	begin := bytes.Index(b, []byte("\nBEGIN:"+component))
	end := bytes.LastIndex(b, []byte("\nEND:VCALENDAR"))
	if begin < 0 || end < begin {
		return nil
	}
	components, err := contentline.Parse(b[begin+1 : end+1])
	if err != nil {
		return nil
	}
	return New(&contentline.Component{Name: "VCALENDAR", Children: components})
}
