package spam

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
)

// load reads who has taught how much.
func (p *people) load(ctx context.Context) error {
	err := p.store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT owner_id, spam, ham FROM bayes_person`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var row [3]int64
			if err := rows.Int64s(row[:]); err != nil {
				return err
			}
			p.taught[directory.ID(row[0])] = counts{row[1], row[2]}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("read who has taught: %w", err)
	}
	return nil
}

// eachWord calls fn with the counts of those tokens that a person's rows have.
func (p *people) eachWord(ctx context.Context, owner directory.ID, tokens []uint64, fn func(counts)) error {
	err := p.store.Read(ctx, func(tx *store.Tx) error {
		args := make([]any, 0, tokensAtOnce+1)
		for len(tokens) > 0 {
			args = append(args[:0], int64(owner))
			n := min(len(tokens), tokensAtOnce)
			for i := range tokensAtOnce { // always as many, so that there is one statement
				args = append(args, personal(tokens[min(i, n-1)], owner))
			}
			tokens = tokens[n:]
			if err := wordRows(tx, args, fn); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what a person taught: %w", err)
	}
	return nil
}

func wordRows(tx *store.Tx, args []any, fn func(counts)) error {
	rows, err := tx.Query(selectWords, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var row [2]int64
	for rows.Next() {
		if err := rows.Int64s(row[:]); err != nil {
			return err
		}
		fn(counts{row[0], row[1]})
	}
	return rows.Err()
}

// selectWords takes an owner and tokensAtOnce tokens.
var selectWords = func() string { //nolint:gochecknoglobals // a constant text
	b := []byte(`SELECT spam, ham FROM bayes_token WHERE owner_id = $1 AND token IN (`)
	for i := range tokensAtOnce {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, '$'), int64(i+2), 10)
	}
	return string(append(b, ')'))
}()

// write counts a lesson's words and ends it. A message counts once: what was said about it before is taken back. lessons is how many the
// person has had, 0 if there was nothing to write.
func (p *people) write(ctx context.Context, l mailbox.Lesson, tokens []uint64) (lessons int64, err error) {
	err = p.store.WriteBulk(ctx, func(tx *store.Tx) error {
		lessons = 0
		there, err := p.mail.Learned(tx, l.ID)
		if err != nil || !there || len(tokens) == 0 {
			return err
		}
		before, known, err := saidBefore(tx, l)
		if err != nil || known && before == l.Spam {
			return err
		}
		add := counts{ham: 1}
		if l.Spam {
			add = counts{spam: 1}
		}
		if known { // the other way round
			add = counts{add.spam*2 - 1, add.ham*2 - 1}
		}
		var now counts
		err = tx.QueryRow(`INSERT INTO bayes_person (owner_id, spam, ham, lessons) VALUES ($1, $2, $3, 1)
			ON CONFLICT (owner_id) DO UPDATE SET spam = bayes_person.spam + excluded.spam, ham = bayes_person.ham + excluded.ham,
				lessons = bayes_person.lessons + 1
			RETURNING spam, ham, lessons`, int64(l.Owner), add.spam, add.ham).Scan(&now.spam, &now.ham, &lessons)
		if err != nil {
			return err
		}
		if err := countWords(tx, l.Owner, tokens, add, lessons); err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO bayes_message (owner_id, content_id, spam, lesson) VALUES ($1, $2, $3, $4)
			ON CONFLICT (owner_id, content_id) DO UPDATE SET spam = excluded.spam, lesson = excluded.lesson`,
			int64(l.Owner), int64(l.Content), number(l.Spam), lessons)
		tx.AfterCommit(func() { p.set(l.Owner, now) })
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("learn from a message: %w", err)
	}
	return lessons, nil
}

// saidBefore is what a message was learned as.
func saidBefore(tx *store.Tx, l mailbox.Lesson) (spam, known bool, err error) {
	var n int64
	err = tx.QueryRow(`SELECT spam FROM bayes_message WHERE owner_id = $1 AND content_id = $2`, int64(l.Owner), int64(l.Content)).Scan(&n)
	if errors.Is(err, store.ErrNoRows) {
		return false, false, nil
	}
	return n != 0, err == nil, err
}

// countWords adds to the counts of words. Those of words that were forgotten meanwhile may fall below 0 for a while; readers take that for 0.
func countWords(tx *store.Tx, owner directory.ID, tokens []uint64, add counts, lesson int64) error {
	args := make([]any, 0, 5*tokensAtOnce)
	for len(tokens) > 0 {
		n := min(len(tokens), tokensAtOnce)
		args = args[:0]
		for _, t := range tokens[:n] {
			args = append(args, int64(owner), personal(t, owner), add.spam, add.ham, lesson)
		}
		tokens = tokens[n:]
		query := appendValues([]byte(`INSERT INTO bayes_token (owner_id, token, spam, ham, lesson) VALUES `), n, 5)
		query = append(query, ` ON CONFLICT (owner_id, token) DO UPDATE SET spam = bayes_token.spam + excluded.spam,
			ham = bayes_token.ham + excluded.ham, lesson = excluded.lesson`...)
		if _, err := tx.Exec(string(query), args...); err != nil {
			return err
		}
	}
	return nil
}

// prune forgets what a person's lessons said longest ago, if there is more than these numbers of words and messages: words that have not come
// again since, and which messages were learned.
func (p *people) prune(ctx context.Context, owner directory.ID, tokens, messages int64) error {
	err := p.store.WriteBulk(ctx, func(tx *store.Tx) error {
		for _, table := range []struct {
			name string
			keep int64
		}{{"bayes_token", tokens}, {"bayes_message", messages}} {
			var last int64
			err := tx.QueryRow(`SELECT lesson FROM `+table.name+` WHERE owner_id = $1 ORDER BY lesson DESC LIMIT 1 OFFSET $2`,
				int64(owner), table.keep).Scan(&last)
			if errors.Is(err, store.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			if _, err := tx.Exec(`DELETE FROM `+table.name+` WHERE owner_id = $1 AND lesson <= $2`, int64(owner), last); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget old lessons: %w", err)
	}
	return nil
}

// purge removes what an account that is removed has taught.
func (p *people) purge(tx *store.Tx, id directory.ID, _ bool) error {
	for _, table := range []string{"bayes_person", "bayes_token", "bayes_message"} {
		if _, err := tx.Exec(`DELETE FROM `+table+` WHERE owner_id = $1`, int64(id)); err != nil {
			return fmt.Errorf("remove what account %d taught: %w", id, err)
		}
	}
	tx.AfterCommit(func() { p.set(id, counts{}) })
	return nil
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
