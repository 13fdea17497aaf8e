package directory

import (
	"fmt"
	"slices"
	"strings"

	"schulhof/store"
)

// ListKey is the feed key of the directory as people see it: it wakes when an account, a group or a membership changes.
func ListKey() store.Key { return store.Key{Kind: "directory"} }

// logKind is what a row of the log is about. The values are stored.
type logKind uint8

const (
	logAccount logKind = iota + 1
	logGroup
	logMember
)

// logRow says what something was before a change.
type logRow struct {
	seq       uint64
	at        int64
	kind      logKind
	principal ID     // the account or group
	member    ID     // the account of a membership
	login     string // of the account or group
	was       string
}

// wasMember is what a membership was before it ended.
const wasMember = "member"

func accountRow(a Account, was string) logRow {
	return logRow{kind: logAccount, principal: a.ID, login: a.Login, was: was}
}

func accountWas(a Account) string { return string(a.Role) + " " + string(a.State) }

// readAccountWas takes accountWas apart.
func readAccountWas(was string) (role Role, state State) {
	r, s, _ := strings.Cut(was, " ")
	return Role(r), State(s)
}

func groupRow(g Group, was string) logRow {
	return logRow{kind: logGroup, principal: g.ID, login: g.Name, was: was}
}

func memberRow(group, account ID, was string) logRow {
	return logRow{kind: logMember, principal: group, member: account, was: was}
}

// record writes what this transaction changes, as one change, and publishes it after the commit. It comes last in the transaction: the
// view must have the new state before the log says so, so that nobody is told of a change and then reads the state before it.
func (d *Directory) record(tx *store.Tx, rows ...logRow) error {
	if len(rows) == 0 {
		return nil
	}
	now := d.now().Unix()
	var seq uint64
	if err := tx.QueryRow(`UPDATE directory_counter SET seq = seq + 1 WHERE one = 1 RETURNING seq`).Scan(&seq); err != nil {
		return fmt.Errorf("count a change of the directory: %w", err)
	}
	for i := range rows {
		r := &rows[i]
		r.seq, r.at = seq, now
		_, err := tx.Exec(`INSERT INTO directory_log (seq, at, kind, principal_id, member_id, login, was) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			seq, now, int64(r.kind), int64(r.principal), int64(r.member), r.login, r.was)
		if err != nil {
			return fmt.Errorf("log a change of the directory: %w", err)
		}
	}
	from, err := d.forgetOld(tx, now)
	if err != nil {
		return err
	}
	tx.Changed(ListKey(), seq)
	tx.AfterCommit(func() { d.view.logged(seq, from, rows) })
	return nil
}

// forgetOld removes rows that are older than LogRetention, if there are any; from is the last change that is not complete any more, 0: as before.
func (d *Directory) forgetOld(tx *store.Tx, now int64) (from uint64, err error) {
	until := now - int64(LogRetention.Seconds())
	if !d.view.oldLog(until) {
		return 0, nil
	}
	if err := tx.QueryRow(`SELECT COALESCE(MAX(seq), 0) FROM directory_log WHERE at <= $1`, until).Scan(&from); err != nil || from == 0 {
		return 0, err
	}
	if _, err := tx.Exec(`DELETE FROM directory_log WHERE seq <= $1`, from); err != nil {
		return 0, err
	}
	_, err = tx.Exec(`UPDATE directory_counter SET log_from = $1 WHERE one = 1`, from)
	return from, err
}

// forget removes from the log what it says of an account that is purged, since a login tells a name. The log is complete only after that:
// who was not there since the account's last change, which was its deletion or came before it, reads the list anew.
func (d *Directory) forget(tx *store.Tx, id ID) error {
	var last uint64
	err := tx.QueryRow(`SELECT COALESCE(MAX(seq), 0) FROM directory_log WHERE kind = $1 AND principal_id = $2`, int64(logAccount), int64(id)).Scan(&last)
	if err != nil || last == 0 {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM directory_log WHERE seq <= $1`, last); err != nil {
		return fmt.Errorf("forget an account's log: %w", err)
	}
	if _, err := tx.Exec(`UPDATE directory_counter SET log_from = $1 WHERE one = 1 AND log_from < $1`, last); err != nil {
		return fmt.Errorf("forget an account's log: %w", err)
	}
	tx.AfterCommit(func() { d.view.forgotten(last) })
	return nil
}

// forgotten publishes that the log begins after from.
func (v *view) forgotten(from uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if from > v.logFrom {
		v.logFrom, v.log = from, slices.Clone(v.since(from))
	}
}

func (d *Directory) loadLog(tx *store.Tx) error {
	v := d.view
	if err := tx.QueryRow(`SELECT seq, log_from FROM directory_counter WHERE one = 1`).Scan(&v.seq, &v.logFrom); err != nil {
		return fmt.Errorf("read the directory's counter: %w", err)
	}
	return each(tx, `SELECT seq, at, kind, principal_id, member_id, login, was FROM directory_log ORDER BY id`, func(scan func(...any) error) error {
		var r logRow
		err := scan(&r.seq, &r.at, &r.kind, &r.principal, &r.member, &r.login, &r.was)
		v.log = append(v.log, r)
		return err
	})
}

// logged publishes a change.
func (v *view) logged(seq, from uint64, rows []logRow) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seq = seq
	v.log = append(v.log, rows...)
	if from > 0 {
		v.logFrom = from
		v.log = slices.Clone(v.since(from))
	}
}

// since are the rows after seq. Needs mu.
func (v *view) since(seq uint64) []logRow {
	i, _ := slices.BinarySearchFunc(v.log, seq+1, func(r logRow, seq uint64) int {
		if r.seq < seq {
			return -1
		}
		return 1
	})
	return v.log[i:]
}

// oldLog tells whether the oldest row is not younger than until.
func (v *view) oldLog(until int64) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return len(v.log) > 0 && v.log[0].at <= until
}
