package directory

import (
	"time"

	"schulhof/store/fault"
)

// Approach asks whether somebody may write to somebody, by whatever door: mail, a list, an invitation, a room, a share.
type Approach struct {
	From    ID        // the account that writes; 0: somebody elsewhere, or somebody who is not certain to be ours
	To      []ID      // the accounts that would read it, also those that a group or an alias leads to
	Outside bool      // somebody elsewhere would read it too
	At      time.Time // when; zero: now
}

// Verdict is what the contact policy says to an Approach, and the rule that says it: nil when there is none, which is a yes.
type Verdict struct {
	Allowed bool
	Quiet   bool // refused by quiet hours: later it is allowed
	Rule    *Rule
}

// MayContact asks the contact policy. Everyone may write to themselves. Of the rules that fit both sides the one that says most decides,
// first of all about who writes: an account before a group, a group before a role, a role before internal and external, and those before
// anyone; among equals a refusal wins. A group is not judged by its address but by its members: one who may not be written to is reason
// enough to refuse. Quiet hours only put off what no rule refuses.
//
// fault.Refused, with a sentence that names the rule; fault.Throttled if it is only that these are quiet hours.
func (d *Directory) MayContact(c Approach) error {
	verdict := d.Judge(c)
	if verdict.Allowed {
		return nil
	}
	name := d.ruleName(*verdict.Rule)
	if verdict.Quiet {
		return fault.New(fault.Throttled, "quiet hours of the rule %s: %s / Ruhezeit der Regel %[1]s: %[2]s", name, verdict.Rule.Quiet)
	}
	return fault.New(fault.Refused, "the school's contact rule %s does not allow this / Die Kontaktregel %[1]s der Schule erlaubt das nicht", name)
}

// ruleName is what people read: "student to external".
func (d *Directory) ruleName(r Rule) string {
	return `"` + d.PartyName(r.From) + " to " + d.PartyName(r.To) + `"`
}

// Judge is MayContact with the rule instead of a sentence.
func (d *Directory) Judge(c Approach) Verdict {
	at := c.At
	if at.IsZero() {
		at = d.now()
	}
	at = at.In(d.zone)
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	from := v.accounts[c.From]
	if c.From != 0 && from == nil {
		return Verdict{Rule: &Rule{}} // gone by now
	}
	j := judge{view: v, at: at}
	for _, r := range v.rules {
		if v.fits(r.From, from) && (r.Decision != "" || len(r.Quiet.windows) > 0) {
			j.rules = append(j.rules, r)
		}
	}
	if len(j.rules) == 0 {
		return Verdict{Allowed: true}
	}
	verdict := Verdict{Allowed: true}
	if c.Outside {
		verdict = j.judge(nil)
	}
	for _, id := range c.To {
		if !verdict.Allowed && !verdict.Quiet {
			break // for good: no need to come back after quiet hours
		}
		to := v.accounts[id]
		if to == nil || to == from {
			continue
		}
		if next := j.judge(to); !next.Allowed && (verdict.Allowed || !next.Quiet) {
			verdict = next
		}
	}
	return verdict
}

// judge has the rules that fit a sender, those that say most first. It needs the view's lock.
type judge struct {
	view  *view
	at    time.Time
	rules []Rule
}

// judge asks about one recipient, nil for somebody elsewhere. Quiet hours put off what is allowed afterwards; what is refused afterwards is
// refused at once.
func (j *judge) judge(to *accountEntry) Verdict {
	verdict := Verdict{Allowed: true}
	for i := 0; i < len(j.rules); {
		rank, allowed := j.view.ruleRank(j.rules[i]), false
		for ; i < len(j.rules) && j.view.ruleRank(j.rules[i]) == rank; i++ {
			r := &j.rules[i]
			if !j.view.fits(r.To, to) {
				continue
			}
			if r.Decision == Refuse {
				return Verdict{Rule: r}
			}
			if verdict.Allowed && r.Quiet.Contains(j.at) {
				verdict = Verdict{Rule: r, Quiet: true}
			}
			allowed = allowed || r.Decision == Allow
		}
		if allowed {
			break
		}
	}
	return verdict
}

// fits reports whether e is of p; nil is somebody elsewhere. Needs mu.
func (v *view) fits(p Party, e *accountEntry) bool {
	switch p.word {
	case partyAnyone:
		return true
	case partyExternal:
		return e == nil
	case partyInternal:
		return e != nil
	case "":
		return e != nil && (e.ID == p.id || isIn(e, p.id))
	}
	return e != nil && string(e.Role) == p.word
}

// isIn reports whether e is a member of group.
func isIn(e *accountEntry, group ID) bool {
	for _, g := range e.groups {
		if g.ID == group {
			return true
		}
	}
	return false
}
