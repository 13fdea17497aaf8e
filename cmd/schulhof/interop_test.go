package main

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"schulhof/smtpd/remote/postfixtest"
	"schulhof/smtpd/resolver/dnstest"

	"github.com/emersion/go-smtp"
	"github.com/miekg/dns"
)

const nobody = 65534 // the user whose mailbox there.example has

// neighbour is Debian's Postfix as the mail server of there.example, with its mailboxes.
type neighbour struct {
	*postfixtest.Postfix
	address string // host:port
	boxes   string
}

// newNeighbour starts one that knows the DNS and believes l's authority. Without a DNS server of its own it is told where school.test is.
func newNeighbour(t *testing.T, e *elsewhere, l *live, names *dnstest.Server) *neighbour {
	t.Helper()
	n := &neighbour{address: net.JoinHostPort(loopback(), e.port), boxes: postfixtest.Folder(t)}
	box := filepath.Join(n.boxes, "oma")
	if err := errors.Join(os.Mkdir(box, 0o700), os.Chown(box, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	cert, key := e.certificateFiles(t, "mx.there.example")
	ip, _, _ := net.SplitHostPort(n.address)
	_, port, _ := net.SplitHostPort(l.ports["smtp"])
	uid := "static:" + strconv.Itoa(nobody)
	o := postfixtest.Options{Address: n.address, Settings: []string{
		"myhostname = mx.there.example", "smtp_bind_address = " + ip, "smtp_tcp_port = " + port,
		"smtpd_tls_security_level = may", "smtpd_tls_cert_file = " + cert, "smtpd_tls_key_file = " + key, "smtpd_tls_loglevel = 1",
		"smtp_tls_CAfile = " + filepath.Join(l.dir, "tls", authorityCert), "smtp_tls_loglevel = 1",
		"virtual_mailbox_domains = there.example", "virtual_mailbox_base = " + n.boxes, "virtual_mailbox_maps = static:oma/",
		"virtual_uid_maps = " + uid, "virtual_gid_maps = " + uid,
	}}
	if err := postfixtest.CanHaveDNS(); err != nil {
		t.Logf("Postfix does not look for the MX record of school.test but is told the way: %v", err)
		o.Settings = append(o.Settings, "smtp_tls_security_level = encrypt", "transport_maps = inline:{{school.test = smtp:["+strings.Replace(l.ports["smtp"], ":", "]:", 1)+"}}")
	} else {
		o.DNS, _, _ = net.SplitHostPort(names.Address)
		o.Settings = append(o.Settings, "smtp_tls_security_level = verify")
	}
	n.Postfix = postfixtest.Start(t, o)
	return n
}

// send gives Postfix a message to relay.
func (n *neighbour) send(t *testing.T, from, to, text string) {
	t.Helper()
	client, err := smtp.Dial(n.address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.SendMail(from, []string{to}, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

// logged waits until Postfix has logged something.
func (n *neighbour) logged(t *testing.T, what ...string) {
	t.Helper()
	for _, part := range what {
		if !patiently(func() bool { return strings.Contains(n.Log(t), part) }) {
			t.Fatalf("Postfix never logs %q:\n%s", part, n.Log(t))
		}
	}
}

// received waits for a message with a subject in the mailbox.
func (n *neighbour) received(t *testing.T, subject string) (text string) {
	t.Helper()
	if !patiently(func() bool {
		files, err := filepath.Glob(filepath.Join(n.boxes, "oma", "new", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if text = string(b); strings.Contains(text, "\nSubject: "+subject+"\n") {
				return true
			}
		}
		return false
	}) {
		t.Fatalf("%s never arrives:\n%s", subject, n.Log(t))
	}
	return text
}

// publish puts the school's own records into the DNS, as "dns show" prints them, and returns its texts by name.
func (l *live) publish(t *testing.T, names *dnstest.Server) (texts map[string]string) {
	t.Helper()
	texts = map[string]string{}
	for line := range strings.Lines(l.schulhof(t, "dns", "show", "--zone")) {
		record, err := dns.NewRR(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if record == nil {
			continue // a comment
		}
		names.Add(t, record.String())
		if txt, ok := record.(*dns.TXT); ok {
			texts[strings.TrimSuffix(txt.Hdr.Name, ".")] = strings.Join(txt.Txt, "")
		}
	}
	host, _, _ := net.SplitHostPort(l.ports["smtp"])
	names.Add(t, "mail.school.test. A "+host)
	return texts
}

// pythonVerifies has Debian's python3-dkim, which knows Ed25519 by python3-nacl, verify both signatures of a message. texts is the DNS.
func pythonVerifies(t *testing.T, texts map[string]string, message string) {
	t.Helper()
	zone, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"dns.json": string(zone), "message": message, "check.py": `
import json, sys
try:
    import dkim, nacl
except ImportError as e:
    sys.exit("missing: %s" % e)
zone = json.load(open(sys.argv[1]))
def txt(name, timeout=5):
    name = (name.decode() if isinstance(name, bytes) else name).rstrip(".")
    return zone.get(name, "").encode() or None
d = dkim.DKIM(open(sys.argv[2], "rb").read())
for i in range(2):
    print(d.verify(idx=i, dnsfunc=txt), d.signature_fields[b"a"].decode(), d.domain.decode())
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("/usr/bin/python3", filepath.Join(dir, "check.py"), filepath.Join(dir, "dns.json"), filepath.Join(dir, "message")).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) || strings.HasPrefix(string(out), "missing: ") {
		t.Logf("python3-dkim and python3-nacl are not installed, nobody else verifies the signatures: %v %s", err, out)
		return
	}
	for _, want := range []string{"True rsa-sha256 school.test\n", "True ed25519-sha256 school.test\n"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("python3-dkim: %v\n%s\nwant %s\nof\n%s", err, out, want, message)
		}
	}
}

// header is the header of a message in INBOX.
func (l *live) header(t *testing.T, name string, number int) string {
	t.Helper()
	c, err := l.login(name)
	if err != nil {
		t.Fatal(err)
	}
	defer c.conn.Close()
	if _, err := c.command("SELECT INBOX"); err != nil {
		t.Fatal(err)
	}
	lines, err := c.command("FETCH %d (BODY.PEEK[HEADER])", number)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// Mail goes to Debian's Postfix and comes from it over TLS, by MX records, and both believe each other as far as the DNS says.
func TestMailToAndFromPostfix(t *testing.T) {
	t.Parallel()
	postfixtest.Skip(t)
	e := newElsewhere(t)
	names := dnstest.StartAt(t, loopback()+":53",
		"there.example. MX 10 mx.there.example.", `_dmarc.strict.example. TXT "v=DMARC1; p=reject"`, `_dmarc.there.example. TXT "v=DMARC1; p=reject"`)
	e.dns = names
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna")
	_, port, _ := net.SplitHostPort(l.ports["smtp"])
	l.ports["smtp"] = net.JoinHostPort(loopback(), port) // 127.0.0.1 is Postfix itself
	n := newNeighbour(t, e, l, names)
	ip, _, _ := net.SplitHostPort(n.address)
	names.Add(t, "mx.there.example. A "+ip, `there.example. TXT "v=spf1 ip4:`+ip+` -all"`)
	texts := l.publish(t, names)
	e.serve(t, l, "--set", "origin.loopback=check", "--set", "listen.smtp="+l.ports["smtp"])

	n.send(t, "lena@there.example", "anna@school.test", letterFrom("lena@there.example", "Einladung"))
	if !patiently(func() bool { return l.subjects(t, "anna", "INBOX")["Einladung"] == 1 }) {
		t.Fatalf("no mail from Postfix:\n%s", n.Log(t))
	}
	head := l.header(t, "anna", 1)
	for _, want := range []string{
		"spf=pass smtp.mailfrom=lena@there.example", "dmarc=pass (p=reject) header.from=there.example", "Received: from mx.there.example (", " with ESMTPS", "TLS",
	} {
		if !strings.Contains(head, want) {
			t.Errorf("mail from Postfix has no %q:\n%s", want, head)
		}
	}
	n.logged(t, "TLS connection established to ", "status=sent (250 2.")
	n.send(t, "lena@there.example", "anna@school.test", letterFrom("bank@strict.example", "Ihr-Konto"))
	n.logged(t, "status=bounced", "strict.example asks to refuse mail that only claims to come from it")

	if err := l.submit("anna", []string{"oma@there.example"}, letterFrom("anna@school.test", "Antwort")); err != nil {
		t.Fatal(err)
	}
	answer := n.received(t, "Antwort")
	n.logged(t, "TLS connection established from ")
	pythonVerifies(t, texts, answer)
	if l.subjects(t, "anna", "INBOX")["Ihr-Konto"] != 0 {
		t.Error("the forged message arrived")
	}
	if !patiently(func() bool { return len(l.waiting(t)) == 0 }) {
		t.Errorf("these wait: %v", l.waiting(t))
	}
	l.stop(t)
	verifyPassages(t, []passage{{"to Postfix", "there.example", "sent: TLS 1.3, certificate not checked"}}, nil, l.log.String())
}
