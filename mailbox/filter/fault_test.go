package filter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// A fault keeps the mail, and the owner hears of it once: for each fault of each version of the script, and again after a month.
func TestAFaultIsToldOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s, Options{}, "anna", "ben")
		w.again = true
		const all = `require ["fileinto", "include", "variables"]; `
		steps := []struct {
			script  string
			wait    time.Duration
			subject string
			told    bool
		}{
			{all + `fileinto "A";`, 0, "1", true},
			{all + `fileinto "A";`, 0, "2", false},
			{all + `fileinto "A";`, toldFor - time.Second, "3", false},
			{all + `fileinto "A";`, time.Second, "4", true}, // a month later
			{all + `fileinto "B";`, 0, "5", true},
			{all + `fileinto "A";`, 0, "6", false}, // the version of before, and what was told of it
			{all + `if header :matches "subject" "*" { fileinto "${1}"; }`, 0, "7", true},
			{all + `if header :matches "subject" "*" { fileinto "${1}"; }`, 0, "7", false},
			{all + `if header :matches "subject" "*" { fileinto "${1}"; }`, 0, "8", true}, // another fault of the same version
			{`keep;`, 0, "9", false},
		}
		told := 0
		for i, step := range steps {
			w.wait(step.wait)
			w.script("anna", step.script)
			w.receive(parcel{to: []string{"anna@school.test", "ben@school.test"}, text: hello("anna", step.subject)})
			n := 0
			for _, line := range w.has("anna") {
				if strings.HasPrefix(line, "INBOX: fault: ") {
					n++
				}
			}
			if got := n > told; got != step.told {
				t.Errorf("step %d, %s: told %v, want %v", i, step.script, got, step.told)
			}
			told = n
		}
		if got := len(w.letters("anna", "INBOX")) - told; got != len(steps) {
			t.Errorf("anna has %d messages besides the notices, want all %d", got, len(steps))
		}
		if got := w.has("ben"); len(got) != len(steps) {
			t.Errorf("ben has %q: a fault of anna's is not his", got)
		}
	})
}

// What stops a script while it runs: the message is kept as it came, without what the script did before. RFC 5228 §2.10.6.
func TestFaultsOfARun(t *testing.T) {
	t.Parallel()
	const all = `require ["fileinto", "variables", "vacation", "imap4flags", "editheader", "relational", "regex", "body"];` + "\n"
	runCases(t, Options{}, []filterCase{
		{name: "more answers than one", script: all + `vacation "a"; vacation "b";`, mail: parcel{from: "FRIEND@school.test"},
			want: []string{"INBOX: fault: line 2, column 15: script main: vacation answers a message only once", "INBOX: hello"}},
		{name: "an empty name", script: all + `if header :matches "x-none" "" {} set "m" ""; fileinto "${m}";`,
			want: []string{"INBOX: fault: line 2, column 47: script main: the name of the mailbox is empty", "INBOX: hello"}},
		{name: "what it did before", script: all + `fileinto :flags "\\Seen" "Archive"; addheader "X-A" "b"; fileinto "${m}";`,
			want: []string{"INBOX: fault: line 2, column 58: script main: the name of the mailbox is empty", "INBOX: hello"}},
		{name: "too many actions", script: all + strings.Repeat(`keep; `, 32) + `keep :flags "\\Seen";`, want: []string{`INBOX: hello \Seen`}},
		{name: "it takes too long", script: all + strings.Repeat(`if header :contains ["subject", "from", "to", "date"] ["x1", "x2", "x3", "x4", "x5"] { stop; }`, 4000),
			want: []string{"INBOX: fault: the script takes too long for this message", "INBOX: hello"}},
		{name: "a handle that is too long", script: all + `vacation :handle "` + strings.Repeat("h", 513) + `" "x";`, mail: parcel{from: "FRIEND@school.test"},
			want: []string{"INBOX: fault: line 2, column 1: script main: the handle is longer than 512 bytes", "INBOX: hello"}},
		{name: "an address of the answer that is none", script: all + `set "a" "no address"; vacation :from "${a}" "x";`, mail: parcel{from: "FRIEND@school.test"},
			want: []string{`INBOX: fault: line 2, column 23: script main: "no address" is no mail address`, "INBOX: hello"}},
	})
}

