package dav

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"schulhof/store/fault"
)

// depth is the header Depth. RFC 4918 §10.2.
type depth int

const (
	depth0 depth = iota
	depth1
	depthInfinity
)

// parseDepth reads Depth; without one it is what the method says. fault.Invalid.
func parseDepth(h http.Header, without depth) (depth, error) {
	switch value := strings.TrimSpace(h.Get("Depth")); {
	case value == "":
		return without, nil
	case value == "0":
		return depth0, nil
	case value == "1", strings.EqualFold(value, "1,noroot"): // the latter is Microsoft's; the root is listed all the same
		return depth1, nil
	case strings.EqualFold(value, "infinity"), strings.EqualFold(value, "infinity,noroot"):
		return depthInfinity, nil
	}
	return 0, fault.New(fault.Invalid, "Depth is neither 0 nor 1 nor infinity")
}

// parseOverwrite reads Overwrite: whether COPY and MOVE may replace. RFC 4918 §10.6. fault.Invalid.
func parseOverwrite(h http.Header) (bool, error) {
	switch h.Get("Overwrite") {
	case "", "T", "t":
		return true, nil
	case "F", "f":
		return false, nil
	}
	return false, fault.New(fault.Invalid, "Overwrite is neither T nor F")
}

// parseTimeout reads Timeout: the first entry that is understood counts, and is cut to most. RFC 4918 §10.7.
func parseTimeout(h http.Header, most time.Duration) time.Duration {
	for entry := range strings.SplitSeq(strings.Join(h.Values("Timeout"), ","), ",") {
		entry = strings.TrimSpace(entry)
		if strings.EqualFold(entry, "Infinite") {
			return most
		}
		if len(entry) < 7 || !strings.EqualFold(entry[:7], "Second-") {
			continue
		}
		seconds, err := strconv.ParseUint(entry[7:], 10, 64)
		if err != nil || seconds == 0 {
			continue
		}
		if seconds >= uint64(most/time.Second) {
			return most
		}
		return time.Duration(seconds) * time.Second
	}
	return most
}

// parseLockToken reads the header Lock-Token, a URI in angle brackets. RFC 4918 §10.5. fault.Invalid.
func parseLockToken(h http.Header) (string, error) {
	value := strings.TrimSpace(h.Get("Lock-Token"))
	if len(value) < 3 || value[0] != '<' || value[len(value)-1] != '>' || strings.ContainsAny(value[1:len(value)-1], "<> ") {
		return "", fault.New(fault.Invalid, "Lock-Token is no URI in angle brackets")
	}
	return value[1 : len(value)-1], nil
}

// preferences are what Prefer asks for. RFC 7240, RFC 8144.
type preferences struct {
	minimal        bool // return=minimal, or Microsoft's Brief: t
	representation bool // return=representation
	noRoot         bool // depth-noroot
}

func parsePrefer(h http.Header) (p preferences) {
	for entry := range strings.SplitSeq(strings.Join(h.Values("Prefer"), ","), ",") {
		entry, _, _ = strings.Cut(entry, ";")
		name, value, _ := strings.Cut(entry, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "return":
			p.minimal = p.minimal || value == "minimal" && !p.representation
			p.representation = p.representation || value == "representation" && !p.minimal
		case "depth-noroot":
			p.noRoot = true
		}
	}
	if strings.EqualFold(h.Get("Brief"), "t") {
		p.minimal = true
	}
	return p
}

// applied is the answer's Preference-Applied; "" if nothing was asked for.
func (p preferences) applied() string {
	switch {
	case p.minimal:
		return "return=minimal"
	case p.representation:
		return "return=representation"
	}
	return ""
}

// etags is an If-Match or If-None-Match. RFC 9110 §13.1.
type etags struct {
	present, any bool
	list         []etag
}

// etag is an entity tag: its opaque text with quotes, and whether it is weak. RFC 9110 §8.8.3.
type etag struct {
	opaque string
	weak   bool
}

