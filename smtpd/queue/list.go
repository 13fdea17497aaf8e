package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// State is what a delivery is doing.
type State string

// The states.
const (
	StateNew       State = "new"       // waits for its first try
	StateScheduled State = "scheduled" // its sender wants it sent later
	StateSending   State = "sending"
	StateDeferred  State = "deferred" // was tried and is tried again
	StateHeld      State = "held"     // waits for somebody
)

// States lists the states.
func States() []State {
	return []State{StateNew, StateScheduled, StateSending, StateDeferred, StateHeld}
}

// Filter says which messages are meant: all that fit everything that is set.
type Filter struct {
	Trace     string
	Account   directory.ID
	Sender    string // an address, or @domain
	Recipient string // likewise
	Domain    string // of a recipient, or the name of a destination
	State     State
	Older     time.Duration
}

// Entry is a message with what is to be done for it.
type Entry struct {
	Waiting
	Deliveries []DeliveryState
}

// DeliveryState is what of a message goes to one destination.
type DeliveryState struct {
	Destination string
	State       State
	Due         time.Time // of the next try; zero while held
	Expires     time.Time // when it is given up; zero while held
	Tries       int
	Tried       time.Time // zero: never
	Held        string    // why it is held
	Recipients  []RecipientState
	Why         string // in one sentence: why it waits
}

// State is the state of the message: the one of its deliveries that people care for most.
func (e *Entry) State() State {
	states := map[State]bool{}
	for _, d := range e.Deliveries {
		states[d.State] = true
	}
	for _, s := range []State{StateHeld, StateSending, StateDeferred, StateScheduled} {
		if states[s] {
			return s
		}
	}
	return StateNew
}

// Find returns the ids of messages that fit f, after the id after, in the order in which they came; at most PageSize.
func (q *Queue) Find(ctx context.Context, f Filter, after ID) (ids []ID, err error) {
	where, args := f.where(q.now())
	args = append([]any{int64(after)}, args...)
	err = q.store.Read(ctx, func(tx *store.Tx) error {
		found, err := selectIDs(tx, fmt.Sprintf(`SELECT m.id FROM queue_message m WHERE m.id > $1%s ORDER BY m.id LIMIT %d`, where, PageSize), args...)
		ids = make([]ID, len(found))
		for i, id := range found {
			ids[i] = ID(id)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find messages: %w", err)
	}
	return ids, nil
}

// where writes the conditions of f. The first parameter is taken.
func (f Filter) where(now time.Time) (where string, args []any) {
	var b strings.Builder
	and := func(condition string, values ...any) {
		b.WriteString(" AND ")
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)+1), 1)
		}
		b.WriteString(condition)
	}
	address := func(column, value, condition string) {
		value = strings.ToLower(value)
		if strings.HasPrefix(value, "@") {
			and(fmt.Sprintf(condition, `LOWER(`+column+`) LIKE ? ESCAPE '\'`), suffix(value))
			return
		}
		and(fmt.Sprintf(condition, `LOWER(`+column+`) = ?`), value)
	}
	const recipient = `EXISTS (SELECT 1 FROM queue_delivery d JOIN queue_recipient r ON r.delivery_id = d.id WHERE d.message_id = m.id AND %s)`
	const delivery = `EXISTS (SELECT 1 FROM queue_delivery d WHERE d.message_id = m.id AND `
	if f.Trace != "" {
		and(`m.trace = ?`, f.Trace)
	}
	if f.Account != 0 {
		and(`m.owner_id = ?`, int64(f.Account))
	}
	if f.Sender != "" {
		address("m.sender", f.Sender, "%s")
	}
	if f.Recipient != "" {
		address("r.address", f.Recipient, recipient)
	}
	if f.Domain != "" {
		and(fmt.Sprintf(recipient, `(d.destination = ? OR LOWER(r.address) LIKE ? ESCAPE '\')`), strings.ToLower(f.Domain), suffix("@"+strings.ToLower(f.Domain)))
	}
	if f.Older > 0 {
		and(`m.arrived <= ?`, now.Add(-f.Older).Unix())
	}
	switch f.State {
	case StateHeld:
		and(delivery + `d.phase = 2)`)
	case StateSending:
		and(delivery + `d.attempting = 1)`)
	case StateDeferred:
		and(delivery + `d.phase = 1 AND d.attempting = 0)`)
	case StateScheduled:
		and(delivery+`d.phase = 0 AND d.not_before > ?)`, now.Unix())
	case StateNew:
		and(delivery+`d.phase = 0 AND d.attempting = 0 AND d.not_before <= ?)`, now.Unix())
	}
	return b.String(), args
}

