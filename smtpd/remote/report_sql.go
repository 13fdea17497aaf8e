package remote

import (
	"fmt"

	"schulhof/smtpd/tally"
	"schulhof/store"
)

// addCounts adds to what is counted already.
func addCounts(tx *store.Tx, rows map[countKey]int64) error {
	for key, n := range rows {
		_, err := tx.Exec(`INSERT INTO tls_count (day, domain, policy_type, policy, result_type, mx_host, sessions) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (day, domain, policy_type, policy, result_type, mx_host) DO UPDATE SET sessions = tls_count.sessions + excluded.sessions`,
			key.Day, key.Domain, string(key.Policy), []byte(key.Text), string(key.Result), key.Host, n)
		if err != nil {
			return fmt.Errorf("count TLS of %s: %w", key.Domain, err)
		}
	}
	return nil
}

// selectDays lists the days before today that have counts, by domain.
func selectDays(tx *store.Tx, today int64) ([]tally.Day, error) {
	return tally.Days(tx, `SELECT DISTINCT day, domain FROM tls_count WHERE day < $1 ORDER BY day, domain LIMIT 1000`, today)
}

func selectCounts(tx *store.Tx, d tally.Day) (map[countKey]int64, error) {
	rows, err := tx.Query(`SELECT policy_type, policy, result_type, mx_host, sessions FROM tls_count WHERE day = $1 AND domain = $2 LIMIT 1000`, d.Number, d.Domain)
	if err != nil {
		return nil, fmt.Errorf("counts of %s: %w", d.Domain, err)
	}
	defer rows.Close()
	counts := map[countKey]int64{}
	for rows.Next() {
		key := countKey{Day: d.Number, Domain: d.Domain}
		var kind, result string
		var text []byte
		var n int64
		if err := rows.Scan(&kind, &text, &result, &key.Host, &n); err != nil {
			return nil, fmt.Errorf("counts of %s: %w", d.Domain, err)
		}
		key.Policy, key.Text, key.Result = policyKind(kind), string(text), resultType(result)
		counts[key] = n
	}
	return counts, rows.Err()
}

// selectContacted lists domains that there are counts of, the latest first.
func selectContacted(tx *store.Tx, limit int) (domains []string, err error) {
	rows, err := tx.Query(`SELECT domain FROM tls_count GROUP BY domain ORDER BY MAX(day) DESC, domain LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("domains with counts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var domain string
		if err := rows.Scan(&domain); err != nil {
			return nil, fmt.Errorf("domains with counts: %w", err)
		}
		domains = append(domains, domain)
	}
	return domains, rows.Err()
}

func deleteDay(tx *store.Tx, d tally.Day) error {
	if _, err := tx.Exec(`DELETE FROM tls_count WHERE day = $1 AND domain = $2`, d.Number, d.Domain); err != nil {
		return fmt.Errorf("forget counts of %s: %w", d.Domain, err)
	}
	return nil
}
