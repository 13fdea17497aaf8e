package remote

import (
	"errors"
	"fmt"
	"time"

	"schulhof/store"
)

// selectPolicy reads the kept policy of a domain; nil: there is none, or one that cannot be read any more.
func selectPolicy(tx *store.Tx, domain string) (*stsPolicy, error) {
	var id string
	var text []byte
	var fetched int64
	err := tx.QueryRow(`SELECT policy_id, policy, fetched_at FROM sts_policy WHERE domain = $1`, domain).Scan(&id, &text, &fetched)
	if errors.Is(err, store.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("policy of %s: %w", domain, err)
	}
	p, err := parsePolicy(string(text))
	if err != nil {
		return nil, nil // a version of ours wrote it that knew more
	}
	p.ID, p.Fetched = id, time.Unix(fetched, 0)
	return p, nil
}

func upsertPolicy(tx *store.Tx, domain string, p *stsPolicy) error {
	_, err := tx.Exec(`INSERT INTO sts_policy (domain, policy_id, policy, fetched_at, expires_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (domain) DO UPDATE SET policy_id = excluded.policy_id, policy = excluded.policy, fetched_at = excluded.fetched_at, expires_at = excluded.expires_at`,
		domain, p.ID, []byte(p.Text), p.Fetched.Unix(), p.Fetched.Add(p.MaxAge).Unix())
	if err != nil {
		return fmt.Errorf("save policy of %s: %w", domain, err)
	}
	return nil
}

// deletePolicies forgets what counts no more.
func deletePolicies(tx *store.Tx, now time.Time) error {
	if _, err := tx.Exec(`DELETE FROM sts_policy WHERE expires_at <= $1`, now.Unix()); err != nil {
		return fmt.Errorf("forget policies: %w", err)
	}
	return nil
}
