package dav

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"schulhof/dav/collection"
	"schulhof/dav/ical"
)

// freeBusyQuery answers when the calendar's owner is busy. What an object is about is not told. RFC 4791 §7.10.
func (x *exchange) freeBusyQuery(ctx context.Context, body *element) error {
	r, err := boundedRange(body.child(caldav("time-range")))
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
	var periods []ical.Period
	components := []string{"VEVENT", "VFREEBUSY"}
	if only != "" {
		components = components[:1] // it is looked at once, whatever it is
	}
	for _, component := range components {
		w := collection.Window{Component: component, From: r.Start, To: r.End}
		for f, err := range x.objectsFor(ctx, only, w) {
			if err != nil {
				return err
			}
			calendar, err := ical.Parse(f.Bytes)
			if err != nil {
				continue // as in a query
			}
			busy, err := calendar.Busy(*r, floating, ical.NewBudget())
			if errors.Is(err, ical.ErrTooMany) {
				return violated(http.StatusForbidden, dav("number-of-matches-within-limits"), "an object has too many instances in that time")
			}
			if periods = append(periods, busy...); err == nil && len(periods) > maxBusyPeriods {
				if periods = ical.Merge(periods); len(periods) > maxBusyPeriods {
					return violated(http.StatusForbidden, dav("number-of-matches-within-limits"), "there are too many periods in that time")
				}
			}
		}
	}
	answer := ical.FreeBusy(periods, *r, x.srv.now())
	h := x.w.Header()
	h.Set("Content-Type", "text/calendar; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(answer)))
	x.begin(http.StatusOK)
	_, err = x.Write(answer)
	return err
}
