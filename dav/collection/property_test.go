package collection

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store/fault"
)

// props writes the stored properties as one line.
func (w *school) props(who directory.ID, path string) string {
	w.Helper()
	n := w.node(who, path)
	all, err := w.dav.Properties(context.Background(), n)
	w.check(err)
	var words []string
	for _, p := range all[n.ID] {
		words = append(words, p.Space+":"+p.Name+"="+string(p.Value))
	}
	return strings.Join(words, " ")
}

func property(name, value string) Property {
	return Property{PropertyName{"urn:x", name}, []byte(value)}
}

func TestProperties(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		for _, path := range []string{"files:/a", "calendars:/calendar", "files:/"} {
			if path == "files:/a" {
				w.put(w.anna, path, "1")
			}
			before := w.node(w.anna, path)
			n, err := w.dav.Patch(ctx, w.anna, at(path), PatchOptions{Set: []Property{property("color", "<r/>"), property("name", "Ä\x01")}})
			w.check(err)
			if n.Properties != 2 || n.ETag != before.ETag || n.Modified != before.Modified {
				t.Errorf("%s: %+v, was %+v", path, n, before)
			}
			_, err = w.dav.Patch(ctx, w.anna, at(path), PatchOptions{Set: []Property{property("color", "<g/>")},
				Remove: []PropertyName{{"urn:x", "name"}, {"urn:x", "none"}}})
			w.check(err)
			if got := w.props(w.anna, path); got != "urn:x:color=<g/>" {
				t.Errorf("%s: %s", path, got)
			}
		}
		n, err := w.dav.Make(ctx, w.anna, at("calendars:/more"), MakeOptions{Kind: Calendar, Properties: []Property{property("name", "More")}})
		if err != nil || n.Properties != 1 || w.props(w.anna, "calendars:/more") != "urn:x:name=More" {
			t.Errorf("%+v %v", n, err)
		}
	})
}

func TestPropertyRefusals(t *testing.T) {
	var many []Property
	for i := range MaxProperties {
		many = append(many, property(fmt.Sprint("p", i), ""))
	}
	tests := []struct {
		name, path string
		set        []Property
		kind       fault.Kind
	}{
		{"no such entry", "files:/none", many[:1], fault.NotFound},
		{"only to be read", "calendars:/group-7b", many[:1], fault.Forbidden},
		{"without a name", "files:/a", []Property{property("", "")}, fault.Invalid},
		{"a name that is no text", "files:/a", []Property{property("\xff", "")}, fault.Invalid},
		{"too large", "files:/a", []Property{property("x", strings.Repeat("x", MaxPropertyValue+1))}, fault.TooLarge},
		{"a long name", "files:/a", []Property{property(strings.Repeat("x", MaxPropertyName+1), "")}, fault.TooLarge},
		{"one too many", "files:/a", []Property{property("other", "")}, fault.Limit},
		{"the list of groups", "groups:/", many[:1], fault.Forbidden},
	}
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "files:/a", "1")
		_, err := w.dav.Patch(ctx, w.anna, at("files:/a"), PatchOptions{Set: many})
		w.check(err)
		for _, tt := range tests {
			if _, err := w.dav.Patch(ctx, w.anna, at(tt.path), PatchOptions{Set: tt.set}); !fault.Is(err, tt.kind) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.kind)
			}
		}
		if n := w.node(w.anna, "files:/a"); n.Properties != MaxProperties {
			t.Errorf("a refused change left %d properties", n.Properties)
		}
	})
}
