package mailbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// keywordCache remembers owners' dictionaries. They only grow, so the longer of two is the newer.
type keywordCache struct {
	mu      sync.Mutex
	byOwner map[directory.ID][]string
}

// keywordCacheOwners bounds the cache; beyond it is emptied and fills again from the rows.
const keywordCacheOwners = 20_000

func (k *keywordCache) get(owner directory.ID) ([]string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	names, ok := k.byOwner[owner]
	return names, ok
}

func (k *keywordCache) put(owner directory.ID, names []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old, ok := k.byOwner[owner]
	if ok && len(old) >= len(names) {
		return
	}
	if k.byOwner == nil || len(k.byOwner) >= keywordCacheOwners {
		k.byOwner = make(map[directory.ID][]string)
	}
	k.byOwner[owner] = names
}

// Keywords is the owner's dictionary: keyword names by bit (Keywords[0] is bit 5). It only grows; do not change it.
func (m *Mail) Keywords(ctx context.Context, owner directory.ID) (names []string, err error) {
	if names, ok := m.keywords.get(owner); ok {
		return names, nil
	}
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		names, err = keywordsOf(tx, owner)
		return err
	})
	if err == nil {
		m.keywords.put(owner, names)
	}
	return names, err
}

func keywordsOf(tx *store.Tx, owner directory.ID) ([]string, error) {
	rows, err := tx.Query(`SELECT name FROM keyword WHERE owner_id = $1 ORDER BY bit`, int64(owner))
	if err != nil {
		return nil, fmt.Errorf("keywords: %w", err)
	}
	defer rows.Close()
	names := []string{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("keywords: %w", err)
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// FlagBits translates names ("\\Seen", "$Forwarded") to bits; add: unknown keywords are added (fault.Limit when full), otherwise
// ignored and reported missing. \Recent and other flags that begin with a backslash and cannot be stored are ignored and
// reported missing. fault.Invalid: no flag at all.
func (m *Mail) FlagBits(ctx context.Context, owner directory.ID, names []string, add bool) (f Flags, missing bool, err error) {
	f, unknown, missing, err := systemFlags(names)
	if err != nil || len(unknown) == 0 {
		return f, missing, err
	}
	known, err := m.Keywords(ctx, owner)
	if err != nil {
		return 0, false, err
	}
	bits, left := keywordBits(known, unknown)
	if len(left) == 0 {
		return f | bits, missing, nil
	}
	if !add {
		return f | bits, true, nil
	}
	var all []string
	err = m.store.Write(ctx, func(tx *store.Tx) error {
		all, err = m.addKeywords(tx, owner, left)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	bits, _ = keywordBits(all, unknown)
	return f | bits, missing, nil
}

// systemFlags takes the system flags out of names.
func systemFlags(names []string) (f Flags, keywords []string, missing bool, err error) {
	for _, name := range names {
		if !strings.HasPrefix(name, `\`) {
			if err := checkKeyword(name); err != nil {
				return 0, nil, false, err
			}
			keywords = append(keywords, name)
			continue
		}
		switch strings.ToLower(name) {
		case `\seen`:
			f |= Seen
		case `\answered`:
			f |= Answered
		case `\flagged`:
			f |= Flagged
		case `\deleted`:
			f |= DeletedFlag
		case `\draft`:
			f |= Draft
		default:
			missing = true
		}
	}
	return f, keywords, missing, nil
}

// checkKeyword: flag-keyword is an atom, RFC 9051 §9.
func checkKeyword(name string) error {
	if name == "" || len(name) > MaxKeywordBytes {
		return fault.New(fault.Invalid, "a keyword has 1 to %d bytes", MaxKeywordBytes)
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return fault.New(fault.Invalid, "a keyword has a character that is not allowed")
		}
	}
	return nil
}

// keywordBits looks names up in any case; left are those that known lacks, each once.
func keywordBits(known, names []string) (f Flags, left []string) {
	for _, name := range names {
		same := func(n string) bool { return strings.EqualFold(n, name) }
		if i := slices.IndexFunc(known, same); i >= 0 {
			f |= 1 << (firstKeyword + i)
		} else if !slices.ContainsFunc(left, same) {
			left = append(left, name)
		}
	}
	return f, left
}

// addKeywords adds what owner lacks of names and returns the dictionary.
func (m *Mail) addKeywords(tx *store.Tx, owner directory.ID, names []string) ([]string, error) {
	known, err := keywordsOf(tx, owner)
	if err != nil {
		return nil, err
	}
	_, left := keywordBits(known, names)
	if len(known)+len(left) > MaxKeywords {
		return nil, fault.New(fault.Limit, "no more than %d different keywords", MaxKeywords)
	}
	for _, name := range left {
		_, err := tx.Exec(`INSERT INTO keyword (owner_id, bit, name) VALUES ($1, $2, $3)`, int64(owner), int64(firstKeyword+len(known)), name)
		if err != nil {
			return nil, fmt.Errorf("add keyword: %w", err)
		}
		known = append(known, name)
	}
	if len(left) > 0 {
		tx.AfterCommit(func() { m.keywords.put(owner, known) })
	}
	return known, nil
}
