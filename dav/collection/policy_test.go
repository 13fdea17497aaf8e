package collection

import (
	"context"
	"fmt"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
)

// oneExam is a policy: a calendar holds one object at most, and nothing is removed from it.
type oneExam struct{ asked []string }

func (p *oneExam) Allow(tx *store.Tx, c Change) error {
	p.asked = append(p.asked, fmt.Sprintf("%s %t %t", c.Name, c.Old != nil, c.New != nil && len(c.New.Bytes) > 0))
	if c.New == nil {
		return fault.New(fault.Refused, "an exam that was announced stays")
	}
	var n int
	err := tx.QueryRow(`SELECT COUNT(*) FROM dav_entry WHERE parent_id = $1`, int64(c.Collection)).Scan(&n)
	if err == nil && n > 0 && c.Old == nil {
		err = fault.New(fault.Refused, "there is an exam already")
	}
	return err
}

// A policy is asked in the transaction, whichever way an object comes or goes.
func TestPolicies(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		const cal = "calendars:/calendar"
		w.make(w.anna, "calendars:/other", Calendar)
		w.put(w.anna, "calendars:/other/o", event("other"))
		w.put(w.anna, "calendars:/other/1", event("1"))
		p := &oneExam{}
		w.dav.SetPolicy(Calendar, p)
		w.put(w.anna, cal+"/1", event("1"))
		w.put(w.anna, cal+"/1", event("1")+"\r\n")
		for name, err := range map[string]error{
			"put":    second(w.tryPut(w.anna, cal+"/2", event("2"), PutOptions{})),
			"delete": w.dav.Delete(ctx, w.anna, at(cal+"/1"), DeleteOptions{}),
			"copy":   second(w.dav.Copy(ctx, w.anna, at("calendars:/other/o"), at(cal+"/o"), CopyOptions{})),
			"move":   second(w.dav.Move(ctx, w.anna, at("calendars:/other/o"), at(cal+"/o"), MoveOptions{})),
		} {
			if !fault.Is(err, fault.Refused) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if p.asked[0] != "1 false true" || p.asked[1] != "1 true true" {
			t.Errorf("%q", p.asked)
		}
		_, _, err := w.dav.Copy(ctx, w.anna, at("calendars:/other/1"), at(cal+"/1"), CopyOptions{Overwrite: true})
		w.check(err)
		w.put(w.anna, "files:/a", "1")
		w.delete(w.anna, "files:/a") // another kind of collection
		w.dav.SetPolicy(Calendar, nil)
		w.delete(w.anna, cal+"/1")
		w.sound()
	})
}
