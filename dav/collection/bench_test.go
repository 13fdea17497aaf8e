package collection

import (
	"context"
	"fmt"
	"math"
	"testing"

	"schulhof/directory"
	"schulhof/store/storetest"
)

// benchSchool has a calendar with n events of about 1 KB, each on a day of its own.
func benchSchool(b *testing.B, n int) *school {
	b.Helper()
	w := newSchool(b, storetest.Open(b))
	for i := range n {
		w.put(w.anna, fmt.Sprintf("calendars:/calendar/%05d.ics", i), largeEvent(i, 0))
	}
	return w
}

func BenchmarkPut(b *testing.B) {
	w := benchSchool(b, 0)
	for i := 0; b.Loop(); i++ {
		w.put(w.anna, fmt.Sprintf("calendars:/calendar/%d.ics", i), largeEvent(i, 0))
	}
}

func BenchmarkPutAgain(b *testing.B) {
	w := benchSchool(b, 1)
	for i := 1; b.Loop(); i++ {
		w.put(w.anna, "calendars:/calendar/00000.ics", largeEvent(0, i))
	}
}

func BenchmarkPutParallel(b *testing.B) {
	w := benchSchool(b, 0)
	who := make([]directory.ID, 16)
	for i := range who {
		who[i] = w.account(fmt.Sprintf("pupil%d", i), directory.Student)
	}
	next := make(chan int)
	done := make(chan error, len(who))
	for c := range who {
		go func() {
			var err error
			for i := range next {
				if e := second(w.tryPut(who[c], fmt.Sprintf("calendars:/calendar/%d.ics", i), largeEvent(i, 0), PutOptions{})); e != nil {
					err = e
				}
			}
			done <- err
		}()
	}
	for i := 0; b.Loop(); i++ {
		next <- i
	}
	close(next)
	for range who {
		w.check(<-done)
	}
}

func BenchmarkChangesWithoutChanges(b *testing.B) {
	for _, n := range []int{10, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := benchSchool(b, n)
			since := w.node(w.anna, "calendars:/calendar").Token
			for b.Loop() {
				ch, err := w.dav.Changes(context.Background(), w.anna, w.node(w.anna, "calendars:/calendar"), since, 100)
				if err != nil || len(ch.Changed) != 0 {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkChildren(b *testing.B) {
	w := newSchool(b, storetest.Open(b))
	for i := range 10_000 {
		w.put(w.anna, fmt.Sprintf("files:/%d", i), "x")
	}
	n := w.node(w.anna, "files:/")
	for b.Loop() {
		after, count := "", 0
		for {
			page, err := w.dav.Children(context.Background(), w.anna, n, after, PageSize)
			w.check(err)
			if count += len(page); len(page) < PageSize {
				break
			}
			after = page[PageSize-1].Name()
		}
		if count != 10_000 {
			b.Fatal(count)
		}
	}
}

func BenchmarkQuery(b *testing.B) {
	w := benchSchool(b, 5000)
	n := w.node(w.anna, "calendars:/calendar")
	for name, window := range map[string]Window{
		"week": {Component: "VEVENT", From: firstDay, To: firstDay + 7*86400}, "all": {Component: "VEVENT", From: math.MinInt64, To: math.MaxInt64},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for _, err := range w.dav.Objects(context.Background(), w.anna, n, window) {
					w.check(err)
				}
			}
		})
	}
}

func BenchmarkFetch(b *testing.B) {
	w := benchSchool(b, 1000)
	n := w.node(w.anna, "calendars:/calendar")
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprintf("%05d.ics", i)
	}
	for b.Loop() {
		for f, err := range w.dav.Fetch(context.Background(), w.anna, n, names, false) {
			if w.check(err); f.Missing {
				b.Fatal(f.Node.Path)
			}
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	w := benchSchool(b, 10)
	for b.Loop() {
		w.node(w.anna, "calendars:/calendar/00003.ics")
	}
}

func BenchmarkMoveOfAFolder(b *testing.B) {
	for _, n := range []int{10, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newSchool(b, storetest.Open(b))
			w.make(w.anna, "files:/0", Folder)
			for i := range n {
				w.put(w.anna, fmt.Sprintf("files:/0/%d", i), "x")
			}
			for i := 0; b.Loop(); i++ {
				_, _, err := w.dav.Move(context.Background(), w.anna, at(fmt.Sprintf("files:/%d", i)), at(fmt.Sprintf("files:/%d", i+1)), MoveOptions{})
				w.check(err)
			}
		})
	}
}

func BenchmarkSchoolDirectory(b *testing.B) {
	w := newSchool(b, storetest.Open(b))
	for i := range 500 {
		w.account(fmt.Sprintf("pupil%d", i), directory.Student)
	}
	n := w.node(w.klein, book)
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.dav.Children(context.Background(), w.klein, n, "", PageSize); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("one change", func(b *testing.B) {
		w.account("late", directory.Student)
		now := w.node(w.klein, book)
		for b.Loop() {
			ch, err := w.dav.Changes(context.Background(), w.klein, now, n.Token, 0)
			if err != nil || len(ch.Changed) != 1 {
				b.Fatal(err, len(ch.Changed))
			}
		}
	})
}
