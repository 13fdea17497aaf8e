package imapd_test

import (
	"context"
	"net"
	"testing"

	"schulhof/directory"
	"schulhof/imapd"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/storetest"
)

const (
	testUser     = "anna"
	testPassword = "geheim-7b-2026"
)

// server is a whole IMAP server with one account.
type server struct {
	addr  string
	store *store.Store
	mail  *mailbox.Mail
}

// startServer runs a server on a fresh store until the test ends.
func startServer(t testing.TB) *server { return startServerWithQuota(t, 0) }

// startServerWithQuota is startServer for an account that may keep quota bytes; 0: any number.
func startServerWithQuota(t testing.TB, quota int64) *server {
	t.Helper()
	ctx := context.Background()
	s := storetest.Open(t)
	dir, err := directory.New(ctx, s, directory.Options{HashParams: directory.HashParams{MemoryKiB: 8, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	mail, err := mailbox.New(ctx, s, dir, mailbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mail.Close() })
	if err := dir.AddDomain(ctx, "school.test"); err != nil {
		t.Fatal(err)
	}
	_, _, err = dir.AddAccounts(ctx, []directory.NewAccount{{Address: testUser + "@school.test", Given: "Anna", Family: "Berg",
		Role: directory.Teacher, Password: testPassword, QuotaBytes: &quota}})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := imapd.New(imapd.Options{Store: s, Directory: dir, Mail: mail, Hostname: "mail.school.test", AllowPlaintextLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(serving, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &server{addr: ln.Addr().String(), store: s, mail: mail}
}
