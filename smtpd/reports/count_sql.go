package reports

import (
	"encoding/json"
	"fmt"

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

// countedDay is a domain with counts of one day.
type countedDay struct {
	day    int64
	domain string
}

// selectDays lists the days before today that have counts, by domain.
func selectDays(tx *store.Tx, today int64) (list []countedDay, err error) {
	rows, err := tx.Query(`SELECT DISTINCT day, domain FROM dmarc_count WHERE day < $1 ORDER BY day, domain LIMIT $2`, today, maxDomains)
	if err != nil {
		return nil, fmt.Errorf("days to report: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d countedDay
		if err := rows.Scan(&d.day, &d.domain); err != nil {
			return nil, fmt.Errorf("days to report: %w", err)
		}
		list = append(list, d)
	}
	return list, rows.Err()
}

// selectRecords are the lines of a report, the most frequent first.
func selectRecords(tx *store.Tx, d countedDay) (list []aggregateRecord, err error) {
	rows, err := tx.Query(`SELECT line, messages FROM dmarc_count WHERE day = $1 AND domain = $2 ORDER BY messages DESC, line LIMIT $3`, d.day, d.domain, maxRecords)
	if err != nil {
		return nil, fmt.Errorf("counts of %s: %w", d.domain, err)
	}
	defer rows.Close()
	for rows.Next() {
		var text []byte
		var n int64
		var l line
		if err := rows.Scan(&text, &n); err != nil {
			return nil, fmt.Errorf("counts of %s: %w", d.domain, err)
		}
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("counts of %s: %w", d.domain, err)
		}
		list = append(list, l.record(n))
	}
	return list, rows.Err()
}

func deleteDay(tx *store.Tx, d countedDay) error {
	if _, err := tx.Exec(`DELETE FROM dmarc_count WHERE day = $1 AND domain = $2`, d.day, d.domain); err != nil {
		return fmt.Errorf("forget counts of %s: %w", d.domain, err)
	}
	return nil
}
