package srs

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// at makes a rewriter whose day is n days after one in autumn.
func at(t testing.TB, key string, n int) *Rewriter {
	t.Helper()
	w, err := New([]byte(key), func() time.Time { return time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC).AddDate(0, 0, n) })
	if err != nil {
		t.Fatal(err)
	}
	return w
}

const key = "0123456789abcdef"

func TestForward(t *testing.T) {
	w := at(t, key, 0)
	tests := []struct{ name, sender, want string }{
		{"a person", "lena@example.org", "SRS0=HASH=DD=example.org=lena@school.test"},
		{"with signs of ours", "a=b+c-d@example.org", "SRS0=HASH=DD=example.org=a=b+c-d@school.test"},
		{"sent on before", "SRS0=xyz=AB=example.org=lena@one.example", "SRS1=HASHDD=one.example==xyz=AB=example.org=lena@school.test"},
		{"sent on before, in another spelling", "srs0+xyz=AB=example.org=lena@one.example", "SRS1=HASHDD=one.example=+xyz=AB=example.org=lena@school.test"},
		{"sent on twice before", "SRS1=abcd=one.example==xyz=AB=example.org=lena@two.example", "SRS1=HASHDD=one.example==xyz=AB=example.org=lena@school.test"},
		{"nobody", "", ""},
		{"no domain", "lena@", ""},
		{"an address without a name", "lena@[192.0.2.1]", ""},
		{"a quoted one", `"a b"@example.org`, ""},
		{"a long one", strings.Repeat("x", 40) + "@example.org", ""},
		{"what only looks sent on", "SRS1=abcd@two.example", ""},
	}
	for _, tt := range tests {
		got, ok := w.Forward(tt.sender, "school.test")
		if ok != (tt.want != "") {
			t.Errorf("%s: %q, %t", tt.name, got, ok)
		}
		if !ok {
			continue
		}
		want := strings.NewReplacer("HASH", got[5:13], "DD", w.day()).Replace(tt.want)
		if got != want {
			t.Errorf("%s: Forward(%q) = %q, want %q", tt.name, tt.sender, got, want)
		}
	}
}

func TestReverse(t *testing.T) {
	w := at(t, key, 0)
	mine, _ := w.Forward("lena@example.org", "school.test")
	chained, _ := w.Forward("SRS0=xyz=AB=example.org=lena@one.example", "school.test")
	tests := []struct {
		name, address, want string
		is                  bool
		err                 error
	}{
		{"ours", mine, "lena@example.org", true, nil},
		{"ours, in capitals", strings.ToUpper(mine), "LENA@EXAMPLE.ORG", true, nil},
		{"through another server", chained, "SRS0=xyz=AB=example.org=lena@one.example", true, nil},
		{"of another domain of ours", strings.Replace(mine, "@school.test", "@other.test", 1), "", true, ErrForged},
		{"to somebody else", strings.Replace(mine, "=lena@", "=otto@", 1), "", true, ErrForged},
		{"to another domain", strings.Replace(mine, "example.org", "example.net", 1), "", true, ErrForged},
		{"on another day", strings.Replace(mine, "="+w.day()+"=", "=aa=", 1), "", true, ErrForged},
		{"chained, to another server", strings.Replace(chained, "one.example", "two.example", 1), "", true, ErrForged},
		{"cut off", "SRS0=abc@school.test", "", true, ErrForged},
		{"cut off, chained", "SRS1=abc=d=e@school.test", "", true, ErrForged},
		{"a person", "anna@school.test", "", false, nil},
		{"a person of that name", "srs0@school.test", "", false, nil},
		{"no address", "SRS0=", "", false, nil},
	}
	for _, tt := range tests {
		got, is, err := w.Reverse(tt.address)
		if got != tt.want || is != tt.is || !errors.Is(err, tt.err) {
			t.Errorf("%s: Reverse(%q) = %q, %t, %v, want %q, %t, %v", tt.name, tt.address, got, is, err, tt.want, tt.is, tt.err)
		}
	}
	if _, _, err := at(t, "fedcba9876543210", 0).Reverse(mine); !errors.Is(err, ErrForged) {
		t.Errorf("with another key: %v", err)
	}
	if _, err := New([]byte("short"), nil); err == nil {
		t.Error("a key that can be guessed was taken")
	}
}

// An address leads back for two weeks, and a clock may be a day behind the one that made it.
func TestAge(t *testing.T) {
	mine, _ := at(t, key, 0).Forward("lena@example.org", "school.test")
	for days, want := range map[int]error{-2: ErrOld, -1: nil, 0: nil, 14: nil, 15: ErrOld, 500: ErrOld, 1022: ErrOld, 1024: nil} {
		if _, _, err := at(t, key, days).Reverse(mine); !errors.Is(err, want) {
			t.Errorf("after %d days: %v, want %v", days, err, want)
		}
	}
}

// Whatever was sent on, its bounce finds back, also through servers that send on again; and no other address does.
func TestThereAndBack(t *testing.T) {
	local := rapid.StringMatching(`[a-zA-Z0-9+=._-]{1,12}`)
	rapid.Check(t, func(t *rapid.T) {
		sender := local.Draw(t, "local") + "@a.example"
		servers := []*Rewriter{{[]byte("first"), time.Now}, {[]byte("second"), time.Now}, {[]byte("third"), time.Now}}
		domains := []string{"one.test", "two.test", "three.test"}
		address, used := sender, 0
		for used < rapid.IntRange(1, 3).Draw(t, "servers") {
			next, ok := servers[used].Forward(address, domains[used])
			if !ok {
				break
			}
			address, used = next, used+1
		}
		if kind, _ := kindOf(sender[:strings.LastIndexByte(sender, '@')]); kind != "" || used == 0 {
			return
		}
		for used = len(domains); used > 0 && address != sender; {
			used--
			if !strings.HasSuffix(address, "@"+domains[used]) {
				continue
			}
			back, is, err := servers[used].Reverse(address)
			if !is || err != nil {
				t.Fatalf("%s leads nowhere: %t, %v", address, is, err)
			}
			address = back
		}
		if address != sender {
			t.Fatalf("found back to %s, want %s", address, sender)
		}
	})
}

func FuzzReverse(f *testing.F) {
	w := at(f, key, 0)
	for _, sender := range []string{"lena@example.org", "SRS0=xyz=AB=example.org=lena@one.example"} {
		address, _ := w.Forward(sender, "school.test")
		f.Add(address)
	}
	f.Add("SRS0=====@school.test")
	f.Fuzz(func(t *testing.T, address string) {
		sender, is, err := w.Reverse(address)
		if err != nil && (sender != "" || !is) || !is && sender != "" {
			t.Errorf("Reverse(%q) = %q, %t, %v", address, sender, is, err)
		}
		if forward, ok := w.Forward(address, "school.test"); ok && len(forward) > maxLocal+len("@school.test") {
			t.Errorf("Forward(%q) = %q", address, forward)
		}
	})
}
