package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
)

// conclude writes down what a try led to, in one commit with what the sender is told, and says what it means for the
// destination. err is what ended the connection, for the log.
func (q *Queue) conclude(ctx context.Context, d *delivery, results []Result, err error) verdict {
	o := q.sort(d, results)
	o.cause = err
	q.write(context.WithoutCancel(ctx), ctx, o) // what is known now must not be forgotten
	q.report(o)
	last := results[len(results)-1]
	switch {
	case len(o.done) > 0:
		return verdict{kind: verdictTaken}
	case err != nil:
		return verdict{verdictBroken, oneReply(last)}
	case len(o.failed) > 0:
		return verdict{kind: verdictNone} // it works: it says no to this message
	}
	return verdict{verdictRefused, oneReply(last)}
}

// outcome is what a try led to.
type outcome struct {
	*delivery
	done   []RecipientState // their server has it
	failed []RecipientState // given up
	later  []RecipientState
	delay  []RecipientState // their sender is to hear of the delay
	next   time.Time        // when those are tried again
	reason string           // for the log, when there was no try
	cause  error
	at     time.Time
}

// sort decides for each recipient. Between a try and the next one an answer that is permanent ends it.
func (q *Queue) sort(d *delivery, results []Result) *outcome {
	o := &outcome{delivery: d, at: q.now()}
	for i, r := range d.recipients {
		r.answered(results[i])
		switch res := &results[i]; {
		case res.taken():
			o.done = append(o.done, r)
		case res.Temporary:
			o.later = append(o.later, r)
		default:
			o.failed = append(o.failed, r)
		}
	}
	o.next = o.at.Add(q.retryAfter(int(d.attempts) + 1))
	return o
}

// answered keeps the last reply about a recipient, bounded and printable, and with a status code that fits.
func (r *RecipientState) answered(res Result) {
	r.Code, r.Enhanced, r.Text, r.Host = res.Code, status(res), cleanReply(res.Text), cleanReply(res.Host)
	r.Relayed, r.TLS = res.Relayed, res.TLS
}

// status is the reply's RFC 3463 code, or one that its class allows.
func status(res Result) string {
	class := "5"
	switch {
	case res.taken():
		class = "2"
	case res.Temporary:
		class = "4"
	}
	if validStatus(res.Enhanced) {
		return class + res.Enhanced[1:]
	}
	return class + ".0.0"
}

// validStatus reports whether s is class.subject.detail. RFC 3463 §2.
func validStatus(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(parts[0]) != 1 {
		return false
	}
	for _, p := range parts {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

// cleanReply makes one bounded line of what a server said.
func cleanReply(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxReply {
		s = strings.ToValidUTF8(s[:maxReply], "")
	}
	return strings.TrimSpace(s)
}

// write makes o durable. A notice that cannot be made is waited for, except that recipients who have the message leave the
// queue at once: they must not get it again. While the disk is full it waits for room, until work ends.
func (q *Queue) write(ctx, work context.Context, o *outcome) {
	for try := 1; ; try++ {
		err := q.writeOnce(ctx, o)
		if err == nil {
			return
		}
		q.log.Error("queue: write down what became of a message", "id", o.message.TraceID, "try", try, "err", err)
		if q.store.ReadOnlyCause() != nil || try >= writeTries && !fault.Is(err, fault.Unavailable) {
			return // a restart is needed; then it is sent again, which is better than lost
		}
		o.later, o.failed = append(o.later, o.failed...), nil // they are told at the next try
		pause := time.NewTimer(min(time.Duration(try)*storePause, longestPause))
		select {
		case <-work.Done():
			pause.Stop()
			return // likewise
		case <-pause.C:
		}
	}
}

// writeOnce writes the rows, with the notice if there is one.
func (q *Queue) writeOnce(ctx context.Context, o *outcome) error {
	n, err := q.noticeFor(ctx, o)
	if err != nil {
		return err
	}
	if n == nil {
		return q.store.Write(ctx, func(tx *store.Tx) error { return q.apply(tx, o) })
	}
	defer n.prepared.Release()
	return q.deliverNotice(ctx, n, func(tx *store.Tx) error { return q.apply(tx, o) })
}

// apply writes what o says: rows go, or stay with the last answer.
func (q *Queue) apply(tx *store.Tx, o *outcome) error {
	if returned := q.returnedTo(o.message.Kind); len(o.failed) > 0 && returned != nil {
		if err := returned(tx, Failure{Message: o.message, Recipients: o.failed}); err != nil {
			return fmt.Errorf("tell of a failure: %w", err)
		}
	}
	for _, list := range [][]RecipientState{o.done, o.failed} {
		for _, r := range list {
			if _, err := tx.Exec(`DELETE FROM queue_recipient WHERE id = $1`, r.row); err != nil {
				return fmt.Errorf("recipient: %w", err)
			}
		}
	}
	tx.Changed(key, 0)
	if len(o.later) == 0 {
		return dropDelivery(tx, o.id, o.message.ID)
	}
	for _, r := range o.later {
		_, err := tx.Exec(`UPDATE queue_recipient SET code = $2, enhanced = $3, text = $4, host = $5 WHERE id = $1`, r.row, r.Code, r.Enhanced, r.Text, r.Host)
		if err != nil {
			return fmt.Errorf("recipient: %w", err)
		}
	}
	_, err := tx.Exec(`UPDATE queue_delivery SET phase = CASE WHEN phase = 2 THEN 2 ELSE 1 END, attempting = 0, attempts = attempts + 1, due = $2, tried = $3
		WHERE id = $1`, o.id, o.next.Unix(), o.at.Unix())
	if err != nil {
		return fmt.Errorf("delivery: %w", err)
	}
	return nil
}

// report logs one line for each outcome, and counts.
func (q *Queue) report(o *outcome) {
	waited := o.at.Sub(o.message.Arrived)
	log := q.log.With("id", o.message.TraceID, "queue", int64(o.message.ID), "from", o.message.Sender, "destination", o.destination, "tries", o.attempts+1)
	for _, r := range o.done {
		what := "delivered"
		if r.Relayed {
			what = "relayed"
		}
		q.metrics.outcome.WithLabelValues(what).Inc()
		q.metrics.wait.Observe(waited.Seconds())
		log.Info("message sent", "to", r.Address, "host", r.Host, "code", r.Code, "tls", r.TLS, "waited", waited.Round(time.Millisecond))
	}
	for _, r := range o.failed {
		q.metrics.outcome.WithLabelValues("failed").Inc()
		log.Warn("message not sent", "to", r.Address, "host", r.Host, "code", r.Code, "enhanced", r.Enhanced, "reply", r.Text, "waited", waited.Round(time.Second))
	}
	for _, r := range o.later {
		q.metrics.outcome.WithLabelValues("deferred").Inc()
		log.Info("message deferred", "to", r.Address, "host", r.Host, "code", r.Code, "enhanced", r.Enhanced, "reply", r.Text,
			"next", o.next.UTC().Format(time.RFC3339), "err", o.cause)
	}
}

// oneReply is a result as one line.
func oneReply(r Result) string {
	text := cleanReply(r.Text)
	if r.Code != 0 {
		text = fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, text)
	}
	if r.Host != "" {
		text = cleanReply(r.Host) + ": " + text
	}
	return cleanReply(text)
}
