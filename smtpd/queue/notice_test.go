package queue

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/storetest"
)

// Who is told of what: RFC 3461 §4.1 and §5.2, and the rule that nobody is told who may not have sent it.
func TestWhoIsTold(t *testing.T) {
	relayed := Result{Code: 250, Enhanced: "2.0.0", Text: "OK", Host: "mx.example.org", Relayed: true}
	confirmed := Result{Code: 250, Enhanced: "2.0.0", Text: "OK", Host: "mx.example.org"}
	tests := []struct {
		name   string
		sender string
		by     string // the account, "": the server itself
		notify Notify
		answer Result
		want   string // what anna's notice has, "": none
	}{
		{"a failure, nothing said", "anna@school.test", "anna", 0, never, "Action: failed\r\nStatus: 5.1.1\r\n"},
		{"a failure that is wanted", "anna@school.test", "anna", NotifyFailure | NotifyDelay, never, "Action: failed"},
		{"a failure that is not wanted", "anna@school.test", "anna", NotifyDelay, never, ""},
		{"a failure, never", "anna@school.test", "anna", NotifyNever, never, ""},
		{"a failure of a message without a sender", "", "anna", 0, never, ""},
		{"a failure for an address of the account", "klasse@school.test", "anna", 0, never, "To: <klasse@school.test>"},
		{"a failure of what the server sent for an account of ours", "anna@school.test", "", 0, never, "Action: failed"},
		{"a failure of what the server sent for somebody elsewhere", "x@example.org", "", 0, never, ""},
		{"success, not asked for", "anna@school.test", "anna", 0, relayed, ""},
		{"success, asked for, of a server that reports by itself", "anna@school.test", "anna", NotifySuccess, confirmed, ""},
		{"success, asked for, of a server that reports nothing", "anna@school.test", "anna", NotifySuccess, relayed, "Action: relayed\r\nStatus: 2.0.0\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.net.answer = func(Target, Letter, Recipient) Result { return tt.answer }
				w.run()
				m := Message{Sender: tt.sender, TraceID: "x", Recipients: []Recipient{{Address: "a@example.org", Notify: tt.notify}}}
				if tt.by != "" {
					m.Account = w.anna
				}
				w.enqueueMessage(m)
				synctest.Wait()
				notices := w.inbox(w.anna)
				switch {
				case tt.want == "" && len(notices) > 0:
					t.Errorf("told: %q", notices)
				case tt.want != "" && (len(notices) != 1 || !strings.Contains(notices[0], tt.want)):
					t.Errorf("told %q, want %q", notices, tt.want)
				}
				if n := len(w.waiting()); n != 0 {
					t.Errorf("%d wait", n)
				}
				w.check()
			})
		})
	}
}

// A notice says what the message was, and returns it whole only when that is asked for.
func TestNoticeReturns(t *testing.T) {
	for _, ret := range []string{"", "HDRS", "FULL"} {
		t.Run("RET="+ret, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.net.answer = func(Target, Letter, Recipient) Result { return never }
				w.run()
				w.enqueueMessage(Message{Sender: "anna@school.test", Account: w.anna, Ret: ret, EnvID: "Q1", TraceID: "x",
					Recipients: []Recipient{{Address: "a@example.org", ORcpt: "rfc822;b@x"}, {Address: "c@example.org"}}})
				synctest.Wait()
				notices := w.inbox(w.anna)
				if len(notices) != 1 {
					t.Fatalf("%d notices for one transaction", len(notices))
				}
				for _, part := range []string{"Original-Envelope-Id: Q1", "Original-Recipient: rfc822; b@x", "Final-Recipient: rfc822; c@example.org", "Message-ID: <trip@school.test>",
					"Remote-MTA: dns; mx.example.org", "Diagnostic-Code: smtp; 550 5.1.1 No such user", "Diese Adresse gibt es dort nicht"} {
					if !strings.Contains(notices[0], part) {
						t.Errorf("lacks %q:\n%s", part, notices[0])
					}
				}
				if whole := strings.Contains(notices[0], "Rain coats"); whole != (ret == "FULL") {
					t.Errorf("returned whole: %t", whole)
				}
				if strings.Contains(notices[0], "Return-Path: <anna") {
					t.Error("our own Return-Path is returned")
				}
			})
		})
	}
}

// The failures of a list's messages are told to the list's room, in the same commit, and to nobody else.
func TestOnFailure(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		var got []Failure
		w.q.OnFailure("list", func(tx *store.Tx, f Failure) error {
			got = append(got, f)
			return nil
		})
		w.net.answer = func(Target, Letter, Recipient) Result { return never }
		w.run()
		w.enqueueMessage(Message{Sender: "anna@school.test", Kind: "list", Tag: "7b", TraceID: "x", Recipients: []Recipient{{Address: "a@example.org"}}})
		synctest.Wait()
		w.halt()
		if len(got) != 1 || got[0].Message.Tag != "7b" || got[0].Recipients[0].Address != "a@example.org" || got[0].Recipients[0].Code != 550 {
			t.Errorf("told %+v", got)
		}
		if n := len(w.inbox(w.anna)); n != 0 {
			t.Errorf("%d notices besides", n)
		}
	})
}