func parseETags(h http.Header, name string) (e etags, err error) {
	values := h.Values(name)
	if len(values) == 0 {
		return e, nil
	}
	e.present = true
	rest := strings.TrimSpace(strings.Join(values, ","))
	if rest == "*" {
		e.any = true
		return e, nil
	}
	for rest != "" {
		if rest[0] == ',' || rest[0] == ' ' || rest[0] == '\t' {
			rest = rest[1:]
			continue
		}
		var tag etag
		if tag, rest, err = cutETag(rest); err != nil {
			return e, err
		}
		if e.list = append(e.list, tag); len(e.list) > maxETags {
			return e, fault.New(fault.TooLarge, "%s names more than %d entity tags", name, maxETags)
		}
		if rest = strings.TrimLeft(rest, " \t"); rest != "" && rest[0] != ',' {
			return e, fault.New(fault.Invalid, "%s is no list of entity tags", name)
		}
	}
	if len(e.list) == 0 {
		return e, fault.New(fault.Invalid, "%s is empty", name)
	}
	return e, nil
}

// cutETag reads an entity tag at the start of s.
func cutETag(s string) (tag etag, rest string, err error) {
	if tag.weak = strings.HasPrefix(s, "W/"); tag.weak {
		s = s[2:]
	}
	if s == "" || s[0] != '"' {
		return tag, s, fault.New(fault.Invalid, "an entity tag is not in quotes")
	}
	end := strings.IndexByte(s[1:], '"')
	if end < 0 {
		return tag, s, fault.New(fault.Invalid, "an entity tag does not end")
	}
	tag.opaque = s[:end+2]
	for i := range len(tag.opaque) {
		if c := tag.opaque[i]; c < 0x21 || c == 0x7f {
			return tag, s, fault.New(fault.Invalid, "an entity tag has a space or a control character")
		}
	}
	return tag, s[end+2:], nil
}

// matchesStrongly is the comparison of If-Match. RFC 9110 §8.8.3.2. current: "" when there is no such resource.
func (e etags) matchesStrongly(current string) bool {
	if current == "" || e.any {
		return current != ""
	}
	for _, tag := range e.list {
		if !tag.weak && tag.opaque == current {
			return true
		}
	}
	return false
}

// matchesWeakly is the comparison of If-None-Match.
func (e etags) matchesWeakly(current string) bool {
	if current == "" || e.any {
		return current != ""
	}
	for _, tag := range e.list {
		if tag.opaque == current {
			return true
		}
	}
	return false
}

// localPath returns the escaped path of a reference in Destination, in an If header or in a DAV:href: an absolute path, or
// a URI of this server. ok is false when it names another server. fault.Invalid: it is no reference.
// RFC 4918 §8.3 (Simple-ref), §10.3.
func (x *exchange) localPath(ref string) (path string, ok bool, err error) {
	u, err := url.Parse(ref)
	if err != nil || u.Opaque != "" || !strings.HasPrefix(u.EscapedPath(), "/") && u.Host == "" {
		return "", false, fault.New(fault.Invalid, "a reference is neither an absolute path nor a URI")
	}
	if u.Host != "" && !x.isHere(u) {
		return "", false, nil
	}
	if path = u.EscapedPath(); path == "" {
		path = "/"
	}
	return path, true, nil
}

// isHere reports whether u is on the host that the request was sent to, or on the one that the server says it is.
func (x *exchange) isHere(u *url.URL) bool {
	if u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := bareHost(u.Host)
	return strings.EqualFold(host, bareHost(x.r.Host)) || strings.EqualFold(host, x.srv.hostname)
}

// bareHost takes the port off. Ports are not compared: a client behind a proxy or a forwarded port sees other ones.
func bareHost(hostPort string) string {
	if host, _, err := net.SplitHostPort(hostPort); err == nil {
		return host
	}
	return strings.Trim(hostPort, "[]")
}
