package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// act is one step of the model test: what happens, to which of the messages or servers so far.
type act struct {
	kind  string
	which int
	to    []string
}

// model is what a queue should do, without its times: where each recipient of each message stands.
type model struct {
	w        *world
	messages []*modelMessage
	faults   []string
}

type modelMessage struct {
	id      ID
	open    map[string]bool // recipients that are neither served nor given up
	dropped bool
	held    bool
}

// Whatever happens in whatever order, each recipient gets a message once or its sender is told once; dropped messages go
// nowhere, held ones wait.
func TestQueueAgainstAModel(t *testing.T) {
	storetest.ShortRun(t, 12)
	kinds := []string{"enqueue", "enqueue", "enqueue", "down", "up", "hold", "release", "drop", "retry", "sleep", "long sleep", "restart", "route", "no route"}
	address := rapid.Custom(func(rt *rapid.T) string {
		local := rapid.SampledFrom([]string{"ok", "ok2", "never", "twice"}).Draw(rt, "local")
		return local + "@" + rapid.SampledFrom([]string{"a.example", "b.example", "c.example"}).Draw(rt, "domain")
	})
	one := rapid.Custom(func(rt *rapid.T) act {
		return act{rapid.SampledFrom(kinds).Draw(rt, "kind"), rapid.IntRange(0, 50).Draw(rt, "which"), rapid.SliceOfNDistinct(address, 1, 4, rapid.ID).Draw(rt, "to")}
	})
	rapid.Check(t, func(rt *rapid.T) {
		acts := rapid.SliceOfN(one, 1, 25).Draw(rt, "acts")
		var faults []string
		synctest.Test(t, func(t *testing.T) {
			m := &model{w: newWorld(t)}
			m.play(acts)
			faults = m.faults
		})
		if len(faults) > 0 {
			rt.Fatalf("%s", strings.Join(faults, "\n"))
		}
	})
}

func (m *model) fault(format string, args ...any) {
	m.faults = append(m.faults, fmt.Sprintf(format, args...))
}

func (m *model) play(acts []act) {
	w := m.w
	tries := map[string]int{}
	w.net.answer = func(to Target, l Letter, r Recipient) Result { // called by one worker at a time for each message
		w.net.mu.Lock()
		defer w.net.mu.Unlock()
		name := l.EnvID + r.Address
		tries[name]++
		switch {
		case strings.HasPrefix(r.Address, "never"):
			return never
		case strings.HasPrefix(r.Address, "twice") && tries[name] < 3:
			return later
		}
		return Result{Code: 250, Enhanced: "2.0.0", Text: "OK"}
	}
	w.run()
	for _, a := range acts {
		m.do(a)
		synctest.Wait()
		m.compare()
	}
	// In the end everything works again and is released.
	for _, domain := range []string{"a.example", "b.example", "c.example"} {
		w.net.set(func(n *internet) { delete(n.down, domain) })
	}
	for _, msg := range m.messages {
		if !msg.dropped && msg.held {
			w.q.Release(context.Background(), msg.id)
			msg.held = false
		}
	}
	time.Sleep(6 * time.Hour)
	m.compare()
	if n := len(w.waiting()); n != 0 {
		m.fault("%d messages wait in the end", n)
	}
	w.check()
}

func (m *model) do(a act) {
	ctx, w := context.Background(), m.w
	var msg *modelMessage
	if len(m.messages) > 0 {
		msg = m.messages[a.which%len(m.messages)]
	}
	domain := []string{"a.example", "b.example", "c.example"}[a.which%3]
	switch a.kind {
	case "enqueue":
		msg = &modelMessage{open: map[string]bool{}}
		env := fmt.Sprintf("E%d-", len(m.messages))
		letter := Message{Sender: "anna@school.test", Account: w.anna, EnvID: env, TraceID: env}
		for _, address := range a.to {
			letter.Recipients = append(letter.Recipients, Recipient{Address: address})
			msg.open[address] = true
		}
		msg.id = w.enqueueMessage(letter)
		m.messages = append(m.messages, msg)
	case "down":
		w.net.set(func(n *internet) { n.down[domain] = &Unreachable{Result: Result{Temporary: true, Text: "Down"}} })
	case "up":
		w.net.set(func(n *internet) { delete(n.down, domain) })
	case "sleep":
		time.Sleep(4 * time.Minute)
	case "long sleep":
		time.Sleep(100 * time.Minute)
	case "restart":
		w.halt()
		w.q = w.open()
		w.run()
	case "route":
		if _, err := w.q.AddRoute(ctx, Route{Domain: "*", Host: "relay.example", Port: 25, TLS: TLSOff}); err != nil {
			m.fault("AddRoute: %v", err)
		}
	case "no route":
		w.q.RemoveRoute(ctx, "*") // there may be none
	}
	if msg == nil || msg.dropped {
		return
	}
	switch a.kind {
	case "hold":
		if _, err := w.q.Hold(ctx, "model", msg.id); err == nil {
			msg.held = true
		}
	case "release":
		if _, err := w.q.Release(ctx, msg.id); err == nil {
			msg.held = false
		}
	case "drop":
		if _, err := w.q.Drop(ctx, msg.id); err == nil {
			msg.dropped = true
		}
	case "retry":
		w.q.Retry(ctx, msg.id)
	}
}

// compare looks at what the servers and anna got, and what waits.
func (m *model) compare() {
	arrived := map[string]int{}
	for _, s := range m.w.net.sent() {
		for _, r := range s.rcpt {
			arrived[s.m.EnvID+r]++
		}
	}
	notices := map[string]int{}
	for _, text := range m.w.inbox(m.w.anna) {
		if !strings.Contains(text, "Action: failed") {
			continue
		}
		for line := range strings.SplitSeq(text, "\r\n") {
			if env, ok := strings.CutPrefix(line, "Original-Envelope-Id: "); ok {
				notices["id"] = 0
				for line := range strings.SplitSeq(text, "\r\n") {
					if address, ok := strings.CutPrefix(line, "Final-Recipient: rfc822; "); ok {
						notices[env+address]++
					}
				}
			}
		}
	}
	waits := map[ID][]string{}
	for _, e := range m.w.waiting() {
		waits[e.ID] = []string{}
		for _, d := range e.Deliveries {
			for _, r := range d.Recipients {
				waits[e.ID] = append(waits[e.ID], r.Address)
			}
		}
	}
	for i, msg := range m.messages {
		env := fmt.Sprintf("E%d-", i)
		for address := range msg.open {
			in := slices.Contains(waits[msg.id], address)
			got, told := arrived[env+address], notices[env+address]
			switch {
			case got > 1 || told > 1 || got > 0 && told > 0:
				m.fault("%s%s arrived %d times, told %d times", env, address, got, told)
			case in && (got > 0 || told > 0):
				m.fault("%s%s waits, but arrived %d times, told %d times", env, address, got, told)
			case !in && got == 0 && told == 0 && !msg.dropped:
				m.fault("%s%s is lost", env, address)
			case got > 0 && strings.HasPrefix(address, "never"):
				m.fault("%s%s arrived although it was refused", env, address)
			}
		}
	}
}
