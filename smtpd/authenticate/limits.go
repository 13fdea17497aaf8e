package authenticate

import "time"

// Every limit of the room, with its source. Whoever sends a message chooses which questions it costs us.
const (
	checkTimeout = 20 * time.Second // all questions of one message together
	maxLookups   = 100              // questions to the DNS of one message; SPF's "mx" alone may take 10 for each of 10 terms
	maxText      = 4 << 10          // bytes of one TXT record
	maxName      = 253              // octets of a domain name; RFC 1035 §2.3.4

	maxHeader     = 256 << 10 // bytes of a message's header, as in mailbox/message
	maxSignatures = 5         // DKIM signatures that are looked at, from the top
	maxSigned     = 500       // names in the h= of one signature
	maxTags       = 64        // tags of one signature or record
	minKeyBits    = 1024      // RSA keys below do not count; RFC 8301 §3.2
	weakKeyBits   = 2048      // RSA keys below are noted as weak; RFC 8301 §3.2
	maxKeyBits    = 8192      // RSA keys above cost too much

	maxSets       = 50  // ARC sets of one message; RFC 8617 §4.2.1
	maxAuthors    = 5   // domains in From
	maxReverse    = 5   // names of a client that are looked up
	maxProperty   = 254 // bytes of one value in our field
	maxLine       = 900 // bytes of its lines, but for a word at the end; RFC 5322 §2.1.1 allows 998
	maxReasonText = 200 // bytes of what stands in quotes

	// SignatureLife is how long our signatures hold (x=). A key that has retired is kept published as long.
	SignatureLife = 7 * 24 * time.Hour
	clockSkew     = 5 * time.Minute // how much later another server's clock may be
)
