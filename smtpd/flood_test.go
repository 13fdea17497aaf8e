package smtpd

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// TestFlood: while some peers send garbage, endless lines and nothing, others get all their mail in, each message once.
func TestFlood(t *testing.T) {
	const peers, messages = 12, 10
	w := newWorld(t)
	mx, lmtp := w.listen(doorMX), w.listen(doorLMTP)
	var bad, good sync.WaitGroup
	for i, junk := range []string{strings.Repeat("x", 1<<20), strings.Repeat("\r\n", 1<<16), "EHLO \xff\xfe\r\n", "\x16\x03\x01\x02\x00\x01\x00", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""} {
		nc, err := net.Dial("tcp", []string{mx, lmtp}[i%2])
		if err != nil {
			t.Fatal(err)
		}
		bad.Go(func() {
			for range 20 {
				if _, err := nc.Write([]byte(junk)); err != nil {
					return
				}
			}
		})
		defer bad.Wait()
		defer nc.Close()
	}
	for i := range peers {
		good.Go(func() {
			address, hello := mx, "EHLO"
			if i%2 == 0 {
				address, hello = lmtp, "LHLO"
			}
			p := dialTo(t, address, false)
			p.do(hello+" x.example", "250")
			for n := range messages {
				p.send(fmt.Sprintf("MAIL FROM:<a@example.org>\r\nRCPT TO:<anna@school.test>\r\nDATA\r\nSubject: %d-%d\r\n\r\n%s\r\n.\r\n", i, n, strings.Repeat("text ", n*100)))
				for _, code := range []string{"250", "250", "354", "250"} {
					if got := p.reply(); !strings.HasPrefix(got, code) {
						t.Errorf("peer %d, message %d: %q, want %s", i, n, got, code)
						return
					}
				}
			}
		})
	}
	good.Wait()
	seen := map[string]int{}
	for _, body := range w.inbox("anna") {
		_, subject, _ := strings.Cut(body, "Subject: ")
		subject, _, _ = strings.Cut(subject, "\r\n")
		seen[subject]++
	}
	for i := range peers {
		for n := range messages {
			if key := fmt.Sprintf("%d-%d", i, n); seen[key] != 1 {
				t.Errorf("message %s is there %d times", key, seen[key])
			}
		}
	}
}

// FuzzSession sends any bytes to a whole server: it answers or hangs up, and the next peer is served.
func FuzzSession(f *testing.F) {
	w := newWorld(f)
	address := w.listen(doorMX)
	f.Add([]byte("EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<anna@school.test>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n"))
	f.Add([]byte("EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<anna@school.test>\r\nBDAT 3\r\nabcBDAT 0 LAST\r\n"))
	f.Add([]byte("HELO x\r\nSTARTTLS\r\n\x16\x03\x01"))
	f.Fuzz(func(t *testing.T, in []byte) {
		p := dialTo(t, address, false)
		p.send(string(in))
		p.nc.(*net.TCPConn).CloseWrite()
		var out bytes.Buffer
		out.ReadFrom(p.r)
		for _, l := range strings.SplitAfter(out.String(), "\r\n") {
			if l != "" && (len(l) < 6 || l[0] < '2' || l[0] > '5' || !strings.HasSuffix(l, "\r\n")) && !bytes.Contains(bytes.ToUpper(in), []byte("STARTTLS")) {
				t.Fatalf("%q was answered %q", in, out.String())
			}
		}
	})
}
