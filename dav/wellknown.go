package dav

import "net/http"

// The names under which clients look for the service on a host of which they know nothing else. RFC 6764 §5.
const (
	wellKnownCalDAV  = "/.well-known/caldav"
	wellKnownCardDAV = "/.well-known/carddav"
)

// wellKnown sends clients to /dav/, whatever method they ask with; there PROPFIND tells their principal. A browser's redirect is a permanent
// one. That of a PROPFIND must keep method and body, which 301 does not promise (RFC 9110 §15.4.2); of the two that do, RFC 6764 §5 names 307.
// It is to a path only, so that a port or a proxy in between stays as it is.
func (x *exchange) wellKnown() (done bool, err error) {
	switch x.r.URL.Path {
	case wellKnownCalDAV, wellKnownCalDAV + "/", wellKnownCardDAV, wellKnownCardDAV + "/":
		x.w.Header().Set("Location", "/"+nameDAV+"/")
		if x.r.Method == http.MethodGet || x.r.Method == http.MethodHead {
			return true, x.done(http.StatusMovedPermanently)
		}
		return true, x.done(http.StatusTemporaryRedirect)
	}
	return false, nil
}
