package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"schulhof/store"
	"schulhof/store/fault"
)

// Party is one side of a rule of the contact policy: anyone, internal (whoever has an account), external (whoever has none), a role, the
// members of a group, or one account. The zero value is nobody.
type Party struct {
	word string // "" for a group or an account
	id   ID     // of a group or an account
}

// The words that are no roles.
const (
	partyAnyone   = "anyone"
	partyInternal = "internal"
	partyExternal = "external"
)

// rank is how much a party says: of two rules the one that says more decides.
func (p Party) rank(isGroup bool) int {
	switch {
	case p.word == partyAnyone:
		return 0
	case p.word == partyInternal || p.word == partyExternal:
		return 1
	case p.word != "": // a role
		return 2
	case isGroup:
		return 3
	}
	return 4
}

// Decision is what a rule says.
type Decision string

// The decisions. A rule may have none: then it says only when not, or how much.
const (
	Allow  Decision = "allow"
	Refuse Decision = "refuse"
)

// Rule is one row of the contact policy. A refusal and quiet hours bind who writes; PerHour bounds how many recipients one sender may
// write to within an hour.
type Rule struct {
	From, To Party
	Decision Decision // or ""
	Quiet    Quiet
	PerHour  int64 // NoLimit: this rule limits nothing
}

// NoLimit is Rule.PerHour of a rule that limits nothing.
const NoLimit = -1

// RuleChange says what to change; nil leaves as it is.
type RuleChange struct {
	Decision *Decision
	Quiet    *Quiet
	PerHour  *int64
}

// apply returns r with c's changes. fault.Invalid.
func (c RuleChange) apply(r Rule) (Rule, error) {
	if c.Decision != nil {
		r.Decision = *c.Decision
	}
	if c.Quiet != nil {
		r.Quiet = *c.Quiet
	}
	if c.PerHour != nil {
		r.PerHour = *c.PerHour
	}
	switch {
	case r.Decision != "" && r.Decision != Allow && r.Decision != Refuse:
		return r, fault.New(fault.Invalid, "a rule says allow or refuse")
	case r.PerHour < NoLimit || r.PerHour > maxPerHour:
		return r, fault.New(fault.Invalid, "a limit is 0 to %d recipients an hour", maxPerHour)
	case r.PerHour != NoLimit && r.To.word != partyAnyone && r.To.word != partyInternal && r.To.word != partyExternal:
		return r, fault.New(fault.Invalid, "a limit counts recipients of anyone, internal or external")
	case r.PerHour != NoLimit && (r.From.word == partyExternal || r.From.word == partyAnyone):
		return r, fault.New(fault.Invalid, "a limit is for people with an account: internal, a role, a group or an account")
	case r.Decision == "" && len(r.Quiet.windows) == 0 && r.PerHour == NoLimit:
		return r, fault.New(fault.Invalid, "a rule that says nothing: remove it instead")
	}
	return r, nil
}

// Party reads one side of a rule as people write it: anyone, internal, external, a role, or the name or address of a group or an account.
// fault.NotFound.
func (d *Directory) Party(name string) (Party, error) {
	word := FoldName(strings.TrimSpace(name))
	if word == partyAnyone || word == partyInternal || word == partyExternal || Role(word).valid() {
		return Party{word: word}, nil
	}
	v := d.view
	id := v.principalByName(strings.TrimSpace(name))
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.groups[id] == nil && v.accounts[id] == nil {
		return Party{}, fault.New(fault.NotFound, "%s is neither anyone, internal, external, a role, a group nor an account", printable(name))
	}
	return Party{id: id}, nil
}

// PartyName is how p is shown: its word, or the address of the group or account.
func (d *Directory) PartyName(p Party) string {
	d.view.mu.RLock()
	defer d.view.mu.RUnlock()
	return d.view.partyName(p)
}

// partyName needs mu.
func (v *view) partyName(p Party) string {
	switch {
	case p.word != "":
		return p.word
	case v.groups[p.id] != nil:
		return v.groups[p.id].Address
	case v.accounts[p.id] != nil:
		return v.accounts[p.id].Address
	}
	return "nobody"
}

