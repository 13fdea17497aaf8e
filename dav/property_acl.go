package dav

import (
	"context"

	"schulhof/dav/collection"
)

// aclProperties are those of RFC 3744 and of RFC 5397. Rights follow roles and groups; they are read here and not written.
var aclProperties = []property{
	{name: dav("current-user-principal"), kinds: existing, write: hrefTo(func(d *described) string { return d.x.me().href() })},
	{name: dav("principal-URL"), kinds: kindPrincipal, write: hrefTo(func(d *described) string { return d.r.about.href() })},
	{name: dav("alternate-URI-set"), kinds: kindPrincipal, write: alternateURIs},
	{name: dav("group-member-set"), kinds: kindPrincipal, write: groupMembers},
	{name: dav("group-membership"), kinds: kindPrincipal, write: groupMembership},
	{name: dav("owner"), kinds: stored, has: hasOwner, write: owner},
	{name: dav("supported-privilege-set"), kinds: existing, write: fixedText(supportedPrivileges)},
	{name: dav("current-user-privilege-set"), kinds: existing, write: currentPrivileges},
	{name: dav("acl"), kinds: stored, has: hasOwner, write: acl},
	{name: dav("acl-restrictions"), kinds: existing, write: fixedText("<D:grant-only/><D:no-invert/>")},
	{name: dav("inherited-acl-set"), kinds: existing, write: fixedText("")},
	{name: dav("principal-collection-set"), kinds: existing, write: principalCollections},
}

// appendHref writes an href, or what expand-property wants in its place.
func (d *described) appendHref(ctx context.Context, w *xmlWriter, href string) error {
	if d.expand == nil {
		w.href(href)
		return nil
	}
	return d.x.expanded(ctx, w, href, d.expand)
}

func alternateURIs(_ context.Context, w *xmlWriter, d *described) error {
	if address := d.r.about.address; address != "" {
		w.href("mailto:" + address)
	}
	return nil
}

// groupMembers is empty for all but groups. A member sees the others of the group, as in its mail address.
func groupMembers(ctx context.Context, w *xmlWriter, d *described) error {
	if d.r.about.class != classGroups {
		return nil
	}
	members, err := d.x.srv.dir.Members(ctx, d.r.about.id)
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := d.appendHref(ctx, w, userPrincipal(m.Account).href()); err != nil {
			return err
		}
	}
	return nil
}

// groupMembership lists one's own groups, and those of others as far as one may know of them.
func groupMembership(ctx context.Context, w *xmlWriter, d *described) error {
	if d.r.about.class != classUsers {
		return nil
	}
	groups, err := d.x.srv.dir.GroupsOf(ctx, d.r.about.id)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if !d.x.maySee(ctx, g.Name) {
			continue
		}
		if err := d.appendHref(ctx, w, groupPrincipal(g).href()); err != nil {
			return err
		}
	}
	return nil
}

func owner(ctx context.Context, w *xmlWriter, d *described) error {
	p, err := d.x.principalOf(ctx, d.r.node.Owner)
	if err != nil {
		return err
	}
	return d.appendHref(ctx, w, p.href())
}

// supportedPrivileges is the tree of RFC 3744 §3 as far as it is used.
const supportedPrivileges = `<D:supported-privilege><D:privilege><D:all/></D:privilege><D:abstract/><D:description xml:lang="en">Everything</D:description>` +
	`<D:supported-privilege><D:privilege><D:read/></D:privilege><D:description xml:lang="en">Read</D:description>` +
	`<D:supported-privilege><D:privilege><D:read-acl/></D:privilege><D:abstract/><D:description xml:lang="en">Read who may do what</D:description></D:supported-privilege>` +
	`<D:supported-privilege><D:privilege><D:read-current-user-privilege-set/></D:privilege><D:abstract/><D:description xml:lang="en">Read one's own rights</D:description></D:supported-privilege>` +
	`<D:supported-privilege><D:privilege><C:read-free-busy/></D:privilege><D:abstract/><D:description xml:lang="en">Read when someone is busy</D:description></D:supported-privilege>` +
	`</D:supported-privilege>` +
	`<D:supported-privilege><D:privilege><D:write/></D:privilege><D:description xml:lang="en">Write</D:description>` +
	`<D:supported-privilege><D:privilege><D:write-content/></D:privilege><D:description xml:lang="en">Change contents</D:description></D:supported-privilege>` +
	`<D:supported-privilege><D:privilege><D:write-properties/></D:privilege><D:description xml:lang="en">Change properties</D:description></D:supported-privilege>` +
	`<D:supported-privilege><D:privilege><D:bind/></D:privilege><D:description xml:lang="en">Add members</D:description></D:supported-privilege>` +
	`<D:supported-privilege><D:privilege><D:unbind/></D:privilege><D:description xml:lang="en">Remove members</D:description></D:supported-privilege>` +
	`</D:supported-privilege>` +
	`<D:supported-privilege><D:privilege><D:unlock/></D:privilege><D:description xml:lang="en">End locks of others</D:description></D:supported-privilege>` +
	`</D:supported-privilege>`

// currentPrivileges is how a client knows what is read-only. RFC 3744 §5.4.
func currentPrivileges(_ context.Context, w *xmlWriter, d *described) error {
	p := d.r.node.Privileges
	if !d.r.inside {
		p = collection.Privileges{Read: true}
	}
	appendPrivileges(w, p, d.r.kind)
	return nil
}

// appendPrivileges writes p with the aggregates that it amounts to: clients look for either.
func appendPrivileges(w *xmlWriter, p collection.Privileges, k kind) {
	members := k&collections != 0
	for _, privilege := range []struct {
		has  bool
		name string
	}{
		{p.Read, "read"}, {p.Read, "read-acl"}, {p.Read, "read-current-user-privilege-set"},
		{p.Write && p.WriteProperties && (!members || p.Bind && p.Unbind), "write"},
		{p.Write, "write-content"}, {p.WriteProperties, "write-properties"},
		{p.Bind && members, "bind"}, {p.Unbind && members, "unbind"}, {p.BreakLocks, "unlock"},
	} {
		if privilege.has {
			w.raw("<D:privilege>")
			w.empty(dav(privilege.name))
			w.raw("</D:privilege>")
		}
	}
	if p.Read && k&(kindCalendarHome|kindCalendar|kindEvent) != 0 {
		w.raw("<D:privilege><C:read-free-busy/></D:privilege>")
	}
}

// acl says whose it is, and what the one who asks may do. It is protected: rights follow from the school's groups.
// RFC 3744 §5.5.
func acl(ctx context.Context, w *xmlWriter, d *described) error {
	p, err := d.x.principalOf(ctx, d.r.node.Owner)
	if err != nil {
		return err
	}
	ace := func(href string, privileges collection.Privileges) error {
		w.raw("<D:ace><D:principal>")
		if err := d.appendHref(ctx, w, href); err != nil {
			return err
		}
		w.raw("</D:principal><D:grant>")
		appendPrivileges(w, privileges, d.r.kind)
		w.raw("</D:grant><D:protected/></D:ace>")
		return nil
	}
	if p.class != classGroups {
		return ace(p.href(), d.r.node.Privileges)
	}
	if err := ace(p.href(), collection.Privileges{Read: true}); err != nil {
		return err
	}
	return ace(d.x.me().href(), d.r.node.Privileges)
}

func principalCollections(_ context.Context, w *xmlWriter, _ *described) error {
	for _, class := range []string{classUsers, classGroups, classResources} {
		w.href(hrefOf(true, nameDAV, namePrincipal, class))
	}
	return nil
}
