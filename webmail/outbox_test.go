package webmail

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/smtpd/queue"
	"schulhof/store"
	"schulhof/store/storetest"
)

// send has somebody write a letter, and returns its number in the queue; 0: it does not wait.
func (b *browser) send(t *testing.T, token string, pairs ...string) (id queue.ID) {
	t.Helper()
	before := len(b.w.waiting())
	fields := append([]string{"token", token, "to", "Ben <ben@school.test>", "bcc", "oma@example.org", "subject", "Ausflug " + token, "text", "Grüße\r\n\r\nAnna"}, pairs...)
	if a := b.post("/write", fields...); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("send: %d %s", a.StatusCode, a.text())
	}
	if ids := b.w.waiting(); len(ids) > before {
		return ids[len(ids)-1]
	}
	return 0
}

// TestTakeBack: the message leaves the queue and is a draft that can be written on and sent, once.
func TestTakeBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.signedIn("anna")
		b.post("/settings", "undo", "10")
		id := b.send(t, "one", "do", "send")
		b.get("/outbox?done=waits").want(t, "the outbox", http.StatusOK, "Ausflug one", "in 10 s", "ben@school.test, oma@example.org", "Its sender wants it sent later", fmt.Sprintf("/outbox/%d/back", id))
		w.pass(4 * time.Second)
		b.get("/outbox").want(t, "four seconds later", http.StatusOK, "in 6 s")

		ben := w.signedIn("ben")
		for _, verb := range []string{"back", "now", "at"} {
			ben.post(fmt.Sprintf("/outbox/%d/%s", id, verb), "when", "2026-12-01T08:00").want(t, "ben: "+verb, http.StatusNotFound)
		}
		if text := ben.get("/outbox").text(); strings.Contains(text, "Ausflug") {
			t.Errorf("ben sees %s", text)
		}
		a := b.post(fmt.Sprintf("/outbox/%d/back", id))
		a.want(t, "take back", http.StatusSeeOther)
		location := a.Header.Get("Location")
		b.get(location).want(t, "taken back", http.StatusOK, "nobody got the message", "/write?draft=", "Nothing waits.")
		if drafts := w.box("anna", "Drafts"); len(w.waiting()) > 0 || len(drafts) != 1 || !strings.Contains(drafts[0], "Bcc: <oma@example.org>") || len(w.box("anna", "Sent")) > 0 {
			t.Fatalf("%d wait, drafts %q", len(w.waiting()), drafts)
		}
		b.post(fmt.Sprintf("/outbox/%d/back", id)).want(t, "once more", http.StatusNotFound, "does not wait any more")

		_, ref, _ := strings.Cut(location, "draft=")
		a = b.get("/write?draft=" + ref)
		a.want(t, "the draft", http.StatusOK, `value="Ben &lt;ben@school.test&gt;"`, `name="bcc" value="oma@example.org"`, `value="Ausflug one"`, "Grüße\n\nAnna", `name="draft" value="`+ref)
		guards(t, a)
		ben.get("/write?draft="+ref).want(t, "ben opens it", http.StatusNotFound)
		b.send(t, "two", "do", "send", "draft", ref)
		if drafts := w.box("anna", "Drafts"); len(drafts) > 0 || len(w.waiting()) != 1 {
			t.Errorf("after it was sent: %d drafts, %d wait", len(drafts), len(w.waiting()))
		}
		b.get("/write?draft="+ref).want(t, "the draft that was sent", http.StatusNotFound)
	})
}

// TestTakeBackWithoutRoom: nothing happens when the draft cannot be stored.
func TestTakeBackWithoutRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	b := w.signedIn("anna")
	id := b.send(t, "one", "do", "later", "when", "2026-12-01T08:00")
	one := int64(1)
	if err := w.dir.ChangeAccount(t.Context(), w.id["anna"], directory.AccountChange{QuotaBytes: &one}); err != nil {
		t.Fatal(err)
	}
	b.post(fmt.Sprintf("/outbox/%d/back", id)).want(t, "take back", http.StatusInsufficientStorage, "The mailbox is full.")
	if len(w.waiting()) != 1 || len(w.box("anna", "Drafts")) > 0 {
		t.Errorf("%d wait, %d drafts", len(w.waiting()), len(w.box("anna", "Drafts")))
	}
}