// stored is p as the table has it. Needs mu.
func (v *view) stored(p Party) string {
	switch {
	case p.word != "":
		return p.word
	case v.groups[p.id] != nil:
		return "group:" + strconv.FormatInt(int64(p.id), 10)
	}
	return "account:" + strconv.FormatInt(int64(p.id), 10)
}

// SetRule adds a rule or changes it. It is in force when SetRule returns. fault.Invalid, fault.Limit.
func (d *Directory) SetRule(ctx context.Context, from, to Party, c RuleChange) (made Rule, err error) {
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		key, err := d.ruleKey(tx, from, to)
		if err != nil {
			return err
		}
		old, found, err := selectRule(tx, key)
		if err != nil {
			return err
		}
		if !found {
			old = Rule{PerHour: NoLimit}
		}
		old.From, old.To = from, to
		if made, err = c.apply(old); err != nil {
			return err
		}
		if err := upsertRule(tx, key, made); err != nil {
			return err
		}
		n, err := count(tx, `SELECT COUNT(*) FROM contact_rule`)
		if err != nil {
			return fmt.Errorf("count rules: %w", err)
		}
		if n > MaxRules {
			return fault.New(fault.Limit, "the contact policy has at most %d rules", MaxRules)
		}
		rule := made
		tx.AfterCommit(func() { d.view.putRules(rule) })
		return nil
	})
	if err != nil {
		return Rule{}, fmt.Errorf("set contact rule: %w", err)
	}
	return made, nil
}

// RemoveRule takes a rule out of the policy. fault.NotFound.
func (d *Directory) RemoveRule(ctx context.Context, from, to Party) error {
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		key, err := d.ruleKey(tx, from, to)
		if err != nil {
			return err
		}
		n, err := tx.Exec(`DELETE FROM contact_rule WHERE from_ = $1 AND to_ = $2`, key.from, key.to)
		if err != nil {
			return fmt.Errorf("delete rule: %w", err)
		}
		if n == 0 {
			return fault.New(fault.NotFound, "the contact policy has no such rule")
		}
		tx.AfterCommit(func() { d.view.dropRule(from, to) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove contact rule: %w", err)
	}
	return nil
}

// Rules lists the contact policy, those that decide first at the top.
func (d *Directory) Rules() []Rule {
	d.view.mu.RLock()
	defer d.view.mu.RUnlock()
	return slices.Clone(d.view.rules)
}

// ruleKey is where the table has the rule. A principal that is gone by now is fault.NotFound.
func (d *Directory) ruleKey(tx *store.Tx, from, to Party) (key ruleKey, err error) {
	for _, p := range []Party{from, to} {
		if p.word != "" {
			continue
		}
		if err := d.StillThere(tx, p.id); err != nil {
			return key, err
		}
	}
	d.view.mu.RLock()
	defer d.view.mu.RUnlock()
	return ruleKey{d.view.stored(from), d.view.stored(to)}, nil
}

// putRules publishes rules.
func (v *view) putRules(list ...Rule) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rules = slices.DeleteFunc(slices.Clone(v.rules), func(o Rule) bool {
		return slices.ContainsFunc(list, func(r Rule) bool { return o.From == r.From && o.To == r.To })
	})
	v.rules = append(v.rules, list...)
	slices.SortStableFunc(v.rules, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(v.ruleRank(b), v.ruleRank(a)), cmp.Compare(v.partyName(a.From), v.partyName(b.From)),
			cmp.Compare(v.partyName(a.To), v.partyName(b.To)))
	})
}

// ruleRank orders rules: first by who writes, then by to whom. Needs mu.
func (v *view) ruleRank(r Rule) int {
	return 10*r.From.rank(v.groups[r.From.id] != nil) + r.To.rank(v.groups[r.To.id] != nil)
}

func (v *view) dropRule(from, to Party) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rules = slices.DeleteFunc(slices.Clone(v.rules), func(r Rule) bool { return r.From == from && r.To == to })
}

// dropRulesOf forgets the rules about a principal that is gone; the table's rows go by cascade. Needs mu.
func (v *view) dropRulesOf(id ID) {
	v.rules = slices.DeleteFunc(slices.Clone(v.rules), func(r Rule) bool { return r.From.id == id || r.To.id == id })
}
