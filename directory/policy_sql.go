package directory

import (
	"errors"
	"fmt"

	"schulhof/store"
)

// ruleKey is the key of table contact_rule.
type ruleKey struct{ from, to string }

const ruleColumns = `from_, to_, from_id, to_id, decision, quiet, per_hour FROM contact_rule`

func scanRule(scan func(...any) error) (r Rule, err error) {
	var from, to, decision, quiet string
	var fromID, toID, perHour *int64
	if err := scan(&from, &to, &fromID, &toID, &decision, &quiet, &perHour); err != nil {
		return r, err
	}
	r = Rule{From: storedParty(from, fromID), To: storedParty(to, toID), Decision: Decision(decision), PerHour: NoLimit}
	if perHour != nil {
		r.PerHour = *perHour
	}
	r.Quiet, err = ParseQuiet(quiet)
	return r, err
}

func storedParty(word string, id *int64) Party {
	if id != nil {
		return Party{id: ID(*id)}
	}
	return Party{word: word}
}

func selectRule(tx *store.Tx, key ruleKey) (r Rule, found bool, err error) {
	r, err = scanRule(tx.QueryRow(`SELECT `+ruleColumns+` WHERE from_ = $1 AND to_ = $2`, key.from, key.to).Scan)
	if errors.Is(err, store.ErrNoRows) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("read contact rule: %w", err)
	}
	return r, true, nil
}

func upsertRule(tx *store.Tx, key ruleKey, r Rule) error {
	_, err := tx.Exec(`INSERT INTO contact_rule (from_, to_, from_id, to_id, decision, quiet, per_hour) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (from_, to_) DO UPDATE SET decision = excluded.decision, quiet = excluded.quiet, per_hour = excluded.per_hour`,
		key.from, key.to, idOrNull(r.From.id), idOrNull(r.To.id), string(r.Decision), r.Quiet.String(), numberOrNull(r.PerHour))
	if err != nil {
		return fmt.Errorf("write contact rule: %w", err)
	}
	return nil
}

func idOrNull(id ID) any {
	if id == 0 {
		return nil
	}
	return int64(id)
}

// numberOrNull is NULL for NoLimit.
func numberOrNull(n int64) any {
	if n == NoLimit {
		return nil
	}
	return n
}

func (d *Directory) loadRules(tx *store.Tx) error {
	var list []Rule
	err := each(tx, `SELECT `+ruleColumns, func(scan func(...any) error) error {
		r, err := scanRule(scan)
		list = append(list, r)
		return err
	})
	d.view.putRules(list...)
	return err
}
