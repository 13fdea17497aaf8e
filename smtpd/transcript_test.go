package smtpd

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestTranscripts plays testdata/transcript/*.txt, each against a fresh server. Lines:
//
//	door: mx|submission|submissions|lmtp|managesieve [OPTION]   the first line; strict: the budgets apply to loopback too;
//	                                  cleartext=never: no login without TLS
//	C: text                           send text and CRLF
//	C= "text\n"                       send exactly this Go string
//	S: text                           the next line from the server; * stands for anything
//	TLS                               do a TLS handshake
//	LOGIN name                        AUTH PLAIN as name, or AUTHENTICATE
//	CLOSED                            the server has closed the connection
//	BOX name n                        name's INBOX has n messages
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcript/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			play(t, string(text))
		})
	}
}

var doors = map[string]*door{"mx": doorMX, "submission": doorSubmission, "submissions": doorSubmissions, "lmtp": doorLMTP, "managesieve": doorManageSieve}

func play(t *testing.T, text string) {
	w := newWorld(t)
	var p *peerConn
	for n, l := range strings.Split(text, "\n") {
		n++
		key, arg, _ := strings.Cut(l, " ")
		switch {
		case l == "" || strings.HasPrefix(l, "#"):
		case key == "door:":
			name, option, _ := strings.Cut(arg, " ")
			w.srv.peers.untrusted = option == "strict"
			w.srv.o.AllowPlaintextLoopback = option != "cleartext=never"
			d := doors[name]
			address := w.listen(d)
			p = dialRaw(t, address, d.implicit)
			p.sieve = d.sieve
		case key == "C:":
			p.send(arg + "\r\n")
		case key == "C=":
			raw, err := strconv.Unquote(arg)
			if err != nil {
				t.Fatalf("line %d: %v", n, err)
			}
			p.send(raw)
		case key == "S:":
			got, err := p.r.ReadString('\n')
			got = strings.TrimRight(got, "\r\n")
			if err != nil || !matches(arg, got) {
				t.Fatalf("line %d: got %q, %v, want %q", n, got, err, arg)
			}
		case key == "TLS":
			p.nc = tls.Client(p.nc, &tls.Config{InsecureSkipVerify: true})
			p.r = bufio.NewReader(p.nc)
		case key == "LOGIN" && p.sieve:
			p.send("AUTHENTICATE \"PLAIN\" \"" + base64.StdEncoding.EncodeToString([]byte("\x00"+arg+"\x00"+password)) + "\"\r\n")
			if got, err := p.r.ReadString('\n'); err != nil || !strings.HasPrefix(got, "OK") {
				t.Fatalf("line %d: login: %q, %v", n, got, err)
			}
		case key == "LOGIN":
			p.do("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+arg+"\x00"+password)), "235 2.7.0")
		case key == "CLOSED":
			p.closed()
		case key == "BOX":
			name, count, _ := strings.Cut(arg, " ")
			if got := strconv.Itoa(len(w.inbox(name))); got != count {
				t.Fatalf("line %d: %s has %s messages, want %s", n, name, got, count)
			}
		default:
			t.Fatalf("line %d: %q is no transcript line", n, l)
		}
	}
}

// matches compares with * as a wildcard.
func matches(pattern, s string) bool {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(s)
}
