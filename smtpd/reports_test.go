package smtpd

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// reader takes messages with the word "report", and cannot read those with "broken".
type reader struct{ took int }

func (r *reader) Take(_ context.Context, _ string, m io.ReaderAt, size int64) (bool, error) {
	b, err := io.ReadAll(io.NewSectionReader(m, 0, size))
	if strings.Contains(string(b), "broken") {
		return false, errors.New("no database")
	}
	if strings.Contains(string(b), "report") {
		r.took++
		return true, err
	}
	return false, err
}

// Reports that come to the address for them are taken; nobody has to read them. Everything else is mail.
func TestReports(t *testing.T) {
	t.Parallel()
	r := &reader{}
	w := newWorld(t, func(o *Options) { o.Reports = r })
	w.role("tina", "admin")
	tests := []struct {
		name, text string
		to         []string
		took, mail int // after it
	}{
		{"a report", "report", []string{"Postmaster@school.test"}, 1, 0},
		{"a letter", "letter", []string{"postmaster@school.test"}, 1, 1},
		{"what cannot be read now", "broken report", []string{"postmaster@school.test"}, 1, 2},
		{"a report for a person", "report", []string{"tina@school.test"}, 1, 3},
		{"a report for two", "report", []string{"postmaster@school.test", "anna@school.test"}, 1, 4},
		{"another report", "report 2", []string{"postmaster@school.test"}, 2, 4},
	}
	p := greeted(w, doorMX, "EHLO")
	for _, tt := range tests {
		p.message("noreply@receiver.example", tt.to, note(tt.text), "250 2.0.0 OK")
		if got := len(w.inbox("tina")); got != tt.mail || r.took != tt.took {
			t.Errorf("%s: %d reports were taken, tina has %d messages, want %d and %d", tt.name, r.took, got, tt.took, tt.mail)
		}
	}
	l := loggedIn(w, doorSubmission, "anna")
	l.message("anna@school.test", []string{"postmaster@school.test"}, "From: anna@school.test\r\n\r\nreport\r\n", "250")
	if r.took != 2 {
		t.Error("a person's message was taken for a report")
	}
}
