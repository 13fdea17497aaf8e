package spam

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/smtpd/authenticate"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// newPeople is a world in which anna and ben have mail and teach what they want to read.
func newPeople(t testing.TB, s *store.Store) *world {
	t.Helper()
	w := &world{t: t, store: s, origin: &origin{}}
	ctx := context.Background()
	var err error
	if w.dir, err = directory.New(ctx, s, directory.Options{Now: w.now, HashParams: directory.HashParams{MemoryKiB: 8, Time: 1, Threads: 1}}); err != nil {
		t.Fatal(err)
	}
	if w.mail, err = mailbox.New(ctx, s, w.dir, mailbox.Options{Now: w.now, Lessons: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(w.mail.Close(), w.dir.Close()); err != nil {
			t.Error(err)
		}
	})
	w.ok(w.dir.AddDomain(ctx, "school.test"))
	for name, id := range map[string]*directory.ID{"anna": &w.anna, "ben": &w.ben} {
		list, _, err := w.dir.AddAccounts(ctx, []directory.NewAccount{{Address: name + "@school.test", Role: directory.Student, Password: "richtig-Pferd-9"}})
		w.ok(err)
		*id = list[0].ID
	}
	w.open()
	w.origin.tell()
	return w
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// letter is a message as it is stored.
func letter(n int, subject, text string) string {
	return fmt.Sprintf("Return-Path: <x@example.org>\r\nReceived: by mail.school.test\r\nFrom: Lena <lena@example.org>\r\nSubject: %s\r\nMessage-ID: <%d@example.org>\r\n\r\n%s\r\n",
		subject, n, text)
}

// put stores letters in a mailbox.
func (w *world) put(who directory.ID, box string, letters ...string) []mailbox.UID {
	w.t.Helper()
	var list []mailbox.Appended
	for _, l := range letters {
		spool := w.mail.NewSpool()
		_, err := spool.Write([]byte(l))
		w.ok(err)
		p, err := w.mail.Prepare(context.Background(), spool)
		w.ok(err)
		w.ok(spool.Close())
		defer p.Release()
		list = append(list, mailbox.Appended{Message: p})
	}
	done, err := w.mail.Append(context.Background(), who, box, list)
	w.ok(err)
	return done.To
}

// move is what a person does, and waits until it is learned.
func (w *world) move(who directory.ID, from, to string, uids []mailbox.UID) []mailbox.UID {
	w.t.Helper()
	moved := w.say(who, from, to, uids)
	w.learn()
	return moved
}

// say is what a person does.
func (w *world) say(who directory.ID, from, to string, uids []mailbox.UID) []mailbox.UID {
	w.t.Helper()
	ctx := context.Background()
	b, err := w.mail.Open(ctx, who, from)
	w.ok(err)
	defer b.Close()
	done, err := b.Move(ctx, uids, to)
	w.ok(err)
	return done.To
}

// learn waits until every lesson is learned; the trainer in the background does so, too.
func (w *world) learn() {
	w.t.Helper()
	for {
		list, err := w.mail.Lessons(context.Background(), 1)
		w.ok(err)
		if len(list) == 0 && w.told() {
			return
		}
		_, err = w.checker.people.step(context.Background())
		w.ok(err)
	}
}

// told reports whether what is kept in memory is what is committed: a trainer tells of its commit right after it.
func (w *world) told() bool {
	w.t.Helper()
	kept := w.checker.people
	committed := &people{store: kept.store, taught: map[directory.ID]counts{}}
	w.ok(committed.load(context.Background()))
	maps.DeleteFunc(committed.taught, func(_ directory.ID, c counts) bool { return c == counts{} })
	kept.mu.RLock()
	defer kept.mu.RUnlock()
	return maps.Equal(kept.taught, committed.taught)
}

const (
	wanted   = "Die Klasse fährt am Montag ins Museum, bitte Regenjacken und Verpflegung mitbringen"
	unwanted = "Congratulations, your lottery prize of million dollars waits, click here immediately"
)

// teach moves letters of both kinds, n of each.
func (w *world) teach(who directory.ID, n int) {
	w.t.Helper()
	var bad, fine []string
	for i := range n {
		bad = append(bad, letter(i, "Winner", fmt.Sprintf("%s w%d", unwanted, i)))
		fine = append(fine, letter(1000+i, "Ausflug", fmt.Sprintf("%s w%d", wanted, i)))
	}
	w.move(who, "INBOX", "Junk", w.put(who, "INBOX", bad...))
	w.move(who, "Junk", "INBOX", w.put(who, "Junk", fine...))
}

func (w *world) taught(who directory.ID) string {
	c := w.checker.people.of(who)
	return fmt.Sprintf("%d spam, %d ham", c.spam, c.ham)
}

// sorted judges a message and tells whose Junk it goes to; "-" for nobody's own opinion.
func (w *world) sorted(m *Message, to ...directory.ID) string {
	w.t.Helper()
	v := w.judge(m)
	junk := w.checker.Sort(context.Background(), m, &v, to)
	if junk == nil {
		return "-"
	}
	return fmt.Sprint(junk)
}

func eachPeople(t *testing.T, run func(t *testing.T, w *world)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) { run(t, newPeople(t, s)) })
}