// Entries reads messages, in the order given; those that are gone are left out.
func (q *Queue) Entries(ctx context.Context, ids ...ID) (list []Entry, err error) {
	now := q.now()
	err = q.store.Read(ctx, func(tx *store.Tx) error {
		list = nil
		for _, id := range ids {
			e, err := q.selectEntry(tx, id, now)
			if err != nil {
				return err
			}
			if len(e.Deliveries) > 0 {
				list = append(list, e)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	return list, nil
}

// Entry reads one message. fault.NotFound.
func (q *Queue) Entry(ctx context.Context, id ID) (Entry, error) {
	list, err := q.Entries(ctx, id)
	if err != nil {
		return Entry{}, err
	}
	if len(list) == 0 {
		return Entry{}, fault.New(fault.NotFound, "there is no message %d in the queue", id)
	}
	return list[0], nil
}

func (q *Queue) selectEntry(tx *store.Tx, id ID, now time.Time) (e Entry, err error) {
	rows, err := selectIDs(tx, `SELECT id FROM queue_delivery WHERE message_id = $1 ORDER BY id`, int64(id))
	if err != nil {
		return e, err
	}
	for _, row := range rows {
		d, err := selectDelivery(tx, row)
		if err != nil {
			return e, err
		}
		if d == nil {
			continue
		}
		at, err := selectDestination(tx, d.destination)
		if err != nil {
			return e, err
		}
		e.Waiting = d.message
		e.Deliveries = append(e.Deliveries, q.describe(d, at, now))
	}
	return e, nil
}

// describe makes of rows what people are shown.
func (q *Queue) describe(d *delivery, at destinationRow, now time.Time) DeliveryState {
	s := DeliveryState{Destination: d.destination, Tries: int(d.attempts), Held: d.held, Recipients: d.recipients}
	if d.tried > 0 {
		s.Tried = time.Unix(d.tried, 0)
	}
	if d.phase != phaseHeld {
		s.Due, s.Expires = time.Unix(max(d.due, at.until), 0), q.expires(&d.deliveryRow)
	}
	switch {
	case d.attempting:
		s.State = StateSending
	case d.phase == phaseHeld:
		s.State = StateHeld
	case d.phase == phaseDeferred:
		s.State = StateDeferred
	case time.Unix(d.notBefore, 0).After(now):
		s.State = StateScheduled
	default:
		s.State = StateNew
	}
	s.Why = s.why(at, now)
	return s
}

// why says in one sentence why a delivery waits.
func (s *DeliveryState) why(at destinationRow, now time.Time) string {
	when := "as soon as its turn comes"
	if s.Due.After(now) {
		when = "at " + s.Due.UTC().Format(time.RFC3339)
	}
	var last RecipientState
	for _, r := range s.Recipients {
		if r.Text != "" {
			last = r
		}
	}
	switch {
	case s.State == StateSending:
		return "It is being sent right now."
	case s.State == StateHeld:
		return fmt.Sprintf("It is held until somebody releases it: %s.", s.Held)
	case s.State == StateScheduled:
		return "Its sender wants it sent later, " + when + "."
	case at.failures > 0 && (at.until > now.Unix() || last.Text == ""):
		return fmt.Sprintf("%s did not work %d times in a row (%s); it is tried again %s.", s.Destination, at.failures, at.text, when)
	case last.Text != "":
		return fmt.Sprintf("The last try led to this answer: %s; it is tried again %s.",
			oneReply(Result{Code: last.Code, Enhanced: last.Enhanced, Text: last.Text, Host: last.Host}), when)
	}
	return "It is sent " + when + "."
}
