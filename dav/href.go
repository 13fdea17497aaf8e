package dav

import (
	"net/url"
	"strings"

	"schulhof/dav/collection"
	"schulhof/store/fault"
)

// splitPath takes an escaped URL path apart into decoded names in NFC. Names are rows and never a path of the operating
// system; still nothing gets past here that another program could read as one: a separator in any spelling (%2F, %5C),
// "." and "..", control characters, bytes that are no UTF-8. Each segment is decoded exactly once. Empty segments are
// skipped, so that // is /. slash tells whether the path ends in one. fault.NotFound: no resource can have such a name.
func splitPath(escaped string) (names []string, slash bool, err error) {
	if !strings.HasPrefix(escaped, "/") {
		return nil, false, errNoSuchPath()
	}
	slash = strings.HasSuffix(escaped, "/")
	for segment := range strings.SplitSeq(escaped, "/") {
		if segment == "" {
			continue
		}
		name, err := decodeName(segment)
		if err != nil {
			return nil, false, err
		}
		if names = append(names, name); len(names) > maxSegments {
			return nil, false, errNoSuchPath()
		}
	}
	return names, slash, nil
}

func errNoSuchPath() error { return fault.New(fault.NotFound, "no such path") }

func decodeName(segment string) (string, error) {
	if len(segment) > maxEscaped {
		return "", errNoSuchPath()
	}
	name, err := url.PathUnescape(segment)
	if err != nil {
		return "", errNoSuchPath()
	}
	if name, err = collection.CleanName(name); err != nil {
		return "", errNoSuchPath()
	}
	return name, nil
}

// appendSegment appends name escaped for a path: all but the unreserved characters of RFC 3986 §2.3, and a few that every
// client leaves as they are. Clients compare hrefs as text, so there is one spelling.
func appendSegment(dst []byte, name string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(name) {
		if c := name[i]; plain[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// plain marks the bytes that stay as they are in an href.
var plain = func() (set [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@" {
		set[c] = true
	}
	return set
}()

// hrefOf joins names to an escaped path.
func hrefOf(slash bool, names ...string) string {
	size := 2
	for _, n := range names {
		size += len(n) + 1
	}
	dst := make([]byte, 0, size)
	for _, n := range names {
		dst = appendSegment(append(dst, '/'), n)
	}
	if slash || len(names) == 0 {
		dst = append(dst, '/')
	}
	return string(dst)
}
