package sieve

import "strings"

// existsTest is true if all fields exist. RFC 5228 §5.5.
type existsTest struct{ names []phrase }

func newExists(a *arguments) test { return &existsTest{lower(a.names(0))} }

func (t *existsTest) holds(r *run) (bool, error) {
	for i := range t.names {
		if err := r.spend(1); err != nil {
			return false, err
		}
		if !r.has(r.fieldName(&t.names[i])) {
			return false, nil
		}
	}
	return true, nil
}

// fieldName is a name in lower case.
func (r *run) fieldName(p *phrase) string {
	if p.parts == nil {
		return p.fixed // lowered by the check
	}
	return strings.ToLower(r.expand(p))
}

// sizeTest compares the message's size in octets. RFC 5228 §5.9.
type sizeTest struct {
	over  bool
	limit int64
}

var sizeTags = []tag{{name: ":over", group: "size"}, {name: ":under", group: "size"}} //nolint:gochecknoglobals // a constant table

func newSize(a *arguments) test {
	if a.group("size") == nil {
		a.fail(a.node.offset, "size needs :over or :under")
	}
	return &sizeTest{a.has(":over"), a.at(0).number}
}

func (t *sizeTest) holds(r *run) (bool, error) {
	if t.over {
		return r.msg.index.Size > t.limit, nil
	}
	return r.msg.index.Size < t.limit, nil
}

// headerTest compares header fields. RFC 5228 §5.7.
type headerTest struct {
	names []phrase
	index *index
	*matcher
}

func newHeaderTest(a *arguments) test {
	return &headerTest{lower(a.names(0)), a.index(), a.matcher(1)}
}

func (t *headerTest) holds(r *run) (bool, error) {
	n := 0
	for i := range t.names {
		if t.index != nil || t.kind == byCount {
			list := r.named(r.fieldName(&t.names[i]), t.index)
			if n += len(list); t.kind == byCount || len(list) == 0 {
				continue
			}
			if ok, err := t.any(r, list[0].value()); ok || err != nil {
				return ok, err
			}
			continue
		}
		name := r.fieldName(&t.names[i])
		for _, f := range r.head.fields {
			if f.name != name {
				continue
			}
			if ok, err := t.any(r, f.value()); ok || err != nil {
				return ok, err
			}
		}
	}
	if t.kind == byCount {
		return t.counted(r, n)
	}
	return false, nil
}

// stringTest compares strings, mostly with variables. RFC 5229 §5.
type stringTest struct {
	sources []phrase
	*matcher
}

func newStringTest(a *arguments) test { return &stringTest{a.phrases(0), a.matcher(1)} }

func (t *stringTest) holds(r *run) (bool, error) {
	n := 0
	for i := range t.sources {
		v := value{text: r.expand(&t.sources[i])}
		if t.kind == byCount {
			if v.text != "" { // RFC 5229 §5: empty strings do not count
				n++
			}
			continue
		}
		if ok, err := t.any(r, &v); ok || err != nil {
			return ok, err
		}
	}
	if t.kind == byCount {
		return t.counted(r, n)
	}
	return false, nil
}

// environmentTest compares what is known of the surroundings. RFC 5183.
type environmentTest struct {
	name phrase
	*matcher
}

func newEnvironmentTest(a *arguments) test { return &environmentTest{a.phrase(0), a.matcher(1)} }

func (t *environmentTest) holds(r *run) (bool, error) {
	item, known := r.env.Items[strings.ToLower(r.expand(&t.name))]
	switch {
	case t.kind == byCount && known:
		return t.counted(r, 1)
	case t.kind == byCount:
		return t.counted(r, 0)
	case !known:
		return false, nil // RFC 5183 §4: an unknown item matches nothing
	}
	return t.any(r, &value{text: item})
}
