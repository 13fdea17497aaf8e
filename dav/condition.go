package dav

import (
	"context"
	"net/http"
	"slices"

	"schulhof/dav/collection"
)

// preconditions are what a request makes its effect depend on.
type preconditions struct {
	ifMatch, ifNoneMatch etags
	ifHeader             *ifHeader
}

// conditions reads If-Match, If-None-Match and If.
func (x *exchange) conditions() (p preconditions, err error) {
	h := x.r.Header
	if p.ifMatch, err = parseETags(h, "If-Match"); err != nil {
		return p, err
	}
	if p.ifNoneMatch, err = parseETags(h, "If-None-Match"); err != nil {
		return p, err
	}
	p.ifHeader, err = parseIf(h.Values("If"))
	return p, err
}

// guard makes the request's conditions into what the collections ask inside the transaction. About the path itself they
// are asked there; so a lost update is impossible (RFC 9110 §13.2.1, RFC 4918 §10.4.1).
func (x *exchange) guard() (g collection.Guard, err error) {
	p, err := x.conditions()
	if err != nil {
		return g, err
	}
	lists, err := x.placed(p.ifHeader)
	if err != nil {
		return g, err
	}
	g.Tokens = p.ifHeader.tokens()
	if !p.ifMatch.present && !p.ifNoneMatch.present && p.ifHeader == nil {
		return g, nil
	}
	self := x.res.path
	g.If = func(s *collection.State) error {
		if err := p.checkETags(s, self); err != nil {
			return err
		}
		return checkLists(s, lists)
	}
	return g, nil
}

// askIf asks the If header of a request that changes no entry. Every other method asks it inside its transaction. RFC 4918 §10.4.
func (x *exchange) askIf(ctx context.Context) error {
	switch x.r.Method {
	case "GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "UNLOCK":
	default:
		return nil
	}
	h, err := parseIf(x.r.Header.Values("If"))
	if err != nil || h == nil {
		return err
	}
	lists, err := x.placed(h)
	if err != nil {
		return err
	}
	return x.srv.collections.Ask(ctx, x.who(), func(s *collection.State) error { return checkLists(s, lists) })
}

// errPrecondition is 412. Its text names the header.
func errPrecondition(header string) error {
	return refuse(http.StatusPreconditionFailed, header+" does not hold")
}

// checkETags asks If-Match and If-None-Match. A collection has no entity tag: only "*" matches it.
func (p *preconditions) checkETags(s *collection.State, self collection.Path) error {
	if !p.ifMatch.present && !p.ifNoneMatch.present {
		return nil
	}
	at, err := s.At(self)
	if err != nil {
		return err
	}
	current := quoted(at)
	switch {
	case p.ifMatch.present && !p.ifMatch.matchesStrongly(current):
		return errPrecondition("If-Match")
	case p.ifNoneMatch.present && p.ifNoneMatch.matchesWeakly(current):
		return errPrecondition("If-None-Match")
	}
	return nil
}

// quoted is the entity tag as headers have it: "" when there is nothing, and for collections one that no client can name.
func quoted(r collection.Resource) string {
	switch {
	case !r.Exists:
		return ""
	case r.Collection:
		return " "
	}
	return `"` + r.ETag + `"`
}

// placedList is a list of the If header with the place that it is about.
type placedList struct {
	path       collection.Path
	here       bool // the place is one of ours
	conditions []ifCondition
}

// placed finds what the tags of an If header name.
func (x *exchange) placed(h *ifHeader) (lists []placedList, err error) {
	if h == nil {
		return nil, nil
	}
	for _, l := range h.lists {
		p := placedList{path: x.res.path, here: x.res.inside, conditions: l.conditions}
		if l.tag != "" {
			if p.path, p.here, err = x.place(l.tag); err != nil {
				return nil, err
			}
		}
		lists = append(lists, p)
	}
	return lists, nil
}

// place is the place in a space that a reference names; ok is false when it names none.
func (x *exchange) place(ref string) (p collection.Path, ok bool, err error) {
	escaped, here, err := x.localPath(ref)
	if err != nil || !here {
		return p, false, err
	}
	names, _, err := splitPath(escaped)
	if err != nil {
		return p, false, nil //nolint:nilerr // no resource has such a name
	}
	p, ok = spacePath(names, x.id.Account.Login)
	return p, ok, nil
}

// checkLists asks an If header: one list must hold. RFC 4918 §10.4.3.
func checkLists(s *collection.State, lists []placedList) error {
	if len(lists) == 0 {
		return nil
	}
	for _, l := range lists {
		holds, err := l.holds(s)
		if err != nil || holds {
			return err
		}
	}
	return errPrecondition("If")
}

// holds: every condition must. A state token is one of the locks in force on the resource, or the sync token of the collection as it is
// now (RFC 6578 §5), or unknown to it.
func (l *placedList) holds(s *collection.State) (bool, error) {
	var at collection.Resource
	if l.here {
		var err error
		if at, err = s.At(l.path); err != nil {
			return false, err
		}
	}
	for _, c := range l.conditions {
		matches := false
		if c.token == "" {
			matches = !c.etag.weak && at.Exists && c.etag.opaque == quoted(at)
		} else {
			matches = isSyncToken(c.token, at.Token) || slices.ContainsFunc(at.Locks, func(k collection.Lock) bool { return k.Token == c.token })
		}
		if matches == c.not {
			return false, nil
		}
	}
	return true, nil
}

// isSyncToken reports whether a state token is the sync token now; the zero Token is that of what has none.
func isSyncToken(state string, now collection.Token) bool {
	token, ok := parseSyncToken(state)
	return ok && now != (collection.Token{}) && token == now
}
