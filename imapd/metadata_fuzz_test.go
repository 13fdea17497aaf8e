package imapd

import (
	"testing"

	"schulhof/mailbox"
)

// FuzzMetadataArgs reads the arguments of SETMETADATA and the options of GETMETADATA: what is accepted is bounded, and NIL is told from "". RFC 5464 §5.
func FuzzMetadataArgs(f *testing.F) {
	for _, seed := range []string{`(/private/a "x")`, `(/private/a NIL /shared/b {1+}` + "\r\nx)", "(/private/a ~{2+}\r\na\x00)", `()`, `(/private/a)`, `(a nil)`, `(a Nile)`, `("" "")`} {
		f.Add(seed, "(MAXSIZE 10 DEPTH infinity)")
	}
	f.Add(`(/private/a "x")`, "(DEPTH 2)")
	f.Fuzz(func(t *testing.T, in, options string) {
		p := parserOf(t, in)
		list := p.metadataList()
		if p.end() == nil {
			if len(list) == 0 || len(list) > maxMetadataEntries {
				t.Fatalf("metadataList(%q) has %d entries", in, len(list))
			}
			for _, e := range list {
				if len(e.Value) > maxLiterals {
					t.Fatalf("metadataList(%q) has a value of %d bytes", in, len(e.Value))
				}
			}
		}
		limit, depth := int64(-1), mailbox.DepthNone
		p = parserOf(t, options)
		p.metadataOptions(&limit, &depth)
		if p.end() == nil && (limit < -1 || depth > mailbox.DepthAll) {
			t.Fatalf("metadataOptions(%q) = %d, %d", options, limit, depth)
		}
	})
}
