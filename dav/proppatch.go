package dav

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"schulhof/dav/collection"
	"schulhof/store/fault"
)

// proppatch sets and removes properties, all or none. RFC 4918 §9.2.
func (x *exchange) proppatch(ctx context.Context) error {
	if x.res.kind&fixed != 0 {
		return refuse(http.StatusForbidden, "the properties of this resource follow from the directory")
	}
	body, err := x.xmlBody()
	if err != nil {
		return err
	}
	if body == nil || body.name != dav("propertyupdate") {
		return fault.New(fault.Invalid, "the XML is no DAV:propertyupdate")
	}
	guard, err := x.guard()
	if err != nil {
		return err
	}
	change, err := x.changeIn(body, x.res.kind)
	if err != nil {
		return err
	}
	if change.allowed() {
		_, err := x.srv.collections.Patch(ctx, x.who(), x.res.path, collection.PatchOptions{
			Guard: guard, Set: change.set(), Remove: change.remove(),
		})
		if err != nil {
			return err
		}
	}
	return x.answerPatch(change)
}

// propertyChange is a PROPPATCH, or what MKCOL and MKCALENDAR set.
type propertyChange struct {
	items []propertyItem // in the order of the document, which is that of their effect
}

// propertyItem is one instruction and what is wrong with it; nil: nothing.
type propertyItem struct {
	name  name
	value []byte // nil: it is removed
	err   *problem
}

// effects are the last instruction for each property.
func (c *propertyChange) effects() map[name]*propertyItem {
	last := make(map[name]*propertyItem, len(c.items))
	for i := range c.items {
		last[c.items[i].name] = &c.items[i]
	}
	return last
}

func (c *propertyChange) set() (list []collection.Property) {
	for n, item := range c.effects() {
		if item.value != nil {
			list = append(list, collection.Property{PropertyName: storedName(n), Value: item.value})
		}
	}
	return list
}

// remove lists what is removed: also the other property that told the same, unless that is set along with this one.
func (c *propertyChange) remove() (list []collection.PropertyName) {
	effects := c.effects()
	for n, item := range effects {
		if item.value == nil {
			list = append(list, storedName(n))
		}
		if other, ok := sameZone[n]; ok && effects[other] == nil {
			list = append(list, storedName(other))
		}
	}
	return list
}

func storedName(n name) collection.PropertyName {
	return collection.PropertyName{Space: n.Space, Name: n.Local}
}

// changeIn reads DAV:set and DAV:remove in the order of the document, which is that of their effect.
func (x *exchange) changeIn(body *element, k kind) (*propertyChange, error) {
	c := &propertyChange{}
	for _, instruction := range body.children() {
		remove := instruction.name == dav("remove")
		if !remove && instruction.name != dav("set") {
			continue
		}
		for _, e := range instruction.child(dav("prop")).children() {
			if len(c.items) >= collection.MaxProperties {
				return nil, fault.New(fault.Limit, "more than %d properties", collection.MaxProperties)
			}
			c.add(x.srv.live.find(e.name, k), e, remove)
		}
	}
	if len(c.items) == 0 {
		return nil, fault.New(fault.Invalid, "there is no property in it")
	}
	return c, nil
}

// add takes one instruction into the change. live is nil for a dead property.
func (c *propertyChange) add(live *property, e *element, remove bool) {
	item := propertyItem{name: e.name}
	switch {
	case live != nil && live.check == nil, live == nil && e.name.Space == nsDAV && protectedElsewhere[e.name.Local]:
		item.err = violated(http.StatusForbidden, dav("cannot-modify-protected-property"), "")
	case live != nil && !remove:
		item.err = asProblem(live.check(e))
	}
	if !remove {
		item.value = e.appendXML(nil)
		if item.err == nil && len(item.value) > collection.MaxPropertyValue {
			item.err = refuse(http.StatusInsufficientStorage, "the property is too large")
		}
	}
	if item.err == nil && max(len(e.name.Space), len(e.name.Local)) > collection.MaxPropertyName {
		item.err = refuse(http.StatusInsufficientStorage, "the name of the property is too long")
	}
	c.items = append(c.items, item)
}

// protectedElsewhere are properties of RFC 4918 §15 that mean something where they are defined, and that must not be made
// up as dead ones where they are not.
var protectedElsewhere = map[string]bool{
	"creationdate": true, "getcontentlength": true, "getetag": true, "getlastmodified": true, "lockdiscovery": true,
	"resourcetype": true, "supportedlock": true, "getcontenttype": true,
}

func asProblem(err error) *problem {
	var p *problem
	if err == nil || errors.As(err, &p) {
		return p
	}
	return &problem{status: http.StatusConflict, text: fault.TextOf(err), err: err}
}

// errValue is what a check says: RFC 4918 §9.2.1 has 409 for a value that does not fit.
func errValue(wanted string) error {
	return &problem{status: http.StatusConflict, text: "the value is not " + wanted}
}

// allowed reports whether nothing is wrong so far.
func (c *propertyChange) allowed() bool {
	return !slices.ContainsFunc(c.items, func(i propertyItem) bool { return i.err != nil })
}

// answerPatch answers PROPPATCH: each property with its status; those that were fine fail with the others (424).
func (x *exchange) answerPatch(c *propertyChange) error {
	if c.allowed() && x.prefer.minimal {
		x.w.Header().Set("Preference-Applied", x.prefer.applied())
		return x.done(http.StatusNoContent) // RFC 8144 §2.2
	}
	m := x.newMultistatus()
	defer m.release()
	m.begin()
	m.raw("<D:response>")
	m.href(x.res.href())
	c.appendPropstats(m)
	m.raw("</D:response>")
	return m.finish()
}

// appendPropstats writes one propstat for each status.
func (c *propertyChange) appendPropstats(m *multistatus) {
	if c.allowed() {
		m.openPropstat()
		for _, i := range c.items {
			m.empty(i.name)
		}
		m.closePropstat(http.StatusOK, nil)
		return
	}
	var others []name
	for _, i := range c.items {
		if i.err == nil {
			others = append(others, i.name)
			continue
		}
		m.openPropstat()
		m.empty(i.name)
		m.closePropstat(i.err.status, i.err)
	}
	if len(others) > 0 {
		m.openPropstat()
		for _, name := range others {
			m.empty(name)
		}
		m.closePropstat(http.StatusFailedDependency, nil)
	}
}
