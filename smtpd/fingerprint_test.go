package smtpd

import (
	"bytes"
	"testing"
)

func TestFingerprint(t *testing.T) {
	of := func(step int, message []byte) string {
		f := newFingerprint()
		for len(message) > 0 {
			n := min(step, len(message))
			f.write(message[:n])
			message = message[n:]
		}
		return string(f.appendTo(nil))
	}
	message := bytes.Repeat([]byte("0123456789abcde\n"), 4<<10)
	same := of(len(message), message)
	for _, step := range []int{1, 1000, fingerprintHead, fingerprintHead + 1} {
		if of(step, message) != same {
			t.Errorf("in steps of %d another fingerprint", step)
		}
	}
	for _, at := range []int{0, fingerprintHead - 1, fingerprintHead, len(message) - 1} {
		other := bytes.Clone(message)
		other[at] ^= 1
		if of(1<<20, other) == same {
			t.Errorf("byte %d does not count", at)
		}
	}
	if of(1<<20, message[:len(message)-1]) == same || of(1, nil) == same {
		t.Error("the size does not count")
	}
}
