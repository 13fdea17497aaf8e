package main

import (
	"fmt"
	"testing"
	"time"

	"schulhof/config"
	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/resolver/dnstest"
)

// New keys sign once both of their records are seen, or, where their age decides, after two days.
func TestNewKeysWaitForTheirTime(t *testing.T) {
	tests := []struct {
		name      string
		mode      string
		published int // records
		later     time.Duration
		want      authenticate.State
	}{
		{"one record", config.KeysPublished, 1, 1000 * time.Hour, authenticate.Next},
		{"both records", config.KeysPublished, 2, 0, authenticate.Active},
		{"too young", config.KeysAge, 2, keysWait - time.Minute, authenticate.Next},
		{"old enough", config.KeysAge, 0, keysWait + time.Minute, authenticate.Active},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := dnstest.Start(t)
			c := newSchool(t)
			c.DNS.Servers, c.Origin.NewKeys = []string{server.Address}, tt.mode
			r := openSchool(t, c)
			made, err := r.Keys.Rotate("school.test")
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range made[:tt.published] {
				record := k.Record()
				server.Add(t, fmt.Sprintf("%s. TXT %q %q", k.Name(), record[:40], record[40:min(len(record), 290)])+fmt.Sprintf(" %q", record[min(len(record), 290):]))
			}
			if err := r.advanceKeys(t.Context(), time.Now().Add(tt.later)); err != nil {
				t.Fatal(err)
			}
			keys, err := r.Keys.Keys("school.test")
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, k := range keys {
				for _, m := range made {
					if k.Selector != m.Selector {
						continue
					}
					if found++; k.State != tt.want {
						t.Errorf("%s is %s, want %s", k.Selector, k.State, tt.want)
					}
				}
			}
			if found != len(made) {
				t.Errorf("%d of %d new keys are there", found, len(made))
			}
		})
	}
}
