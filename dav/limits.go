package dav

import (
	"time"

	"schulhof/dav/collection"
)

// Limits of the HTTP engine. Those of objects, names, quotas and locks are the collections' own.
const (
	// maxXMLBody bounds the body of PROPFIND, PROPPATCH, REPORT, MKCOL, LOCK.
	maxXMLBody = 1 << 20
	// maxXMLDepth bounds nested elements.
	maxXMLDepth = 32
	// maxXMLElements bounds the elements of a body.
	maxXMLElements = 2000
	// maxHrefs bounds what one multiget names; these elements are not counted among maxXMLElements, because a client that
	// fetches a calendar for the first time names every object at once.
	maxHrefs = 5000
	// maxXMLAttributes bounds the attributes of an element; each is compared with the others.
	maxXMLAttributes = 64
	// maxPrefix bounds a prefix that is looked for in values.
	maxPrefix = 64

	// maxSegments bounds the segments of a path: what collections allow below the three names of a space.
	maxSegments = collection.MaxDepth + 3
	// maxEscaped bounds one name as it stands in a URL: each byte may be written as %XX, and NFC may shorten what comes decomposed.
	maxEscaped = 3 * 3 * collection.MaxNameBytes

	// maxIfHeader bounds the If header; maxIfConditions what it may ask (RFC 4918 §10.4 leaves both open).
	maxIfHeader     = 16 << 10
	maxIfConditions = 200
	// maxETags bounds If-Match and If-None-Match.
	maxETags = 100

	// stallTime bounds each wait for more of a request's body or for a client that does not read.
	stallTime = time.Minute
	// maxRequests bounds the requests under way of one account from elsewhere than loopback and the allowed networks.
	maxRequests = 50

	// flushAt is when a multistatus is written to the network though it goes on.
	flushAt = 96 << 10
	// keepBuffer is the largest buffer that goes back to the pool.
	keepBuffer = 256 << 10
	// gzipFrom is the size from which an answer is compressed for those who ask.
	gzipFrom = 1 << 10
	// copyBuffer is the step in which uploads are read.
	copyBuffer = 128 << 10

	// childrenPage is how many members of a collection are read at once: the memory of a PROPFIND.
	childrenPage = 500
	// maxExpanded bounds the resources that one expand-property puts into the place of hrefs (RFC 3253 §3.8).
	maxExpanded = 5000
	// maxSyncAnswers bounds one answer of sync-collection; the client asks again for the rest (RFC 6578 §3.6).
	maxSyncAnswers = 10_000
	// maxBusyPeriods bounds what one free-busy-query tells.
	maxBusyPeriods = 10_000
	// maxShortValue bounds colours and numbers.
	maxShortValue = 64
	// maxSearchResults bounds principal-property-search (RFC 3744 §9.4).
	maxSearchResults = 200
)
