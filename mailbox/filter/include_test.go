package filter

import (
	"context"
	"slices"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/storetest"
)

// Scripts in scripts: one's own and the school's. RFC 6609.
func TestIncluded(t *testing.T) {
	t.Parallel()
	const all = `require ["include", "fileinto", "mailbox", "variables"];` + "\n"
	cases := []filterCase{
		{name: "an own script", script: all + `include "trips";`, more: []string{"trips", `require "fileinto"; fileinto "Archive";`}, want: []string{"Archive: hello"}},
		{name: "personal is the default", script: all + `include "x";`, more: []string{"x", `discard;`, "global x", `keep;`}},
		{name: "the school's", script: all + `include :global "spam";`, more: []string{"global spam", `require "fileinto"; fileinto "Junk";`}, want: []string{"Junk: hello"}},
		{name: "the school's is no own one", script: all + `include :personal "only-global";`, more: []string{"global only-global", `discard;`},
			want: []string{`INBOX: fault: line 2, column 1: script main: there is no script "only-global" to include`, "INBOX: hello"}},
		{name: "an own one is not the school's", script: all + `include :global "mine";`, more: []string{"mine", `discard;`},
			want: []string{`INBOX: fault: line 2, column 1: script main: there is no script "mine" to include`, "INBOX: hello"}},
		{name: "one that need not be there", script: all + `include :optional "none"; fileinto "Archive";`, want: []string{"Archive: hello"}},
		{name: "a name that no script has", script: all + `include :optional "a` + "\t" + `b"; fileinto "Archive";`, want: []string{"Archive: hello"}},
		{name: "a name in another form of Unicode", script: all + `include "u` + "\u0308" + `";`, more: []string{"ü", `discard;`}},
		{name: "return ends one, stop all", script: all + `include "one"; include "two"; fileinto "Trash";`,
			more: []string{"one", `require "include"; return; discard;`, "two", `require "fileinto"; fileinto "Archive"; stop;`}, want: []string{"Archive: hello"}},
		{name: "a global variable", script: all + `global "box"; include "choose"; fileinto "${box}";`,
			more: []string{"choose", `require ["include", "variables"]; global "box"; set "box" "Archive";`}, want: []string{"Archive: hello"}},
		{name: "a variable of another script", script: all + `set "box" "Trash"; include "choose"; fileinto "${box}";`,
			more: []string{"choose", `require "variables"; set "box" "Archive";`}, want: []string{"Trash: hello"}},
		{name: "once", script: all + `include :once "a"; include :once "a";`, more: []string{"a", `require ["fileinto", "copy"]; fileinto :copy "Archive";`},
			want: []string{"Archive: hello", "INBOX: hello"}},
		{name: "in a circle", script: all + `include "a";`, more: []string{"a", `require "include"; include "main";`},
			want: []string{`INBOX: fault: line 2, column 1: script main: more than 10 scripts include each other`, "INBOX: hello"}},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) { playCases(t, s, Options{}, cases) })
}

// TestAnIncludedScriptThatChanges: what was stored last runs, also when it was checked before; one that is deleted is a fault.
func TestAnIncludedScriptThatChanges(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "anna")
	ctx := context.Background()
	w.script("anna", `require "include"; include "a";`, "a", `discard;`)
	one := func(subject string) {
		w.receive(parcel{to: []string{"anna@school.test"}, text: hello("anna", subject)})
	}
	one("1")
	_, err := w.Put(ctx, w.id["anna"], "a", []byte(`keep;`))
	w.must(err)
	one("2")
	w.must(w.Rename(ctx, w.id["anna"], "a", "b"))
	one("3")
	_, err = w.Put(ctx, w.id["anna"], "a", []byte(`require "fileinto"; fileinto "Archive";`))
	w.must(err)
	one("4")
	w.must(w.Delete(ctx, w.id["anna"], "a"))
	one("5")
	w.must(w.Activate(ctx, w.id["anna"], "b"))
	one("6")
	w.must(w.Activate(ctx, w.id["anna"], ""))
	one("7")
	want := []string{"Archive: 4", "INBOX: 2", "INBOX: 3", "INBOX: 5", "INBOX: 6", "INBOX: 7",
		`INBOX: fault: line 1, column 20: script main: there is no script "a" to include`}
	if got := w.has("anna"); !slices.Equal(got, want) {
		t.Errorf("there is %q, want %q", got, want)
	}
}

