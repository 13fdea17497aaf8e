package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
)

const reportColumns = `id, kind, domain, organization, report_id, contact, begins, ends, passed, failed, verified, received`

// row is a report as the table has it.
type row struct {
	Report
	begins, ends, verified, received int64
}

func (r *row) targets() []any {
	return []any{&r.Number, &r.Kind, &r.Domain, &r.Organization, &r.ID, &r.Contact, &r.begins, &r.ends, &r.Passed, &r.Failed, &r.verified, &r.received}
}

func (r *row) report() Report {
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
	r.Begin, r.End, r.Received, r.Verified = at(r.begins), at(r.ends), at(r.received), r.verified != 0
	return r.Report
}

// insertReport writes a report, unless it is there.
func insertReport(tx *store.Tx, r *Report) error {
	details, err := json.Marshal(r.Details)
	if err != nil {
		return fmt.Errorf("report of %s: %w", r.Organization, err)
	}
	verified := int64(0)
	if r.Verified {
		verified = 1
	}
	_, err = tx.Exec(`INSERT INTO report (kind, domain, organization, report_id, contact, begins, ends, passed, failed, verified, received, details)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (kind, domain, organization, report_id) DO NOTHING`,
		string(r.Kind), r.Domain, r.Organization, r.ID, r.Contact, r.Begin.Unix(), r.End.Unix(), r.Passed, r.Failed, verified, r.Received.Unix(), details)
	if err != nil {
		return fmt.Errorf("report of %s: %w", r.Organization, err)
	}
	return nil
}

// countReceived is how many reports came since then.
func countReceived(tx *store.Tx, since int64) (n int64, err error) {
	if err := tx.QueryRow(`SELECT COUNT(*) FROM report WHERE received > $1`, since).Scan(&n); err != nil {
		return 0, fmt.Errorf("count reports: %w", err)
	}
	return n, nil
}

func selectReports(tx *store.Tx, f Filter, limit int) (list []Report, err error) {
	failures := 0
	if f.Failed {
		failures = 1
	}
	rows, err := tx.Query(`SELECT `+reportColumns+` FROM report WHERE ($1 = '' OR kind = $1) AND failed >= $2
		ORDER BY received DESC, id DESC LIMIT $3`, string(f.Kind), failures, limit)
	if err != nil {
		return nil, fmt.Errorf("reports: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(r.targets()...); err != nil {
			return nil, fmt.Errorf("reports: %w", err)
		}
		list = append(list, r.report())
	}
	return list, rows.Err()
}

func selectReport(tx *store.Tx, number int64) (Report, error) {
	var r row
	var details []byte
	err := tx.QueryRow(`SELECT `+reportColumns+`, details FROM report WHERE id = $1`, number).Scan(append(r.targets(), &details)...)
	if errors.Is(err, store.ErrNoRows) {
		return Report{}, fault.New(fault.NotFound, "there is no report %d", number)
	}
	if err != nil {
		return Report{}, fmt.Errorf("report %d: %w", number, err)
	}
	if err := json.Unmarshal(details, &r.Details); err != nil {
		return Report{}, fmt.Errorf("report %d: %w", number, err)
	}
	return r.report(), nil
}

// deleteReports removes some of what came before then, and of the oldest beyond maxKept. more: there may be others.
func deleteReports(tx *store.Tx, before int64) (more bool, err error) {
	n, err := tx.Exec(`DELETE FROM report WHERE id IN (SELECT id FROM report
		WHERE received < $1 OR id <= (SELECT id FROM report ORDER BY id DESC LIMIT 1 OFFSET $2) LIMIT $3)`, before, maxKept, forgetRows)
	if err != nil {
		return false, fmt.Errorf("forget reports: %w", err)
	}
	return n == forgetRows, nil
}
