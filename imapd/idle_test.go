package imapd

import (
	"crypto/tls"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// sessionMemory returns bytes per connection that idles, with the test's own side of it in the same process.
// last is the final command, and what tells that the server waits.
func sessionMemory(tb testing.TB, n int, last [2]string, dial func() (net.Conn, error)) int64 {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	buf := make([]byte, 64<<10)
	say := func(nc net.Conn, text, want string) {
		if _, err := nc.Write([]byte(text)); err != nil {
			tb.Fatal(err)
		}
		for got := ""; !strings.Contains(got, want); {
			k, err := nc.Read(buf)
			if err != nil {
				tb.Fatalf("wanted %q: %v", want, err)
			}
			got += string(buf[:k])
		}
	}
	for range n {
		nc, err := dial()
		if err != nil {
			tb.Fatal(err)
		}
		defer nc.Close()
		say(nc, `a LOGIN anna "`+testPassword+`"`+"\r\n", "a OK")
		say(nc, "b SELECT INBOX\r\n", "b OK")
		say(nc, last[0]+"\r\n", last[1])
	}
	runtime.GC() // shrinks the stacks
	runtime.GC()
	runtime.ReadMemStats(&after)
	return (int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse)) / int64(n)
}

// TestIdleMemory keeps the cost of a waiting connection within what 1,000 of them may take: 40 KiB each in plain text and
// 64 KiB over TLS, here with the client's side and a margin for it.
func TestIdleMemory(t *testing.T) {
	serverTLS, clientTLS := testTLS(t)
	ts := newTestServer(t, func(o *Options) { o.TLS = serverTLS })
	ts.deliver("One")
	tlsAddr, _ := ts.listen(ts.srv.ServeTLS)
	tcp := func() (net.Conn, error) { return net.Dial("tcp", ts.addr) }
	idle := [2]string{"c IDLE", "+ idling"}
	plain := sessionMemory(t, 100, idle, tcp)
	secure := sessionMemory(t, 100, idle, func() (net.Conn, error) { return tls.Dial("tcp", tlsAddr, clientTLS) })
	notified := sessionMemory(t, 100, [2]string{"c NOTIFY SET (selected (MessageNew (UID FLAGS ENVELOPE) MessageExpunge FlagChange)) " +
		"(subscribed (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))", "c OK"}, tcp)
	t.Logf("bytes per idle connection, both sides: plain %d, TLS %d, with NOTIFY %d", plain, secure, notified)
	if notified > 40<<10 {
		t.Errorf("with NOTIFY: %d bytes each", notified)
	}
	if plain > 40<<10 {
		t.Errorf("plain: %d bytes each", plain)
	}
	if secure > 2*64<<10 {
		t.Errorf("TLS, both sides: %d bytes each", secure)
	}
}

// BenchmarkIdleWake is the time from a delivery's acknowledgement to the line that an idling client reads.
func BenchmarkIdleWake(b *testing.B) {
	ts := newTestServer(b)
	c := ts.login("anna")
	c.do("a SELECT INBOX")
	c.send("b IDLE\r\n")
	c.until("+")
	var waited time.Duration
	for i := 0; b.Loop(); i++ {
		ts.deliver(fmt.Sprint(i))
		acknowledged := time.Now()
		for !strings.HasSuffix(c.line(), "EXISTS") {
		}
		waited += time.Since(acknowledged)
	}
	b.ReportMetric(float64(waited.Microseconds())/float64(b.N), "µs-after-ack")
}

func BenchmarkLoginWarm(b *testing.B) {
	ts := newTestServer(b)
	ts.login("anna")
	b.ReportAllocs()
	for b.Loop() {
		c := ts.dial()
		c.line()
		c.do(`a LOGIN anna "` + testPassword + `"`)
		c.do("b LOGOUT")
		c.nc.Close()
	}
}

func BenchmarkSelectHot(b *testing.B) {
	ts := newTestServer(b)
	for i := range 100 {
		ts.deliver(fmt.Sprint(i))
	}
	c := ts.login("anna")
	b.ReportAllocs()
	for b.Loop() {
		c.want(c.do("a SELECT INBOX"), "a OK")
	}
}

func BenchmarkNoop(b *testing.B) {
	ts := newTestServer(b)
	c := ts.login("anna")
	b.ReportAllocs()
	for b.Loop() {
		c.do("a NOOP")
	}
}

func BenchmarkParseSet(b *testing.B) {
	in := strings.TrimSuffix(strings.Repeat("1000:2000,5000,", 500), ",") + "\r\n"
	b.ReportAllocs()
	for b.Loop() {
		p := parserOf(b, in)
		if set := p.seqSet(); len(set.ranges) != 1000 {
			b.Fatal(p.err)
		}
	}
}
