package directory

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
)

// External is a member of a group who has no account here.
type External struct {
	ID      int64
	Group   ID
	Address string
	Token   string // names the member in the sender of what is sent there
	Bounces int    // days in a row on which mail came back
	Paused  bool   // nothing is sent there any more, until ResumeExternals

	bounced int64 // when mail came back last, unix seconds
}

// newToken is 80 random bits, 16 characters that survive a mail address in any case.
func newToken() string {
	var b [10]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// AddExternals makes addresses elsewhere members of a group; those that are stay as they are.
// fault.NotFound, fault.Invalid, fault.Refused (a domain of ours), fault.Limit.
func (d *Directory) AddExternals(ctx context.Context, group ID, addresses []string) error {
	list := make([]External, len(addresses))
	for i, address := range addresses {
		a, err := ParseAddress(address)
		if err != nil {
			return fmt.Errorf("add %s: %w", printable(address), err)
		}
		if d.view.isLocal(a.Domain) {
			return fault.New(fault.Refused, "%s is at a domain of ours: it has no account", a)
		}
		list[i] = External{Group: group, Address: a.String(), Token: newToken()}
	}
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		if _, _, err := selectGroup(tx, group); err != nil {
			return err
		}
		for _, x := range list {
			_, err := tx.Exec(`INSERT INTO group_external (group_id, address, token, bounces, bounced, paused) VALUES ($1, $2, $3, 0, 0, 0)
				ON CONFLICT (group_id, address) DO NOTHING`, int64(group), x.Address, x.Token)
			if err != nil {
				return fmt.Errorf("insert member elsewhere: %w", err)
			}
		}
		return d.externalsChanged(tx, group)
	})
	if err != nil {
		return fmt.Errorf("add members: %w", err)
	}
	return nil
}

// RemoveExternals takes addresses elsewhere out of a group. fault.NotFound: one of them is not in it; then none is removed.
func (d *Directory) RemoveExternals(ctx context.Context, group ID, addresses []string) error {
	return d.eachExternal(ctx, group, addresses, `DELETE FROM group_external WHERE group_id = $1 AND address = $2`)
}

// ResumeExternals sends again to members elsewhere that were paused. fault.NotFound as RemoveExternals.
func (d *Directory) ResumeExternals(ctx context.Context, group ID, addresses []string) error {
	return d.eachExternal(ctx, group, addresses,
		`UPDATE group_external SET paused = 0, bounces = 0, bounced = 0 WHERE group_id = $1 AND address = $2`)
}

// eachExternal runs query for each address, all or none.
func (d *Directory) eachExternal(ctx context.Context, group ID, addresses []string, query string) error {
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		g, _, err := selectGroup(tx, group)
		if err != nil {
			return err
		}
		for _, address := range addresses {
			a, err := ParseAddress(address)
			if err != nil {
				return err
			}
			n, err := tx.Exec(query, int64(group), a.String())
			if err != nil {
				return fmt.Errorf("change member elsewhere: %w", err)
			}
			if n == 0 {
				return fault.New(fault.NotFound, "%s is not a member of %s", a, g.Name)
			}
		}
		return d.externalsChanged(tx, group)
	})
	if err != nil {
		return fmt.Errorf("change members: %w", err)
	}
	return nil
}

// Externals lists a group's members elsewhere by address. fault.NotFound.
func (d *Directory) Externals(group ID) ([]External, error) {
	d.view.mu.RLock()
	defer d.view.mu.RUnlock()
	g := d.view.groups[group]
	if g == nil {
		return nil, fault.New(fault.NotFound, "no such group")
	}
	return slices.Clone(g.external), nil
}

// ExternalByToken finds a member elsewhere. fault.NotFound.
func (d *Directory) ExternalByToken(token string) (External, error) {
	d.view.mu.RLock()
	defer d.view.mu.RUnlock()
	for _, g := range d.view.groups {
		for _, x := range g.external {
			if x.Token == token {
				return x, nil
			}
		}
	}
	return External{}, errNoExternal
}

var errNoExternal error = fault.New(fault.NotFound, "no such member")

// CountBounce counts that mail to a member elsewhere came back, at most once a day; a week without starts anew. After MaxBounces such days
// nothing more is sent there: paused. fault.NotFound: they have left.
func (d *Directory) CountBounce(tx *store.Tx, token string) (x External, paused bool, err error) {
	x, err = scanExternal(tx.QueryRow(`SELECT `+externalColumns+` WHERE token = $1`, token).Scan)
	if errors.Is(err, store.ErrNoRows) {
		return x, false, errNoExternal
	}
	if err != nil {
		return x, false, fmt.Errorf("read member elsewhere: %w", err)
	}
	now := d.now()
	since := now.Sub(time.Unix(x.bounced, 0))
	switch {
	case x.Paused || x.bounced > 0 && since < bounceDay:
		return x, false, nil
	case since > bounceForget:
		x.Bounces = 0
	}
	x.Bounces++
	x.bounced = now.Unix()
	x.Paused = x.Bounces >= MaxBounces
	_, err = tx.Exec(`UPDATE group_external SET bounces = $2, bounced = $3, paused = $4 WHERE id = $1`, x.ID, int64(x.Bounces), x.bounced, x.Paused)
	if err != nil {
		return x, false, fmt.Errorf("count a bounce: %w", err)
	}
	return x, x.Paused, d.externalsChanged(tx, x.Group)
}

// externalsChanged publishes a group's members elsewhere as this transaction leaves them. fault.Limit.
func (d *Directory) externalsChanged(tx *store.Tx, group ID) error {
	var list []External
	err := each(tx, `SELECT `+externalColumns+` WHERE group_id = $1`, func(scan func(...any) error) error {
		x, err := scanExternal(scan)
		list = append(list, x)
		return err
	}, int64(group))
	if err != nil {
		return err
	}
	if len(list) > MaxExternals {
		return fault.New(fault.Limit, "a group has at most %d members elsewhere", MaxExternals)
	}
	tx.AfterCommit(func() { d.view.putExternals(group, list) })
	return nil
}

func (v *view) putExternals(group ID, list []External) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if g := v.groups[group]; g != nil {
		slices.SortFunc(list, func(a, b External) int { return cmp.Compare(a.Address, b.Address) })
		g.external = list
	}
}

const externalColumns = `id, group_id, address, token, bounces, bounced, paused FROM group_external`

func scanExternal(scan func(...any) error) (x External, err error) {
	var group int64
	err = scan(&x.ID, &group, &x.Address, &x.Token, &x.Bounces, &x.bounced, &x.Paused)
	x.Group = ID(group)
	return x, err
}

func (d *Directory) loadExternals(tx *store.Tx) error {
	lists := map[ID][]External{}
	err := each(tx, `SELECT `+externalColumns, func(scan func(...any) error) error {
		x, err := scanExternal(scan)
		lists[x.Group] = append(lists[x.Group], x)
		return err
	})
	for group, list := range lists {
		d.view.putExternals(group, list)
	}
	return err
}
