package dav

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"schulhof/dav/collection"
	"schulhof/store/fault"
)

// problem is an answer that says no: a status, the precondition that failed (RFC 4918 §16), a sentence for people, and
// the cause for the log.
type problem struct {
	status    int
	condition xml.Name // zero: none
	hrefs     []string // inside the condition, escaped
	inner     func(*xmlWriter)
	text      string
	err       error
}

func (p *problem) Error() string {
	s := fmt.Sprintf("%d %s", p.status, p.text)
	if p.condition.Local != "" {
		s = fmt.Sprintf("%d %s %s", p.status, p.condition.Local, p.text)
	}
	if p.err != nil {
		return s + ": " + p.err.Error()
	}
	return s
}

func (p *problem) Unwrap() error { return p.err }

// refuse makes a problem without a named precondition.
func refuse(status int, text string) *problem { return &problem{status: status, text: text} }

// violated makes a problem with one.
func violated(status int, condition xml.Name, text string, hrefs ...string) *problem {
	return &problem{status: status, condition: condition, text: text, hrefs: hrefs}
}

// appendError writes the element DAV:error, when there is something to say in it.
func (p *problem) appendError(w *xmlWriter) {
	if p.condition.Local == "" && p.text == "" {
		return
	}
	w.raw("<D:error>")
	p.appendContent(w)
	w.raw("</D:error>")
}

func (p *problem) appendContent(w *xmlWriter) {
	switch {
	case p.condition.Local == "":
	case p.inner == nil && len(p.hrefs) == 0:
		w.empty(p.condition)
	default:
		w.open(p.condition)
		for _, h := range p.hrefs {
			w.href(h)
		}
		if p.inner != nil {
			p.inner(w)
		}
		w.close(p.condition)
	}
	if p.text != "" {
		w.element(dav("responsedescription"), p.text)
	}
}

// statusOf names each fault kind's status. RFC 9110 §15, RFC 4918 §11, RFC 6585 §4.
func statusOf(kind fault.Kind) (status int, condition xml.Name) {
	switch kind {
	case fault.NotFound:
		return http.StatusNotFound, xml.Name{}
	case fault.AlreadyExists:
		return http.StatusConflict, xml.Name{}
	case fault.Forbidden:
		return http.StatusForbidden, dav("need-privileges")
	case fault.Refused:
		return http.StatusForbidden, xml.Name{}
	case fault.Unauthenticated:
		return http.StatusUnauthorized, xml.Name{}
	case fault.Throttled:
		return http.StatusTooManyRequests, xml.Name{}
	case fault.Invalid:
		return http.StatusBadRequest, xml.Name{}
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge, xml.Name{}
	case fault.Limit:
		return http.StatusForbidden, xml.Name{}
	case fault.OverQuota:
		return http.StatusInsufficientStorage, dav("quota-not-exceeded")
	case fault.Conflict:
		return http.StatusPreconditionFailed, xml.Name{}
	case fault.InUse:
		return http.StatusLocked, dav("no-conflicting-lock")
	case fault.Unavailable:
		return http.StatusServiceUnavailable, xml.Name{}
	case fault.Expired:
		return http.StatusForbidden, dav("valid-sync-token")
	}
	return http.StatusInternalServerError, xml.Name{}
}

// problemOf turns any error into an answer. space is where the request went: some preconditions have the same name in
// CalDAV and CardDAV.
func problemOf(err error, space collection.Space) *problem {
	var (
		p *problem
		c *collection.Precondition
		f *fault.Error
	)
	if errors.As(err, &p) {
		return p
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &problem{status: http.StatusServiceUnavailable, err: err}
	}
	kind := fault.KindOf(err)
	status, condition := statusOf(kind)
	p = &problem{status: status, condition: condition, err: err}
	if errors.As(err, &f) && f.Kind != fault.Internal {
		p.text = f.Text
	}
	switch {
	case errors.Is(err, collection.ErrNoParent):
		p.status = http.StatusConflict
	case errors.Is(err, collection.ErrIsCollection):
		p.status = http.StatusMethodNotAllowed
	case errors.Is(err, collection.ErrNotEmpty):
		p.status = http.StatusPreconditionFailed
	case errors.As(err, &c):
		p.name(c, kind, space)
	}
	return p
}

// name gives p the precondition that the collections found broken. RFC 4918 §16: 403 when trying again is pointless, 409
// when the client can mend what stands in the way.
func (p *problem) name(c *collection.Precondition, kind fault.Kind, space collection.Space) {
	p.condition = xml.Name{Space: conditionSpace(c.Name, space), Local: c.Name}
	if c.Href.Space != 0 {
		p.hrefs = []string{hrefOfPath(c.Href, c.Collection)}
	}
	switch {
	case c.Name == "resource-must-be-null":
		p.status = http.StatusMethodNotAllowed // RFC 4918 §9.3.1
	case c.Name == "no-uid-conflict", c.Name == "lock-token-matches-request-uri":
		p.status = http.StatusConflict
	case kind == fault.Conflict, kind == fault.Invalid, kind == fault.TooLarge && p.condition.Space != nsDAV:
		p.status = http.StatusForbidden
	}
}

// memberFailed answers DELETE, MOVE, COPY and LOCK when a lock inside of the tree is in the way: 207, which names the member;
// nothing has been done. What is wrong at one of the places of the request itself stays an error. RFC 4918 §9.6.1, §9.8.3, §9.10.3.
func (x *exchange) memberFailed(err error, places ...collection.Path) error {
	var c *collection.Precondition
	if !errors.As(err, &c) || c.Name != "lock-token-submitted" && c.Name != "no-conflicting-lock" {
		return err
	}
	for _, p := range places {
		if !inTree(c.Href, p) {
			continue
		}
		m := x.newMultistatus()
		defer m.release()
		if err := m.status(hrefOfPath(c.Href, c.Collection), problemOf(err, p.Space)); err != nil {
			return err
		}
		return m.finish()
	}
	return err
}

// inTree tells whether p is below top; both are in trees that the request is about.
func inTree(p, top collection.Path) bool {
	n := len(top.Segments)
	return p.Space == top.Space && len(p.Segments) > n && slices.Equal(p.Segments[:n], top.Segments)
}

// conditionSpaces names the namespace of preconditions that only one of them has; others are DAV:'s.
var conditionSpaces = map[string]string{
	"valid-calendar-data": nsCalDAV, "valid-calendar-object-resource": nsCalDAV, "supported-calendar-component": nsCalDAV,
	"supported-calendar-data": nsCalDAV, "calendar-collection-location-ok": nsCalDAV, "initialize-calendar-collection": nsCalDAV,
	"min-date-time": nsCalDAV, "max-date-time": nsCalDAV, "max-instances": nsCalDAV, "max-attendees-per-instance": nsCalDAV,
	"valid-timezone": nsCalDAV, "valid-address-data": nsCardDAV, "supported-address-data": nsCardDAV,
	"addressbook-collection-location-ok": nsCardDAV,
}

func conditionSpace(name string, space collection.Space) string {
	if ns, ok := conditionSpaces[name]; ok {
		return ns
	}
	if name == "no-uid-conflict" || name == "max-resource-size" {
		switch space {
		case collection.Calendars:
			return nsCalDAV
		case collection.Contacts:
			return nsCardDAV
		}
	}
	return nsDAV
}
