package dav

import (
	"context"
	"strings"

	"schulhof/dav/collection"
	"schulhof/directory"
	"schulhof/store/fault"
)

// kind is what a URL names. Kinds are bits, so that rules and properties can be given for several.
type kind uint32

// The kinds.
const (
	kindRoot         kind = 1 << iota // /
	kindTop                           // /dav/, /dav/principals/users/, /webdav/ …: fixed places on the way
	kindPrincipal                     // /dav/principals/users/anna/
	kindCalendarHome                  // /dav/calendars/anna/
	kindContactsHome                  // /dav/contacts/anna/
	kindCalendar                      // /dav/calendars/anna/calendar/
	kindAddressBook                   // /dav/contacts/anna/contacts/
	kindEvent                         // a calendar object
	kindCard                          // an address object
	kindFolder                        // /webdav/Files/ and below, /webdav/Groups/7b/ and below
	kindGroupList                     // /webdav/Groups/
	kindFile                          // a file

	// Names that are free, by where they are.
	kindFreeInCalendarHome
	kindFreeInContactsHome
	kindFreeInCalendar
	kindFreeInAddressBook
	kindFreeInFolder
	kindNowhere // the collection around it is missing, too
)

// Sets of kinds.
const (
	homes       = kindCalendarHome | kindContactsHome
	stored      = homes | kindCalendar | kindAddressBook | kindEvent | kindCard | kindFolder | kindGroupList | kindFile
	objects     = kindEvent | kindCard | kindFile
	fixed       = kindRoot | kindTop | kindPrincipal
	existing    = fixed | stored
	collections = fixed | homes | kindCalendar | kindAddressBook | kindFolder | kindGroupList
	free        = kindFreeInCalendarHome | kindFreeInContactsHome | kindFreeInCalendar | kindFreeInAddressBook | kindFreeInFolder | kindNowhere
)

// kindNames are for logs.
var kindNames = [...]string{
	"root", "top", "principal", "calendar home", "contacts home", "calendar", "address book", "event", "card", "folder", "group list", "file",
	"free in a calendar home", "free in a contacts home", "free in a calendar", "free in an address book", "free in a folder", "nowhere",
}

