package imapd

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Slow and silent clients, on a clock of the test's own: no test waits.
func TestSlowClients(t *testing.T) {
	tests := []struct {
		name     string
		signedIn bool
		says     []string // each after a pause
		pause    time.Duration
		lasts    time.Duration // until the connection ends
		last     string
	}{
		{"says nothing before login", false, nil, 0, loginTime, "* BYE Autologout"},
		{"keeps busy without logging in", false, slicesOf("a NOOP\r\n", 30), 10 * time.Second, loginTime, "* BYE Autologout"},
		{"sends a command letter by letter", false, slicesOf("a", 100), 5 * time.Second, lineTimeBefore, "* BYE Autologout"},
		{"stops within a literal before login", false, []string{"a LOGIN {5}\r\nan"}, 0, lineTimeBefore, "* BYE Autologout"},
		{"says nothing after login", true, nil, 0, idleTime, "* BYE Autologout"},
		{"stops within a command", true, []string{"a SELE"}, 0, stallTime, "* BYE Autologout"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				defer theirs.Close()
				c := connOver("")
				c.signedIn, c.wire.raw, c.wire.nc = test.signedIn, ours, ours
				c.started = time.Now()
				if !test.signedIn {
					c.wire.until = c.srv.loginEnd(c)
				}
				heard := make(chan string, 1)
				go func() {
					var all strings.Builder
					buf := make([]byte, 1024)
					for {
						n, err := theirs.Read(buf)
						all.Write(buf[:n])
						if err != nil {
							heard <- all.String()
							return
						}
					}
				}()
				said := make(chan struct{})
				go func() {
					defer close(said)
					for _, s := range test.says {
						if _, err := theirs.Write([]byte(s)); err != nil {
							return
						}
						time.Sleep(test.pause)
					}
				}()
				started := time.Now()
				reason := c.serve(context.Background())
				ours.Close()
				if lasted := time.Since(started); lasted < test.lasts-time.Second || lasted > test.lasts+time.Second {
					t.Errorf("it lasted %v, want %v (%s)", lasted, test.lasts, reason)
				}
				if got := <-heard; !strings.Contains(got, test.last) {
					t.Errorf("heard %q, want %q", got, test.last)
				}
				<-said
			})
		})
	}
}

func slicesOf(s string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}
