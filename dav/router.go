package dav

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"schulhof/dav/collection"
)

// need is what someone must be allowed to use a method on a resource. RFC 3744 §3 and Appendix B.
type need uint8

// The needs. A pair of method and kind that has none is refused.
const (
	needNothing         need = iota + 1 // a login
	needRead                            // DAV:read
	needWrite                           // DAV:write-content
	needWriteProperties                 // DAV:write-properties
	needBind                            // DAV:bind on the collection
	needDelete                          // DAV:unbind on the collection around it
	needRefused                         // nobody may: the handler says why
)

// privilegeOf names the privilege of a need. RFC 3744 §3.
var privilegeOf = map[need]string{
	needRead: "read", needWrite: "write-content", needWriteProperties: "write-properties", needBind: "bind", needDelete: "unbind",
}

// rules says for each method which kinds it is for, and what it takes. It is the whole of the engine's say in rights: what
// someone has is decided by the collections (Node.Privileges), and asked again inside each transaction.
var rules = map[string]map[kind]need{
	"OPTIONS":    {existing | free: needNothing},
	"GET":        {objects: needRead},
	"HEAD":       {objects: needRead},
	"PUT":        {objects: needWrite, kindFreeInCalendar | kindFreeInAddressBook | kindFreeInFolder: needBind, kindNowhere: needRefused},
	"POST":       {kindCalendar | kindAddressBook | kindFolder: needBind},
	"DELETE":     {stored: needDelete},
	"PROPFIND":   {fixed: needNothing, stored: needRead},
	"PROPPATCH":  {stored: needWriteProperties, fixed: needRefused},
	"MKCOL":      {kindFreeInCalendarHome | kindFreeInContactsHome | kindFreeInFolder: needBind, existing | kindFreeInCalendar | kindFreeInAddressBook | kindNowhere: needRefused},
	"MKCALENDAR": {kindFreeInCalendarHome: needBind, existing | kindFreeInContactsHome | kindFreeInFolder | kindFreeInCalendar | kindFreeInAddressBook | kindNowhere: needRefused},
	"COPY":       {objects | kindFolder | kindCalendar | kindAddressBook: needRead},
	"MOVE":       {objects | kindFolder | kindCalendar | kindAddressBook: needDelete},
	"LOCK":       {kindFile | kindFolder: needWrite, kindFreeInFolder: needBind, kindNowhere: needRefused},
	"UNLOCK":     {kindFile | kindFolder: needRead},
	"REPORT":     {fixed: needNothing, stored: needRead},
}

// route is a method's handler and its rules.
type route struct {
	run   func(*exchange, context.Context) error
	rules map[kind]need
}

// routes is the whole protocol at a glance. It is filled from rules and handlers, which a test holds against each other.
var routes = func() map[string]route {
	all := make(map[string]route, len(rules))
	for method, r := range rules {
		all[method] = route{run: handlers[method], rules: r}
	}
	return all
}()

var handlers = map[string]func(*exchange, context.Context) error{
	"OPTIONS": (*exchange).options, "GET": (*exchange).get, "HEAD": (*exchange).get, "PUT": (*exchange).put, "POST": (*exchange).post,
	"DELETE": (*exchange).delete, "PROPFIND": (*exchange).propfind, "PROPPATCH": (*exchange).proppatch, "MKCOL": (*exchange).mkcol,
	"MKCALENDAR": (*exchange).mkcalendar, "COPY": (*exchange).copy, "MOVE": (*exchange).move, "LOCK": (*exchange).lock,
	"UNLOCK": (*exchange).unlock, "REPORT": (*exchange).report,
}

// needFor is what method takes on a resource of kind k; 0: it is not for it. Of several kinds those count for which it does something.
func needFor(method string, k kind) (n need) {
	for kinds, one := range rules[method] {
		if kinds&k != 0 && (n == 0 || n == needRefused) {
			n = one
		}
	}
	return n
}

// authorise stands before every handler. What is not allowed by the table is refused.
func (x *exchange) authorise(route route, r resource) error {
	n := needFor(x.r.Method, r.kind)
	if n == 0 {
		if r.kind&free != 0 {
			return errNoSuchPath()
		}
		return refuse(http.StatusMethodNotAllowed, "this method is not for this resource")
	}
	return x.may(n, r)
}

// may checks a need against what the collections allow.
func (x *exchange) may(n need, r resource) error {
	p, have := r.node.Privileges, false
	switch n {
	case needNothing, needRefused:
		return nil
	case needRead:
		have = p.Read
	case needWrite:
		have = p.Write
	case needWriteProperties:
		have = p.WriteProperties
	case needBind:
		have = p.Bind
	case needDelete:
		have = p.Delete
	}
	if have {
		return nil
	}
	if !p.Read {
		return errNoSuchPath()
	}
	return needPrivilege(r.href(), privilegeOf[n])
}

// needPrivilege is 403 with the privilege that is missing. RFC 3744 §7.1.1.
func needPrivilege(href, privilege string) *problem {
	return &problem{status: http.StatusForbidden, condition: dav("need-privileges"), inner: func(w *xmlWriter) {
		w.raw("<D:resource>")
		w.href(href)
		w.raw("<D:privilege>")
		w.empty(dav(privilege))
		w.raw("</D:privilege></D:resource>")
	}}
}

// allow lists the methods for the resource of this request: the header Allow (RFC 9110 §10.2.1).
func (x *exchange) allow() string { return allowFor(x.res.kind, x.res.node) }

func allowFor(k kind, n collection.Node) string {
	methods := make([]string, 0, len(rules))
	for method := range rules {
		if need := needFor(method, k); need != 0 && need != needRefused && !(need == needWrite && n.Kind == collection.DirectoryBook) {
			methods = append(methods, method)
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}
