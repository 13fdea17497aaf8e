package dav

import (
	"context"
	"encoding/xml"
	"net/http"
	"slices"

	"schulhof/dav/collection"
	"schulhof/directory"
	"schulhof/store/fault"
)

// wanted is which properties a PROPFIND or a REPORT asks for.
type wanted struct {
	names    []xml.Name // in the order of the request
	elements []*element // of names: some have content that says more (calendar-data)
	all      bool       // allprop, with names as its include
	onlyName bool       // propname
}

// propfind tells properties of a resource and, with Depth: 1, of its members. RFC 4918 §9.1.
func (x *exchange) propfind(ctx context.Context) error {
	d, err := parseDepth(x.r.Header, depthInfinity)
	if err != nil {
		return err
	}
	if d == depthInfinity {
		return violated(http.StatusForbidden, dav("propfind-finite-depth"), "")
	}
	body, err := x.xmlBody()
	if err != nil {
		return err
	}
	want, err := wantedIn(body)
	if err != nil {
		return err
	}
	p := x.newListing(want, nil)
	defer p.release()
	if d == depth0 || !x.prefer.noRoot {
		if err := p.add(ctx, &x.res); err != nil {
			return err
		}
	}
	if d == depth1 {
		if err := p.members(ctx, &x.res); err != nil {
			return err
		}
	}
	return p.finish()
}

// wantedIn reads the body of a PROPFIND; none is allprop.
func wantedIn(body *element) (w wanted, err error) {
	if body == nil {
		return wanted{all: true}, nil
	}
	if body.name != dav("propfind") {
		return w, fault.New(fault.Invalid, "the XML is no DAV:propfind")
	}
	kinds := 0
	for _, e := range body.children() {
		switch e.name {
		case dav("allprop"):
			w.all = true
			kinds++
		case dav("propname"):
			w.onlyName = true
			kinds++
		case dav("prop"):
			w.add(e)
			kinds++
		case dav("include"):
			w.add(e)
		}
	}
	if kinds != 1 || w.onlyName && len(w.names) > 0 {
		return w, fault.New(fault.Invalid, "a DAV:propfind asks for one of prop, propname and allprop")
	}
	return w, nil
}

// add wants what a DAV:prop or DAV:include names, each once.
func (w *wanted) add(prop *element) {
	seen := make(map[xml.Name]bool, len(w.names))
	for _, name := range w.names {
		seen[name] = true
	}
	for _, e := range prop.children() {
		if !seen[e.name] {
			seen[e.name] = true
			w.names, w.elements = append(w.names, e.name), append(w.elements, e)
		}
	}
}

// listing is a multistatus of resources with the properties that are wanted of each.
type listing struct {
	*multistatus
	x       *exchange
	want    wanted
	expand  map[xml.Name]*element // of expand-property: the properties whose hrefs are expanded
	usage   map[directory.ID]collection.Usage
	plan    []planned   // want.names for resources of planKind
	missing []xml.Name  // of the resource at hand
	single  [1]resource // the object at hand
	at      described   // the resource at hand

	planKind              kind
	needStored, needLocks bool
	brief                 bool                       // nothing is asked for but properties that say so themselves
	extra                 map[xml.Name]extraProperty // of a report: what it alone can give
}

// extraProperty writes a property that only a report knows, such as CALDAV:calendar-data; ok is false when it is not there.
type extraProperty func(ctx context.Context, w *xmlWriter, d *described) (ok bool, err error)

// planned is a wanted property, looked up for one kind of resource. A report on thousands of objects asks for the same of each.
type planned struct {
	name   xml.Name
	extra  extraProperty // nil: none of a report
	live   *property     // nil: none
	expand *element
}

// planFor looks up the wanted properties for resources of kind k.
func (l *listing) planFor(k kind) []planned {
	if l.planKind == k && l.plan != nil {
		return l.plan
	}
	l.plan, l.planKind = l.plan[:0], k
	for _, name := range l.want.names {
		l.plan = append(l.plan, planned{name: name, extra: l.extra[name], live: l.x.srv.live.find(name, k), expand: l.expand[name]})
	}
	return l.plan
}

