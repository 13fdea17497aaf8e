package directory

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// machineMemory is how many bytes this process may hope for: GOMEMLIMIT if set, else the machine's; 0: unknown.
func machineMemory() int64 {
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return limit
	}
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return memTotal(string(info))
}

// memTotal reads the line "MemTotal: N kB"; 0 if there is none.
func memTotal(info string) int64 {
	for line := range strings.Lines(info) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			if n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64); err == nil {
				return n << 10
			}
		}
	}
	return 0
}
