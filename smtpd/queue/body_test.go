package queue

import (
	"strings"
	"testing"
)

func TestReturnPathEnd(t *testing.T) {
	tests := []struct {
		name, in, rest string
	}{
		{"none", "From: a@b\r\n\r\nx", "From: a@b\r\n\r\nx"},
		{"ours", "Return-Path: <a@b>\r\nFrom: a@b\r\n\r\nx", "From: a@b\r\n\r\nx"},
		{"of somebody, in their way", "RETURN-PATH:<>\r\nX: y\r\n", "X: y\r\n"},
		{"folded", "Return-Path:\r\n <a@b>\r\n\t(x)\r\nX: y\r\n", "X: y\r\n"},
		{"alone", "Return-Path: <a@b>\r\n", ""},
		{"no end", "Return-Path: <a@b>", "Return-Path: <a@b>"},
		{"not first", "X: y\r\nReturn-Path: <a@b>\r\n", "X: y\r\nReturn-Path: <a@b>\r\n"},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		if got := tt.in[returnPathEnd([]byte(tt.in)):]; got != tt.rest {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.rest)
		}
	}
}

func FuzzReturnPathEnd(f *testing.F) {
	f.Add("Return-Path: <a@b>\r\nX: y\r\n")
	f.Add("Return-Path:\r\n \r\n\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		end := returnPathEnd([]byte(in))
		if end < 0 || end > len(in) || end > 0 && !strings.HasSuffix(in[:end], "\r\n") {
			t.Errorf("%q ends at %d", in, end)
		}
		if end > 0 && !strings.EqualFold(in[:12], "return-path:") {
			t.Errorf("%q is cut at %d", in, end)
		}
	})
}

func TestHeaderOf(t *testing.T) {
	for in, want := range map[string]string{
		"A: b\r\n\r\ntext": "A: b\r\n", "A: b\r\n": "A: b\r\n", "": "",
		strings.Repeat("X: 1234567890\r\n", 4000): strings.Repeat("X: 1234567890\r\n", maxHeader/15),
	} {
		if got := string(headerOf([]byte(in))); got != want {
			t.Errorf("headerOf(%.40q) = %.40q (%d bytes), want %d", in, got, len(got), len(want))
		}
	}
}

// Whatever a server says becomes one bounded line, and a status that fits.
func FuzzReply(f *testing.F) {
	f.Add(550, "5.1.1", "No\r\nsuch\x00user \xff", "mx", true)
	f.Add(250, "9.9", "", "", false)
	f.Fuzz(func(t *testing.T, code int, enhanced, text, host string, temporary bool) {
		var r RecipientState
		res := Result{Code: code, Enhanced: enhanced, Text: text, Host: host, Temporary: temporary}
		r.answered(res)
		if !validStatus(r.Enhanced) || !printable(r.Text) || !printable(r.Host) || len(r.Text) > maxReply || len(r.Host) > maxReply {
			t.Errorf("%+v became %+v", res, r)
		}
		want := byte('5')
		if res.taken() {
			want = '2'
		} else if temporary {
			want = '4'
		}
		if r.Enhanced[0] != want {
			t.Errorf("%+v has the status %s", res, r.Enhanced)
		}
	})
}
