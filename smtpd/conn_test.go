package smtpd

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadLine(t *testing.T) {
	tests := []struct {
		name, in, want string
		err            error
	}{
		{"a command", "NOOP\r\nQUIT\r\n", "NOOP", nil},
		{"an empty line", "\r\n", "", nil},
		{"the longest line", strings.Repeat("x", maxCommandLine-2) + "\r\n", strings.Repeat("x", maxCommandLine-2), nil},
		{"a byte too long", strings.Repeat("x", maxCommandLine-1) + "\r\n", "", errLineTooLong},
		{"endless", strings.Repeat("x", 10*maxCommandLine), "", errLineTooLong},
		{"bare LF", "NOOP\n", "", errLineEnd},
		{"only LF", "\n", "", errLineEnd},
		{"CR inside", "NO\rOP\r\n", "", errControl},
		{"NUL inside", "NOOP\x00\r\n", "", errControl},
		{"UTF-8", "MAIL FROM:<jürgen@x>\r\n", "MAIL FROM:<jürgen@x>", nil},
		{"ended early", "NOO", "", io.EOF},
	}
	for _, tt := range tests {
		got, err := wireOf(strings.NewReader(tt.in)).readLine(time.Minute, time.Time{})
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %.40q, %v, want %.40q, %v", tt.name, got, err, tt.want, tt.err)
		}
	}
}

func TestRepliesLeaveTogether(t *testing.T) {
	client, server := net.Pipe()
	w := newWire(server)
	var peers sync.WaitGroup
	defer w.close()
	defer peers.Wait()
	defer client.Close()
	peers.Go(func() { io.WriteString(client, "ONE\r\nTWO\r\n") })
	for range 2 {
		if _, err := w.readLine(time.Minute, time.Time{}); err != nil {
			t.Fatal(err)
		}
		w.out = okDone.appendTo(w.out, "")
	}
	got := make([]byte, 100)
	read := make(chan string)
	go func() {
		n, _ := client.Read(got)
		read <- string(got[:n])
	}()
	peers.Go(func() { w.readLine(time.Minute, time.Time{}) })
	if text := <-read; text != "250 2.0.0 OK\r\n250 2.0.0 OK\r\n" {
		t.Errorf("one read gave %q, want both replies", text)
	}
}

func TestSlowPeers(t *testing.T) {
	tests := []struct {
		name  string
		write func(c net.Conn)
		read  func(w *wire) error
		after time.Duration // when the server gives up
	}{
		{"says nothing", func(net.Conn) {}, line, idleTimeout},
		{"a command byte by byte", func(c net.Conn) { drip(c, "x", time.Second) }, line, lineTimeout},
		{"no data", func(net.Conn) {}, body, dataGrace},
		{"data at a byte per second", func(c net.Conn) { drip(c, "x", time.Second) }, body, dataGrace + 60*time.Second/dataRate},
		{"data at half the rate", func(c net.Conn) { drip(c, strings.Repeat("x", dataRate/2), time.Second) }, body, 2 * dataGrace},
		{"data just fast enough, for ever", func(c net.Conn) { drip(c, strings.Repeat("x", 2*dataRate), time.Second) }, body, dataTotal},
		{"fast, then silent", func(c net.Conn) { io.WriteString(c, strings.Repeat("x", 20<<20)) }, body, dataTimeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				w := newWire(server)
				var writer sync.WaitGroup
				writer.Go(func() { tt.write(client) })
				start := time.Now()
				err := tt.read(w)
				if took := time.Since(start); !errors.Is(err, errSlow) || took < tt.after-time.Second || took > tt.after+2*time.Second {
					t.Errorf("gave up after %v with %v, want %v", took, err, tt.after)
				}
				w.close()
				client.Close()
				writer.Wait()
			})
		})
	}
}

func line(w *wire) error {
	_, err := w.readLine(idleTimeout, time.Time{})
	return err
}

func body(w *wire) error { return w.readData(newPace(), true, discard{}) }

func drip(c net.Conn, piece string, every time.Duration) {
	for {
		if _, err := io.WriteString(c, piece); err != nil {
			return
		}
		time.Sleep(every)
	}
}

func TestLoginDeadlineEndsALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		w := newWire(server)
		defer w.close()
		start := time.Now()
		if _, err := w.readLine(idleTimeout, start.Add(loginTimeout)); !errors.Is(err, errSlow) || time.Since(start) != loginTimeout {
			t.Errorf("%v after %v, want errSlow after %v", err, time.Since(start), loginTimeout)
		}
	})
}

func TestDrainEndsAWaitingReadAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		w := newWire(server)
		defer w.close()
		ended := make(chan error)
		go func() { ended <- line(w) }()
		synctest.Wait()
		w.drain()
		if err := <-ended; !errors.Is(err, errDraining) {
			t.Errorf("waiting for a command: %v, want errDraining", err)
		}
		if err := line(w); !errors.Is(err, errDraining) {
			t.Errorf("the next command: %v, want errDraining", err)
		}
		go io.WriteString(client, "a\r\n.\r\n")
		if err := body(w); err != nil {
			t.Errorf("a message under way: %v, want it to end well", err)
		}
	})
}

func FuzzReadLine(f *testing.F) {
	f.Add("EHLO x\r\nMAIL FROM:<>\r\n", 2)
	f.Add("\n\r\r\n", 1)
	f.Fuzz(func(t *testing.T, in string, step int) {
		if step < 1 {
			step = 1
		}
		w := wireOf(&stepReader{s: in, n: step})
		for {
			got, err := w.readLine(time.Minute, time.Time{})
			if err != nil {
				return
			}
			if strings.ContainsAny(got, "\r\n\x00") || len(got) > maxCommandLine {
				t.Fatalf("%q gave the line %q", in, got)
			}
			parsePath(got)
			parseChunk(got)
		}
	})
}
