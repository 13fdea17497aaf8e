package dav

import (
	"context"
	"errors"

	"schulhof/directory"
	"schulhof/store/fault"
)

// principal is someone or something that rights and invitations are about: an account, a group or a resource. RFC 3744 §2.
type principal struct {
	class   string // users, groups or resources: the name in the URL
	id      directory.ID
	login   string
	title   string
	address string
	kind    string // calendar-user-type: RFC 5545 §3.2.3
}

// The classes of principals.
const (
	classUsers     = "users"
	classGroups    = "groups"
	classResources = "resources"
)

func (p principal) href() string { return hrefOf(true, nameDAV, namePrincipal, p.class, p.login) }

// me is the principal of who asks.
func (x *exchange) me() principal { return userPrincipal(x.id.Account) }

func userPrincipal(a directory.Account) principal {
	return principal{class: classUsers, id: a.ID, login: a.Login, title: a.Name, address: a.Address, kind: "INDIVIDUAL"}
}

func groupPrincipal(g directory.Group) principal {
	title := g.Title
	if title == "" {
		title = g.Name
	}
	return principal{class: classGroups, id: g.ID, login: g.Name, title: title, address: g.Address, kind: "GROUP"}
}

func (x *exchange) resourcePrincipal(r directory.Resource) principal {
	p := principal{class: classResources, id: r.ID, login: r.Name, title: r.Title, address: x.srv.dir.ResourceAddress(r.ID), kind: "RESOURCE"}
	if r.Kind == directory.Place {
		p.kind = "ROOM"
	}
	return p
}

// principal finds the one that a URL names, for those who may know of it. fault.NotFound.
func (x *exchange) principal(ctx context.Context, class, login string) (principal, error) {
	switch class {
	case classUsers:
		a, err := x.srv.dir.AccountByAddress(ctx, login)
		if err == nil && a.Login == login && x.maySee(ctx, login) {
			return userPrincipal(a), nil
		}
		return principal{}, asNotFound(err)
	case classGroups:
		g, err := x.srv.dir.Group(ctx, login)
		if err == nil && g.Name == login && x.maySee(ctx, login) {
			return groupPrincipal(g), nil
		}
		return principal{}, asNotFound(err)
	case classResources:
		r, err := x.srv.dir.Resource(ctx, login)
		if err == nil && r.Name == login {
			return x.resourcePrincipal(r), nil
		}
		return principal{}, asNotFound(err)
	}
	return principal{}, errNoSuchPath()
}

// asNotFound turns "no such address" into "no such path", and keeps what is broken.
func asNotFound(err error) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) && (f.Kind == fault.NotFound || f.Kind == fault.Invalid) {
		return errNoSuchPath()
	}
	return err
}

// principalOf is the principal that owns id's things.
func (x *exchange) principalOf(ctx context.Context, id directory.ID) (principal, error) {
	if id == x.who() {
		return x.me(), nil
	}
	groups, err := x.srv.dir.GroupsOf(ctx, x.who())
	if err != nil {
		return principal{}, err
	}
	for _, g := range groups {
		if g.ID == id {
			return groupPrincipal(g), nil
		}
	}
	return principal{}, errNoSuchPath()
}
