package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// voucher says what it saw, and the how manieth field it makes. While broken it cannot sign.
type voucher struct {
	broken atomic.Bool
	made   atomic.Int64
}

func (v *voucher) Sign(_ context.Context, domain string, r io.Reader) ([]byte, error) {
	if v.broken.Load() {
		return nil, errors.New("the key cannot be read")
	}
	return v.vouch("DKIM-Signature", domain, r)
}

func (v *voucher) Seal(_ context.Context, domain string, r io.Reader) ([]byte, error) {
	return v.vouch("ARC-Seal", domain, r)
}

func (v *voucher) vouch(field, domain string, r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(r)
	name, _, _ := strings.Cut(string(b), ":")
	if !strings.HasSuffix(string(b), "Rain coats, please.\r\n") {
		return nil, errors.New("not the whole message")
	}
	return fmt.Appendf(nil, "%s: %d %s above %s\r\n", field, v.made.Add(1), domain, name), err
}

// What leaves in the name of a domain of ours has its signature above what was enqueued, and a seal above that.
func TestVouch(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.Voucher = &voucher{} })
		w.run()
		prefix := []byte("List-Unsubscribe: <mailto:x@school.test>\r\n")
		for _, m := range []Message{
			{}, {Signed: "school.test"}, {Sealed: "school.test"}, {Signed: "a.test", Sealed: "b.test", Prefix: prefix},
		} {
			m.Recipients = []Recipient{{Address: "x@example.org"}}
			w.enqueueMessage(m)
			synctest.Wait()
		}
		var got []string
		for _, s := range w.net.sent() {
			head, _, _ := strings.Cut(s.body, "Received: ")
			got = append(got, head)
		}
		want := []string{"", "DKIM-Signature: 1 school.test above Received\r\n", "ARC-Seal: 2 school.test above Received\r\n",
			"ARC-Seal: 4 b.test above DKIM-Signature\r\nDKIM-Signature: 3 a.test above List-Unsubscribe\r\n" + string(prefix)}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("sent with %q, want %q", got, want)
		}
		w.check()
	})
}

// Each try has a signature and a seal of its own, and no others: what was made days ago holds no longer.
func TestVouchForEachTry(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.Voucher = &voucher{} })
		tries := 0
		w.net.answer = func(Target, Letter, Recipient) Result {
			if tries++; tries < 3 {
				return Result{Code: 451, Enhanced: "4.3.0", Temporary: true, Text: "later"}
			}
			return Result{Code: 250, Enhanced: "2.0.0", Text: "OK"}
		}
		w.run()
		w.enqueueMessage(Message{Recipients: []Recipient{{Address: "x@example.org"}}, Signed: "a.test", Sealed: "b.test"})
		synctest.Wait()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		got := w.net.sent()
		want := "ARC-Seal: 6 b.test above DKIM-Signature\r\nDKIM-Signature: 5 a.test above Received\r\nReceived: "
		if len(got) != 1 || !strings.HasPrefix(got[0].body, want) || strings.Count(got[0].body, "DKIM-Signature: ") != 1 {
			t.Errorf("after %d tries arrived %+v, want it to begin with %q", tries, got, want)
		}
		w.check()
	})
}

// A key that cannot be read now has the message wait, and says so. The destination is not to blame.
func TestVouchLater(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		v := &voucher{}
		v.broken.Store(true)
		w := newWorld(t, func(o *Options) { o.Voucher = v })
		w.run()
		w.enqueueMessage(Message{Recipients: []Recipient{{Address: "x@example.org"}}, Signed: "school.test"})
		synctest.Wait()
		list := w.waiting()
		if len(list) != 1 || len(w.net.sent()) != 0 || w.net.dialCount() != 0 {
			t.Fatalf("%d wait, %d were sent, want it to wait", len(list), len(w.net.sent()))
		}
		w.enqueue("y@example.org") // nothing to sign
		synctest.Wait()
		v.broken.Store(false)
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := strings.Join(w.net.arrived(), " "); got != "x@example.org y@example.org" {
			t.Errorf("arrived: %s", got)
		}
	})
}