// TestSendLater: at the time that was chosen, another one, or now.
func TestSendLater(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.signedIn("anna")
		b.lang = "de"
		id := b.send(t, "one", "do", "later", "when", "2026-12-01T08:00")
		path := fmt.Sprintf("/outbox/%d/", id)
		a := b.get("/outbox?done=later")
		a.want(t, "the outbox", http.StatusOK, `lang="de"`, "01.12.2026, 08:00 Uhr", `value="2026-12-01T08:00"`, "Anderer Zeitpunkt (Europe/Berlin)")
		guards(t, a)
		b.post(path+"at", "when", "2026-12-24T18:30").want(t, "another time", http.StatusSeeOther)
		b.get("/outbox").want(t, "another time", http.StatusOK, "24.12.2026, 18:30 Uhr")
		a = b.post(path+"at", "when", "2020-01-01T00:00")
		a.want(t, "the past", http.StatusUnprocessableEntity, "mindestens eine Minute in der Zukunft", fmt.Sprintf(`aria-describedby="problem-%d"`, id), "24.12.2026, 18:30 Uhr")
		guards(t, a)
		b.post(path+"now").want(t, "now", http.StatusSeeOther)
		e, err := w.queue.Entry(t.Context(), id)
		if err != nil || e.State() != queue.StateNew || e.Deliveries[0].Due.After(w.now()) {
			t.Errorf("%+v, %v", e, err)
		}
		b.post(path+"at", "when", "2026-12-24T18:30").want(t, "too late for another time", http.StatusConflict, "Es ist nichts verloren")

		if _, err := w.queue.Hold(t.Context(), "is looked at", id); err != nil {
			t.Fatal(err)
		}
		b.get("/outbox").want(t, "held", http.StatusOK, "erst nach einer Freigabe", "is looked at")
		b.post(path+"now").want(t, "what is held", http.StatusConflict)
		b.post(path+"back").want(t, "take back what is held", http.StatusSeeOther)
	})
}