func TestPeopleTeachForThemselves(t *testing.T) {
	eachPeople(t, func(t *testing.T, w *world) {
		lottery := whole("198.51.100.7", strings.Replace(good, "Ausflug", "Winner", 1), unwanted)
		trip := whole("198.51.100.7", good, wanted)
		if got := w.sorted(lottery, w.anna, w.ben); got != "-" {
			t.Errorf("before: %s", got)
		}
		w.teach(w.anna, minTaught-1)
		if got := w.sorted(lottery, w.anna, w.ben); got != "-" {
			t.Errorf("with too few lessons: %s", got)
		}
		w.teach(w.anna, minTaught)
		if got := w.sorted(lottery, w.ben, w.anna); got != "[false true]" {
			t.Errorf("the lottery: %s, %s", got, w.taught(w.anna))
		}
		if got := w.sorted(trip, w.ben, w.anna); got != "[false false]" {
			t.Errorf("the trip: %s", got)
		}
		// What is junk for all, but not much: anna wants letters of this kind.
		w.origin.tell(dkim(authenticate.Pass), spf(authenticate.Fail), iprev(authenticate.PermError))
		trip = whole("198.51.100.7", without("Message-ID"), wanted)
		trip.Hello = "x"
		if v := w.judge(trip); v.Action != Junk || w.sorted(trip, w.ben, w.anna) != "[true false]" {
			t.Errorf("the trip with marks: %s %v", v.Action, v.Symbols)
		}
		// What the domain distrusts goes to Junk whatever anybody taught.
		w.origin.tell(func(v *authenticate.Verdict) { v.Action, v.Reason = authenticate.Junk, "DMARC" })
		if got := w.sorted(trip, w.ben, w.anna); got != "-" {
			t.Errorf("distrusted by its domain: %s", got)
		}
	})
}

