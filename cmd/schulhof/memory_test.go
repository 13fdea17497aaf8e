package main

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Memory goes back once after the start and once for each burst of hashes, when it has ended.
func TestMemoryGoesBackAfterABurstOfHashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hashes, freed atomic.Uint64
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- returnMemory(ctx, hashes.Load, func() { freed.Add(1) }) }()
		want := func(n uint64, what string) {
			t.Helper()
			time.Sleep(3 * hashCalm)
			synctest.Wait()
			if freed.Load() != n {
				t.Errorf("%s: memory went back %d times, want %d", what, freed.Load(), n)
			}
		}
		want(1, "after the start")
		want(1, "before the first hash")
		time.Sleep(hashCalm / 4) // never when the clock ticks
		for range 10 {
			hashes.Add(1)
			time.Sleep(hashCalm / 2)
		}
		synctest.Wait()
		if n := freed.Load(); n != 1 {
			t.Errorf("memory went back %d times until hashes had been computed, want 1", n)
		}
		want(2, "after a burst")
		want(2, "long after it")
		hashes.Add(5)
		want(3, "after the second burst")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