// TestPartsOfPrograms: what a mail program sent waits for those elsewhere only, and the page says so. What is on its way cannot be taken back.
func TestPartsOfPrograms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	b := w.signedIn("anna")
	put := func(wait time.Duration) (id queue.ID) {
		blob, err := w.store.PutBytes(t.Context(), []byte("Return-Path: <anna@school.test>\r\nReceived: from submission\r\n\tby mail.school.test;\r\n\tThu, 26 Nov 2026 08:30:00 +0100\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nTo: oma@example.org\r\n\r\nHallo\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		defer blob.Release()
		err = w.store.Write(t.Context(), func(tx *store.Tx) error {
			id, err = w.queue.Enqueue(tx, queue.Message{Body: blob, Sender: "anna@school.test", Account: w.id["anna"], NotBefore: w.now().Add(wait), Recipients: []queue.Recipient{{Address: "oma@example.org"}}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	going, waits := put(0), put(10*time.Second)
	a := b.get("/outbox")
	a.want(t, "the outbox", http.StatusOK, "Grüße", "Who is not named here", fmt.Sprintf("/outbox/%d/back", waits))
	if strings.Contains(a.body, fmt.Sprintf("/outbox/%d/back", going)) {
		t.Error("what is due offers to be taken back")
	}
	b.post(fmt.Sprintf("/outbox/%d/back", going)).want(t, "what is due", http.StatusConflict, "Nothing is lost.")
	a = b.post(fmt.Sprintf("/outbox/%d/back", waits))
	a.want(t, "what waits", http.StatusSeeOther)
	b.get(a.Header.Get("Location")).want(t, "what waited", http.StatusOK, "Taken back for all for whom it still waited")
	if drafts := w.box("anna", "Drafts"); len(drafts) != 1 || !strings.HasPrefix(drafts[0], "Subject: ") {
		t.Errorf("drafts %q", drafts)
	}
}

// TestNewestWait: who has more that waits than a page shows sees the newest, which can be taken back, however many there are. One that is
// damaged hides none of the others.
func TestNewestWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	b := w.signedIn("anna")
	blob, err := w.store.PutBytes(t.Context(), []byte("Subject: Rundbrief\r\n\r\nHallo\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Release()
	err = w.store.Write(t.Context(), func(tx *store.Tx) error {
		for range queue.PageSize + 1 {
			_, err := w.queue.Enqueue(tx, queue.Message{Body: blob, Sender: "anna@school.test", Account: w.id["anna"], NotBefore: w.now().Add(time.Hour),
				Recipients: []queue.Recipient{{Address: "oma@example.org"}}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	damaged := b.send(t, "old", "do", "later", "when", "2026-12-01T08:00")
	id := b.send(t, "new", "do", "later", "when", "2026-12-01T08:00")
	err = w.store.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE blob SET offset_ = offset_ + 1 WHERE id = (SELECT blob_id FROM queue_message WHERE id = $1)`, int64(damaged))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	a := b.get("/outbox")
	a.want(t, "the outbox", http.StatusOK, "Only the newest are shown.", "Ausflug new", "Rundbrief", "(no subject)", fmt.Sprintf("/outbox/%d/back", id), fmt.Sprintf("/outbox/%d/back", damaged))
	if n := strings.Count(a.body, "<h2>"); n != maxShown {
		t.Errorf("%d messages are shown, want %d", n, maxShown)
	}
	b.post(fmt.Sprintf("/outbox/%d/now", damaged)).want(t, "what is damaged", http.StatusSeeOther)
}

// TestForeignDrafts: what the form cannot hold is not opened, and stays as it is.
func TestForeignDrafts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	b := w.signedIn("anna")
	texts := []string{
		"Subject: a\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nText\r\n--x\r\nContent-Type: image/png\r\nContent-Disposition: attachment\r\n\r\nx\r\n--x--\r\n",
		"Subject: b\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>Text</p>\r\n",
		"Subject: c\r\nIn-Reply-To: <x@y>\r\n\r\nText\r\n",
		"Subject: d\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nText\r\n",
		"Subject: e\r\n\r\n" + strings.Repeat("x\r\n", maxDraft/3+10),
		"Subject: f\r\n\r\nText\r\n",
	}
	for _, text := range texts {
		w.put("anna", drafts, text)
	}
	box, err := w.srv.draftsOf(t.Context(), w.id["anna"])
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	for i := range texts {
		want := http.StatusConflict
		if i == len(texts)-1 {
			want = http.StatusOK
		}
		b.get("/write?draft="+draftRef(box, box.Snapshot().UIDAt(i))).want(t, texts[i][:10], want)
	}
	for _, ref := range []string{"1", "x.1", "1.x", "0.1", draftRef(box, 99), "..", "1.1.1"} {
		b.get("/write?draft="+ref).want(t, ref, http.StatusNotFound)
	}
	if got := w.box("anna", "Drafts"); len(got) != len(texts) {
		t.Errorf("%d drafts, want %d", len(got), len(texts))
	}
}

// nowhere is a world outside that nobody reaches.
type nowhere struct{}

func (nowhere) Dial(context.Context, queue.Target) (queue.Session, error) {
	return nil, fmt.Errorf("nowhere")
}

// TestTakenBackOrLeft: while what is due leaves, its author takes it back. Each message is sent or a draft, and none is both or neither.
func TestTakenBackOrLeft(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.queue.OnDue(w.desk.due)
		b := w.signedIn("anna")
		const messages = 30
		var ids []queue.ID
		for i := range messages {
			ids = append(ids, b.send(t, fmt.Sprint("n", i), "do", "later", "when", "2026-12-01T08:00"))
		}
		ctx, stop := context.WithCancel(t.Context())
		var running, people sync.WaitGroup
		running.Go(func() {
			if err := w.queue.Run(ctx, nowhere{}); err != nil {
				t.Error(err)
			}
		})
		statuses := make([]int, messages)
		for i, id := range ids {
			people.Go(func() {
				if i%2 == 0 {
					b.post(fmt.Sprintf("/outbox/%d/now", id))
				}
				statuses[i] = b.post(fmt.Sprintf("/outbox/%d/back", id)).StatusCode
			})
		}
		people.Wait()
		stop()
		running.Wait()
		drafts := strings.Join(w.box("anna", "Drafts"), "\n")
		left := map[queue.ID]bool{}
		for _, id := range w.waiting() {
			left[id] = true
		}
		for i, id := range ids {
			drafted, sent := strings.Contains(drafts, fmt.Sprintf("Subject: Ausflug n%d\r\n", i)), w.desk.isSent(id)
			if drafted == sent || left[id] || drafted != (statuses[i] == http.StatusSeeOther) {
				t.Errorf("message %d: draft %t, sent %t, waits %t, status %d", i, drafted, sent, left[id], statuses[i])
			}
		}
	})
}
