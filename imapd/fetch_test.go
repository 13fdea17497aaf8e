package imapd

import (
	"testing"
	"time"
)

func TestUnixTime(t *testing.T) {
	for _, day := range []string{"1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2000-02-29T12:34:56Z", "2026-11-23T10:00:00Z", "1996-07-07T02:44:25Z", "2100-03-01T00:00:00Z", "2099-12-31T23:59:59Z", "2038-01-19T03:14:08Z"} {
		at, err := time.Parse(time.RFC3339, day)
		if err != nil {
			t.Fatal(err)
		}
		var w encoder
		w.unixTime(at.Unix())
		if want := at.Format(`"_2-Jan-2006 15:04:05 -0700"`); string(w.buf) != want {
			t.Errorf("unixTime(%s) = %s, want %s", day, w.buf, want)
		}
	}
	at := time.Date(1999, 12, 1, 5, 6, 7, 0, time.UTC)
	for range 1200 { // every day of more than three years
		var w encoder
		w.unixTime(at.Unix())
		if want := at.Format(`"_2-Jan-2006 15:04:05 -0700"`); string(w.buf) != want {
			t.Fatalf("unixTime(%s) = %s, want %s", at, w.buf, want)
		}
		at = at.AddDate(0, 0, 1)
	}
}
