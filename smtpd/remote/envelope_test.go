package remote

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestEnvelope: each parameter goes only to servers that know it; what cannot be sent at all is refused for the right
// recipients, with the right code.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	all := []string{"SIZE", "8BITMIME", "SMTPUTF8", "DSN"}
	size := int64(len(letter))
	tests := []struct {
		name   string
		knows  []string
		m      Message // without its body
		to     []Recipient
		want   string
		says   []string // MAIL and RCPT
		relays bool
	}{
		{"nothing special", nil, Message{}, recipients("a@there.example"), "250 2.0.0", []string{"MAIL FROM:<>", "RCPT TO:<a@there.example>"}, true},
		{"a size", all, Message{Size: size}, recipients("a@there.example"), "250 2.0.0", []string{"MAIL FROM:<> SIZE=" + strconv.FormatInt(size, 10), "RCPT TO:<a@there.example>"}, false},
		{"notifications", all, Message{Sender: "s@us.example", Ret: "HDRS", EnvID: "a b=c+d"},
			[]Recipient{{Address: "a@there.example", Notify: []string{"SUCCESS", "FAILURE"}, ORcpt: "rfc822;x+y@us.example"}, {Address: "b@there.example", Notify: []string{"NEVER"}}},
			"250 2.0.0, 250 2.0.0", []string{"MAIL FROM:<s@us.example> RET=HDRS ENVID=a+20b+3Dc+2Bd",
				"RCPT TO:<a@there.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x+2By@us.example", "RCPT TO:<b@there.example> NOTIFY=NEVER"}, false},
		{"notifications that the server does not know", []string{"SIZE"}, Message{Ret: "FULL", EnvID: "x"},
			[]Recipient{{Address: "a@there.example", Notify: []string{"SUCCESS"}, ORcpt: "rfc822;x@us.example"}}, "250 2.0.0", []string{"MAIL FROM:<>", "RCPT TO:<a@there.example>"}, true},
		{"an original recipient with other letters", all, Message{}, []Recipient{{Address: "a@there.example", ORcpt: `utf-8;jürgen\x@us.example`}}, "250 2.0.0",
			[]string{"MAIL FROM:<>", `RCPT TO:<a@there.example> ORCPT=utf-8;j\x{FC}rgen\x{5C}x@us.example`}, false},
		{"8 bits", all, Message{Eight: true}, recipients("a@there.example"), "250 2.0.0", []string{"MAIL FROM:<> BODY=8BITMIME", "RCPT TO:<a@there.example>"}, false},
		{"8 bits that the server does not take", nil, Message{Eight: true, Body: mail("Subject: x\r\n\r\nGrüße\r\n").Body}, recipients("a@there.example", "b@there.example"), "0 5.6.3, 0 5.6.3", nil, false},
		{"7 bits, declared as 8", nil, Message{Eight: true}, recipients("a@there.example"), "250 2.0.0", []string{"MAIL FROM:<>", "RCPT TO:<a@there.example>"}, true},
		{"UTF-8 headers", all, Message{UTF8: true}, recipients("a@there.example"), "250 2.0.0", []string{"MAIL FROM:<> SMTPUTF8", "RCPT TO:<a@there.example>"}, false},
		{"UTF-8 headers that the server does not take", nil, Message{UTF8: true}, recipients("a@there.example"), "0 5.6.7", nil, false},
		{"a sender with other letters", nil, Message{Sender: "jürgen@us.example"}, recipients("a@there.example"), "0 5.6.7", nil, false},
		{"a domain with other letters", nil, Message{Sender: "a@schüle.example"}, recipients("a@GRÜNDUNG.example"), "250 2.0.0",
			[]string{"MAIL FROM:<a@xn--schle-mva.example>", "RCPT TO:<a@xn--grndung-o2a.example>"}, true},
		{"one recipient with other letters", nil, Message{}, recipients("jürgen@there.example", "b@there.example"), "0 5.6.7, 250 2.0.0",
			[]string{"MAIL FROM:<>", "RCPT TO:<b@there.example>"}, true},
		{"the same, where it is known", all, Message{}, recipients("jürgen@there.example", "b@there.example"), "250 2.0.0, 250 2.0.0",
			[]string{"MAIL FROM:<> SMTPUTF8", "RCPT TO:<jürgen@there.example>", "RCPT TO:<b@there.example>"}, false},
		{"a quoted address", nil, Message{}, recipients(`"a b>"@there.example`), "250 2.0.0", []string{"MAIL FROM:<>", `RCPT TO:<"a b>"@there.example>`}, true},
		{"addresses that would end the line or the path", nil, Message{}, recipients("a@there.example>\r\nRSET", "a> X@there.example", `"a@there.example`, "", "a\x00@there.example", "b@there.example"),
			"0 5.1.3, 0 5.1.3, 0 5.1.3, 0 5.1.3, 0 5.1.3, 250 2.0.0", []string{"MAIL FROM:<>", "RCPT TO:<b@there.example>"}, true},
		{"a sender that would", nil, Message{Sender: "a\r\nQUIT@us.example"}, recipients("a@there.example"), "0 5.1.7", nil, false},
		{"too large", []string{"SIZE 1000"}, Message{Size: 1001}, recipients("a@there.example"), "0 5.3.4", nil, false},
		{"not too large", []string{"SIZE 0"}, Message{Size: 1001}, recipients("a@there.example"), "250 2.0.0", []string{"MAIL FROM:<> SIZE=1001", "RCPT TO:<a@there.example>"}, true},
		{"to stay protected, in the clear", []string{"REQUIRETLS"}, Message{RequireTLS: true}, recipients("a@there.example"), "0 5.7.30", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil, "there.example. A 192.0.2.1")
			p := w.put(t, "192.0.2.1:25", &peer{extensions: append([]string{"PIPELINING"}, tt.knows...)})
			s, err := w.client.Dial(t.Context(), Target{Domain: "there.example"})
			if err != nil {
				t.Fatal(err)
			}
			if tt.m.Body == nil {
				tt.m.Body = mail(letter).Body
			}
			results, err := s.Deliver(t.Context(), tt.m, tt.to, noDot)
			s.Close()
			if err != nil || short(results) != tt.want {
				t.Errorf("%s, %v, want %s", short(results), err, tt.want)
			}
			var says []string
			for _, command := range p.commands() {
				if strings.HasPrefix(command, "MAIL") || strings.HasPrefix(command, "RCPT") {
					says = append(says, command)
				}
			}
			if !slices.Equal(says, tt.says) {
				t.Errorf("says %q, want %q", says, tt.says)
			}
			if last := results[len(results)-1]; last.Relayed != tt.relays {
				t.Errorf("relayed = %t, want %t", last.Relayed, tt.relays)
			}
		})
	}
}

