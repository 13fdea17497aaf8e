package smtpd

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// BenchmarkIngest sends messages over loopback connections until each is durable and visible: the whole way through all rooms.
func BenchmarkIngest(b *testing.B) {
	for _, d := range []*door{doorMX, doorLMTP} {
		for _, size := range []int{4 << 10, 64 << 10} {
			for _, conns := range []int{1, 8} {
				b.Run(fmt.Sprintf("%s/%dKiB/%dconns", d.name, size>>10, conns), func(b *testing.B) {
					benchIngest(b, d, size, conns)
				})
			}
		}
	}
}

func benchIngest(b *testing.B, d *door, size, conns int) {
	w := newWorld(b, func(o *Options) { o.Log = slog.New(slog.DiscardHandler) })
	address := w.listen(d)
	verb := map[bool]string{true: "LHLO", false: "EHLO"}[d.lmtp]
	people := []string{"anna", "ben", "tina"}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() {
			p := dialTo(b, address, false)
			p.do(verb+" bench.example", "250")
			for n := i; n < b.N; n += conns {
				p.send(fmt.Sprintf("MAIL FROM:<lena@example.org>\r\nRCPT TO:<%s@school.test>\r\nDATA\r\n", people[n%len(people)]))
				p.want("250")
				p.want("250")
				p.want("354")
				p.nc.Write(benchMessage(n, size))
				p.want("250")
			}
		})
	}
	wg.Wait()
}

// benchMessage is a message of about size bytes that differs from every other.
func benchMessage(n, size int) []byte {
	var m bytes.Buffer
	fmt.Fprintf(&m, "From: Lena <lena@example.org>\r\nTo: Anna <anna@school.test>\r\nSubject: Nachricht %d\r\n"+
		"Date: Mon, 23 Nov 2026 09:05:00 +0100\r\nMessage-ID: <%d@example.org>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", n, n)
	for i := 0; m.Len() < size; i++ {
		fmt.Fprintf(&m, "%d %d Liebe Eltern, wir fahren am Montag ins Museum, bitte denkt an %s.\r\n", n, i*7919%10007, strings.Repeat("x", i%13))
	}
	m.WriteString(".\r\n")
	return m.Bytes()
}

func BenchmarkCommands(b *testing.B) {
	w := newWorld(b, func(o *Options) { o.Log = slog.New(slog.DiscardHandler) })
	p := dialTo(b, w.listen(doorMX), false)
	p.do("EHLO bench.example", "250")
	b.ReportAllocs()
	for b.Loop() {
		p.send("MAIL FROM:<lena@example.org> SIZE=100\r\nRCPT TO:<anna@school.test>\r\nRSET\r\n")
		p.want("250")
		p.want("250")
		p.want("250")
	}
}

func BenchmarkCompleteSubmission(b *testing.B) {
	head := []byte("From: Anna <anna@school.test>\r\nTo: ben@school.test\r\nSubject: x\r\nUser-Agent: y\r\nContent-Type: text/plain\r\n")
	a := annaAs("anna@school.test")
	b.ReportAllocs()
	for b.Loop() {
		if _, r, err := completeSubmission(head, a); err != nil || !r.ok() {
			b.Fatal(r, err)
		}
	}
}
