package collection

import (
	"context"
	"slices"
	"strings"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// MakeOptions say what collection to make.
type MakeOptions struct {
	Guard
	Kind       Kind     // Folder, Calendar or AddressBook
	Components []string // of a Calendar: see below; none: VEVENT, VTODO, VJOURNAL and VFREEBUSY
	Properties []Property
}

// components are what calendars may hold.
var components = [...]string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"} //nolint:gochecknoglobals // a constant table

// defaultComponents is how many of them a calendar holds whose maker did not say.
const defaultComponents = 4

// holds tells which kind of collection may be made in a collection of kind in; Object: none.
func holds(in Kind) Kind {
	switch in {
	case Folder:
		return Folder
	case CalendarHome:
		return Calendar
	case ContactsHome:
		return AddressBook
	}
	return Object
}

// Make makes a collection. fault.AlreadyExists (resource-must-be-null), fault.Conflict with ErrNoParent, fault.Refused for a kind that has
// no place there (calendar-collection-location-ok), fault.Forbidden, fault.Invalid. RFC 4918 §9.3, RFC 5689, RFC 4791 §5.3.1.
func (c *Collections) Make(ctx context.Context, who directory.ID, p Path, o MakeOptions) (n Node, err error) {
	list, err := checkComponents(o)
	if err == nil {
		err = checkProperties(o.Properties)
	}
	if err != nil {
		return n, err
	}
	r, err := c.route(ctx, who, p)
	if err != nil {
		return n, err
	}
	if r.list || len(r.names) == 0 {
		return n, errTaken()
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		s, err := c.locate(tx, r)
		if err != nil {
			return err
		}
		if err := c.mayMake(ctx, tx, &s, &o.Guard, o.Kind); err != nil {
			return err
		}
		e := entry{owner: r.access.owner, kind: o.Kind, name: s.name(), components: list}
		if err := c.bind(tx, s.last(), &e); err != nil {
			return err
		}
		if err := setNewProperties(tx, &e, o.Properties); err != nil {
			return err
		}
		s.chain = append(s.chain, e)
		n = c.node(&s)
		return nil
	})
	return n, err
}

func setNewProperties(tx *store.Tx, e *entry, set []Property) error {
	if len(set) == 0 {
		return nil
	}
	if err := setProperties(tx, e, set); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE dav_entry SET properties = $2 WHERE id = $1`, int64(e.id), e.properties)
	return err
}

func errTaken() error {
	return refuse(fault.AlreadyExists, "resource-must-be-null", "there is something of that name already")
}

func checkComponents(o MakeOptions) (string, error) {
	if o.Kind != Calendar {
		return "", nil
	}
	if len(o.Components) == 0 {
		return strings.Join(components[:defaultComponents], ","), nil
	}
	var list []string
	for _, name := range o.Components {
		name = strings.ToUpper(name)
		if !slices.Contains(components[:], name) {
			return "", refuse(fault.Refused, "supported-calendar-component", "calendars do not hold components of that kind")
		}
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return strings.Join(list, ","), nil
}

// mayMake asks whether a collection of kind may be made where s leads.
func (c *Collections) mayMake(ctx context.Context, tx *store.Tx, s *spot, g *Guard, kind Kind) error {
	switch {
	case s.found:
		return errTaken()
	case s.missing() > 1 || !s.last().kind.IsCollection():
		return errNoParent()
	case !s.access.privileges(s.path.Space, s.last().kind, false).Bind:
		return errForbidden()
	case holds(s.last().kind) != kind:
		return errLocation(kind)
	case reserved(s):
		return errReserved()
	}
	if err := c.ask(ctx, tx, s.access.who.ID, g); err != nil {
		return err
	}
	return c.unlocked(tx, s, g, touchMembers)
}

func errReserved() error {
	return fault.New(fault.Refused, "names that begin with %s, and %s, are taken by the school", groupPrefix, directoryName)
}

func errComponent() error {
	return refuse(fault.Refused, "supported-calendar-component", "the calendar does not hold objects of that kind")
}

func errForbidden() error {
	return refuse(fault.Forbidden, "need-privileges", "you may not change this")
}

func errLocation(kind Kind) error {
	name := "valid-resourcetype" // RFC 5689 §3.3
	switch kind {
	case Calendar:
		name = "calendar-collection-location-ok"
	case AddressBook:
		name = "addressbook-collection-location-ok"
	}
	return refuse(fault.Refused, name, "such a collection has no place there")
}

// reserved tells whether the name of s is one that a home keeps for groups' collections and views.
func reserved(s *spot) bool {
	in := s.last().kind
	return (in == CalendarHome || in == ContactsHome) && (strings.HasPrefix(s.name(), groupPrefix) || s.name() == directoryName)
}

// bind adds e as a new member of in.
func (c *Collections) bind(tx *store.Tx, in *entry, e *entry) (err error) {
	now := c.now().Unix()
	e.parent, e.created, e.modified = in.id, now, now
	if e.modseq, err = join(tx, in); err != nil {
		return err
	}
	if err := insertEntry(tx, e); err != nil {
		return err
	}
	return forget(tx, in.id, e.name)
}