// Some recipients are refused, some must wait, some have it: each of them goes its own way from there.
func TestMixedAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		tries := map[string]int{}
		w.net.answer = func(_ Target, _ Letter, r Recipient) Result {
			tries[r.Address]++
			switch {
			case r.Address == "never@example.org":
				return never
			case r.Address == "later@example.org" && tries[r.Address] < 3:
				return later
			}
			return Result{Code: 250, Enhanced: "2.1.5", Text: "OK"}
		}
		w.run()
		w.enqueue("now@example.org", "never@example.org", "later@example.org")
		synctest.Wait()
		list := w.waiting()
		if len(list) != 1 || len(list[0].Deliveries) != 1 || len(list[0].Deliveries[0].Recipients) != 1 {
			t.Fatalf("waiting: %+v", list)
		}
		d := list[0].Deliveries[0]
		if d.State != StateDeferred || d.Tries != 1 || d.Recipients[0].Text != "Greylisted" || !strings.Contains(d.Why, "mx.example.org: 451 4.7.1 Greylisted; it is tried again at ") {
			t.Errorf("waiting: %+v", d)
		}
		if n := len(w.inbox(w.anna)); n != 1 {
			t.Errorf("%d notices, want one for the refused one", n)
		}
		time.Sleep(time.Hour)
		w.halt()
		if tries["now@example.org"] != 1 || tries["never@example.org"] != 1 || tries["later@example.org"] != 3 {
			t.Errorf("tries: %v", tries)
		}
		if n := len(w.waiting()); n != 0 {
			t.Errorf("%d wait", n)
		}
		w.check()
	})
}

// A destination that will never take mail (null MX, no such domain) ends it at once.
func TestPermanentlyUnreachable(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.net.down["null.example"] = &Unreachable{Result: Result{Code: 0, Enhanced: "5.1.10", Text: "The domain takes no mail"}, Err: errors.New("null MX")}
		w.run()
		w.enqueue("a@null.example")
		synctest.Wait()
		notices := w.inbox(w.anna)
		if len(notices) != 1 || !strings.Contains(notices[0], "Status: 5.1.10\r\n") || !strings.Contains(notices[0], "Diese Domain nimmt keine Mail an.") {
			t.Errorf("told %q", notices)
		}
	})
}

// A mailbox that is full does not keep a refused message in the queue for ever.
func TestNoticeForAFullMailbox(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		one := int64(1)
		if err := w.dir.ChangeAccount(context.Background(), w.anna, directory.AccountChange{QuotaBytes: &one}); err != nil {
			t.Fatal(err)
		}
		w.net.answer = func(Target, Letter, Recipient) Result { return never }
		w.run()
		w.enqueue("a@example.org")
		synctest.Wait()
		if n := len(w.waiting()); n != 0 {
			t.Errorf("%d wait", n)
		}
		if !strings.Contains(w.log.String(), "could not be put into the mailbox") {
			t.Error("nobody is told in the log")
		}
		w.check()
	})
}

// Whoever is named with a held message is told once, with the way to release it, but not what is in it.
func TestHeldIsTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorldOn(t, s)
		id := w.enqueueMessage(Message{Sender: "anna@school.test", Account: w.anna, TraceID: "x", Recipients: []Recipient{{Address: "a@example.org"}},
			Held: &Hold{Reason: "more than 50 recipients within an hour", Tell: []directory.ID{w.tina, w.anna, 4711}}})
		for range 2 { // the second time there is nobody left
			if err := (&scheduler{q: w.q}).tell(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		for _, who := range []directory.ID{w.tina, w.anna} {
			notices := w.inbox(who)
			if len(notices) != 1 || !strings.Contains(notices[0], "Grund: more than 50 recipients within an hour\r\n") || !strings.Contains(notices[0], "schulhof queue release 1") {
				t.Errorf("account %d was told %q", who, notices)
			}
			if strings.Contains(strings.Join(notices, ""), "Rain coats") {
				t.Error("the notice shows the message")
			}
		}
		e, err := w.q.Entry(context.Background(), id)
		if err != nil || e.State() != StateHeld || !strings.Contains(e.Deliveries[0].Why, "more than 50 recipients") {
			t.Errorf("entry: %+v, %v", e, err)
		}
	})
}

func tellRows(t *testing.T, w *world) (ids []int64) {
	t.Helper()
	err := w.s.Read(context.Background(), func(tx *store.Tx) (err error) {
		ids, err = selectIDs(tx, `SELECT owner_id FROM queue_tell`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}
