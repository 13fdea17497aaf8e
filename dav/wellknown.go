package dav

import "net/http"

// The names under which clients look for the service on a host of which they know nothing else. RFC 6764 §5.
const (
	wellKnownCalDAV  = "/.well-known/caldav"
	wellKnownCardDAV = "/.well-known/carddav"
)

// wellKnown sends clients to /dav/, whatever method they ask with; there PROPFIND tells their principal. The redirect is a
// permanent one that keeps the method, and a path only, so that a port or a proxy in between stays as it is.
func (x *exchange) wellKnown() (done bool, err error) {
	switch x.r.URL.Path {
	case wellKnownCalDAV, wellKnownCalDAV + "/", wellKnownCardDAV, wellKnownCardDAV + "/":
		x.w.Header().Set("Location", "/"+nameDAV+"/")
		return true, x.done(http.StatusMovedPermanently)
	}
	return false, nil
}
