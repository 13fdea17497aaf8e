package dav

import (
	"context"
	"net/http"
	"strings"

	"schulhof/directory"
	"schulhof/store/fault"
)

// searchable are the properties that principals can be searched by.
var searchable = []struct {
	name        name
	description string
	value       func(p principal) string
}{
	{dav("displayname"), "Name", func(p principal) string { return p.title }},
	{caldav("calendar-user-address-set"), "Address", func(p principal) string { return "mailto:" + p.address }},
	{cs("email-address-set"), "Mail address", func(p principal) string { return p.address }},
	{caldav("calendar-user-type"), "Kind", func(p principal) string { return p.kind }},
	{cs("first-name"), "Name", func(p principal) string { return p.title }}, // macOS asks for these two
	{cs("last-name"), "Name", func(p principal) string { return p.title }},
}

// principalSearchPropertySet tells what can be searched by. RFC 3744 §9.5.
func (x *exchange) principalSearchPropertySet(context.Context, *element) error {
	w := xmlWriter{}
	w.raw(xmlHead + "<D:principal-search-property-set" + declarations + ">")
	for _, s := range searchable {
		w.raw("<D:principal-search-property><D:prop>")
		w.empty(s.name)
		w.raw(`</D:prop><D:description xml:lang="en">`)
		w.text(s.description)
		w.raw("</D:description></D:principal-search-property>")
	}
	w.raw("</D:principal-search-property-set>")
	return x.sendXML(http.StatusOK, &w)
}

// criterion is one DAV:property-search: the principal matches when each of the values has the text in it, or one where any will do.
type criterion struct {
	values []func(principal) string
	text   string // folded
	how    string // of macOS: contains, starts-with, ends-with, equals
}

// matches asks all values, or any of them: several properties of one search are conditions like several searches. RFC 3744 §9.4.
func (c *criterion) matches(p principal, anyOf bool) bool {
	for _, value := range c.values {
		if c.in(directory.FoldName(value(p))) == anyOf {
			return anyOf
		}
	}
	return !anyOf && len(c.values) > 0
}

func (c *criterion) in(value string) bool {
	switch c.how {
	case "starts-with":
		return strings.HasPrefix(value, c.text)
	case "ends-with":
		return strings.HasSuffix(value, c.text)
	case "equals":
		return value == c.text
	}
	return strings.Contains(value, c.text)
}

// principalPropertySearch finds people, groups and rooms by name or address, among those that the one who asks may know
// of. RFC 3744 §9.4.
func (x *exchange) principalPropertySearch(ctx context.Context, body *element) error {
	var criteria []criterion
	for _, e := range body.children() {
		if e.name != dav("property-search") {
			continue
		}
		c, err := criterionOf(e)
		if err != nil {
			return err
		}
		criteria = append(criteria, c)
	}
	if len(criteria) == 0 {
		return fault.New(fault.Invalid, "there is no DAV:property-search in it")
	}
	anyOf, _ := body.attr("test")
	found, err := x.search(ctx, x.searchedClasses(body), criteria, anyOf == "anyof")
	if err != nil {
		return err
	}
	if len(found) > maxSearchResults {
		return violated(http.StatusForbidden, dav("number-of-matches-within-limits"), "please search for more letters")
	}
	return x.listPrincipals(ctx, found, wantedBy(body))
}

func criterionOf(e *element) (c criterion, err error) {
	match := e.child(dav("match"))
	c.text = directory.FoldName(strings.TrimSpace(match.text()))
	if match != nil {
		c.how, _ = match.attr("match-type")
	}
	if c.text == "" {
		return c, fault.New(fault.Invalid, "a DAV:match is empty")
	}
	for _, p := range e.child(dav("prop")).children() {
		c.values = append(c.values, searchedValue(p.name))
	}
	return c, nil
}

// searchedValue tells the text of a property; there is none in one that cannot be searched by.
func searchedValue(n name) func(principal) string {
	for _, s := range searchable {
		if s.name == n {
			return s.value
		}
	}
	return func(principal) string { return "" }
}

// searchedClasses is where to look: everywhere, unless the request is about one class and does not say otherwise.
func (x *exchange) searchedClasses(body *element) []string {
	if len(x.res.names) == 3 && x.res.names[1] == namePrincipal && body.child(dav("apply-to-principal-collection-set")) == nil {
		return x.res.names[2:]
	}
	return []string{classUsers, classGroups, classResources}
}

func (x *exchange) search(ctx context.Context, classes []string, criteria []criterion, anyOf bool) (found []principal, err error) {
	for _, class := range classes {
		list, err := x.visible(ctx, class)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			matches := 0
			for i := range criteria {
				if criteria[i].matches(p, anyOf) {
					matches++
				}
			}
			if matches == len(criteria) || anyOf && matches > 0 {
				found = append(found, p)
			}
		}
	}
	return found, nil
}

// listPrincipals answers with principals and their properties.
func (x *exchange) listPrincipals(ctx context.Context, list []principal, want wanted) error {
	l := x.newListing(want, nil)
	defer l.release()
	for _, p := range list {
		if err := l.add(ctx, &resource{kind: kindPrincipal, names: []string{nameDAV, namePrincipal, p.class, p.login}, about: p}); err != nil {
			return err
		}
	}
	return l.finish()
}

// principalMatch tells which principals one is: oneself and one's groups; or what is one's own among the members of a
// collection. RFC 3744 §9.3.
func (x *exchange) principalMatch(ctx context.Context, body *element) error {
	want := wantedBy(body)
	if body.child(dav("self")) != nil {
		list := []principal{x.me()}
		groups, err := x.srv.dir.GroupsOf(ctx, x.who())
		if err != nil {
			return err
		}
		for _, g := range groups {
			list = append(list, groupPrincipal(g))
		}
		return x.listPrincipals(ctx, list, want)
	}
	if body.child(dav("principal-property")).child(dav("owner")) == nil || x.res.kind&(homes|kindFolder) == 0 {
		return fault.New(fault.Invalid, "DAV:principal-match is about DAV:self, or about the DAV:owner of members")
	}
	l := x.newListing(want, nil)
	defer l.release()
	after := ""
	for {
		nodes, err := x.srv.collections.Children(ctx, x.who(), x.res.node, after, childrenPage)
		if err != nil {
			return err
		}
		var list []resource
		for _, n := range nodes {
			if n.Owner == x.who() {
				list = append(list, resource{kind: kindOf(n), path: n.Path, inside: true, node: n})
			}
		}
		if err := l.page(ctx, list, nil); err != nil {
			return err
		}
		if len(nodes) < childrenPage {
			return l.finish()
		}
		after = nodes[len(nodes)-1].Name()
	}
}

// aclPrincipalPropSet answers the principals that DAV:acl names, with properties. RFC 3744 §9.2.
func (x *exchange) aclPrincipalPropSet(ctx context.Context, body *element) error {
	list := []principal{x.me()}
	if id := x.res.node.Owner; id != 0 && id != x.who() {
		p, err := x.principalOf(ctx, id)
		if err != nil {
			return err
		}
		list = append(list, p)
	}
	return x.listPrincipals(ctx, list, wantedBy(body))
}
