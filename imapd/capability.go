package imapd

import (
	"context"
	"strings"
)

// capability is one word of CAPABILITY and when it is said.
type capability struct {
	name string
	in   state                  // before login, after it, or both
	when func(c *conn) bool     // nil: always
	text func(s *Server) string // what follows the name, as in APPENDLIMIT=52428800; nil: nothing
}

// capabilities is all that this server can do; nothing is here that is not complete.
var capabilities = [...]capability{
	{name: "IMAP4rev1", in: anyState},
	{name: "IMAP4rev2", in: anyState},
	{name: "LITERAL+", in: anyState}, // RFC 7888
	{name: "SASL-IR", in: anyState},  // RFC 4959
	{name: "ID", in: anyState},       // RFC 2971
	{name: "ENABLE", in: anyState},   // RFC 5161
	{name: "STARTTLS", in: notAuthenticated, when: (*conn).canStartTLS},
	{name: "LOGINDISABLED", in: notAuthenticated, when: func(c *conn) bool { return !c.mayLogin() }},
	{name: "AUTH=PLAIN", in: notAuthenticated, when: (*conn).mayLogin},
	{name: "NAMESPACE", in: loggedIn},          // RFC 2342
	{name: "CHILDREN", in: loggedIn},           // RFC 3348
	{name: "LIST-EXTENDED", in: loggedIn},      // RFC 5258
	{name: "LIST-STATUS", in: loggedIn},        // RFC 5819
	{name: "SPECIAL-USE", in: loggedIn},        // RFC 6154
	{name: "CREATE-SPECIAL-USE", in: loggedIn}, // RFC 6154
	{name: "STATUS=SIZE", in: loggedIn},        // RFC 8438
	{name: "OBJECTID", in: loggedIn},           // RFC 8474
	{name: "UNSELECT", in: loggedIn},           // RFC 3691
	{name: "IDLE", in: loggedIn},               // RFC 2177
	{name: "CONDSTORE", in: loggedIn},          // RFC 7162
	{name: "QRESYNC", in: loggedIn},            // RFC 7162
	{name: "ACL", in: loggedIn},                // RFC 4314
	{name: "RIGHTS=texk", in: loggedIn},
	{name: "METADATA", in: loggedIn},      // RFC 5464
	{name: "NOTIFY", in: loggedIn},        // RFC 5465
	{name: "LIST-MYRIGHTS", in: loggedIn}, // RFC 8440
	{name: "QUOTA", in: loggedIn},         // RFC 9208
	{name: "QUOTA=RES-STORAGE", in: loggedIn},
	{name: "UTF8=ACCEPT", in: loggedIn}, // RFC 6855
	{name: "UNAUTHENTICATE", in: loggedIn, when: func(c *conn) bool { return c.rd.inner == nil }},   // RFC 8437
	{name: "COMPRESS=DEFLATE", in: loggedIn, when: func(c *conn) bool { return c.rd.inner == nil }}, // RFC 4978
	{name: "UIDPLUS", in: loggedIn},     // RFC 4315
	{name: "MOVE", in: loggedIn},        // RFC 6851
	{name: "MULTIAPPEND", in: loggedIn}, // RFC 3502
	{name: "BINARY", in: loggedIn},      // RFC 3516
	{name: "REPLACE", in: loggedIn},     // RFC 8508
	{name: "ESEARCH", in: loggedIn},     // RFC 4731
	{name: "SEARCHRES", in: loggedIn},   // RFC 5182
	{name: "WITHIN", in: loggedIn},      // RFC 5032
	{name: "SORT", in: loggedIn},        // RFC 5256
	{name: "ESORT", in: loggedIn},       // RFC 5267
	{name: "THREAD=REFERENCES", in: loggedIn},
	{name: "THREAD=ORDEREDSUBJECT", in: loggedIn},
	{name: "SAVEDATE", in: loggedIn}, // RFC 8514
	{name: "PREVIEW", in: loggedIn},  // RFC 8970
	{name: "APPENDLIMIT=", in: loggedIn, text: func(s *Server) string { return decimal(s.maxSize) }}, // RFC 7889
}

// capabilityList is what CAPABILITY answers in the connection's state. RFC 9051 §7.2.2.
func (c *conn) capabilityList() string {
	var b strings.Builder
	for i := range capabilities {
		row := &capabilities[i]
		if row.in&c.state() == 0 || row.when != nil && !row.when(c) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(row.name)
		if row.text != nil {
			b.WriteString(row.text(c.srv))
		}
	}
	return b.String()
}

// capability answers CAPABILITY. RFC 9051 §6.1.1.
func (c *conn) capability(_ context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	c.w.str("* CAPABILITY ")
	c.w.str(c.capabilityList())
	c.w.crlf()
	return nil
}
