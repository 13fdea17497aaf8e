package queue

import (
	"fmt"
	"time"

	"schulhof/store"
)

// lane is a destination with work. The scheduler's goroutine owns it.
type lane struct {
	name     string
	window   float64 // how many connections it may have
	busy     int     // workers under way
	idle     []*worker
	ready    []job
	inHand   map[int64]bool // deliveries in ready or under way
	more     bool           // the table may have more that is due
	served   int            // jobs given in this turn
	class    int            // whose share of the lanes it has
	settled  bool           // its row says when to look again; the lane is there for its open connections only
	paused   bool           // nothing is tried until `until`
	until    int64          // unix seconds
	failures int            // tries in a row that did not reach it
	broken   int            // connections in a row that broke
	barren   int            // deliveries in a row that it took nothing of
	text     string         // why it failed
}

// job is a delivery that is due.
type job struct {
	delivery int64
	failing  bool // the destination could not be reached the last time
}

// verdict is what a delivery says about its destination.
type verdict struct {
	kind verdictKind
	text string
}

type verdictKind int

const (
	verdictNone     verdictKind = iota // nothing: the delivery was withdrawn, or the store did not answer
	verdictTaken                       // it took a message
	verdictRefused                     // it answered, but took nothing
	verdictBroken                      // the connection broke
	verdictNoAnswer                    // it could not be reached
)

// learn makes the window larger or smaller, and pauses a destination that does not work.
func (l *lane) learn(v verdict, q *Queue) {
	switch v.kind {
	case verdictTaken:
		l.window = min(l.window+1/l.window, float64(q.o.PerHost))
		l.failures, l.broken, l.barren, l.text = 0, 0, 0, ""
		return
	case verdictRefused:
		l.failures, l.broken = 0, 0
		if l.barren++; l.barren < barrenLimit {
			return
		}
	case verdictBroken:
		l.window = max(l.window/2, 1)
		if l.broken++; l.broken < brokenLimit {
			return
		}
	case verdictNoAnswer:
		l.window = max(l.window/2, 1)
		if l.busy+len(l.idle) > 0 && l.failures == 0 && l.broken < brokenLimit { // others are served: it wants fewer at once
			l.broken++
			l.window = max(min(l.window, float64(l.busy)), 1)
			return
		}
	default:
		return
	}
	if l.paused {
		return
	}
	l.failures++
	pause := q.pauseAfter(l.failures)
	l.paused, l.until, l.text = true, q.now().Add(pause).Unix(), v.text
	l.broken, l.barren = 0, 0
	q.metrics.pauses.Inc()
	q.log.Warn("queue: destination pauses", "destination", l.name, "failures", l.failures, "pause", pause.Round(time.Second), "reason", v.text)
}

// destinationRow is a row of queue_destination.
type destinationRow struct {
	name     string
	failures int
	until    int64 // nothing is tried before; unix seconds
	text     string
}

// selectDue reads destinations that are due, those first that have waited longest.
func selectDue(tx *store.Tx, failing int, now int64, limit int) (list []destinationRow, err error) {
	rows, err := tx.Query(`SELECT name, failures, until, text FROM queue_destination WHERE failing = $1 AND wake <= $2 ORDER BY wake LIMIT $3`, failing, now, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var d destinationRow
		if err := rows.Scan(&d.name, &d.failures, &d.until, &d.text); err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, rows.Err()
}

// selectNamed reads those of the named destinations that are due and not failing, at most limit. names says for each when it is worth a look.
// It keeps those whose mail can still be taken back; the others are taken out: they come by selectDue, when it is time.
func selectNamed(tx *store.Tx, names map[string]int64, now int64, limit int) (list []destinationRow, err error) {
	for name, at := range names {
		if len(list) == limit {
			break
		}
		if at > now {
			continue
		}
		d := destinationRow{name: name}
		var wake int64
		err := tx.QueryRow(`SELECT wake, failures, until, text FROM queue_destination WHERE name = $1 AND failing = 0`, name).Scan(&wake, &d.failures, &d.until, &d.text)
		switch {
		case isNoRows(err), err == nil && wake > now+int64(MaxUndo/time.Second):
			delete(names, name)
		case err != nil:
			return nil, err
		case wake > now:
			names[name] = wake
		default:
			list = append(list, d)
		}
	}
	return list, nil
}

// selectNext is the next time after now at which something is due, 0: nothing waits.
func selectNext(tx *store.Tx, now int64) (next int64, err error) {
	for _, query := range []string{
		`SELECT MIN(wake) FROM queue_destination WHERE failing = 0 AND wake > $1`,
		`SELECT MIN(wake) FROM queue_destination WHERE failing = 1 AND wake > $1`,
		`SELECT MIN(deadline) FROM queue_delivery WHERE deadline IS NOT NULL AND deadline > $1`,
	} {
		var at *int64
		if err := tx.QueryRow(query, now).Scan(&at); err != nil {
			return 0, err
		}
		if at != nil && (next == 0 || *at < next) {
			next = *at
		}
	}
	return next, nil
}

// selectJobs reads deliveries of a lane that are due and not in hand: new ones and those tried before in turn, so that
// neither kind waits for the other.
func selectJobs(tx *store.Tx, l *lane, now int64, limit int) (jobs []job, err error) {
	var kinds [2][]int64
	for phase := range kinds {
		ids, err := selectIDs(tx, `SELECT id FROM queue_delivery WHERE destination = $1 AND phase = $2 AND due <= $3 ORDER BY due LIMIT $4`,
			l.name, phase, now, limit+len(l.inHand))
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if !l.inHand[id] {
				kinds[phase] = append(kinds[phase], id)
			}
		}
	}
	for i := 0; len(jobs) < limit && i < max(len(kinds[0]), len(kinds[1])); i++ {
		for _, ids := range kinds {
			if i < len(ids) {
				jobs = append(jobs, job{delivery: ids[i], failing: l.failures > 0})
			}
		}
	}
	return jobs, nil
}

// settleDestination writes when to look at a destination again, or forgets it when nothing waits for it.
func settleDestination(tx *store.Tx, l *lane, now int64) error {
	var wake *int64
	for phase := range 2 {
		var due *int64
		if err := tx.QueryRow(`SELECT MIN(due) FROM queue_delivery WHERE destination = $1 AND phase = $2`, l.name, phase).Scan(&due); err != nil {
			return err
		}
		if wake == nil || due != nil && *due < *wake {
			wake = due
		}
	}
	if wake == nil {
		_, err := tx.Exec(`DELETE FROM queue_destination WHERE name = $1`, l.name)
		return err
	}
	var until, failing int64
	if l.paused {
		until = l.until
	}
	if l.failures > 0 {
		failing = 1
	}
	at := max(*wake, until)
	if until == 0 && at < now {
		at = now // to the end of the line
	}
	_, err := tx.Exec(`UPDATE queue_destination SET failing = $2, wake = $3, until = $4, failures = $5, text = $6 WHERE name = $1`,
		l.name, failing, at, until, l.failures, l.text)
	if err != nil {
		return fmt.Errorf("destination %s: %w", l.name, err)
	}
	return nil
}
