package directory

import (
	"encoding/binary"
	"testing"
	"time"
)

func TestProofsDiffer(t *testing.T) {
	p := newProver()
	base := p.prove(1, 2, ScopeMail, "", "secret")
	if p.prove(1, 2, ScopeMail, "", "secret") != base {
		t.Error("the same is not equal")
	}
	for name, other := range map[string]proof{
		"account": p.prove(2, 2, ScopeMail, "", "secret"), "version": p.prove(1, 3, ScopeMail, "", "secret"),
		"scope": p.prove(1, 2, ScopeDAV, "", "secret"), "secret": p.prove(1, 2, ScopeMail, "", "secreT"),
		"where name and secret part": p.prove(1, 2, ScopeMail, "s", "ecret"), "process": newProver().prove(1, 2, ScopeMail, "", "secret"),
	} {
		if other == base {
			t.Errorf("another %s gives the same proof", name)
		}
	}
}

func TestProofCacheExpires(t *testing.T) {
	start := time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)
	c := newProofCache(10, cacheIdle, cacheAge)
	var used, idle proof
	used[0] = 1
	c.add(used, start)
	c.add(idle, start)
	now := start
	for now.Sub(start) < cacheAge-10*time.Minute {
		now = now.Add(10 * time.Minute)
		if !c.has(used, now) {
			t.Fatalf("gone after %v although it was used every 10 minutes", now.Sub(start))
		}
	}
	if c.has(idle, start.Add(cacheIdle)) {
		t.Error("an idle entry outlived its time")
	}
	if c.has(used, start.Add(cacheAge)) {
		t.Error("an entry outlived the longest time")
	}
	if c.len() != 0 {
		t.Errorf("%d entries left, want 0", c.len())
	}
}

func TestProofCacheIsBounded(t *testing.T) {
	start := time.Unix(0, 0)
	c := newProofCache(100, time.Minute, time.Hour)
	for i := range 1000 {
		var p proof
		binary.BigEndian.PutUint32(p[:], uint32(i))
		c.add(p, start)
		if !c.has(p, start) {
			t.Fatalf("entry %d is not there right after it was added", i)
		}
	}
	if c.len() != 100 {
		t.Errorf("%d entries, want 100", c.len())
	}
}