// TestTheNoticeOfAFault is for people: in two languages, from the postmaster, to the owner alone, and no filter touches it.
func TestTheNoticeOfAFault(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "anna")
	w.script("anna", `require ["fileinto", "vacation"]; vacation "x"; fileinto "Müll";`)
	w.receive(parcel{from: "<>", to: []string{"anna@school.test"}, text: hello("anna", "one")})
	got := w.letters("anna", "INBOX")
	if len(got) != 2 {
		t.Fatalf("anna has %q, want the message and the notice", w.has("anna"))
	}
	checkAnswer(t, "notice", got[1], map[string]string{
		"From": "Mail filter <postmaster@mail.school.test>", "To": "<anna@school.test>", "Auto-Submitted": "auto-generated",
		"Subject": "Your mail filter has a fault: Ihr Mailfilter hat einen Fehler", "Content-Type": "text/plain; charset=utf-8",
	}, "The filter script \"main\" could not be carried out:\r\n\r\n  there is no mailbox \"Müll\", and fileinto does not say :create\r\n\r\n"+
		"The message was kept in your inbox. You hear of this fault once.\r\n\r\n"+
		"Das Filterskript \"main\" konnte nicht ausgeführt werden (Grund siehe oben).\r\nDie Nachricht liegt in Ihrem Posteingang. "+
		"Diesen Fehler melden wir Ihnen nur einmal.")
}

