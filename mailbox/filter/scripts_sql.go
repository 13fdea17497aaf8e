package filter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"schulhof/directory"
	"schulhof/store"
)

func (f *Filters) loadActive(tx *store.Tx) error {
	rows, err := tx.Query(`SELECT owner_id, name FROM sieve_script WHERE active = 1`)
	if err != nil {
		return fmt.Errorf("read active scripts: %w", err)
	}
	defer rows.Close()
	f.active = map[directory.ID]string{}
	for rows.Next() {
		var owner directory.ID
		var name string
		if err := rows.Scan(&owner, &name); err != nil {
			return fmt.Errorf("read active scripts: %w", err)
		}
		f.active[owner] = name
	}
	return rows.Err()
}

// read is a script's text.
func (f *Filters) read(ctx context.Context, key scriptKey) (text []byte, found bool, err error) {
	err = f.store.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT body FROM sieve_script WHERE owner_id = $1 AND name = $2`, int64(key.owner), key.name).Scan(&text)
	})
	if errors.Is(err, store.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read script: %w", err)
	}
	return text, true, nil
}

const scriptColumns = `SELECT name, active, CAST(LENGTH(body) AS BIGINT), changed_at FROM sieve_script WHERE owner_id = $1`

func scriptsOf(tx *store.Tx, owner directory.ID) ([]Script, error) {
	rows, err := tx.Query(scriptColumns+` ORDER BY name`, int64(owner))
	if err != nil {
		return nil, fmt.Errorf("list scripts: %w", err)
	}
	defer rows.Close()
	list := []Script{}
	for rows.Next() {
		var s Script
		var changed int64
		if err := rows.Scan(&s.Name, &s.Active, &s.Size, &changed); err != nil {
			return nil, fmt.Errorf("list scripts: %w", err)
		}
		s.Changed = time.Unix(changed, 0)
		list = append(list, s)
	}
	return list, rows.Err()
}

// scriptNamed finds one. fault.NotFound.
func scriptNamed(tx *store.Tx, owner directory.ID, name string) (s Script, err error) {
	var changed int64
	err = tx.QueryRow(scriptColumns+` AND name = $2`, int64(owner), name).Scan(&s.Name, &s.Active, &s.Size, &changed)
	if errors.Is(err, store.ErrNoRows) {
		return s, noScript(name)
	}
	if err != nil {
		return s, fmt.Errorf("find script: %w", err)
	}
	s.Changed = time.Unix(changed, 0)
	return s, nil
}

func putScript(tx *store.Tx, owner directory.ID, name string, text []byte, now int64) error {
	_, err := tx.Exec(`INSERT INTO sieve_script (owner_id, name, active, changed_at, body) VALUES ($1, $2, 0, $3, $4)
		ON CONFLICT (owner_id, name) DO UPDATE SET changed_at = excluded.changed_at, body = excluded.body`, int64(owner), name, now, text)
	if err != nil {
		return fmt.Errorf("store script: %w", err)
	}
	return nil
}

// activate makes name the only active script; found is false when there is none of that name.
func activate(tx *store.Tx, owner directory.ID, name string) (found bool, err error) {
	if name != "" {
		n, err := tx.Exec(`UPDATE sieve_script SET active = 1 WHERE owner_id = $1 AND name = $2`, int64(owner), name)
		if err != nil {
			return false, fmt.Errorf("activate script: %w", err)
		}
		if n == 0 {
			return false, nil
		}
	}
	_, err = tx.Exec(`UPDATE sieve_script SET active = 0 WHERE owner_id = $1 AND active = 1 AND name <> $2`, int64(owner), name)
	if err != nil {
		return false, fmt.Errorf("deactivate script: %w", err)
	}
	return true, nil
}

func deleteScript(tx *store.Tx, owner directory.ID, name string) error {
	if _, err := tx.Exec(`DELETE FROM sieve_script WHERE owner_id = $1 AND name = $2`, int64(owner), name); err != nil {
		return fmt.Errorf("delete script: %w", err)
	}
	return nil
}

func renameScript(tx *store.Tx, owner directory.ID, from, to string) error {
	_, err := tx.Exec(`UPDATE sieve_script SET name = $3 WHERE owner_id = $1 AND name = $2`, int64(owner), from, to)
	if err != nil {
		return fmt.Errorf("rename script: %w", err)
	}
	return nil
}

// purge removes everything of an account that is removed, in the removing transaction.
func (f *Filters) purge(tx *store.Tx, id directory.ID, _ bool) error {
	for _, query := range []string{
		`DELETE FROM sieve_script WHERE owner_id = $1`,
		`DELETE FROM sieve_memory WHERE owner_id = $1`,
		`DELETE FROM sieve_sent WHERE owner_id = $1`,
	} {
		if _, err := tx.Exec(query, int64(id)); err != nil {
			return fmt.Errorf("remove filters of account %d: %w", id, err)
		}
	}
	tx.AfterCommit(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.active, id)
		for key := range f.cache {
			if key.owner == id {
				f.drop(key)
			}
		}
	})
	return nil
}