// TestDuplicates: an id is known until its time is over, for each handle and person; a message that was not stored marks nothing. RFC 7352.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s, Options{}, "anna", "ben")
		w.again = true
		const all = `require ["duplicate", "fileinto", "variables"]; `
		steps := []struct {
			who, script string
			wait        time.Duration
			text        string
			known       bool
		}{
			{"anna", `duplicate`, 0, hello("anna", "a"), false},
			{"anna", `duplicate`, 0, hello("anna", "a"), true},
			{"anna", `duplicate`, 0, hello("anna", "b"), false},
			{"ben", `duplicate`, 0, hello("ben", "a"), false},               // others' ids are no concern of ben's
			{"anna", `duplicate :handle "h"`, 0, hello("anna", "a"), false}, // nor are those of another handle
			{"anna", `duplicate`, 7*24*time.Hour - time.Second, hello("anna", "a"), true},
			{"anna", `duplicate`, time.Second, hello("anna", "a"), false}, // seven days, and it began anew with none of the finds
			{"anna", `duplicate :seconds 60 :handle "s"`, 0, hello("anna", "a"), false},
			{"anna", `duplicate :seconds 60 :handle "s"`, 59 * time.Second, hello("anna", "a"), true},
			{"anna", `duplicate :seconds 60 :handle "s"`, time.Second, hello("anna", "a"), false},
			{"anna", `duplicate :last :seconds 60 :handle "l"`, 0, hello("anna", "a"), false},
			{"anna", `duplicate :last :seconds 60 :handle "l"`, 59 * time.Second, hello("anna", "a"), true},
			{"anna", `duplicate :last :seconds 60 :handle "l"`, 59 * time.Second, hello("anna", "a"), true}, // each find counts
			{"anna", `duplicate :header "x-id" :handle "x"`, 0, hello("anna", "c", "X-Id: 7"), false},
			{"anna", `duplicate :header "x-id" :handle "x"`, 0, hello("anna", "d", "X-ID:  7"), true},
			{"anna", `duplicate :header "x-id" :handle "x"`, 0, hello("anna", "d"), false}, // without the field there is nothing to know
			{"anna", `duplicate :header "x-id" :handle "x"`, 0, hello("anna", "d"), false},
			{"anna", `duplicate :uniqueid "fixed"`, 0, hello("anna", "e"), false},
			{"anna", `duplicate :uniqueid "fixed"`, 0, hello("anna", "f"), true},
			{"anna", `allof(not duplicate :handle "two", not duplicate :handle "two", false)`, 0, hello("anna", "g"), false}, // in one run nothing is its own duplicate
			{"anna", `duplicate :handle "two"`, 0, hello("anna", "g"), true},
		}
		for i, step := range steps {
			w.wait(step.wait)
			w.script(step.who, all+`if `+step.script+` { fileinto "Trash"; }`)
			before := len(w.letters(step.who, "Trash"))
			w.receive(parcel{to: []string{step.who + "@school.test"}, text: step.text})
			if got := len(w.letters(step.who, "Trash")) > before; got != step.known {
				t.Errorf("step %d, %s: known %v, want %v", i, step.script, got, step.known)
			}
		}
		w.script("anna", all+`if duplicate :handle "lost" { discard; }`)
		plan, _, err := w.plan(parcel{to: []string{"anna@school.test"}, text: hello("anna", "lost")})
		w.must(err)
		plan.Release() // the connection broke before the commit
		w.receive(parcel{to: []string{"anna@school.test"}, text: hello("anna", "lost")})
		if got := w.has("anna"); !slices.Contains(got, "INBOX: lost") {
			t.Errorf("a message that was never stored counts as one: %q", got)
		}
	})
}
