package sieve

import (
	"strings"

	"schulhof/mailbox/message"
)

// address is one address in the parts that tests ask for.
type address struct {
	all, local, domain value
	user, detail       value
	hasDetail          bool
}

// newAddress splits an address; "" is the null sender. RFC 5233 §4: the detail stands behind the first "+".
func newAddress(local, domain string) address {
	a := address{local: value{text: local}, domain: value{text: domain}, all: value{text: local}}
	if domain != "" {
		a.all.text = local + "@" + domain
	}
	a.user.text, a.detail.text, a.hasDetail = strings.Cut(local, "+")
	return a
}

func splitAddress(s string) (local, domain string) {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// list are the addresses of a field.
func (f *field) list() []address {
	if !f.parsed {
		f.parsed = true
		for _, a := range message.ParseAddresses(f.body()) {
			f.addresses = append(f.addresses, newAddress(a.Local, a.Domain))
		}
	}
	return f.addresses
}

var addressTags = []tag{ //nolint:gochecknoglobals // a constant table
	{name: ":all", group: "part"},
	{name: ":localpart", group: "part"},
	{name: ":domain", group: "part"},
	{name: ":user", needs: "subaddress", group: "part"},
	{name: ":detail", needs: "subaddress", group: "part"},
}

// addressPart reads which part is compared. RFC 5228 §2.7.4.
func (a *arguments) addressPart() string {
	if t := a.group("part"); t != nil {
		return t.tag.name
	}
	return ":all"
}

// part is the named part of the address; nil: it has none.
func (a *address) part(name string) *value {
	switch name {
	case ":localpart":
		return &a.local
	case ":domain":
		return &a.domain
	case ":user":
		return &a.user
	case ":detail":
		if !a.hasDetail {
			return nil
		}
		return &a.detail
	}
	return &a.all
}

// addressFields are the header fields with addresses that the address test may look at. RFC 5228 §5.1.
var addressFields = map[string]bool{ //nolint:gochecknoglobals // a constant table
	"from": true, "to": true, "cc": true, "bcc": true, "sender": true, "reply-to": true, "resent-from": true, "resent-to": true, "resent-cc": true,
	"resent-bcc": true, "resent-sender": true, "resent-reply-to": true, "delivered-to": true, "return-path": true, "envelope-to": true,
	"x-envelope-to": true, "x-original-to": true, "errors-to": true, "disposition-notification-to": true, "mail-followup-to": true,
	"apparently-to": true, "apparently-from": true, "abuse-reports-to": true, "for-comment": true, "for-handling": true,
	"return-receipt-to": true, "return-errors-to": true, "x-beenthere": true, "x-forwarded-to": true,
}

// addressTest compares addresses of header fields. RFC 5228 §5.1.
type addressTest struct {
	names []phrase
	part  string
	index *index
	*matcher
}

func newAddressTest(a *arguments) test {
	t := &addressTest{lower(a.names(0)), a.addressPart(), a.index(), a.matcher(1)}
	for _, p := range t.names {
		if p.parts == nil && !addressFields[p.fixed] {
			a.fail(p.offset, "the header field %s has no addresses", quoteShort(p.fixed))
		}
	}
	return t
}

func (t *addressTest) holds(r *run) (bool, error) {
	n := 0
	for i := range t.names {
		name := r.fieldName(&t.names[i])
		if !addressFields[name] {
			continue
		}
		for _, f := range r.named(name, t.index) {
			list := f.list()
			for j := range list {
				v := list[j].part(t.part)
				if v == nil {
					continue
				}
				if n++; t.kind == byCount {
					continue
				}
				if ok, err := t.any(r, v); ok || err != nil {
					return ok, err
				}
			}
		}
	}
	if t.kind == byCount {
		return t.counted(r, n)
	}
	return false, nil
}

// envelopeTest compares MAIL FROM and RCPT TO. RFC 5228 §5.4.
type envelopeTest struct {
	parts []phrase
	part  string
	*matcher
}

func newEnvelopeTest(a *arguments) test {
	t := &envelopeTest{lower(a.phrases(0)), a.addressPart(), a.matcher(1)}
	for _, p := range t.parts {
		if p.parts == nil && p.fixed != "from" && p.fixed != "to" {
			a.fail(p.offset, "the envelope has \"from\" and \"to\", no %s", quoteShort(p.fixed))
		}
	}
	return t
}

func (t *envelopeTest) holds(r *run) (bool, error) {
	n := 0
	for i := range t.parts {
		var a address
		switch r.fieldName(&t.parts[i]) {
		case "from":
			a = newAddress(splitAddress(r.env.From))
		case "to":
			a = newAddress(splitAddress(r.env.To))
		default:
			continue
		}
		v := a.part(t.part)
		if v == nil {
			continue
		}
		if a.all.text != "" {
			n++
		}
		if t.kind == byCount {
			continue
		}
		if ok, err := t.any(r, v); ok || err != nil {
			return ok, err
		}
	}
	if t.kind == byCount {
		return t.counted(r, n)
	}
	return false, nil
}
