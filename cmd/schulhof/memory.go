package main

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// hashCalm is how long no password hash is computed before the memory of the last ones goes back to the machine.
const hashCalm = time.Second

// heapBallast is how many bytes of the heap are never touched: they cost no memory, and the collector, which runs when the heap has doubled, runs
// every 16 MiB of garbage more, not every 4 MiB. heapAtHand is how much of that growth is made ready after memory went back.
const (
	heapBallast = 16 << 20
	heapAtHand  = 16 << 20
)

// limitMemory keeps the collector within 80 % of the memory that the control group allows, unless GOMEMLIMIT says otherwise.
func limitMemory(log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit, ok := groupMemory(os.ReadFile)
	if !ok {
		return
	}
	debug.SetMemoryLimit(limit / 100 * 80)
	log.Debug("memory limit set from the control group", "bytes", limit/100*80)
}

// keepMemory gives back what bursts of password hashes took, and keeps the heap from growing and shrinking by little all the time.
func keepMemory(ctx context.Context, hashes func() uint64) error {
	ballast := make([]byte, heapBallast)
	defer runtime.KeepAlive(ballast)
	return returnMemory(ctx, hashes, trimHeap)
}

// returnMemory calls free soon after the start and when a burst of password hashes has ended: each takes 19 MiB for a moment, and
// without it the heap keeps the size that the first logins of a morning gave it.
func returnMemory(ctx context.Context, hashes func() uint64, free func()) error {
	tick := time.NewTicker(hashCalm)
	defer tick.Stop()
	seen, freed, ever := hashes(), uint64(0), false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := hashes()
		if now == seen && (now != freed || !ever) {
			free()
			freed, ever = now, true
		}
		seen = now
	}
}

// trimHeap gives back what the heap does not need, and makes ready what it grows by until the next collection anyway: a page that the kernel
// has to find costs a request 1 to 20 µs, in a virtual machine more than outside, and the first 400 PUTs after it met 2,500 of them. That comes
// last, because the runtime takes memory by its address, whether or not it has been given back.
func trimHeap() {
	debug.FreeOSMemory()
	ready := make([]byte, heapAtHand)
	for i := 0; i < len(ready); i += os.Getpagesize() {
		ready[i] = 1
	}
	runtime.KeepAlive(ready)
	runtime.GC() // it is free now, and the runtime keeps it, because the heap may grow by as much
}

// groupMemory is the least memory limit in bytes of this process's control group (version 2) and those above it.
func groupMemory(read func(string) ([]byte, error)) (limit int64, ok bool) {
	text, err := read("/proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		path, found := strings.CutPrefix(strings.TrimSpace(line), "0::")
		for found {
			if text, err := read("/sys/fs/cgroup" + path + "/memory.max"); err == nil {
				n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
				if err == nil && n > 0 && (!ok || n < limit) {
					limit, ok = n, true
				}
			}
			up := strings.LastIndexByte(path, '/')
			if up < 0 {
				break
			}
			path = path[:up]
		}
	}
	return limit, ok
}
