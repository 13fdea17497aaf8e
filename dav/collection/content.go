package collection

import (
	"errors"
	"fmt"
	"io"

	"schulhof/dav/ical"
	"schulhof/dav/vcard"
	"schulhof/store"
	"schulhof/store/fault"
)

// inspect checks a content as a collection of kind in, for components, demands, and reads what is indexed of it; b are the bytes of a calendar
// object or card.
func (c *Collections) inspect(in Kind, components []string, content *store.Spool) (x indexed, b []byte, err error) {
	switch in {
	case Calendar, AddressBook:
	case Folder:
		if content.Size() > c.opts.MaxFileSize {
			return x, nil, refuse(fault.TooLarge, "max-resource-size", "the file is larger than %d bytes", c.opts.MaxFileSize)
		}
		return x, nil, nil
	default:
		return x, nil, fault.New(fault.Refused, "there is no place for objects beside the collections")
	}
	if content.Size() > MaxObjectSize {
		return x, nil, refuse(fault.TooLarge, "max-resource-size", "the object is larger than %d bytes", int64(MaxObjectSize))
	}
	b, ok := content.Bytes()
	if !ok {
		if b, err = io.ReadAll(content.Reader()); err != nil {
			return x, nil, fmt.Errorf("read the object: %w", err)
		}
	}
	if in == AddressBook {
		x, err = inspectCard(b)
	} else {
		x, err = inspectEvent(b, components)
	}
	return x, b, err
}

// inspectCard checks a card. RFC 6352 §6.3.2.1.
func inspectCard(b []byte) (x indexed, err error) {
	card, err := vcard.Parse(b)
	if err != nil {
		return x, invalidObject("valid-address-data", err)
	}
	o, err := card.Check()
	var v *vcard.Violation
	if errors.As(err, &v) {
		return x, invalidObject(v.Precondition, err)
	}
	if err != nil {
		return x, err
	}
	x.uid = []byte(o.UID)
	return x, nil
}

// invalidObject refuses a content; the codec's error names the line and the reason.
func invalidObject(precondition string, err error) error {
	kind := fault.Invalid
	if precondition == "max-resource-size" {
		kind = fault.TooLarge
	}
	return fault.Wrap(kind, &Precondition{Name: precondition, Err: err}, "it cannot be stored: %s", err.Error())
}

// inspectEvent checks a calendar object for a calendar that holds components. RFC 4791 §5.3.2.1.
func inspectEvent(b []byte, components []string) (x indexed, err error) {
	cal, err := ical.Parse(b)
	if err != nil {
		return x, invalidObject("valid-calendar-data", err)
	}
	o, err := cal.Check(components)
	var v *ical.Violation
	if errors.As(err, &v) {
		return x, invalidObject(v.Precondition, err)
	}
	if err != nil {
		return x, err
	}
	return indexOf(o), nil
}

func indexOf(o *ical.Object) indexed {
	x := indexed{uid: []byte(o.UID), component: o.Component, first: o.First, last: o.Last}
	if o.Recurring {
		x.nature |= recurs
	}
	if o.Floating {
		x.nature |= floats
	}
	if o.Begins {
		x.nature |= begins
	}
	return x
}

// object is what Filter.Decide asks for.
func (x *indexed) object() *ical.Object {
	return &ical.Object{
		UID: string(x.uid), Component: x.component, First: x.first, Last: x.last,
		Recurring: x.nature&recurs != 0, Floating: x.nature&floats != 0, Begins: x.nature&begins != 0,
	}
}
