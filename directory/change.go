package directory

import (
	"context"
	"fmt"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
)

// AccountChange says what to change; nil leaves as it is.
type AccountChange struct {
	Name, Given, Family *string
	Role                *Role
	State               *State
	QuotaBytes          *int64 // -1: back to the role's default; 0: unlimited
	Password            *string
}

// ChangeAccount changes an account. A change of password, role or state makes every login under the old ones
// invalid when it returns: cached credentials miss, Valid says no, AccountKey's watchers wake.
// fault.NotFound, fault.Invalid.
func (d *Directory) ChangeAccount(ctx context.Context, id ID, c AccountChange) error {
	if err := d.changeAccount(ctx, id, c); err != nil {
		return fmt.Errorf("change account: %w", err)
	}
	return nil
}

func (d *Directory) changeAccount(ctx context.Context, id ID, c AccountChange) error {
	now, ok := d.view.account(id)
	if !ok {
		return fault.New(fault.NotFound, "no such account")
	}
	if _, err := c.apply(now); err != nil { // refuse before the hash is made
		return err
	}
	var hash string
	if c.Password != nil {
		secret := normalizeSecret(*c.Password)
		if err := checkPassword(secret, now.Login, now.Name, now.Given, now.Family); err != nil {
			return err
		}
		var err error
		if hash, err = d.hash(ctx, secret); err != nil {
			return err
		}
	}
	at := d.now().Unix()
	return d.store.Write(ctx, func(tx *store.Tx) error {
		old, since, err := selectAccount(tx, id)
		if err != nil {
			return err
		}
		a, err := c.apply(old)
		if err != nil {
			return err
		}
		if a.State != old.State {
			since = at
		}
		if hash != "" || a.State != old.State || a.Role != old.Role {
			a.Version++
		}
		if err := updateAccount(tx, a, since, hash); err != nil {
			return err
		}
		tx.Changed(AccountKey(id), a.Version)
		tx.AfterCommit(func() { d.view.putAccount(a, since) })
		if a.Name == old.Name && a.Given == old.Given && a.Family == old.Family && a.Role == old.Role && a.State == old.State {
			return nil // nothing that others see
		}
		return d.record(tx, accountRow(a, accountWas(old)))
	})
}

// apply returns a with c's changes, all but the password and the version.
func (c AccountChange) apply(a Account) (Account, error) {
	before := a
	for _, f := range []struct {
		field string
		to    *string
		at    *string
	}{{"name", c.Name, &a.Name}, {"given name", c.Given, &a.Given}, {"family name", c.Family, &a.Family}} {
		if f.to == nil {
			continue
		}
		value, err := checkDisplayName(f.field, *f.to)
		if err != nil {
			return a, err
		}
		*f.at = value
	}
	c.follow(&a, before)
	if c.Role != nil {
		if a.Role = *c.Role; !a.Role.valid() {
			return a, fault.New(fault.Invalid, "the role is one of student, teacher, parent, staff, admin")
		}
	}
	if c.State != nil {
		if a.State = *c.State; !a.State.valid() {
			return a, fault.New(fault.Invalid, "the state is one of active, disabled, deleted")
		}
	}
	if c.QuotaBytes != nil {
		switch a.QuotaBytes, a.OwnQuota = *c.QuotaBytes, true; {
		case a.QuotaBytes == -1:
			a.QuotaBytes, a.OwnQuota = 0, false
		case a.QuotaBytes < 0:
			return a, fault.New(fault.Invalid, "a quota is not negative")
		}
	}
	return a, nil
}

// follow keeps the names together that were made of each other: the display name goes with the given and family name, and these with it, as
// long as nobody has set them apart.
func (c AccountChange) follow(a *Account, before Account) {
	if before.Name != joinNames(before.Given, before.Family) {
		return
	}
	switch parts := c.Given != nil || c.Family != nil; {
	case c.Name == nil && parts:
		a.Name = joinNames(a.Given, a.Family)
	case c.Name != nil && !parts:
		a.Given, a.Family = splitName(a.Name)
	}
}

// PurgeAccount is the second stage of deletion: the account's row, memberships and credentials go, with what OnPurge's
// hooks remove, in one commit. fault.Refused: it is not in state Deleted.
func (d *Directory) PurgeAccount(ctx context.Context, id ID) error {
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		a, _, err := selectAccount(tx, id)
		if err != nil {
			return err
		}
		if a.State != Deleted {
			return fault.New(fault.Refused, "%s is not deleted", a.Address)
		}
		rows, err := memberRows(tx, `SELECT group_id, account_id FROM membership WHERE account_id = $1 ORDER BY group_id`, id)
		if err != nil {
			return err
		}
		if err := d.cleanUp(tx, id, false); err != nil {
			return err
		}
		if err := deletePrincipal(tx, id); err != nil {
			return err
		}
		tx.Changed(AccountKey(id), a.Version+1)
		tx.AfterCommit(func() { d.view.dropAccount(id) })
		if err := d.forget(tx, id); err != nil {
			return err
		}
		return d.record(tx, rows...) // what was deleted was shown to nobody, so nobody is told of it
	})
	if err != nil {
		return fmt.Errorf("purge account: %w", err)
	}
	return nil
}

// DeletedBefore lists accounts that were deleted before t: what a retention sweep purges.
func (d *Directory) DeletedBefore(t time.Time) []Account {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	var list []Account
	for _, e := range sortedByLogin(v.accounts, func(e *accountEntry) string { return e.Login }) {
		if e.State == Deleted && e.since < t.Unix() {
			list = append(list, v.inForce(e))
		}
	}
	return list
}
