package directory

import (
	"time"

	"schulhof/store"
)

// load fills the view from a snapshot. It runs before anyone else has the Directory.
func (d *Directory) load(tx *store.Tx) error {
	names, err := selectDomains(tx)
	if err != nil {
		return err
	}
	d.view.setDomains(names)
	for _, step := range []func(*store.Tx) error{
		d.loadAccounts, d.loadGroups, d.loadMembers, d.loadExternals, d.loadResources, d.loadAliases, d.loadRules, d.loadApps, d.loadLimits, d.loadNetworks, d.loadLog,
	} {
		if err := step(tx); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) loadAccounts(tx *store.Tx) error {
	return each(tx, `SELECT `+accountColumns, func(scan func(...any) error) error {
		a, since, err := scanAccount(scan)
		d.view.putAccount(a, since)
		return err
	})
}

func (d *Directory) loadGroups(tx *store.Tx) error {
	return each(tx, `SELECT `+groupColumns, func(scan func(...any) error) error {
		g, created, err := scanGroup(scan)
		d.view.putGroup(g, created)
		return err
	})
}

func (d *Directory) loadMembers(tx *store.Tx) error {
	type key struct {
		group int64
		owner bool
	}
	members := map[key][]ID{}
	err := each(tx, `SELECT group_id, account_id, owner FROM membership`, func(scan func(...any) error) error {
		var k key
		var account int64
		err := scan(&k.group, &account, &k.owner)
		members[k] = append(members[k], ID(account))
		return err
	})
	for k, accounts := range members {
		d.view.putMembers(ID(k.group), accounts, k.owner)
	}
	return err
}

func (d *Directory) loadResources(tx *store.Tx) error {
	return each(tx, `SELECT p.id, p.login, p.address, p.name, r.kind FROM principal p JOIN resource r ON r.principal_id = p.id`,
		func(scan func(...any) error) error {
			var id int64
			var r Resource
			var address string
			err := scan(&id, &r.Name, &address, &r.Title, &r.Kind)
			r.ID = ID(id)
			d.view.putResource(r, address)
			return err
		})
}

func (d *Directory) loadAliases(tx *store.Tx) error {
	targets := map[string][]Address{}
	err := each(tx, `SELECT address, target FROM alias_target ORDER BY address, position`, func(scan func(...any) error) error {
		var address, target string
		if err := scan(&address, &target); err != nil {
			return err
		}
		to, err := ParseAddress(target)
		targets[address] = append(targets[address], to)
		return err
	})
	for address, list := range targets {
		d.view.putAlias(address, list)
	}
	return err
}

func (d *Directory) loadApps(tx *store.Tx) error {
	return each(tx, `SELECT id, account_id, name, scope, prefix, sum, created, last_used FROM app_password ORDER BY id`,
		func(scan func(...any) error) error {
			var account, scope, created, last int64
			var sum []byte
			app := &appEntry{}
			err := scan(&app.ID, &account, &app.Name, &scope, &app.prefix, &sum, &created, &last)
			app.Scope, app.Created = Scope(scope), time.Unix(created, 0)
			if last > 0 {
				app.LastUsed = time.Unix(last, 0)
			}
			copy(app.sum[:], sum)
			d.view.putApp(ID(account), app)
			return err
		})
}

func (d *Directory) loadLimits(tx *store.Tx) error {
	now := d.now()
	return each(tx, `SELECT key_, level, at_micros, until_micros, strikes FROM login_limit`, func(scan func(...any) error) error {
		var key string
		var level, at, until, strikes int64
		err := scan(&key, &level, &at, &until, &strikes)
		d.limiter.restore(key, bucket{level: float64(level) / 1000, at: at * 1000, until: until * 1000, strikes: int(strikes)}, now)
		return err
	})
}

func (d *Directory) loadNetworks(tx *store.Tx) error {
	return each(tx, `SELECT account_id, network, seen FROM login_network`, func(scan func(...any) error) error {
		var account, seen int64
		var network string
		err := scan(&account, &network, &seen)
		d.limiter.restoreNetwork(ID(account), network, seen)
		return err
	})
}