// newListing prepares a multistatus. extra is what the report itself writes of what is wanted; nil: nothing. The caller releases it.
func (x *exchange) newListing(want wanted, extra map[xml.Name]extraProperty) *listing {
	l := &listing{multistatus: x.newMultistatus(), x: x, want: want, extra: extra, brief: true, usage: map[directory.ID]collection.Usage{}}
	l.needStored = want.all || want.onlyName
	l.needLocks = want.all
	for _, name := range want.names {
		if extra[name] != nil {
			continue
		}
		live := x.srv.live.byName[name]
		l.needStored = l.needStored || len(live) == 0
		for _, p := range live {
			l.needStored = l.needStored || p.check != nil
			l.brief = l.brief && p.brief
		}
		l.needLocks = l.needLocks || name == dav("lockdiscovery")
	}
	l.brief = l.brief && !l.needStored
	return l
}

// add writes one resource.
func (l *listing) add(ctx context.Context, r *resource) error {
	var locks []collection.Lock
	if l.needLocks && r.kind&(kindFile|kindFolder) != 0 {
		var err error
		if locks, err = l.x.srv.collections.Locks(ctx, l.x.who(), r.path); err != nil {
			return err
		}
	}
	return l.page(ctx, []resource{*r}, func(*collection.Node) []collection.Lock { return locks })
}

// found writes an object that a report has found.
func (l *listing) found(ctx context.Context, n collection.Node) error {
	l.single[0] = resource{kind: kindOf(n), path: n.Path, inside: true, node: n}
	return l.page(ctx, l.single[:], nil)
}

// page writes resources, whose stored properties are asked for together. locks tells those on each; nil: there are none.
func (l *listing) page(ctx context.Context, list []resource, locks func(*collection.Node) []collection.Lock) error {
	var stored map[collection.ID][]collection.Property
	if l.needStored {
		nodes := make([]collection.Node, len(list))
		for i := range list {
			nodes[i] = list[i].node
		}
		var err error
		if stored, err = l.x.srv.collections.Properties(ctx, nodes...); err != nil {
			return err
		}
	}
	for i := range list {
		l.at = described{x: l.x, r: &list[i], usage: l.usage, stored: stored[list[i].node.ID]}
		if locks != nil {
			l.at.locks = locks(&list[i].node)
		}
		if err := l.describe(ctx, &l.at); err != nil {
			return err
		}
	}
	return nil
}

// locksIn finds the locks on the members of a folder: their own, and the folder's that hold for all in it.
func (l *listing) locksIn(ctx context.Context, r *resource) (func(*collection.Node) []collection.Lock, error) {
	if !l.needLocks || r.kind != kindFolder {
		return nil, nil
	}
	above, err := l.x.srv.collections.Locks(ctx, l.x.who(), r.path)
	if err != nil {
		return nil, err
	}
	above = slices.DeleteFunc(above, func(k collection.Lock) bool { return !k.Infinite })
	own, err := l.x.srv.collections.MemberLocks(ctx, l.x.who(), r.node)
	if err != nil || len(above)+len(own) == 0 {
		return nil, err
	}
	return func(n *collection.Node) []collection.Lock { return append(slices.Clip(above), own[n.ID]...) }, nil
}

// members writes what is in a collection, page by page: the memory does not grow with the number.
func (l *listing) members(ctx context.Context, r *resource) error {
	if r.kind&fixed != 0 {
		return l.fixedMembers(ctx, r)
	}
	if r.kind&collections == 0 {
		return nil
	}
	locks, err := l.locksIn(ctx, r)
	if err != nil {
		return err
	}
	after := ""
	var list []resource
	for {
		nodes, err := l.x.srv.collections.Children(ctx, l.x.who(), r.node, after, childrenPage)
		if err != nil {
			return err
		}
		list = slices.Grow(list[:0], len(nodes))
		for _, n := range nodes {
			list = append(list, resource{kind: kindOf(n), path: n.Path, inside: true, node: n})
		}
		if err := l.page(ctx, list, locks); err != nil {
			return err
		}
		if len(nodes) < childrenPage {
			return nil
		}
		after = nodes[len(nodes)-1].Name()
	}
}

