package contentline

// The limits of one object. What is beyond them is refused, never cut.
// Source: docs/decisions/0004-own-contentline-codec.md.
const (
	MaxObject = 1 << 20  // bytes, as sent
	MaxLine   = 64 << 10 // bytes of one unfolded line; only a value that is binary (a photo) may be longer
	MaxLines  = 10_000   // unfolded lines, BEGIN and END included
	MaxDepth  = 4        // components within components; the outermost is 1
	MaxParams = 100      // parameters of one line

	foldAt    = 75 // bytes of a written line without its line break; RFC 5545 §3.1, RFC 6350 §3.2
	maxQuoted = 40 // bytes of the client's text within an error
)