func (k kind) String() string {
	var names []string
	for i, name := range kindNames {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// resource is what a URL leads to, as the one who asks sees it.
type resource struct {
	kind   kind
	names  []string        // of the URL, decoded
	slash  bool            // the URL ends in a slash
	path   collection.Path // in a space
	inside bool            // path counts
	node   collection.Node // of what is stored; of free names: the collection around them
	about  principal       // of kindPrincipal
}

// href is the URL of r as every answer writes it: collections end in a slash.
func (r *resource) href() string { return string(r.appendHref(make([]byte, 0, 64))) }

func (r *resource) appendHref(dst []byte) []byte {
	if r.inside {
		return appendHrefOfPath(dst, r.path, r.kind&collections != 0)
	}
	return append(dst, hrefOf(r.kind&collections != 0, r.names...)...)
}

// The first names of the spaces.
const (
	nameDAV       = "dav"
	nameCalendars = "calendars"
	nameContacts  = "contacts"
	nameWebDAV    = "webdav"
	nameFiles     = "Files"
	nameGroups    = "Groups"
	namePrincipal = "principals"
)

// hrefOfPath is the URL of a place in a space. RFC 4918 §8.3.
func hrefOfPath(p collection.Path, slash bool) string {
	return string(appendHrefOfPath(make([]byte, 0, 64), p, slash))
}

func appendHrefOfPath(dst []byte, p collection.Path, slash bool) []byte {
	switch p.Space {
	case collection.Calendars, collection.Contacts:
		dst = append(dst, "/"+nameDAV+"/"...)
		dst = append(append(dst, p.Space.String()...), '/')
		dst = appendSegment(dst, p.Owner)
	case collection.Files:
		dst = append(dst, "/"+nameWebDAV+"/"+nameFiles...)
	case collection.Groups:
		dst = append(dst, "/"+nameWebDAV+"/"+nameGroups...)
	}
	for _, s := range p.Segments {
		dst = appendSegment(append(dst, '/'), s)
	}
	if slash {
		dst = append(dst, '/')
	}
	return dst
}

// tops are the fixed places on the way to others, by their path.
var tops = map[string]bool{
	"/dav/": true, "/dav/principals/": true, "/dav/principals/users/": true, "/dav/principals/groups/": true, "/dav/principals/resources/": true,
	"/dav/calendars/": true, "/dav/contacts/": true, "/webdav/": true,
}

// resolve finds what an escaped path names. What may not be seen is fault.NotFound, like what is not there; a name that is
// free in a collection that may be seen is one of the free kinds.
func (x *exchange) resolve(ctx context.Context, escaped string) (resource, error) {
	names, slash, err := splitPath(escaped)
	r := resource{names: names, slash: slash}
	switch {
	case err != nil:
		return r, err
	case len(names) == 0:
		r.kind = kindRoot
		return r, nil
	case tops[hrefOf(true, names...)]:
		r.kind = kindTop
		return r, nil
	case len(names) == 4 && names[0] == nameDAV && names[1] == namePrincipal:
		r.kind = kindPrincipal
		r.about, err = x.principal(ctx, names[2], names[3])
		return r, err
	}
	if r.path, r.inside = spacePath(names, x.id.Account.Login); !r.inside {
		return r, errNoSuchPath()
	}
	return x.resolveIn(ctx, r)
}

// spacePath is the place that names lead to in one of the spaces.
func spacePath(names []string, login string) (p collection.Path, ok bool) {
	if len(names) < 2 {
		return p, false
	}
	switch {
	case names[0] == nameWebDAV && names[1] == nameFiles:
		return collection.Path{Space: collection.Files, Segments: names[2:]}, true
	case names[0] == nameWebDAV && names[1] == nameGroups:
		return collection.Path{Space: collection.Groups, Segments: names[2:]}, true
	case names[0] == nameDAV && len(names) >= 3 && names[1] == nameCalendars:
		return collection.Path{Space: collection.Calendars, Owner: names[2], Segments: names[3:]}, true
	case names[0] == nameDAV && len(names) >= 3 && names[1] == nameContacts:
		return collection.Path{Space: collection.Contacts, Owner: names[2], Segments: names[3:]}, true
	}
	return p, false
}

// resolveIn finds what is at a place of a space, or what could be.
func (x *exchange) resolveIn(ctx context.Context, r resource) (resource, error) {
	node, missing, err := x.srv.collections.Find(ctx, x.who(), r.path)
	if err == nil {
		r.node = node
		switch missing {
		case 0:
			r.kind = kindOf(node)
		case 1:
			r.kind = freeIn(node)
		default:
			r.kind = kindNowhere
		}
		return r, nil
	}
	// What is called as a group's collection would be may be free, too.
	parent, _, below := r.path.Parent()
	if !fault.Is(err, fault.NotFound) || !below {
		return r, err
	}
	if r.node, err = x.srv.collections.Resolve(ctx, x.who(), parent); err == nil {
		if r.kind = freeIn(r.node); r.kind == 0 {
			return r, errNoSuchPath()
		}
		return r, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return r, err
	}
	top := r.path
	if top.Segments = nil; r.path.Space == collection.Groups {
		top.Segments = r.path.Segments[:1]
	}
	if r.node, err = x.srv.collections.Resolve(ctx, x.who(), top); err != nil {
		return r, err // someone else's: there is nothing to know
	}
	r.kind = kindNowhere
	return r, nil
}

func (x *exchange) who() directory.ID { return x.id.Account.ID }

// kindOf names a stored node's kind.
func kindOf(n collection.Node) kind {
	switch n.Kind {
	case collection.Folder:
		return kindFolder
	case collection.Calendar:
		return kindCalendar
	case collection.AddressBook, collection.DirectoryBook:
		return kindAddressBook
	case collection.CalendarHome:
		return kindCalendarHome
	case collection.ContactsHome:
		return kindContactsHome
	case collection.GroupList:
		return kindGroupList
	}
	switch n.In {
	case collection.Calendar:
		return kindEvent
	case collection.AddressBook, collection.DirectoryBook:
		return kindCard
	}
	return kindFile
}

// freeIn is the kind of a name that is free in n; 0 where nobody makes anything.
func freeIn(n collection.Node) kind {
	switch kindOf(n) {
	case kindCalendarHome:
		return kindFreeInCalendarHome
	case kindContactsHome:
		return kindFreeInContactsHome
	case kindCalendar:
		return kindFreeInCalendar
	case kindAddressBook:
		return kindFreeInAddressBook
	case kindFolder:
		return kindFreeInFolder
	case kindGroupList:
		return 0
	}
	return kindNowhere // inside of an object
}
