package message

// The limits of one message. Content beyond them is kept and delivered, but not looked into; Index.Flawed tells.
// Source: docs on bounded work in DESIGN (section 5): nesting and header floods cost other servers minutes of CPU per message.
const (
	MaxDepth      = 20        // parts within parts, embedded messages included
	MaxParts      = 1000      // parts in all
	MaxHeader     = 256 << 10 // bytes of one header that are read
	MaxFields     = 1000      // fields of one header that are read
	MaxField      = 64 << 10  // bytes of one field that are read
	MaxAddresses  = 1000      // addresses of one field
	MaxParams     = 64        // parameters of one Content-Type or Content-Disposition
	MaxReferences = 100       // message ids kept of References (the newest; with the first as root)
	MaxLanguages  = 20        // tags of one Content-Language

	maxBoundary = 256      // bytes; RFC 2046 §5.1.1 allows 70, real programs wrote a little more
	maxKept     = 4 << 20  // bytes of header values kept of all parts together
	maxSubject  = 2 << 10  // bytes of the decoded subject in Summary
	maxName     = 512      // bytes of a decoded display or file name
	maxPreview  = 200      // characters; RFC 8970 §3.1
	maxToken    = 1 << 20  // bytes of one HTML token; what is longer ends the text of that part
	windowSize  = 64 << 10 // bytes read at once
)
