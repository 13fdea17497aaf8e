package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"schulhof/store"
	"schulhof/store/fault"
)

// Alias is an address that leads to others.
type Alias struct {
	Address string
	Targets []string
}

// AddAlias makes an address that leads to accounts, groups or other aliases of ours. fault.Invalid, AlreadyExists,
// NotFound (a target or the domain), Conflict (it would lead back to itself), Refused (a target at a foreign domain), Limit.
func (d *Directory) AddAlias(ctx context.Context, a Alias) error {
	if err := d.addAlias(ctx, a); err != nil {
		return fmt.Errorf("add alias: %w", err)
	}
	return nil
}

func (d *Directory) addAlias(ctx context.Context, a Alias) error {
	from, err := d.complete(a.Address, true)
	if err != nil {
		return err
	}
	if !d.view.isLocal(from.Domain) {
		return fault.New(fault.NotFound, "the domain %s is not one of ours", from.Domain)
	}
	if err := checkNewName(from.Local, true); err != nil {
		return err
	}
	targets, err := d.aliasTargets(from, a.Targets)
	if err != nil {
		return err
	}
	address := from.String()
	return d.store.Write(ctx, func(tx *store.Tx) error {
		if err := checkFree(tx, address); err != nil {
			return err
		}
		if err := insertAlias(tx, address, targets); err != nil {
			return err
		}
		tx.AfterCommit(func() { d.view.putAlias(address, targets) })
		return nil
	})
}

// aliasTargets parses targets, drops doubles and sees that each leads somewhere, but not back.
func (d *Directory) aliasTargets(from Address, targets []string) ([]Address, error) {
	if len(targets) == 0 || len(targets) > MaxTargets {
		return nil, fault.New(fault.Limit, "an alias has 1 to %d targets", MaxTargets)
	}
	var list []Address
	for _, t := range targets {
		to, err := d.complete(t, true)
		if err != nil {
			return nil, err
		}
		if !d.view.isLocal(to.Domain) {
			return nil, fault.New(fault.Refused, "%s is not at a domain of ours: forwarding to other servers is not possible", to)
		}
		if slices.ContainsFunc(list, func(o Address) bool { return o.key() == to.key() }) {
			continue
		}
		list = append(list, to)
	}
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, to := range list {
		if to.key() == from.key() || v.leadsTo(to, from.key(), map[addressKey]bool{}) {
			return nil, fault.New(fault.Conflict, "%s would lead back to itself by %s", from, to)
		}
		if !v.exists(to) {
			return nil, fault.New(fault.NotFound, "no such address: %s", to)
		}
	}
	return list, nil
}

// exists reports whether to is an account's, group's or alias's address, with or without a detail. Needs mu.
func (v *view) exists(to Address) bool {
	for _, a := range withBase(to) {
		if _, ok := v.addresses[a.key()]; ok || v.aliases[a.key()] != nil {
			return true
		}
	}
	return false
}

// withBase is a, and the address without its detail if it has one.
func withBase(a Address) []Address {
	if base, _, ok := a.Split(); ok {
		return []Address{a, base}
	}
	return []Address{a}
}

// leadsTo reports whether an alias chain leads from a to goal. Needs mu.
func (v *view) leadsTo(a Address, goal addressKey, visited map[addressKey]bool) bool {
	for _, a := range withBase(a) {
		if a.key() == goal {
			return true
		}
		if visited[a.key()] {
			continue
		}
		visited[a.key()] = true
		if e := v.aliases[a.key()]; e != nil && slices.ContainsFunc(e.targets, func(t Address) bool { return v.leadsTo(t, goal, visited) }) {
			return true
		}
	}
	return false
}

// Alias finds an alias by its address. fault.NotFound, fault.Invalid.
func (d *Directory) Alias(_ context.Context, address string) (Alias, error) {
	a, err := d.complete(address, true)
	if err != nil {
		return Alias{}, err
	}
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	if e := v.aliases[a.key()]; e != nil {
		return e.alias(), nil
	}
	return Alias{}, fault.New(fault.NotFound, "no alias %s", a)
}

func (e *aliasEntry) alias() Alias {
	a := Alias{Address: e.address}
	for _, t := range e.targets {
		a.Targets = append(a.Targets, t.withDetail())
	}
	return a
}

// Aliases lists all aliases by address.
func (d *Directory) Aliases(_ context.Context) ([]Alias, error) {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	list := make([]Alias, 0, len(v.aliases))
	for _, e := range v.aliases {
		list = append(list, e.alias())
	}
	slices.SortFunc(list, func(a, b Alias) int { return cmp.Compare(a.Address, b.Address) })
	return list, nil
}

// RemoveAlias ends an alias; others that lead to it lead nowhere then. fault.NotFound.
func (d *Directory) RemoveAlias(ctx context.Context, address string) error {
	a, err := d.complete(address, true)
	if err != nil {
		return fmt.Errorf("remove alias: %w", err)
	}
	canonical := a.String()
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`DELETE FROM address WHERE address = $1 AND principal_id IS NULL`, canonical)
		if err != nil {
			return fmt.Errorf("delete alias: %w", err)
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no alias %s", canonical)
		}
		tx.AfterCommit(func() { d.view.dropAlias(canonical) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove alias: %w", err)
	}
	return nil
}
