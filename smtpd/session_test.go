package smtpd

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipeSession serves one session of d on a pipe; it may only be given commands that need no other room.
func pipeSession(t *testing.T, d *door, remote string) (client net.Conn, in *bufio.Reader, done chan struct{}) {
	t.Helper()
	client, server := net.Pipe()
	m, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := &Server{o: Options{Hostname: "mail.school.test", MaxSize: DefaultMaxSize}, metrics: m, peers: newPeers(nil, time.Now)}
	s := &session{srv: srv, door: d, wire: newWire(server), remote: netip.MustParseAddr(remote), log: slog.New(slog.DiscardHandler), began: time.Now()}
	done = make(chan struct{})
	go func() {
		s.serve(t.Context())
		close(done)
	}()
	return client, bufio.NewReader(client), done
}

func TestTimeouts(t *testing.T) {
	tests := []struct {
		name   string
		door   *door
		remote string
		every  time.Duration // between NOOPs; 0: silence
		send   string
		after  time.Duration
	}{
		{"silence on the MX", doorMX, "192.0.2.1", 0, "", idleTimeout},
		{"half a line on the MX", doorMX, "192.0.2.1", 0, "NOO", lineTimeout},
		{"busy without a login", doorSubmission, "192.0.2.1", 20 * time.Second, "", loginTimeout},
		{"silence without a login", doorSubmission, "192.0.2.1", 0, "", loginTimeout},
		{"silence on loopback", doorSubmission, "127.0.0.1", 0, "", idleTimeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, in, done := pipeSession(t, tt.door, tt.remote)
				start := time.Now()
				if greeting, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(greeting, "220 ") {
					t.Fatalf("greeting %q, %v", greeting, err)
				}
				io.WriteString(client, tt.send)
				stop := make(chan struct{})
				if tt.every > 0 {
					go func() {
						for {
							select {
							case <-stop:
								return
							case <-time.After(tt.every):
								io.WriteString(client, "NOOP\r\n")
							}
						}
					}()
				}
				for {
					reply, err := in.ReadString('\n')
					if strings.HasPrefix(reply, "250 ") {
						continue
					}
					if took := time.Since(start); !strings.HasPrefix(reply, "421 4.4.2 ") || took != tt.after {
						t.Errorf("%q, %v after %v, want 421 4.4.2 after %v", reply, err, took, tt.after)
					}
					break
				}
				close(stop)
				client.Close()
				<-done
			})
		})
	}
}

func TestAPeerThatDoesNotReadIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _, done := pipeSession(t, doorMX, "192.0.2.1")
		start := time.Now()
		<-done
		if took := time.Since(start); took > 2*writeTimeout+linger {
			t.Errorf("left after %v, want about %v", took, writeTimeout)
		}
		client.Close()
	})
}

func TestAPanicEndsOneConnectionOnly(t *testing.T) {
	client, server := net.Pipe()
	m, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	srv := &Server{o: Options{Hostname: "mail.school.test", MaxSize: DefaultMaxSize}, metrics: m, peers: newPeers(nil, time.Now), log: slog.New(slog.NewTextHandler(log, nil))}
	done := make(chan struct{})
	go func() {
		srv.handle(t.Context(), server, doorMX)
		close(done)
	}()
	p := &peerConn{t: t, nc: client, r: bufio.NewReader(client)}
	p.want("220")
	p.do("HELO x.example", "250")
	p.do("MAIL FROM:<a@example.org>", "250")
	p.do("RCPT TO:<anna@school.test>", "421 4.3.0") // there is no directory here
	client.Close()
	<-done
	if !strings.Contains(log.String(), "panic") || srv.peers.total != 0 {
		t.Errorf("log %q, %d connections counted", log, srv.peers.total)
	}
}