func TestAMessageCountsOnce(t *testing.T) {
	eachPeople(t, func(t *testing.T, w *world) {
		uids := w.put(w.anna, "INBOX", letter(1, "Winner", unwanted))
		wants := func(when, want string) {
			t.Helper()
			if got := w.taught(w.anna); got != want {
				t.Errorf("%s: %s, want %s", when, got, want)
			}
		}
		uids = w.move(w.anna, "INBOX", "Junk", uids)
		wants("to Junk", "1 spam, 0 ham")
		uids = w.move(w.anna, "Junk", "INBOX", uids)
		wants("taken back", "0 spam, 1 ham")
		w.move(w.anna, "INBOX", "Archive", uids)
		wants("filed as well", "0 spam, 1 ham")
		var spam, ham int64
		w.ok(w.store.Read(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT SUM(spam), SUM(ham) FROM bayes_token WHERE owner_id = $1`, int64(w.anna)).Scan(&spam, &ham)
		}))
		if spam != 0 || ham < 10 {
			t.Errorf("%d and %d words", spam, ham)
		}
		w.ok(w.checker.Close())
		w.open()
		wants("after a restart", "0 spam, 1 ham")
		if got := w.taught(w.ben); got != "0 spam, 0 ham" {
			t.Errorf("ben taught %s", got)
		}
	})
}

func TestNothingIsLeftOfWhatAnAccountTaught(t *testing.T) {
	eachPeople(t, func(t *testing.T, w *world) {
		w.teach(w.anna, 2)
		w.teach(w.ben, 1)
		ctx := t.Context()
		w.ok(w.dir.ChangeAccount(ctx, w.anna, directory.AccountChange{State: new(directory.Deleted)}))
		late := mailbox.Lesson{ID: 999, Owner: w.anna, Content: 1, Spam: true} // the trainer had read it before
		w.ok(w.dir.PurgeAccount(ctx, w.anna))
		w.ok(w.checker.people.learn(ctx, late))
		for _, table := range []string{"bayes_person", "bayes_token", "bayes_message"} {
			var anna, ben int64
			w.ok(w.store.Read(ctx, func(tx *store.Tx) error {
				return errors.Join(tx.QueryRow(`SELECT COUNT(*) FROM `+table+` WHERE owner_id = $1`, int64(w.anna)).Scan(&anna),
					tx.QueryRow(`SELECT COUNT(*) FROM `+table+` WHERE owner_id = $1`, int64(w.ben)).Scan(&ben))
			}))
			if anna != 0 || ben == 0 {
				t.Errorf("%s: %d rows of anna, %d of ben", table, anna, ben)
			}
		}
		if got := w.taught(w.anna); got != "0 spam, 0 ham" {
			t.Errorf("in memory: %s", got)
		}
	})
}

// What a person taught long ago makes room, what comes again stays.
func TestWhatPeopleTaughtIsBounded(t *testing.T) {
	eachPeople(t, func(t *testing.T, w *world) {
		const words, lessons, keep = 2*tokensAtOnce + 7, 6, 700
		p, ctx := w.checker.people, t.Context()
		w.ok(w.store.Write(ctx, func(tx *store.Tx) error {
			for i := range lessons {
				list := []uint64{1 << 40} // one word that always comes
				for j := range words {
					list = append(list, uint64(i*words+j))
				}
				if err := countWords(tx, w.anna, list, counts{spam: 1}, int64(i+1)); err != nil {
					return err
				}
				_, err := tx.Exec(`INSERT INTO bayes_message (owner_id, content_id, spam, lesson) VALUES ($1, $2, 1, $2)`, int64(w.anna), int64(i+1))
				if err != nil {
					return err
				}
			}
			return nil
		}))
		w.ok(p.prune(ctx, w.anna, keep, 2))
		if a, b := w.rows("bayes_token"), w.rows("bayes_message"); a != 3*words+1 || b != 2 {
			t.Errorf("%d words and %d messages after pruning, want %d and 2", a, b, 3*words+1)
		}
		var always []counts
		w.ok(p.eachWord(ctx, w.anna, []uint64{1 << 40, 0, 1}, func(c counts) { always = append(always, c) }))
		if want := []counts{{spam: lessons}}; !slices.Equal(always, want) {
			t.Errorf("words %v, want %v: what came again, but not the oldest", always, want)
		}
		w.ok(p.prune(ctx, w.anna, keep, 2))
		w.ok(p.prune(ctx, w.ben, 0, 0))
		if a := w.rows("bayes_token"); a != 3*words+1 {
			t.Errorf("%d words after pruning again", a)
		}
	})
}

// A circular is judged for all alike.
func TestManyReadersAreNotAsked(t *testing.T) {
	t.Parallel()
	w := newPeople(t, storetest.Open(t))
	var to []directory.ID
	for i := range directory.ID(maxSorted + 1) {
		to = append(to, 1000+i)
		w.checker.people.set(1000+i, counts{minTaught, minTaught})
	}
	m := from("198.51.100.7", good)
	if got := w.sorted(m, to...); got != "-" {
		t.Errorf("%s", got)
	}
	if got := w.sorted(m, to[:maxSorted]...); got == "-" {
		t.Error("fewer readers were not asked")
	}
}

// What cannot be read for the words, or for what was taught, is judged for all alike.
func TestSortingWithoutAStore(t *testing.T) {
	t.Parallel()
	w := newPeople(t, storetest.Open(t))
	w.checker.people.set(w.anna, counts{minTaught, minTaught})
	m := from("198.51.100.7", good)
	v := w.judge(m)
	gone, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if got := w.checker.Sort(gone, m, &v, []directory.ID{w.anna}); got != nil {
		t.Errorf("without a store: %v", got)
	}
	if more, err := w.checker.people.step(gone); err == nil || more {
		t.Errorf("learning without a store: %v, %v", more, err)
	}
	m.Body = broken{}
	if got := w.checker.Sort(t.Context(), m, &v, []directory.ID{w.anna}); got != nil {
		t.Errorf("without a message: %v", got)
	}
}

// A lesson waits while its message cannot be read now. One whose message is damaged would wait for ever: it is dropped, and the log says so.
func TestALessonWaitsForItsMessage(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newPeople(t, storetest.Open(t))
	w.ok(w.checker.Close()) // here only the test learns
	w.say(w.anna, "INBOX", "Junk", w.put(w.anna, "INBOX", letter(1, "Winner", unwanted), letter(2, "Winner", unwanted+"!")))
	lessons, err := w.mail.Lessons(ctx, 10)
	w.ok(err)
	if len(lessons) != 2 {
		t.Fatalf("%d lessons, want 2", len(lessons))
	}
	var log strings.Builder
	p := w.checker.people
	p.log = slog.New(slog.NewTextHandler(&log, nil))
	expect := func(when string, left int, taught string) {
		t.Helper()
		list, err := w.mail.Lessons(ctx, 10)
		w.ok(err)
		if len(list) != left || w.taught(w.anna) != taught {
			t.Errorf("%s: %d lessons and %s, want %d and %s", when, len(list), w.taught(w.anna), left, taught)
		}
	}

	p.mail = shutMail(t)
	if err := p.learn(ctx, lessons[0]); !fault.Is(err, fault.Unavailable) {
		t.Errorf("while nothing can be read: %v", err)
	}
	expect("while nothing can be read", 2, "0 spam, 0 ham")
	p.mail = w.mail
	w.ok(p.learn(ctx, lessons[0]))
	expect("later", 1, "1 spam, 0 ham")
	if log.Len() > 0 {
		t.Errorf("the log says %s", log.String())
	}

	w.ok(w.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE content SET layout = $1 WHERE id = $2`, []byte{0xff}, int64(lessons[1].Content))
		return err
	}))
	w.ok(p.learn(ctx, lessons[1]))
	expect("damaged", 0, "1 spam, 0 ham")
	if !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("the log says %q of a damaged message", log.String())
	}
}

// shutMail is the mail of a store that answers nothing.
func shutMail(t *testing.T) *mailbox.Mail {
	t.Helper()
	s := storetest.Open(t)
	dir, err := directory.New(t.Context(), s, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mail, err := mailbox.New(t.Context(), s, dir, mailbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(mail.Close(), dir.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	return mail
}
