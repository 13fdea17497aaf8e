// Command mailload measures mail between servers, all on loopback addresses:
//
//	mailload out -to 127.0.0.1:20025 -sinks 50 -n 4000     # what it hands in comes out again at so many servers, one a domain
//	mailload in -to 127.0.0.1:20025 -dns 127.0.0.1:20053   # it comes in from a domain with SPF, DKIM and DMARC, whose DNS server this is
//
// The domain of sink N is dN.load.test, at 127.0.1.N port 2525. "in" sends to user0001@ and further at -domain. The result is a line of JSON.
package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// load is what the flags say.
type load struct {
	to             string
	n, conns, size int
	user, pass     string
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mailload:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say out or in")
	}
	var l load
	flags := flag.NewFlagSet("mailload "+args[0], flag.ContinueOnError)
	flags.StringVar(&l.to, "to", "127.0.0.1:25", "the server that is measured")
	flags.IntVar(&l.n, "n", 4000, "how many messages")
	flags.IntVar(&l.conns, "conns", 8, "connections to the server, each gives one message at a time")
	flags.IntVar(&l.size, "size", 10<<10, "bytes of a message")
	flags.StringVar(&l.user, "user", "", "log in, by STARTTLS if it is offered, as this address, which is the sender too")
	flags.StringVar(&l.pass, "password", "secret-test-1", "its password")
	sinks := flags.Int("sinks", 1, "out: how many servers take the mail")
	dnsAt := flags.String("dns", "127.0.0.1:20053", "in: where the DNS server listens")
	domain := flags.String("domain", "bench.test", "in: the domain of the recipients")
	people := flags.Int("people", 200, "in: how many recipients")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if host, _, err := net.SplitHostPort(l.to); err != nil || !net.ParseIP(host).IsLoopback() {
		return errors.New("-to must be a loopback address")
	}
	switch args[0] {
	case "out":
		return l.out(*sinks)
	case "in":
		return l.in(*dnsAt, *domain, *people)
	}
	return fmt.Errorf("unknown command %s", args[0])
}

// out hands n messages in and waits until the sinks have them.
func (l *load) out(sinks int) error {
	from := "sender@bench.test"
	if l.user != "" {
		from = l.user
	}
	arrived := &sink{want: int64(l.n), all: make(chan struct{})}
	for i := range sinks {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.1.%d:2525", i+1))
		if err != nil {
			return fmt.Errorf("sink %d: %w", i+1, err)
		}
		server := smtp.NewServer(arrived)
		server.Domain, server.EnableSMTPUTF8, server.MaxMessageBytes = fmt.Sprintf("d%d.load.test", i+1), true, 1<<20
		defer server.Close()
		go server.Serve(ln)
	}
	body := l.body(from)
	start := time.Now()
	if err := l.give(from, func(i int) string { return fmt.Sprintf("somebody@d%d.load.test", i%sinks+1) }, func(int) string { return body }); err != nil {
		return err
	}
	accepted := time.Since(start)
	select {
	case <-arrived.all:
	case <-time.After(2 * time.Minute):
		return fmt.Errorf("%d of %d messages came", arrived.got.Load(), l.n)
	}
	total := time.Since(start)
	fmt.Printf(`{"bench":"mailload","step":"out","sinks":%d,"n":%d,"accepted_per_s":%.0f,"sent_per_s":%.0f}`+"\n",
		sinks, l.n, float64(l.n)/accepted.Seconds(), float64(l.n)/total.Seconds())
	return nil
}

// in gives n signed messages to people, each its own.
func (l *load) in(dnsAt, domain string, people int) error {
	const from = "sender@from.load.test"
	origin, err := newOrigin(dnsAt)
	if err != nil {
		return err
	}
	defer origin.close()
	signed := make([]string, l.n)
	for i := range signed {
		if signed[i], err = origin.sign(fmt.Sprintf("Message-ID: <%d@from.load.test>\r\n", i) + l.body(from)); err != nil {
			return err
		}
	}
	start := time.Now()
	if err := l.give(from, func(i int) string { return fmt.Sprintf("user%04d@%s", i%people+1, domain) }, func(i int) string { return signed[i] }); err != nil {
		return err
	}
	took := time.Since(start)
	fmt.Printf(`{"bench":"mailload","step":"in","n":%d,"accepted_per_s":%.0f,"dns_questions":%d}`+"\n", l.n, float64(l.n)/took.Seconds(), origin.asked.Load())
	return nil
}

// body is a message of the wanted size; it is ASCII in lines of 76.
func (l *load) body(from string) string {
	head := "From: " + from + "\r\nTo: somebody@load.test\r\nSubject: a load\r\nDate: " + time.Now().Format(time.RFC1123Z) + "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
	var b strings.Builder
	b.WriteString(head)
	for i := 0; b.Len() < l.size; i++ {
		line := "line " + strconv.Itoa(i) + " " + strings.Repeat("the quick brown fox jumps over the lazy dog ", 2)
		b.WriteString(line[:76] + "\r\n")
	}
	return b.String()
}

// give sends the messages over conns connections.
func (l *load) give(from string, to, message func(int) string) error {
	var next atomic.Int64
	errs := make([]error, l.conns)
	var giving sync.WaitGroup
	for i := range errs {
		giving.Go(func() {
			c, err := l.dial()
			if err != nil {
				errs[i] = err
				return
			}
			defer c.Close()
			for {
				k := int(next.Add(1)) - 1
				if k >= l.n {
					errs[i] = c.Quit()
					return
				}
				if err := c.SendMail(from, []string{to(k)}, strings.NewReader(message(k))); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	giving.Wait()
	return errors.Join(errs...)
}

func (l *load) dial() (*smtp.Client, error) {
	if l.user == "" {
		return smtp.Dial(l.to)
	}
	c, err := smtp.DialStartTLS(l.to, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a loopback address
	if err != nil {
		return nil, err
	}
	if err := c.Auth(sasl.NewPlainClient("", l.user, l.pass)); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}
