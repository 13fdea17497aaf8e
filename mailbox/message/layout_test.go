package message

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// The layout keeps of every part what IMAP needs to send it and the webmail to show it.
func TestLayoutRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		_, mail := drawMail(rt)
		for _, mutate := range []string{"", "bytes are others"} {
			if mutate != "" {
				mail = mutations[mutate](rt, mail)
			}
			x := verify(t, mail)
			got, err := ParseLayout(x.Layout())
			if err != nil {
				rt.Fatal(err)
			}
			if d := cmp.Diff(x.Root, got, cmpopts.IgnoreUnexported(Part{}), cmpopts.IgnoreFields(Part{}, "Description"), cmpopts.EquateEmpty()); d != "" {
				rt.Fatalf("the layout of %q: %s", mail, d)
			}
		}
	})
}

// Each part is found by its number in the layout as in the index.
func TestFindInTheLayout(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		_, mail := drawMail(rt)
		x := verify(t, mail)
		root, err := ParseLayout(x.Layout())
		if err != nil {
			rt.Fatal(err)
		}
		for range 30 {
			path := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 5).Draw(rt, "path")
			a, b := x.Find(path), root.Find(path)
			if (a == nil) != (b == nil) || a != nil && (a.Header != b.Header || a.End != b.End) {
				rt.Fatalf("Find(%v) = %v, in the layout %v", path, a, b)
			}
			if a != nil && slices.Contains(path, 0) {
				rt.Fatalf("Find(%v) found a part", path)
			}
		}
	})
}

// A layout that lost a byte, has one too many, or is of another kind is refused, not misread beyond its end.
func TestDamagedLayouts(t *testing.T) {
	x := parse(t, string(attachedMail(2<<10)))
	layout := x.Layout()
	for n := range layout {
		if p, err := ParseLayout(layout[:n]); !errors.Is(err, errLayout) {
			t.Errorf("the first %d of %d bytes: %v, %v", n, len(layout), p, err)
		}
	}
	if _, err := ParseLayout(append(bytes.Clone(layout), 0)); !errors.Is(err, errLayout) {
		t.Errorf("a byte too many: %v", err)
	}
	part := func(children uint64) []byte { // a part of nothing that claims to have children
		b := binary.AppendVarint(nil, 0)
		for range 3 {
			b = binary.AppendUvarint(b, 0)
		}
		return binary.AppendUvarint(append(b, make([]byte, 7)...), children)
	}
	tests := map[string][]byte{
		"more parts than there are":  part(5),
		"parts without end":          part(1 << 40),
		"a text without end":         append(part(0)[:4], 0xff, 0xff, 0xff, 0xff, 0x7f),
		"a number without end":       bytes.Repeat([]byte{0xff}, 40),
		"a beginning before zero":    append(binary.AppendVarint(nil, -5), part(0)[1:]...),
		"an end beyond all messages": append(binary.AppendUvarint([]byte{0, 0}, 1<<62+1), part(0)[3:]...),
	}
	for name, b := range tests {
		if p, err := ParseLayout(b); !errors.Is(err, errLayout) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	deep := []byte{}
	for range MaxDepth + 5 {
		deep = append(deep, part(1)...)
	}
	if _, err := ParseLayout(append(deep, part(0)...)); !errors.Is(err, errLayout) {
		t.Errorf("deeper than Parse makes it: %v", err)
	}
	wide := part(MaxParts)
	for range MaxParts {
		wide = append(wide, part(0)...)
	}
	if _, err := ParseLayout(wide); err != nil {
		t.Errorf("as many parts as Parse makes: %v", err)
	}
}

// A layout is small: it is read for every FETCH of a part.
func TestLayoutsAreSmall(t *testing.T) {
	for name, mail := range map[string][]byte{"typical": typicalMail(), "with an attachment": attachedMail(1 << 20)} {
		x := parse(t, string(mail))
		parts := 0
		x.Root.walk(func(*Part) { parts++ })
		if n := len(x.Layout()); n > 80*parts {
			t.Errorf("%s: %d bytes for %d parts", name, n, parts)
		}
	}
}
