package queue

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/directory"
	"schulhof/store"
)

// everyNotify are recipients at a domain with everything that can be asked for, named after it.
func everyNotify(domain string) (list []Recipient) {
	for n := range NotifyDelay << 1 {
		if n&NotifyNever != 0 && n != NotifyNever {
			continue // RFC 3461 §4.1: NEVER stands alone
		}
		local := strings.ToLower(strings.Join(append(n.Words(), "x"), "-"))
		list = append(list, Recipient{Address: local + "@" + domain, Notify: n, ORcpt: "rfc822;original@example.org"})
	}
	return list
}

// Each recipient of one transaction is told of as its own NOTIFY says, in one notice. RFC 3461 §4.1, §5.2.
func TestNotifyMatrix(t *testing.T) {
	tests := []struct {
		domain string
		answer Result
		action string
		wants  func(n Notify) bool
	}{
		{"failed.example", never, "failed", func(n Notify) bool { return n == 0 || n&NotifyFailure != 0 }},
		{"relayed.example", Result{Code: 250, Enhanced: "2.0.0", Relayed: true}, "relayed", func(n Notify) bool { return n&NotifySuccess != 0 }},
		{"delivered.example", Result{Code: 250, Enhanced: "2.0.0"}, "", func(Notify) bool { return false }}, // their server tells
		{"late.example", later, "delayed", func(n Notify) bool { return n == 0 || n&NotifyDelay != 0 }},
	}
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		asked := map[string]Recipient{}
		w.net.answer = func(to Target, _ Letter, r Recipient) Result {
			w.net.mu.Lock()
			defer w.net.mu.Unlock()
			asked[r.Address] = r
			for _, tt := range tests {
				if tt.domain == to.Domain {
					return tt.answer
				}
			}
			return Result{}
		}
		w.run()
		for _, tt := range tests {
			w.enqueueMessage(Message{Sender: "anna@school.test", Account: w.anna, TraceID: "x", Recipients: everyNotify(tt.domain)})
		}
		time.Sleep(DefaultDelayNotice + 10*time.Minute)
		w.halt()
		want := map[string]string{}
		for _, tt := range tests {
			for _, r := range everyNotify(tt.domain) {
				if tt.wants(r.Notify) {
					want[r.Address] = tt.action
				}
				if asked[r.Address] != r {
					t.Errorf("the server was asked for %+v, want %+v", asked[r.Address], r)
				}
			}
		}
		notices := w.inbox(w.anna)
		wantActions(t, notices, want)
		if len(notices) != 3 {
			t.Errorf("%d notices, want one for each transaction of which there is something to tell", len(notices))
		}
	})
}

// A hundred recipients in one transaction go four ways, and only those who must wait are tried again.
func TestManyMixedAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		asked := map[string]int{}
		w.net.answer = func(_ Target, _ Letter, r Recipient) Result {
			w.net.mu.Lock()
			defer w.net.mu.Unlock()
			asked[r.Address]++
			switch {
			case strings.HasPrefix(r.Address, "never"):
				return never
			case strings.HasPrefix(r.Address, "later") && asked[r.Address] == 1:
				return later
			}
			return Result{Code: 250, Enhanced: "2.1.5", Text: "OK", Relayed: strings.HasPrefix(r.Address, "relay")}
		}
		var to []Recipient
		want := map[string]string{}
		for i := range maxRecipientsAtOnce {
			kind := []string{"taken", "never", "later", "relay"}[i%4]
			r := Recipient{Address: fmt.Sprintf("%s%d@example.org", kind, i), Notify: NotifySuccess | NotifyFailure}
			switch kind {
			case "never":
				want[r.Address] = "failed"
			case "relay":
				want[r.Address] = "relayed"
			}
			to = append(to, r)
		}
		w.enqueueMessage(Message{Sender: "anna@school.test", Account: w.anna, TraceID: "x", Recipients: to})
		w.run()
		synctest.Wait()
		notices := w.inbox(w.anna)
		wantActions(t, notices, want)
		if len(notices) != 1 || !strings.Contains(notices[0], "Subject: Not delivered") {
			t.Errorf("%d notices", len(notices))
		}
		if list := w.waiting(); len(list) != 1 || len(list[0].Deliveries) != 1 || len(list[0].Deliveries[0].Recipients) != maxRecipientsAtOnce/4 {
			t.Errorf("waiting: %+v", list)
		}
		time.Sleep(4 * time.Minute)
		w.halt()
		for _, r := range to {
			n := 1
			if strings.HasPrefix(r.Address, "later") {
				n = 2
			}
			if asked[r.Address] != n {
				t.Errorf("%s was tried %d times, want %d", r.Address, asked[r.Address], n)
			}
		}
		if n := len(w.waiting()); n != 0 {
			t.Errorf("%d wait", n)
		}
		w.check()
	})
}

