package reports

import (
	"encoding/json"
	"fmt"

	"schulhof/smtpd/tally"
	"schulhof/store"
)

// addCounts adds to what is counted already. A day that has maxCounts lines gets no new ones.
func addCounts(tx *store.Tx, rows map[countKey]int64) error {
	room := map[int64]int64{}
	for key, n := range rows {
		changed, err := tx.Exec(`UPDATE dmarc_count SET messages = messages + $4 WHERE day = $1 AND domain = $2 AND line = $3`, key.day, key.domain, []byte(key.line), n)
		if err != nil {
			return fmt.Errorf("count mail of %s: %w", key.domain, err)
		}
		if changed > 0 {
			continue
		}
		if _, known := room[key.day]; !known {
			var lines int64
			if err := tx.QueryRow(`SELECT COUNT(*) FROM dmarc_count WHERE day = $1`, key.day).Scan(&lines); err != nil {
				return fmt.Errorf("count mail of %s: %w", key.domain, err)
			}
			room[key.day] = maxCounts - lines
		}
		if room[key.day]--; room[key.day] < 0 {
			continue
		}
		if _, err := tx.Exec(`INSERT INTO dmarc_count (day, domain, line, messages) VALUES ($1, $2, $3, $4)`, key.day, key.domain, []byte(key.line), n); err != nil {
			return fmt.Errorf("count mail of %s: %w", key.domain, err)
		}
	}
	return nil
}

// selectDays lists the days before today that have counts, by domain.
func selectDays(tx *store.Tx, today int64) ([]tally.Day, error) {
	return tally.Days(tx, `SELECT DISTINCT day, domain FROM dmarc_count WHERE day < $1 ORDER BY day, domain LIMIT $2`, today, maxDomains)
}

// selectRecords are the lines of a report, the most frequent first.
func selectRecords(tx *store.Tx, d tally.Day) (list []aggregateRecord, err error) {
	rows, err := tx.Query(`SELECT line, messages FROM dmarc_count WHERE day = $1 AND domain = $2 ORDER BY messages DESC, line LIMIT $3`, d.Number, d.Domain, maxRecords)
	if err != nil {
		return nil, fmt.Errorf("counts of %s: %w", d.Domain, err)
	}
	defer rows.Close()
	for rows.Next() {
		var text []byte
		var n int64
		var l line
		if err := rows.Scan(&text, &n); err != nil {
			return nil, fmt.Errorf("counts of %s: %w", d.Domain, err)
		}
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("counts of %s: %w", d.Domain, err)
		}
		list = append(list, l.record(n))
	}
	return list, rows.Err()
}

func deleteDay(tx *store.Tx, d tally.Day) error {
	if _, err := tx.Exec(`DELETE FROM dmarc_count WHERE day = $1 AND domain = $2`, d.Number, d.Domain); err != nil {
		return fmt.Errorf("forget counts of %s: %w", d.Domain, err)
	}
	return nil
}
