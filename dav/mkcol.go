package dav

import (
	"context"
	"mime"
	"net/http"
	"slices"
	"strings"

	"schulhof/dav/collection"
	"schulhof/store/fault"
)

// mkcol makes a folder or, with a body, any collection with its first properties. RFC 4918 §9.3, RFC 5689.
func (x *exchange) mkcol(ctx context.Context) error {
	body, err := x.makeBody()
	if err != nil {
		return err
	}
	options := collection.MakeOptions{Kind: collection.Folder}
	if body == nil {
		return x.make(ctx, options, nil, dav("mkcol-response"))
	}
	if body.name != dav("mkcol") {
		return refuse(http.StatusUnsupportedMediaType, "the body is no DAV:mkcol")
	}
	for _, set := range body.children() {
		if t := set.child(dav("prop")).child(dav("resourcetype")); t != nil {
			if options.Kind, err = kindToMake(t); err != nil {
				return err
			}
		}
	}
	return x.make(ctx, options, body, dav("mkcol-response"))
}

// mkcalendar makes a calendar. RFC 4791 §5.3.1.
func (x *exchange) mkcalendar(ctx context.Context) error {
	body, err := x.makeBody()
	if err != nil {
		return err
	}
	if body != nil && body.name != caldav("mkcalendar") {
		return refuse(http.StatusUnsupportedMediaType, "the body is no CALDAV:mkcalendar")
	}
	return x.make(ctx, collection.MakeOptions{Kind: collection.Calendar}, body, caldav("mkcalendar-response"))
}

// makeBody reads the body of MKCOL and MKCALENDAR, if there is one. RFC 4918 §9.3: what is not understood is 415.
func (x *exchange) makeBody() (*element, error) {
	if x.r.ContentLength == 0 {
		return nil, nil
	}
	media, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err == nil && media != "application/xml" && media != "text/xml" {
		return nil, refuse(http.StatusUnsupportedMediaType, "the body is not XML")
	}
	body, parseErr := x.xmlBody()
	if parseErr != nil && err != nil {
		return nil, refuse(http.StatusUnsupportedMediaType, "the body is not XML")
	}
	return body, parseErr
}

// kindToMake is the kind that a DAV:resourcetype wants. RFC 5689 §3.3.
func kindToMake(t *element) (collection.Kind, error) {
	kind := collection.Folder
	isCollection := false
	for _, e := range t.children() {
		switch e.name {
		case dav("collection"):
			isCollection = true
		case caldav("calendar"):
			kind = collection.Calendar
		case carddav("addressbook"):
			kind = collection.AddressBook
		default:
			return 0, violated(http.StatusForbidden, dav("valid-resourcetype"), "such collections cannot be made")
		}
	}
	if !isCollection {
		return 0, violated(http.StatusForbidden, dav("valid-resourcetype"), "it must be a DAV:collection")
	}
	return kind, nil
}

// kindMade is the kind of resource that making one gives.
func kindMade(k collection.Kind) kind {
	switch k {
	case collection.Calendar:
		return kindCalendar
	case collection.AddressBook:
		return kindAddressBook
	}
	return kindFolder
}

// make makes the collection with the properties in body, or nothing.
func (x *exchange) make(ctx context.Context, o collection.MakeOptions, body *element, response name) error {
	if x.res.kind&existing != 0 {
		return violated(http.StatusMethodNotAllowed, dav("resource-must-be-null"), "there is something of that name already")
	}
	if x.res.kind == kindNowhere {
		return &problem{status: http.StatusConflict, text: "there is no collection around it"}
	}
	var err error
	if o.Guard, err = x.guard(); err != nil {
		return err
	}
	change := &propertyChange{}
	if body != nil && len(body.children()) > 0 {
		if change, err = x.changeToMake(body, &o); err != nil {
			return err
		}
	}
	if !change.allowed() {
		return x.answerMake(http.StatusFailedDependency, change, response)
	}
	o.Properties = change.set()
	if _, err := x.srv.collections.Make(ctx, x.who(), x.res.path, o); err != nil {
		if p := problemOf(err, x.res.path.Space); p.condition == caldav("supported-calendar-component") { // what is wrong is a property, too
			change.items = append(change.items, propertyItem{name: caldav("supported-calendar-component-set"), err: p})
			return x.answerMake(http.StatusFailedDependency, change, response)
		}
		return err
	}
	h := x.w.Header()
	h.Set("Cache-Control", "no-cache")
	if applied := x.prefer.applied(); applied != "" { // the short answer is the one that everybody gets (RFC 8144 §2.3)
		h.Set("Preference-Applied", applied)
	}
	if x.prefer.representation && len(change.items) > 0 {
		return x.answerMake(http.StatusCreated, change, response)
	}
	return x.done(http.StatusCreated)
}

// changeToMake reads the properties of a new collection. Two of them say what it is and are not stored.
func (x *exchange) changeToMake(body *element, o *collection.MakeOptions) (*propertyChange, error) {
	c := &propertyChange{}
	for _, set := range body.children() {
		if set.name != dav("set") {
			return nil, fault.New(fault.Invalid, "only DAV:set has a place in it")
		}
		for _, e := range set.child(dav("prop")).children() {
			switch e.name {
			case dav("resourcetype"):
			case caldav("supported-calendar-component-set"):
				for _, comp := range e.children() {
					if name, ok := comp.attr("name"); ok && !slices.Contains(o.Components, strings.ToUpper(name)) {
						o.Components = append(o.Components, strings.ToUpper(name))
					}
				}
			default:
				c.add(x.srv.live.find(e.name, kindMade(o.Kind)), e, false)
			}
		}
	}
	if len(c.items) > collection.MaxProperties {
		return nil, fault.New(fault.Limit, "more than %d properties", collection.MaxProperties)
	}
	return c, nil
}

// answerMake tells each property's own answer: why a collection was not made (424), or what it has been made with. RFC 5689 §3.
func (x *exchange) answerMake(status int, c *propertyChange, response name) error {
	m := x.newMultistatus()
	defer m.release()
	m.answer.status = status
	m.begun = true
	m.raw(xmlHead + "<" + prefixes[response.Space] + ":" + response.Local + declarations + ">")
	c.appendPropstats(m)
	m.close(response)
	return m.answer.finish(&m.xmlWriter)
}
