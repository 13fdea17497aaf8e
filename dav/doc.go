// Package dav is the HTTP engine for WebDAV (RFC 4918, classes 1, 2 and 3) and the frame of CalDAV (RFC 4791) and CardDAV
// (RFC 6352), over the rooms dav/collection and directory. It parses, calls them and answers; who may do what is decided
// by dav/collection.
//
// Where to look:
//
//	server.go exchange.go   what all requests have in common: from the login to the answer
//	router.go      the table of methods, the kinds of resources they are for, and what each takes
//	resource.go    the kinds of resources, and how a URL finds one
//	auth.go wellknown.go   logins; the first thing a client asks
//	xml.go xmlwrite.go     bodies in, limits first; bodies out, streamed
//	header.go ifheader.go condition.go   headers, and what they make a write depend on
//	href.go        paths, in every disguise
//	errors.go      what each fault and each broken precondition is called in HTTP
//	property.go property_*.go   the table of live properties
//	report.go      the table of reports; each report has a file of its own
//	principal.go visible.go principalsearch.go   who there is, as far as one may know
//	limits.go      every limit, with its source
//	NAME.go        the method NAME, or its family
//
// To add a live property, add a row to a table in property_*.go. To add a report, add a row to allReports and a file. To add
// a method, add a row to rules and to handlers in router.go; TestEveryRouteHasARule and the matrix of rights then ask for
// the rest.
package dav
