package sieve

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Environment is what a run is given besides the message.
type Environment struct {
	Now      time.Time
	Zone     *time.Location    // of date tests without a zone; nil: UTC
	From, To string            // the envelope; From "" is <>
	Items    map[string]string // what the test environment tells (RFC 5183)
	Host     Host              // nil: nothing exists
	Steps    int               // 0: MaxSteps
}

// Host answers what a script asks about the world of its owner. An error ends the run as a fault of the server.
type Host interface {
	// Mailbox reports whether the owner can file into a mailbox. RFC 5490 §3.1.
	Mailbox(name string) (bool, error)
	// SpecialUse reports whether mailbox, or any mailbox if it is "", has a special use ("\\Junk"). RFC 8579 §3.
	SpecialUse(mailbox, use string) (bool, error)
	// Include is another script of the owner, or a global one; nil: there is none. RFC 6609 §3.2.
	Include(name string, global bool) (*Script, error)
	// Duplicate reports whether id was marked before and the mark has not expired. RFC 7352 §3.
	Duplicate(handle, id string) (bool, error)
	// Listed reports whether value is in an external list. known is false for a list that does not exist. RFC 6134 §2.2.
	Listed(list, value string) (member, known bool, err error)
	// Members are the addresses of a list for redirect. RFC 6134 §2.5.
	Members(list string) (addresses []string, known bool, err error)
}

// HostError says that the host could not answer: not the script is at fault, and trying again may help.
type HostError struct{ Err error }

func (e *HostError) Error() string { return "filter: " + e.Err.Error() }

func (e *HostError) Unwrap() error { return e.Err }

func hostError(err error) error {
	if err == nil {
		return nil
	}
	return &HostError{err}
}

// run is one script, with those that it includes, at work on one message.
type run struct {
	script *Script
	msg    *Message
	env    Environment
	steps  int

	head      *header // with this run's changes
	variables map[string]string
	globals   map[string]string // shared by included scripts. RFC 6609 §3.3
	imported  map[string]bool   // which names this script declared global
	matches   []string
	flags     []string // the variable that keep and fileinto use without :flags. RFC 5232 §2

	out       Result
	keep      bool // the implicit keep still holds. RFC 5228 §2.10.2
	rejected  bool
	replied   bool
	redirects int
	included  int
	edits     int // header fields added
	once      map[string]bool
	depth     int
}

// Run lets the script decide about msg. It always has a result: when err is not nil, that is to keep the message as it
// came. err is an [Error] of the script, or a [HostError].
func (s *Script) Run(msg *Message, env Environment) (Result, error) {
	if env.Zone == nil {
		env.Zone = time.UTC
	}
	if env.Host == nil {
		env.Host = nowhere{}
	}
	if env.Steps <= 0 {
		env.Steps = MaxSteps
	}
	r := run{script: s, msg: msg, env: env, steps: env.Steps, head: msg.header(), keep: true}
	err := s.block.run(&r)
	if err == nil || errors.Is(err, errStop) || errors.Is(err, errReturn) {
		if r.keep {
			r.out.Actions = append(r.out.Actions, Keep{Implicit: true, Flags: r.flags, Header: r.changedHeader()})
		}
		return r.out, nil
	}
	return Result{Actions: []Action{Keep{Implicit: true}}}, err
}

func (b block) run(r *run) error {
	for _, c := range b {
		if err := r.spend(1); err != nil {
			return err
		}
		if err := c.run(r); err != nil {
			return err
		}
	}
	return nil
}

// spend counts work.
func (r *run) spend(steps int) error {
	if r.steps -= steps; r.steps < 0 {
		return Error{Text: "the script takes too long for this message"}
	}
	return nil
}

// act adds an action. explicit: it takes the place of the implicit keep.
func (r *run) act(offset int, a Action, explicit bool) error {
	_, isReject := a.(Reject)
	switch {
	case len(r.out.Actions) >= maxActions:
		return r.stopped(offset, "more than %d actions", maxActions)
	case r.rejected:
		return r.stopped(offset, "a message that was rejected cannot be kept, filed, sent on or answered as well")
	case isReject && len(r.out.Actions) > 0:
		return r.stopped(offset, "a message that is kept, filed, sent on or answered cannot be rejected as well")
	}
	r.rejected = isReject
	if explicit {
		r.keep = false
	}
	if !slices.ContainsFunc(r.out.Actions, func(before Action) bool { return before.same(a) }) {
		r.out.Actions = append(r.out.Actions, a)
	}
	return nil
}

// value is a named variable; "" when it was never set. RFC 5229 §3.
func (r *run) value(name string) string {
	if global, ok := strings.CutPrefix(name, "global."); ok {
		return r.globals[global]
	}
	if r.imported[name] {
		return r.globals[name]
	}
	return r.variables[name]
}

// set changes a named variable. Longer values are cut where a character begins.
func (r *run) set(offset int, name, value string) error {
	if len(value) > maxValue {
		value = strings.ToValidUTF8(value[:maxValue], "")
	}
	to := &r.variables
	if global, ok := strings.CutPrefix(name, "global."); ok {
		to, name = &r.globals, global
	} else if r.imported[name] {
		to = &r.globals
	}
	if *to == nil {
		*to = map[string]string{}
	}
	if _, known := (*to)[name]; !known && len(*to) >= maxVariables {
		return r.stopped(offset, "more than %d variables", maxVariables)
	}
	(*to)[name] = value
	return nil
}

// match is a numbered variable, of the last pattern that matched. RFC 5229 §3.2.
func (r *run) match(n int) string {
	if n < len(r.matches) {
		return r.matches[n]
	}
	return ""
}

// nowhere is a host without anything.
type nowhere struct{}

func (nowhere) Mailbox(string) (bool, error)              { return false, nil }
func (nowhere) SpecialUse(string, string) (bool, error)   { return false, nil }
func (nowhere) Include(string, bool) (*Script, error)     { return nil, nil }
func (nowhere) Duplicate(string, string) (bool, error)    { return false, nil }
func (nowhere) Listed(string, string) (bool, bool, error) { return false, false, nil }
func (nowhere) Members(string) ([]string, bool, error)    { return nil, false, nil }
