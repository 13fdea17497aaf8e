package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"schulhof/store/fault"
)

func TestKindOf(t *testing.T) {
	inner := fault.Wrap(fault.NotFound, io.EOF, "no such mailbox")
	tests := []struct {
		name string
		err  error
		kind fault.Kind
		text string
	}{
		{"nil", nil, fault.Internal, ""},
		{"an error without a kind", io.EOF, fault.Internal, ""},
		{"a fault", fault.New(fault.OverQuota, "%d bytes too much", 7), fault.OverQuota, "7 bytes too much"},
		{"a wrapped fault", fmt.Errorf("create: %w", inner), fault.NotFound, "no such mailbox"},
		{"a fault around a fault", fault.Wrap(fault.Forbidden, inner, "not yours"), fault.Forbidden, "not yours"},
		{"joined", errors.Join(io.EOF, inner), fault.NotFound, "no such mailbox"},
	}
	for _, tt := range tests {
		if got := fault.KindOf(tt.err); got != tt.kind {
			t.Errorf("%s: KindOf = %v, want %v", tt.name, got, tt.kind)
		}
		if got := fault.TextOf(tt.err); got != tt.text {
			t.Errorf("%s: TextOf = %q, want %q", tt.name, got, tt.text)
		}
	}
	if fault.Is(nil, fault.Internal) {
		t.Error("nil is Internal")
	}
	if !fault.Is(io.EOF, fault.Internal) {
		t.Error("an error without a kind is not Internal")
	}
}

func TestErrorTellsTheCauseToTheLog(t *testing.T) {
	tests := []struct {
		name string
		err  *fault.Error
		want string
	}{
		{"text only", fault.New(fault.Refused, "the class is full"), "the class is full"},
		{"text and cause", fault.Wrap(fault.Refused, io.EOF, "the class is full"), "the class is full: EOF"},
		{"cause only", &fault.Error{Kind: fault.Refused, Err: io.EOF}, "EOF"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if !errors.Is(fault.Wrap(fault.Refused, io.EOF, "no"), io.EOF) {
		t.Error("the cause cannot be found")
	}
}

func TestEveryKindHasAName(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range fault.Kinds() {
		name := k.String()
		if name == "" || strings.HasPrefix(name, "kind ") || seen[name] {
			t.Errorf("kind %d is called %q", uint8(k), name)
		}
		seen[name] = true
	}
	if got := fault.Kind(200).String(); got != "kind 200" {
		t.Errorf("an unknown kind is %q", got)
	}
}

// TestAKindSurvivesEveryWrapping: rooms wrap what they get with what they tried; neither the kind nor the sentence for the peer
// nor the cause for the log may be lost on the way, however long it is.
func TestAKindSurvivesEveryWrapping(t *testing.T) {
	for _, kind := range fault.Kinds() {
		var err error = fault.Wrap(kind, io.ErrUnexpectedEOF, "sentence of %s", kind)
		for i := range 20 {
			if i%3 == 2 {
				err = errors.Join(nil, err)
			} else {
				err = fmt.Errorf("step %d: %w", i, err)
			}
		}
		if !fault.Is(err, kind) || fault.TextOf(err) != "sentence of "+kind.String() || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: after twenty wrappings %s, %q, %v", kind, fault.KindOf(err), fault.TextOf(err), err)
		}
		for _, other := range fault.Kinds() {
			if fault.Is(err, other) != (other == kind) {
				t.Errorf("an error of kind %s is %s = %t", kind, other, fault.Is(err, other))
			}
		}
	}
}
