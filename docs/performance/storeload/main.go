// Command storeload measures single-message STORE commands per second from several connections to one IMAP server on the loopback interface:
//
//	go run ./docs/performance/storeload -addr 127.0.0.1:20143 -conns 8 -seconds 5
//
// Connection i logs in as the user with number i, appends 100 messages to its INBOX and then toggles \Flagged on one message a command.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:143", "IMAP server on the loopback interface")
	conns := flag.Int("conns", 8, "connections, each its own user")
	seconds := flag.Int("seconds", 5, "how long")
	user := flag.String("user", "user%04d", "login name template")
	pass := flag.String("pass", "secret-test-1", "password of every user")
	flag.Parse()
	if host, _, _ := net.SplitHostPort(*addr); !net.ParseIP(host).IsLoopback() {
		fmt.Fprintln(os.Stderr, "storeload: only loopback addresses")
		os.Exit(2)
	}
	clients := make([]*client, *conns)
	for i := range clients {
		c, err := open(*addr, fmt.Sprintf(*user, i+1), *pass)
		if err != nil {
			fmt.Fprintln(os.Stderr, "storeload:", err)
			os.Exit(1)
		}
		clients[i] = c
	}
	var done atomic.Int64
	var wg sync.WaitGroup
	end := time.Now().Add(time.Duration(*seconds) * time.Second)
	for _, c := range clients {
		wg.Go(func() {
			for k := 0; time.Now().Before(end); k++ {
				sign := "+-"[k/100%2 : k/100%2+1]
				if err := c.do(fmt.Sprintf(`STORE %d %sFLAGS (\Flagged)`, k%100+1, sign)); err != nil {
					fmt.Fprintln(os.Stderr, "storeload:", err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	fmt.Printf("{\"bench\":\"storeload\",\"conns\":%d,\"store_per_s\":%.0f}\n", *conns, float64(done.Load())/float64(*seconds))
}

type client struct {
	nc  net.Conn
	r   *bufio.Reader
	tag int
}

// open logs in, fills the INBOX up and selects it.
func open(addr, user, pass string) (*client, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &client{nc: nc, r: bufio.NewReader(nc)}
	if _, err := c.r.ReadString('\n'); err != nil {
		return nil, err
	}
	if err := c.do("LOGIN " + user + " " + pass); err != nil {
		return nil, err
	}
	msg := "From: a@bench.test\r\nSubject: store\r\n\r\nbody\r\n"
	for range 100 {
		if err := c.do(fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(msg), msg)); err != nil {
			return nil, err
		}
	}
	return c, c.do("SELECT INBOX")
}

// do sends one command and reads until its tagged OK.
func (c *client) do(command string) error {
	c.tag++
	tag := fmt.Sprintf("t%d ", c.tag)
	if _, err := c.nc.Write([]byte(tag + command + "\r\n")); err != nil {
		return err
	}
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return err
		}
		if rest, ok := strings.CutPrefix(line, tag); ok {
			if !strings.HasPrefix(rest, "OK") {
				return fmt.Errorf("%s: %s", command, strings.TrimSpace(rest))
			}
			return nil
		}
	}
}
