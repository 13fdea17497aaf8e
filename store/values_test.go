package store

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
)

type (
	namedInt   int32
	namedUint  uint64
	namedText  string
	namedBytes []byte
	namedBool  bool
	namedArray [3]byte
)

func pointer[T any](v T) *T { return &v }

func TestSQLValue(t *testing.T) {
	tests := []struct {
		name string
		in   any
		want any
		err  string
	}{
		{"nothing", nil, nil, ""},
		{"an integer", 7, int64(7), ""},
		{"the largest unsigned number that fits", uint64(math.MaxInt64), int64(math.MaxInt64), ""},
		{"one more", uint64(math.MaxInt64) + 1, nil, "does not fit"},
		{"32 bits", uint32(math.MaxUint32), int64(math.MaxUint32), ""},
		{"yes", true, int64(1), ""},
		{"no", false, int64(0), ""},
		{"text", "ä", "ä", ""},
		{"bytes", []byte{1}, []byte{1}, ""},
		{"no bytes", []byte{}, []byte{}, ""},
		{"nil bytes are NULL", []byte(nil), nil, ""},
		{"a hash", Hash{1}, append([]byte{1}, make([]byte, 31)...), ""},
		{"a key", BlobID(3), int64(3), ""},
		{"a named integer", namedInt(-3), int64(-3), ""},
		{"a named unsigned number", namedUint(3), int64(3), ""},
		{"a named unsigned number that does not fit", namedUint(math.MaxUint64), nil, "does not fit"},
		{"a named text", namedText("x"), "x", ""},
		{"named bytes", namedBytes("x"), []byte("x"), ""},
		{"a named truth", namedBool(true), int64(1), ""},
		{"an array", namedArray{1, 2, 3}, []byte{1, 2, 3}, ""},
		{"a fraction", float32(0.5), 0.5, ""},
		{"a pointer", pointer(7), int64(7), ""},
		{"a nil pointer", (*namedInt)(nil), nil, ""},
		{"a pointer to a pointer", pointer(pointer("x")), "x", ""},
		{"a struct", struct{}{}, nil, "struct"},
		{"a list", []int{1}, nil, "[]int"},
	}
	for _, tt := range tests {
		got, err := sqlValue(tt.in)
		if !reflect.DeepEqual(got, tt.want) && err == nil || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: sqlValue(%v) = %v, %v, want %v, %q", tt.name, tt.in, got, err, tt.want, tt.err)
		}
	}
}

func TestScanValue(t *testing.T) {
	tests := []struct {
		name string
		in   any
		dest any
		want any // what dest points to; nil: an error
	}{
		{"int64", int64(-7), new(int64), int64(-7)},
		{"int", int64(7), new(int), 7},
		{"uint32", int64(math.MaxUint32), new(uint32), uint32(math.MaxUint32)},
		{"too large for uint32", int64(math.MaxUint32 + 1), new(uint32), nil},
		{"negative for uint32", int64(-1), new(uint32), nil},
		{"uint64", int64(7), new(uint64), uint64(7)},
		{"negative for uint64", int64(-7), new(uint64), nil},
		{"truth", int64(1), new(bool), true},
		{"named truth", int64(0), new(namedBool), namedBool(false)},
		{"key", int64(7), new(BlobID), BlobID(7)},
		{"named integer", int64(7), new(namedInt), namedInt(7)},
		{"too large for a named integer", int64(math.MaxInt32 + 1), new(namedInt), nil},
		{"text", "x", new(string), "x"},
		{"bytes as text", []byte("x"), new(string), "x"},
		{"named text", "x", new(namedText), namedText("x")},
		{"bytes", []byte("x"), new([]byte), []byte("x")},
		{"text as bytes", "x", new([]byte), []byte("x")},
		{"NULL as bytes", nil, pointer([]byte("before")), []byte(nil)},
		{"named bytes", []byte("x"), new(namedBytes), namedBytes("x")},
		{"array", []byte{1, 2, 3}, new(namedArray), namedArray{1, 2, 3}},
		{"array of another length", []byte{1, 2}, new(namedArray), nil},
		{"hash", bytes.Repeat([]byte{1}, 32), new(Hash), Hash(bytes.Repeat([]byte{1}, 32))},
		{"hash of another length", []byte{1}, new(Hash), nil},
		{"NULL", nil, pointer(pointer(int64(1))), (*int64)(nil)},
		{"not NULL", int64(7), new(*int64), pointer(int64(7))},
		{"fraction", 0.5, new(float64), 0.5},
		{"integer as fraction", int64(2), new(float64), 2.0},
		{"NULL into an integer", nil, new(int64), nil},
		{"NULL into a text", nil, new(string), nil},
		{"text into an integer", "7", new(int64), nil},
		{"integer into a text", int64(7), new(string), nil},
		{"integer into bytes", int64(7), new([]byte), nil},
		{"no pointer", int64(7), 7, nil},
		{"nil pointer", int64(7), (*namedInt)(nil), nil},
	}
	for _, tt := range tests {
		err := scanValue(tt.dest, tt.in)
		if (err != nil) != (tt.want == nil) {
			t.Errorf("%s: scan %v: %v", tt.name, tt.in, err)
		} else if err == nil {
			if got := reflect.ValueOf(tt.dest).Elem().Interface(); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s: scan %v = %v, want %v", tt.name, tt.in, got, tt.want)
			}
		}
	}
}

func TestFeed(t *testing.T) {
	s := &Store{}
	a, b := Key{"mailbox", 1}, Key{"mailbox", 2}
	one, both := s.Subscribe(a), s.Subscribe(a, b, b)
	woken := func(sub *Subscription) bool {
		select {
		case <-sub.C():
			return true
		default:
			return false
		}
	}
	s.feed.wake([]Key{b, b})
	s.feed.wake([]Key{{"account", 1}})
	if woken(one) || !woken(both) || woken(both) {
		t.Error("a change of one key does not wake its watchers, and only them, once")
	}
	s.feed.wake([]Key{a, b})
	if !woken(one) || !woken(both) {
		t.Error("not every watcher was woken")
	}
	one.Close()
	one.Close()
	s.feed.wake([]Key{a})
	if woken(one) || !woken(both) {
		t.Error("a closed subscription was woken, or an open one was not")
	}
	both.Close()
	if len(s.feed.watchers) != 0 {
		t.Errorf("%d keys are remembered after the last watcher", len(s.feed.watchers))
	}
}

func TestLiteConnForgetsTexts(t *testing.T) {
	c, err := openLite(t.TempDir()+"/db", "rwc", 100)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	busy := Rows{tx: &Tx{lite: c}}
	if err := c.query(&busy, "SELECT 1", nil); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * cachedStatements {
		if _, err := c.exec("SELECT "+strings.Repeat("1", 1+i%15)+" -- "+strings.Repeat("x", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.stmts) > cachedStatements {
		t.Errorf("%d statements are kept, want at most %d", len(c.stmts), cachedStatements)
	}
	if !busy.Next() {
		t.Errorf("a busy statement was dropped: %v", busy.Err())
	}
	busy.Close()
}
