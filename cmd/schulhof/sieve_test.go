package main

import (
	"testing"

	"schulhof/store/fault"
)

// A script that was deleted while a command works is missed, not made up.
func TestAScriptIsGone(t *testing.T) {
	t.Parallel()
	r, anna := testRooms(t)
	if _, err := r.Filters.Put(t.Context(), anna.ID, "main", []byte("keep;")); err != nil {
		t.Fatal(err)
	}
	if s, err := scriptCalled(t.Context(), r, anna.ID, "main"); err != nil || s.Name != "main" || s.Size != 5 {
		t.Errorf("main: %+v, %v", s, err)
	}
	if s, err := scriptCalled(t.Context(), r, anna.ID, "gone"); !fault.Is(err, fault.NotFound) {
		t.Errorf("gone: %+v, %v, want fault.NotFound", s, err)
	}
}