// fixedMembers lists the fixed places below one, as far as they are for the one who asks.
func (l *listing) fixedMembers(ctx context.Context, r *resource) error {
	var hrefs []string
	switch hrefOf(true, r.names...) {
	case "/":
		hrefs = []string{"/dav/", "/webdav/"}
	case "/dav/":
		hrefs = []string{"/dav/principals/", "/dav/calendars/", "/dav/contacts/"}
	case "/dav/principals/":
		hrefs = []string{"/dav/principals/users/", "/dav/principals/groups/", "/dav/principals/resources/"}
	case "/dav/calendars/", "/dav/contacts/":
		hrefs = []string{hrefOf(true, nameDAV, r.names[1], l.x.id.Account.Login)}
	case "/webdav/":
		hrefs = []string{"/webdav/Files/", "/webdav/Groups/"}
	default:
		if len(r.names) != 3 {
			return nil // a principal has no members
		}
		people, err := l.x.visible(ctx, r.names[2])
		for _, p := range people {
			if err == nil {
				err = l.add(ctx, &resource{kind: kindPrincipal, names: []string{nameDAV, namePrincipal, p.class, p.login}, about: p})
			}
		}
		return err
	}
	for _, href := range hrefs {
		below, err := l.x.resolve(ctx, href)
		if err != nil {
			return err
		}
		if err := l.add(ctx, &below); err != nil {
			return err
		}
	}
	return nil
}

// describe writes a DAV:response.
func (l *listing) describe(ctx context.Context, d *described) error {
	l.begin()
	l.raw("<D:response><D:href>")
	l.buf = d.r.appendHref(l.buf) // escaped for a URL, it has nothing left that XML would escape
	l.raw("</D:href>")
	if err := l.propstats(ctx, d); err != nil {
		return err
	}
	l.raw("</D:response>")
	return l.step()
}

// propstats writes the properties of a resource by status.
func (l *listing) propstats(ctx context.Context, d *described) error {
	l.missing = l.missing[:0]
	begun := len(l.buf)
	l.openPropstat()
	empty := len(l.buf)
	if l.want.all || l.want.onlyName {
		if err := l.every(ctx, d); err != nil {
			return err
		}
	}
	plan := l.planFor(d.r.kind)
	for i := range plan {
		found, err := l.one(ctx, d, &plan[i])
		if err != nil {
			return err
		}
		if !found {
			l.missing = append(l.missing, plan[i].name)
		}
	}
	tellMissing := len(l.missing) > 0 && !l.x.prefer.minimal && !l.want.all
	if len(l.buf) == empty && tellMissing {
		l.buf = l.buf[:begun]
	} else {
		l.closePropstat(http.StatusOK, nil)
	}
	if tellMissing {
		l.openPropstat()
		for _, name := range l.missing {
			l.empty(name)
		}
		l.closePropstat(http.StatusNotFound, nil)
	}
	return nil
}

// one writes a property, if the resource has it.
func (l *listing) one(ctx context.Context, d *described, p *planned) (found bool, err error) {
	if p.extra != nil {
		return p.extra(ctx, &l.xmlWriter, d)
	}
	if p.live != nil {
		if !d.defined(p.live) {
			return false, nil
		}
		d.expand = p.expand
		return true, d.appendLive(ctx, &l.xmlWriter, p.live)
	}
	if stored := d.find(p.name); stored != nil {
		l.bytes(stored.Value)
		return true, nil
	}
	return false, nil
}

// every writes allprop or propname: the live properties that belong to it, and the dead ones.
func (l *listing) every(ctx context.Context, d *described) error {
	for i := range l.x.srv.live.all {
		p := &l.x.srv.live.all[i]
		if !p.all && !l.want.onlyName || !d.defined(p) {
			continue
		}
		if l.want.onlyName {
			l.empty(p.name)
			continue
		}
		if err := d.appendLive(ctx, &l.xmlWriter, p); err != nil {
			return err
		}
	}
	for i := range d.stored {
		s := &d.stored[i]
		name := xml.Name{Space: s.Space, Local: s.PropertyName.Name}
		switch {
		case l.x.srv.live.find(name, d.r.kind) != nil:
		case l.want.onlyName:
			l.empty(name)
		default:
			l.bytes(s.Value)
		}
	}
	return nil
}
