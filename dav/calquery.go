package dav

import (
	"context"
	"errors"

	"schulhof/dav/collection"
	"schulhof/dav/ical"
)

// calendarQuery answers with the objects that fulfil a filter. Depth does not matter: a calendar holds only objects, and programs send
// what they like. RFC 4791 §7.8.
func (x *exchange) calendarQuery(ctx context.Context, body *element) error {
	filter, err := calendarFilter(body.child(caldav("filter")))
	if err != nil {
		return err
	}
	only, err := x.around(ctx)
	if err != nil {
		return err
	}
	floating, err := x.floating(ctx, body)
	if err != nil {
		return err
	}
	l, err := x.newEventListing(body, floating)
	if err != nil {
		return err
	}
	defer l.release()
	w := windowOf(filter)
	w.Decide, w.NamesOnly = filter.Decide, l.extra == nil
	for f, err := range x.objectsFor(ctx, only, w) {
		if err != nil {
			return err
		}
		if err := l.query(ctx, filter, f); err != nil {
			return err
		}
	}
	return l.finish()
}

// windowOf is what of the filter the index can select by.
func windowOf(f *ical.Filter) collection.Window {
	component, from, to, ok := f.Window()
	if !ok {
		return collection.Window{}
	}
	return collection.Window{Component: component, From: from, To: to}
}

// query answers for one object, if it passes. An object that cannot be read says nothing that a filter could ask for: it was taken in by
// other rules.
func (l *eventListing) query(ctx context.Context, filter *ical.Filter, f collection.Found) error {
	if f.Sure {
		return l.show(ctx, f)
	}
	match, err := filter.MatchStored(f.Bytes, l.floating, ical.NewBudget())
	if errors.Is(err, ical.ErrTooMany) {
		return l.tooMany(f.Node.Path)
	}
	if err != nil || !match {
		return nil
	}
	return l.show(ctx, f)
}
