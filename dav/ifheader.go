package dav

import (
	"strings"

	"schulhof/store/fault"
)

// ifHeader is an If header: it holds when one of its lists does. RFC 4918 §10.4.
type ifHeader struct {
	lists []ifList
}

// ifList holds when all its conditions do, for the resource that it names.
type ifList struct {
	tag        string // the reference between angle brackets; "": the resource of the request
	conditions []ifCondition
}

// ifCondition is a state token or an entity tag, perhaps negated.
type ifCondition struct {
	not   bool
	token string // a URI; "" when it is an entity tag
	etag  etag
}

// tokens lists every state token in the header: a token that is mentioned anywhere in it has been submitted, negated or
// not (RFC 4918 §6.5, §7.5).
func (h *ifHeader) tokens() (list []string) {
	if h == nil {
		return nil
	}
	for _, l := range h.lists {
		for _, c := range l.conditions {
			if c.token != "" {
				list = append(list, c.token)
			}
		}
	}
	return list
}

// ifParser reads an If header from left to right.
type ifParser struct {
	rest       string
	conditions int
}

// parseIf reads the values of an If header; nil when there is none. It is linear. fault.Invalid, fault.TooLarge.
func parseIf(values []string) (*ifHeader, error) {
	if len(values) == 0 {
		return nil, nil
	}
	p := &ifParser{rest: strings.Join(values, " ")}
	if len(p.rest) > maxIfHeader {
		return nil, fault.New(fault.TooLarge, "the If header is longer than %d bytes", maxIfHeader)
	}
	h := &ifHeader{}
	tag, tagged, first := "", false, true
	for {
		switch p.next() {
		case 0:
			if len(h.lists) == 0 || tagged && len(h.lists[len(h.lists)-1].conditions) == 0 {
				return nil, badIf("it has no list")
			}
			return h, nil
		case '<':
			if !first && !tagged {
				return nil, badIf("lists with and without a resource are mixed")
			}
			var err error
			if tag, err = p.codedURL(); err != nil {
				return nil, err
			}
			tagged = true
			if p.next() != '(' {
				return nil, badIf("a resource is not followed by a list")
			}
		case '(':
			conditions, err := p.list()
			if err != nil {
				return nil, err
			}
			h.lists = append(h.lists, ifList{tag: tag, conditions: conditions})
		default:
			return nil, badIf("neither a resource nor a list")
		}
		first = false
	}
}

func badIf(reason string) error { return fault.New(fault.Invalid, "the If header: %s", reason) }

// next skips white space and tells the next byte; 0 at the end.
func (p *ifParser) next() byte {
	p.rest = strings.TrimLeft(p.rest, " \t")
	if p.rest == "" {
		return 0
	}
	return p.rest[0]
}

// codedURL reads "<" URI ">".
func (p *ifParser) codedURL() (string, error) {
	end := strings.IndexByte(p.rest, '>')
	if end < 2 {
		return "", badIf("a URI does not end, or is empty")
	}
	uri := p.rest[1:end]
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c == 0x7f || c == '<' || c == '"' {
			return "", badIf("a URI has characters that none can have")
		}
	}
	p.rest = p.rest[end+1:]
	return uri, nil
}

// list reads "(" 1*Condition ")".
func (p *ifParser) list() (conditions []ifCondition, err error) {
	p.rest = p.rest[1:]
	for {
		c := ifCondition{}
		if next := p.next(); len(p.rest) >= 3 && strings.EqualFold(p.rest[:3], "Not") {
			c.not = true
			p.rest = p.rest[3:]
		} else if next == ')' && len(conditions) > 0 {
			p.rest = p.rest[1:]
			return conditions, nil
		}
		switch p.next() {
		case '<':
			if c.token, err = p.codedURL(); err != nil {
				return nil, err
			}
		case '[':
			p.rest = p.rest[1:]
			if c.etag, p.rest, err = cutETag(p.rest); err != nil {
				return nil, err
			}
			if !strings.HasPrefix(p.rest, "]") {
				return nil, badIf("an entity tag is not in square brackets")
			}
			p.rest = p.rest[1:]
		default:
			return nil, badIf("a list has neither a state token nor an entity tag where one must be")
		}
		if conditions = append(conditions, c); p.conditions >= maxIfConditions {
			return nil, fault.New(fault.TooLarge, "the If header asks more than %d conditions", maxIfConditions)
		}
		p.conditions++
	}
}
