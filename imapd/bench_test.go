package imapd_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

const benchMessages = 10_000

// benchBox fills a mailbox with messages of about 4 KB and selects it.
func benchBox(b *testing.B) *client {
	c := loginClient(b, startServer(b).addr, "b", testUser, testPassword)
	line := strings.Repeat("Lorem ipsum dolor sit amet, consetetur sadipscing elitr. ", 5)
	for n := 0; n < benchMessages; {
		var batch []string
		for ; len(batch) < 100; n++ {
			batch = append(batch, fmt.Sprintf("From: Anna Müller <anna%d@school.test>\r\nTo: 7b@school.test\r\nSubject: message %d\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\n"+
				"Message-ID: <%d@school.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s%d\r\n", n%50, n, n, strings.Repeat(line+"\r\n", 12), n))
		}
		if _, tagged := c.append("INBOX", "", batch...); tagged.name != "OK" {
			b.Fatalf("APPEND: %s %s", tagged.name, tagged.text)
		}
	}
	c.ok("SELECT INBOX")
	return c
}

// drain sends a command and reads up to its tagged OK without looking at the data, without allocating.
func (c *client) drain(b *testing.B, command []byte, tag string) (size int64) {
	if _, err := c.nc.Write(command); err != nil {
		b.Fatal(err)
	}
	want := []byte(tag + " OK")
	for {
		line, err := c.r.ReadSlice('\n')
		size += int64(len(line))
		if err != nil && len(line) < c.r.Size() {
			b.Fatal(err)
		}
		if bytes.HasPrefix(line, want) {
			return size
		}
	}
}

func BenchmarkFetch(b *testing.B) {
	c := benchBox(b)
	for _, bench := range []struct {
		name, command string
		messages      int
	}{
		{"flags of 10000", "FETCH 1:* FLAGS", benchMessages},
		{"uid flags of 10000", "UID FETCH 1:* (UID FLAGS)", benchMessages},
		{"first sync of 10000", "UID FETCH 1:* (UID FLAGS ENVELOPE INTERNALDATE RFC822.SIZE BODYSTRUCTURE)", benchMessages},
		{"headers of 1000", "UID FETCH 1:1000 (UID BODY.PEEK[HEADER.FIELDS (From To Subject Date Message-ID)])", 1000},
		{"bodies of 1000 in a range", "UID FETCH 1:1000 (BODY.PEEK[])", 1000},
		{"one body", "UID FETCH 4711 (BODY.PEEK[])", 1},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			command := []byte("t " + bench.command + "\r\n")
			var size int64
			for b.Loop() {
				size = c.drain(b, command, "t")
			}
			b.SetBytes(size)
			b.ReportMetric(float64(bench.messages)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

func BenchmarkStore(b *testing.B) {
	c := benchBox(b)
	for _, bench := range []struct{ name, on, off string }{
		{"all of 10000 silent", `UID STORE 1:* +FLAGS.SILENT (\Seen)`, `UID STORE 1:* -FLAGS.SILENT (\Seen)`},
		{"all of 10000 with answers", `UID STORE 1:* +FLAGS (\Seen)`, `UID STORE 1:* -FLAGS (\Seen)`},
		{"one", `UID STORE 4711 +FLAGS (\Seen)`, `UID STORE 4711 -FLAGS (\Seen)`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.drain(b, []byte("t "+bench.on+"\r\n"), "t")
				c.drain(b, []byte("t "+bench.off+"\r\n"), "t")
			}
		})
	}
}

func BenchmarkCopy1000(b *testing.B) {
	c := benchBox(b)
	c.ok("CREATE Ziel")
	b.ReportAllocs()
	for b.Loop() {
		c.drain(b, []byte("t UID COPY 1:1000 Ziel\r\n"), "t")
	}
}

func BenchmarkAppend(b *testing.B) {
	c := loginClient(b, startServer(b).addr, "b", testUser, testPassword)
	mail := "Subject: x\r\n\r\n" + strings.Repeat("0123456789 abcdefghijklmnopqrstuvwxyz\r\n", 100)
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("%d at once", n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				var command strings.Builder
				command.WriteString("t APPEND INBOX")
				for range n {
					i++
					fmt.Fprintf(&command, " {%d+}\r\n%s%08d", len(mail)+8, mail, i)
				}
				command.WriteString("\r\n")
				c.drain(b, []byte(command.String()), "t")
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
