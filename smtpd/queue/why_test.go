package queue

import (
	"testing"
	"time"
)

// Each state of waiting has one sentence that says what happens next.
func TestWhy(t *testing.T) {
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	const soon, at = "as soon as its turn comes", "at 2026-11-25T10:30:00Z"
	due, half := now.Unix(), now.Add(30*time.Minute).Unix()
	greylisted := []RecipientState{{Code: 451, Enhanced: "4.7.1", Text: "Greylisted", Host: "mx.example.org"}, {}}
	broken := []RecipientState{{Enhanced: "4.4.2", Text: "The connection broke"}}
	failing := destinationRow{failures: 3, until: half, text: "No route"}
	over := destinationRow{failures: 3, until: due, text: "No route"}
	tests := []struct {
		name       string
		row        deliveryRow
		attempting bool
		recipients []RecipientState
		at         destinationRow
		state      State
		want       string
	}{
		{"new", deliveryRow{due: due}, false, nil, destinationRow{}, StateNew, "It is sent " + soon + "."},
		{"new, at a time", deliveryRow{due: half}, false, nil, destinationRow{}, StateNew, "It is sent " + at + "."},
		{"to be sent later", deliveryRow{due: half, notBefore: half}, false, nil, destinationRow{}, StateScheduled, "Its sender wants it sent later, " + at + "."},
		{"to be sent later, which is now", deliveryRow{due: due, notBefore: due}, false, nil, destinationRow{}, StateNew, "It is sent " + soon + "."},
		{"under way", deliveryRow{phase: phaseDeferred}, true, greylisted, failing, StateSending, "It is being sent right now."},
		{"held while it was under way", deliveryRow{phase: phaseHeld, held: "x"}, true, nil, destinationRow{}, StateSending, "It is being sent right now."},
		{"held", deliveryRow{phase: phaseHeld, held: "wrong attachment"}, false, greylisted, failing, StateHeld, "It is held until somebody releases it: wrong attachment."},
		{"tried", deliveryRow{phase: phaseDeferred, due: half}, false, greylisted, destinationRow{}, StateDeferred,
			"The last try led to this answer: mx.example.org: 451 4.7.1 Greylisted; it is tried again " + at + "."},
		{"tried, and due again", deliveryRow{phase: phaseDeferred, due: due}, false, greylisted, destinationRow{}, StateDeferred,
			"The last try led to this answer: mx.example.org: 451 4.7.1 Greylisted; it is tried again " + soon + "."},
		{"tried without an answer", deliveryRow{phase: phaseDeferred, due: half}, false, broken, destinationRow{}, StateDeferred,
			"The last try led to this answer: The connection broke; it is tried again " + at + "."},
		{"new, while its destination pauses", deliveryRow{due: due}, false, nil, failing, StateNew,
			"example.org did not work 3 times in a row (No route); it is tried again " + at + "."},
		{"tried, while its destination pauses", deliveryRow{phase: phaseDeferred, due: due}, false, greylisted, failing, StateDeferred,
			"example.org did not work 3 times in a row (No route); it is tried again " + at + "."},
		{"new, after the pause", deliveryRow{due: due}, false, nil, over, StateNew, "example.org did not work 3 times in a row (No route); it is tried again " + soon + "."},
		{"tried, after the pause", deliveryRow{phase: phaseDeferred, due: half}, false, broken, over, StateDeferred,
			"The last try led to this answer: The connection broke; it is tried again " + at + "."},
	}
	q := &Queue{o: Options{Lifetime: DefaultLifetime}}
	for _, tt := range tests {
		d := &delivery{deliveryRow: tt.row, attempting: tt.attempting, recipients: tt.recipients}
		d.destination, d.began, d.attempts, d.tried = "example.org", due-60, 2, due-30
		s := q.describe(d, tt.at, now)
		if s.State != tt.state || s.Why != tt.want {
			t.Errorf("%s: %s, %q, want %s, %q", tt.name, s.State, s.Why, tt.state, tt.want)
		}
		held := tt.row.phase == phaseHeld
		if s.Due.IsZero() != held || s.Expires.IsZero() != held || !held && !s.Expires.Equal(now.Add(DefaultLifetime-time.Minute)) {
			t.Errorf("%s: due %s, expires %s", tt.name, s.Due, s.Expires)
		}
		if s.Tries != 2 || !s.Tried.Equal(now.Add(-30*time.Second)) {
			t.Errorf("%s: %d tries, the last %s", tt.name, s.Tries, s.Tried)
		}
	}
}

// A message is what people care for most of what its deliveries are.
func TestEntryState(t *testing.T) {
	tests := []struct {
		name   string
		states []State
		want   State
	}{
		{"one", []State{StateDeferred}, StateDeferred},
		{"somebody has to do something", []State{StateNew, StateSending, StateHeld, StateDeferred}, StateHeld},
		{"under way", []State{StateDeferred, StateSending, StateNew}, StateSending},
		{"was tried", []State{StateScheduled, StateDeferred, StateNew}, StateDeferred},
		{"later", []State{StateNew, StateScheduled}, StateScheduled},
		{"new", []State{StateNew, StateNew}, StateNew},
	}
	for _, tt := range tests {
		var e Entry
		for _, s := range tt.states {
			e.Deliveries = append(e.Deliveries, DeliveryState{State: s})
		}
		if got := e.State(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