// TestRequireTLS: a message that must stay protected goes to servers only that promise it over a proven connection.
// RFC 8689 §4.2.1.
func TestRequireTLS(t *testing.T) {
	t.Parallel()
	const host = "mx.there.example"
	cert := authority().issue(false, host)
	for _, tt := range []struct {
		name   string
		signed bool
		policy string
		cert   bool
		knows  []string
		want   string
	}{
		{"signed MX, checked by DANE", true, "", true, []string{"REQUIRETLS"}, "250 2.0.0"},
		{"MTA-STS", false, policyText("enforce", host), true, []string{"REQUIRETLS"}, "250 2.0.0"},
		{"MTA-STS in testing", false, policyText("testing", host), true, []string{"REQUIRETLS"}, "0 5.7.30"},
		{"TLS without proof", false, "", true, []string{"REQUIRETLS"}, "0 5.7.30"},
		{"no TLS", false, "", false, []string{"REQUIRETLS"}, "0 4.7.5 later"},
		{"not promised", true, "", true, nil, "0 5.7.30"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil, "there.example. MX 10 "+host+".", host+". A 192.0.2.1", "mta-sts.there.example. A 192.0.2.3")
			if tt.signed {
				w.dns.Sign("example")
				w.dns.Add(t, tlsa(host, 3, 1, 1, cert, 0))
			}
			if tt.policy != "" {
				w.dns.Add(t, `_mta-sts.there.example. TXT "v=STSv1; id=1;"`)
				w.stsServer(t, "192.0.2.3:443", authority().issue(false, "mta-sts.there.example"), func() string { return httpOK(tt.policy) })
			}
			p := &peer{extensions: tt.knows}
			if tt.cert {
				p.cert = cert
			}
			w.put(t, "192.0.2.1:25", p)
			m := mail(letter)
			m.RequireTLS = true
			results, _ := w.send(t, Target{Domain: "there.example", RequireTLS: true}, m, "a@there.example")
			if short(results) != tt.want {
				t.Errorf("%s (%s), want %s", short(results), results[0].Text, tt.want)
			}
			asked := slices.ContainsFunc(p.commands(), func(c string) bool { return strings.HasPrefix(c, "*MAIL") && strings.HasSuffix(c, " REQUIRETLS") })
			if asked != (tt.want == "250 2.0.0") {
				t.Errorf("commands %q", p.commands())
			}
		})
	}
}

// TestMany: hundreds of recipients go in batches, each with a result of its own.
func TestMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "there.example. A 192.0.2.1")
	say := map[string]string{}
	var to []Recipient
	var want []string
	for i := range 300 {
		address := strings.Repeat("x", i%40+1) + "@" + strings.Repeat("d", i/40+1) + ".example"
		to = append(to, Recipient{Address: address})
		switch i % 3 {
		case 0:
			say["RCPT TO:<"+address+">"] = "550 5.1.1 unknown"
			want = append(want, "550 5.1.1")
		case 1:
			say["RCPT TO:<"+address+">"] = "451 4.2.0 later"
			want = append(want, "451 4.2.0 later")
		default:
			want = append(want, "250 2.0.0")
		}
	}
	for _, extensions := range [][]string{{"PIPELINING"}, nil} {
		w.put(t, "192.0.2.1:25", &peer{extensions: extensions, say: say})
		s, err := w.client.Dial(t.Context(), Target{Domain: "there.example"})
		if err != nil {
			t.Fatal(err)
		}
		dots := 0
		results, err := s.Deliver(t.Context(), mail(letter), to, func(context.Context) error { dots++; return nil })
		if got := short(results); err != nil || got != strings.Join(want, ", ") || dots != 1 {
			t.Errorf("extensions %q: %v, %d dots\n%s", extensions, err, dots, got)
		}
		s.Close()
	}
}
