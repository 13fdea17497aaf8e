package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written "50MiB", "2GB" or as a plain number.
type Size int64

var units = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"kB", 1e3}, {"B", 1},
}

// ParseSize reads "50MiB", "1.5GB", "512" (bytes). The unit may follow after a space.
func ParseSize(s string) (Size, error) {
	number, factor := strings.TrimSpace(s), int64(1)
	for _, u := range units {
		if head, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(head), u.bytes
			break
		}
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		if n < 0 || n > math.MaxInt64/factor {
			return 0, fmt.Errorf("size %q is out of range", s)
		}
		return Size(n * factor), nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("%q is no size: want a number with B, KiB, MiB, GiB, TiB, KB, MB, GB or TB", s)
	}
	if f < 0 || f*float64(factor) >= math.MaxInt64 {
		return 0, fmt.Errorf("size %q is out of range", s)
	}
	return Size(f * float64(factor)), nil
}

// String writes s with the largest binary unit that divides it.
func (s Size) String() string {
	for _, u := range units[:4] {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// Set reads a command line value (pflag.Value).
func (s *Size) Set(value string) error {
	size, err := ParseSize(value)
	if err == nil {
		*s = size
	}
	return err
}

// Type names the value in usage texts (pflag.Value).
func (s *Size) Type() string { return "size" }

// MarshalText writes s as in the file.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalTOML reads a text with a unit or a whole number of bytes.
func (s *Size) UnmarshalTOML(value any) error {
	switch v := value.(type) {
	case string:
		return s.Set(v)
	case int64:
		if v < 0 {
			return fmt.Errorf("size %d is out of range", v)
		}
		*s = Size(v)
		return nil
	}
	return fmt.Errorf("%T is no size: want a text such as \"50MiB\"", value)
}
