package queue

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Those that cannot be reached come first, with the reason; one that took its mail is forgotten.
func TestDestinations(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.net.down["down.example"] = &Unreachable{Result: Result{Enhanced: "4.4.1", Text: "No way there", Temporary: true}, Err: errors.New("no route")}
		w.enqueue("a@down.example")
		w.enqueue("a@up.example")
		w.run()
		time.Sleep(time.Hour)
		synctest.Wait()
		w.halt()
		w.enqueue("a@another.example")
		list, err := w.q.Destinations(context.Background(), 10)
		if err != nil || len(list) != 2 || list[0].Name != "down.example" || list[0].Failures < 3 || list[0].Text != "No way there" ||
			list[1] != (Destination{Name: "another.example"}) {
			t.Errorf("Destinations = %+v, %v", list, err)
		}
		if first, err := w.q.Destinations(context.Background(), 1); err != nil || !slices.Equal(first, list[:1]) {
			t.Errorf("the first one = %+v, %v", first, err)
		}
	})
}