// Who is certain to have sent a message: whoever logged in, or the one account whose address it is; nobody behind an alias or a group.
func TestCertainSender(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	g, err := w.dir.AddGroup(ctx, directory.Group{Name: "7b", Kind: directory.Class, ToSender: true})
	if err == nil {
		err = w.dir.AddMembers(ctx, g.ID, []directory.ID{w.anna}, false)
	}
	if err == nil {
		err = w.dir.AddAlias(ctx, directory.Alias{Address: "sekretariat@school.test", Targets: []string{"anna@school.test"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	off := directory.Disabled
	if err := w.dir.ChangeAccount(ctx, w.tina, directory.AccountChange{State: &off}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		sender  string
		account directory.ID
		want    directory.ID
	}{
		{"logged in, in any name", "x@example.org", w.anna, w.anna},
		{"logged in, disabled by now", "tina@school.test", w.tina, w.tina},
		{"one of ours", "Anna@School.test", 0, w.anna},
		{"with a detail", "anna+shop@school.test", 0, w.anna},
		{"disabled", "tina@school.test", 0, 0},
		{"a group of one", "7b@school.test", 0, 0},
		{"an alias of one", "sekretariat@school.test", 0, 0},
		{"the administrators", "postmaster@school.test", 0, 0},
		{"nobody of ours", "otto@school.test", 0, 0},
		{"elsewhere", "anna@example.org", 0, 0},
		{"nobody", "", 0, 0},
	}
	for _, tt := range tests {
		got, ok := w.q.certainSender(ctx, &Waiting{Sender: tt.sender, Account: tt.account})
		if got != tt.want || ok != (tt.want != 0) {
			t.Errorf("%s: %d, %t, want %d", tt.name, got, ok, tt.want)
		}
	}
}

// A status says what became of it, whatever class the server's had. RFC 3463 §3.
func TestStatus(t *testing.T) {
	tests := []struct {
		in   Result
		want string
	}{
		{Result{Code: 250, Enhanced: "2.1.5"}, "2.1.5"},
		{Result{Code: 250}, "2.0.0"},
		{Result{Code: 550, Enhanced: "5.1.1"}, "5.1.1"},
		{Result{Code: 550, Enhanced: "4.7.1"}, "5.7.1"},
		{Result{Code: 450, Enhanced: "5.2.2", Temporary: true}, "4.2.2"},
		{Result{Code: 450, Temporary: true}, "4.0.0"},
		{Result{Temporary: true, Enhanced: "4.4.1"}, "4.4.1"},
		{Result{Code: 554, Enhanced: "5.7"}, "5.0.0"},
		{Result{Code: 554, Enhanced: "5.7.1000"}, "5.0.0"},
		{Result{Code: 554, Enhanced: "15.7.1"}, "5.0.0"},
		{Result{Code: 554, Enhanced: "5.7.x"}, "5.0.0"},
	}
	for _, tt := range tests {
		if got := status(tt.in); got != tt.want {
			t.Errorf("status(%+v) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

// A room that cannot count a failure now is asked again: the recipient is not forgotten meanwhile.
func TestOnFailureTriesAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		calls := 0
		w.q.OnFailure("list", func(*store.Tx, Failure) error {
			if calls++; calls < 3 {
				return fmt.Errorf("call %d", calls)
			}
			return nil
		})
		w.net.answer = func(Target, Letter, Recipient) Result { return never }
		w.run()
		w.enqueueMessage(Message{Kind: "list", Tag: "7b", TraceID: "x", Recipients: []Recipient{{Address: "a@example.org"}}})
		synctest.Wait()
		if n := len(w.waiting()); n != 1 {
			t.Errorf("%d wait while the failure could not be counted", n)
		}
		time.Sleep(3 * time.Hour)
		w.halt()
		if n := len(w.waiting()); n != 0 || calls != 3 {
			t.Errorf("%d wait after %d calls", n, calls)
		}
		w.check()
	})
}
