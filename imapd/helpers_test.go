package imapd

import (
	"bytes"
	"context"
	"sync"

	"schulhof/directory"
)

func (ts *testServer) disable(login string) {
	ts.Helper()
	a, err := ts.dir.AccountByAddress(context.Background(), login)
	ts.check(err)
	state := directory.Disabled
	ts.check(ts.dir.ChangeAccount(context.Background(), a.ID, directory.AccountChange{State: &state}))
}

// syncBuffer is a buffer that several goroutines may write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