// TestAStoredScriptThatIsFaulty: one that an older program took and this one does not, keeps the mail and tells as any fault does.
func TestAStoredScriptThatIsFaulty(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s, Options{}, "anna", "ben")
		w.script("anna", `keep;`)
		w.script("ben", `require "include"; include "lib";`, "lib", `keep;`)
		w.must(s.Write(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE sieve_script SET body = $1 WHERE name IN ('main', 'lib') AND (owner_id = $2 OR name = 'lib')`, []byte("fly;"), int64(w.id["anna"]))
			return err
		}))
		w.forget(scriptKey{w.id["anna"], "main"}) // as after a restart
		for range 2 {
			w.receive(parcel{to: []string{"anna@school.test", "ben@school.test"}, text: hello("anna", "one")})
		}
		if got, want := w.has("anna"), []string{`INBOX: fault: line 1, column 1: there is no command "fly"`, "INBOX: one", "INBOX: one"}; !slices.Equal(got, want) {
			t.Errorf("anna has %q, want %q", got, want)
		}
		const faulty = `INBOX: fault: line 1, column 20: script main: the included script "lib" is faulty: line 1, column 1: there is no command "fly"`
		if got, want := w.has("ben"), []string{faulty, "INBOX: one", "INBOX: one"}; !slices.Equal(got, want) {
			t.Errorf("ben has %q, want %q", got, want)
		}
	})
}

// TestTwoMessagesAtOnce: of two that are decided about before either is stored, one is answered and one tells of a fault; when that one
// comes to nothing, the next does.
func TestTwoMessagesAtOnce(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"an answer": `require "vacation"; vacation "away"; discard;`,
		"a fault":   `require "fileinto"; fileinto "Missing";`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSchool(t, storetest.Open(t), Options{}, "anna", "ben")
			w.script("anna", script)
			extra := func(subject string) (*Plan, int) {
				plan, _, err := w.plan(parcel{from: "ben@school.test", to: []string{"anna@school.test"}, text: hello("anna", subject)})
				w.must(err)
				t.Cleanup(plan.Release)
				n := 0
				for _, c := range plan.Copies {
					if c.For < 0 {
						n++
					}
				}
				return plan, n
			}
			first, n := extra("1")
			if n != 1 {
				t.Fatalf("the first leads to %d messages of the filter, want 1", n)
			}
			second, n := extra("2")
			if n != 0 {
				t.Errorf("the second, at the same time, leads to %d, want none", n)
			}
			second.Release()
			if _, n := extra("3"); n != 0 {
				t.Errorf("the third leads to %d: the first is still under way", n)
			}
			first.Release() // its connection broke
			first.Release()
			fourth, n := extra("4")
			if n != 1 {
				t.Errorf("the fourth leads to %d, want 1: nobody was told yet", n)
			}
			w.must(w.store.Write(t.Context(), fourth.Write))
			fourth.Release()
			if _, n := extra("5"); n != 0 {
				t.Errorf("the fifth leads to %d: the fourth was stored", n)
			}
		})
	}
}

// TestTheServerIsAtFault: when the store does not answer, nobody is decided about, nobody is told, and the peer may come again.
func TestTheServerIsAtFault(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "anna")
	for _, script := range []string{
		`require ["mailbox", "fileinto"]; if mailboxexists "Trips" { discard; }`,
		`require "special-use"; if specialuse_exists "\\Junk" { discard; }`,
		`require "duplicate"; if duplicate { discard; }`,
		`require "include"; include "other";`,
	} {
		w.script("anna", script)
		plan, prepared, err := w.plan(parcel{to: []string{"anna@school.test"}, text: hello("anna", "x")}) // the script is in memory now
		if err == nil {
			plan.Release()
		}
		ended, end := context.WithCancel(t.Context())
		end()
		req := &Request{Message: prepared, Body: strings.NewReader(hello("anna", "x")), Sender: "lena@else.example",
			To: []Recipient{{Address: "anna@school.test"}}}
		req.To[0].Owner = w.id["anna"]
		plan, err = w.Decide(ended, req)
		if !fault.Is(err, fault.Unavailable) || plan != nil {
			t.Errorf("%s: %v, %v, want fault.Unavailable", script, plan, err)
		}
	}
	if got := w.has("anna"); len(got) != 0 {
		t.Errorf("anna has %q", got)
	}
}

// TestTheSweep: what has expired goes, of what is too much the first to expire go, and everything of a person who is removed.
func TestTheSweep(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s, Options{}, "anna", "ben")
		ctx := t.Context()
		rows := func(name string) (n int) {
			w.must(s.Read(ctx, func(tx *store.Tx) error {
				return tx.QueryRow(`SELECT COUNT(*) FROM sieve_memory WHERE owner_id = $1`, int64(w.id[name])).Scan(&n)
			}))
			return n
		}
		now := w.now().Unix()
		w.must(s.Write(ctx, func(tx *store.Tx) error {
			for from := 0; from < maxMemory+100; from += 100 {
				values, args := "", []any{int64(w.id["anna"])}
				for i := range 100 {
					if i > 0 {
						values += ", "
					}
					values += fmt.Sprintf("($1, 1, $%d, %d)", i+2, now+int64(10+from+i))
					args = append(args, hashOf(fmt.Sprint(from+i)))
				}
				if _, err := tx.Exec(`INSERT INTO sieve_memory (owner_id, kind, hash, until) VALUES `+values, args...); err != nil {
					return err
				}
			}
			return remember(tx, remembered{w.id["ben"], seen, hashOf("x"), now + 60})
		}))
		w.must(w.Sweep(ctx))
		if got := rows("anna"); got != maxMemory {
			t.Errorf("anna has %d rows, want %d", got, maxMemory)
		}
		for i, want := range map[int]bool{0: false, 99: false, 100: true, maxMemory + 99: true} {
			if got, err := w.known(ctx, w.id["anna"], seen, hashOf(fmt.Sprint(i))); got != want || err != nil {
				t.Errorf("row %d is known: %v, %v, want %v", i, got, err, want)
			}
		}
		w.wait(60 * time.Second) // the end is not part of it
		if got, err := w.known(ctx, w.id["ben"], seen, hashOf("x")); got || err != nil {
			t.Errorf("what has expired is known: %v, %v", got, err)
		}
		w.must(w.Sweep(ctx))
		if got := rows("ben"); got != 0 {
			t.Errorf("ben has %d rows, want none", got)
		}
		w.script("anna", `keep;`)
		w.must(s.Write(ctx, func(tx *store.Tx) error { return countSent(tx, w.id["anna"], w.today(), sent{1, 2}) }))
		deleted := directory.Deleted
		w.must(w.dir.ChangeAccount(ctx, w.id["anna"], directory.AccountChange{State: &deleted}))
		w.must(w.dir.PurgeAccount(ctx, w.id["anna"]))
		left := 0
		w.must(s.Read(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT (SELECT COUNT(*) FROM sieve_memory) + (SELECT COUNT(*) FROM sieve_script) + (SELECT COUNT(*) FROM sieve_sent)`).Scan(&left)
		}))
		if left != 0 || w.activeName(w.id["anna"]) != "" {
			t.Errorf("%d rows are left of a person who is removed, and %q runs", left, w.activeName(w.id["anna"]))
		}
	})
}

// TestManyScriptsInMemory: when there are more than memory has room for, all are read again, and each runs as it was stored.
func TestManyScriptsInMemory(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "anna")
	for i := range 4 {
		_, err := w.Put(t.Context(), w.id["anna"], fmt.Sprint(i), []byte(fmt.Sprintf("keep; # %d", i)))
		w.must(err)
	}
	for i := range 12 {
		if i%4 == 2 {
			w.bytes += cacheBytes // others' scripts
		}
		name := fmt.Sprint(i % 4)
		c, err := w.lookup(t.Context(), scriptKey{w.id["anna"], name})
		w.must(err)
		if c.hash != compile([]byte("keep; # "+name), "").hash {
			t.Fatalf("what runs as script %s is another one", name)
		}
		w.forget(scriptKey{w.id["anna"], fmt.Sprint((i + 1) % 4)})
		if w.bytes > 2*cacheBytes || len(w.cache) > 4 {
			t.Fatalf("%d scripts of %d bytes in memory", len(w.cache), w.bytes)
		}
	}
}
