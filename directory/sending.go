package directory

import (
	"fmt"
	"slices"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
)

// SendingLimit is how many recipients an account may write to within an hour, and how many it has. It is an error of kind
// fault.Throttled when one message more would pass it.
type SendingLimit struct {
	Account ID
	To      Party // anyone, internal or external
	PerHour int64
	Used    int64 // within the hour before now
	rule    string
}

// Error names the rule.
func (l *SendingLimit) Error() string { return l.Unwrap().Error() }

// Unwrap is the sentence for people.
func (l *SendingLimit) Unwrap() error {
	return fault.New(fault.Throttled, "the rule %s allows %d recipients an hour / Die Regel %[1]s erlaubt %[2]d Empfaenger je Stunde", l.rule, l.PerHour)
}

// limitsOf are the limits of an account: for each kind of recipients the one of the rule that says most about who writes.
func (d *Directory) limitsOf(account ID) []SendingLimit {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	e := v.accounts[account]
	if e == nil {
		return nil
	}
	var limits []SendingLimit
	ranks := map[Party]int{}
	for _, r := range v.rules {
		rank := v.ruleRank(r)
		if r.PerHour == NoLimit || !v.fits(r.From, e) {
			continue
		}
		if before, ok := ranks[r.To]; ok {
			i := slices.IndexFunc(limits, func(l SendingLimit) bool { return l.To == r.To })
			if before == rank && r.PerHour > limits[i].PerHour { // two groups: the one that allows more
				limits[i].PerHour, limits[i].rule = r.PerHour, v.limitName(r)
			}
			continue
		}
		ranks[r.To] = rank
		limits = append(limits, SendingLimit{Account: account, To: r.To, PerHour: r.PerHour, rule: v.limitName(r)})
	}
	return limits
}

// limitName needs mu.
func (v *view) limitName(r Rule) string {
	return `"` + v.partyName(r.From) + " to " + v.partyName(r.To) + `"`
}

// of is how many of a message's recipients count towards l.
func (l *SendingLimit) of(inside, outside int) int64 {
	switch l.To.word {
	case partyInternal:
		return int64(inside)
	case partyExternal:
		return int64(outside)
	}
	return int64(inside + outside)
}

// CountSending counts a message's recipients towards the limits of the account that sends it, in the transaction that accepts the
// message: inside and outside are addresses of ours and of others, a group being one. The hour is the last 60 whole minutes and the one
// that runs. A *SendingLimit: the message would pass a limit, and nothing of it is counted.
func (d *Directory) CountSending(tx *store.Tx, account ID, inside, outside int) error {
	minute := d.now().Unix() / 60
	limits := d.limitsOf(account)
	if len(limits) == 0 {
		return nil
	}
	for i := range limits {
		l := &limits[i]
		n := l.of(inside, outside)
		if n == 0 {
			continue
		}
		var err error
		if l.Used, err = sentWithin(tx, l, minute); err != nil {
			return err
		}
		if l.Used+n > l.PerHour {
			return l
		}
	}
	return addSent(tx, limits, minute, inside, outside)
}

// NoteSending counts what has been sent for an account without asking it: its filter has sent something on, or answered. What a limit has
// room for was to be looked up before, with SendingRoom.
func (d *Directory) NoteSending(tx *store.Tx, account ID, inside, outside int) error {
	return addSent(tx, d.limitsOf(account), d.now().Unix()/60, inside, outside)
}

// SendingRoom tells the limit that a message to so many recipients would pass now; nil when there is room.
func (d *Directory) SendingRoom(tx *store.Tx, account ID, inside, outside int) (*SendingLimit, error) {
	limits, err := d.SendingLimits(tx, account)
	for i := range limits {
		l := &limits[i]
		if n := l.of(inside, outside); n > 0 && l.Used+n > l.PerHour {
			return l, err
		}
	}
	return nil, err
}

// addSent counts towards the limits of one account, and forgets what no longer counts.
func addSent(tx *store.Tx, limits []SendingLimit, minute int64, inside, outside int) error {
	if len(limits) == 0 {
		return nil
	}
	if _, err := tx.Exec(`DELETE FROM sent WHERE account_id = $1 AND minute < $2`, int64(limits[0].Account), minute-sendingWindow); err != nil {
		return fmt.Errorf("forget what was sent: %w", err)
	}
	for i := range limits {
		n := limits[i].of(inside, outside)
		if n == 0 {
			continue
		}
		_, err := tx.Exec(`INSERT INTO sent (account_id, to_, minute, recipients) VALUES ($1, $2, $3, $4)
			ON CONFLICT (account_id, to_, minute) DO UPDATE SET recipients = sent.recipients + excluded.recipients`,
			int64(limits[i].Account), limits[i].To.word, minute, n)
		if err != nil {
			return fmt.Errorf("count what is sent: %w", err)
		}
	}
	return nil
}

// sentWithin is what counts towards l in the hour before minute. Minutes ahead of it, from before a clock was set back, count too.
func sentWithin(tx *store.Tx, l *SendingLimit, minute int64) (n int64, err error) {
	err = tx.QueryRow(`SELECT COALESCE(SUM(recipients), 0) FROM sent WHERE account_id = $1 AND to_ = $2 AND minute >= $3`,
		int64(l.Account), l.To.word, minute-sendingWindow).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read what was sent: %w", err)
	}
	return n, nil
}

// SendingLimits tells an account's limits and what it has used of them.
func (d *Directory) SendingLimits(tx *store.Tx, account ID) ([]SendingLimit, error) {
	limits := d.limitsOf(account)
	for i := range limits {
		var err error
		if limits[i].Used, err = sentWithin(tx, &limits[i], d.now().Unix()/60); err != nil {
			return nil, err
		}
	}
	return limits, nil
}

// sendingWindow is the hour of the limits, in minutes.
const sendingWindow = int64(time.Hour / time.Minute)
