package dav

import (
	"context"
	"encoding/xml"
	"slices"

	"schulhof/dav/collection"
	"schulhof/directory"
)

// property is a live property: one that the server knows the meaning of. A new one is a row in one of the tables that
// newPropertyTable joins.
type property struct {
	name  xml.Name
	kinds kind // where it is defined
	all   bool // part of allprop: what RFC 4918 §15 defines
	brief bool // a node that was fetched briefly is enough for it

	// write writes what is inside the element. nil: a stored property, which is written as it was set, or not there.
	write func(ctx context.Context, w *xmlWriter, d *described) error
	// has tells whether a resource of those kinds has it; nil: all have.
	has func(d *described) bool
	// check says what may be stored; nil: the property is protected. An error answers PROPPATCH.
	check func(e *element) error
}

// propertyTable is every live property, in the order of allprop and propname.
type propertyTable struct {
	all    []property
	byName map[xml.Name][]*property // a name may have several rows, for different kinds
}

func newPropertyTable() *propertyTable {
	t := &propertyTable{byName: map[xml.Name][]*property{}}
	t.all = slices.Concat(webdavProperties, aclProperties, caldavProperties, carddavProperties)
	for i := range t.all {
		p := &t.all[i]
		t.byName[p.name] = append(t.byName[p.name], p)
	}
	return t
}

// find is the live property of that name for resources of kind k; nil: there is none.
func (t *propertyTable) find(name xml.Name, k kind) *property {
	for _, p := range t.byName[name] {
		if p.kinds&k != 0 {
			return p
		}
	}
	return nil
}

// described is a resource whose properties are asked for.
type described struct {
	x      *exchange
	r      *resource
	stored []collection.Property
	locks  []collection.Lock
	usage  map[directory.ID]collection.Usage // of the whole answer
	expand *element                          // expand-property: what to put into hrefs; nil: plain hrefs
}

// find is the stored property of that name.
func (d *described) find(name xml.Name) *collection.Property {
	for i := range d.stored {
		if d.stored[i].PropertyName == (collection.PropertyName{Space: name.Space, Name: name.Local}) {
			return &d.stored[i]
		}
	}
	return nil
}

// defined tells whether the resource has live property p.
func (d *described) defined(p *property) bool {
	switch {
	case p.kinds&d.r.kind == 0:
		return false
	case p.has != nil && !p.has(d):
		return false
	case p.write == nil:
		return d.find(p.name) != nil
	}
	return true
}

// appendLive writes live property p with its element.
func (d *described) appendLive(ctx context.Context, w *xmlWriter, p *property) error {
	if p.check != nil { // what was set goes before what is computed
		if stored := d.find(p.name); stored != nil {
			w.bytes(stored.Value)
			return nil
		}
	}
	w.open(p.name)
	if err := p.write(ctx, w, d); err != nil {
		return err
	}
	w.close(p.name)
	return nil
}

// usageOf is what the owner of the resource uses, asked once per answer and owner.
func (d *described) usageOf(ctx context.Context) (collection.Usage, error) {
	owner := d.r.node.Owner
	if u, ok := d.usage[owner]; ok {
		return u, nil
	}
	u, err := d.x.srv.collections.Usage(ctx, d.r.node)
	if err == nil {
		d.usage[owner] = u
	}
	return u, err
}

// fixedText writes properties that are always the same markup.
func fixedText(markup string) func(context.Context, *xmlWriter, *described) error {
	return func(_ context.Context, w *xmlWriter, _ *described) error {
		w.raw(markup)
		return nil
	}
}

// textOf writes properties that are a text of the resource.
func textOf(text func(*described) string) func(context.Context, *xmlWriter, *described) error {
	return func(_ context.Context, w *xmlWriter, d *described) error {
		w.text(text(d))
		return nil
	}
}

// hrefTo writes properties that are one href.
func hrefTo(href func(*described) string) func(context.Context, *xmlWriter, *described) error {
	return func(ctx context.Context, w *xmlWriter, d *described) error {
		return d.appendHref(ctx, w, href(d))
	}
}

// anyText accepts text, and no elements.
func anyText(e *element) error {
	if len(e.children()) > 0 {
		return errValue("text")
	}
	return nil
}

// anything accepts every content.
func anything(*element) error { return nil }
