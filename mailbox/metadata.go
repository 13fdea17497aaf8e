package mailbox

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// MetadataEntry is one entry of RFC 5464: "/private/…" is the person's own, "/shared/…" everybody's.
type MetadataEntry struct {
	Name  string // lower case
	Value []byte // nil: there is none
}

// MetadataDepth says what GETMETADATA asks for besides an entry itself. RFC 5464 §4.2.2.
type MetadataDepth uint8

// The depths.
const (
	DepthNone MetadataDepth = iota
	DepthChildren
	DepthAll
)

// ErrMetadataTooMany: no more entries can be added; ErrMetadataTooLarge: a value has more than MaxMetadataValue bytes. RFC 5464 §4.3.
var (
	ErrMetadataTooMany  = errors.New("too many entries")
	ErrMetadataTooLarge = errors.New("value too large")
)

const (
	privateStart = "/private/"
	sharedEntry  = "/shared/"
)

// CheckMetadataName returns name as it is stored. fault.Invalid: RFC 5464 §3.2.1.
func CheckMetadataName(name string) (string, error) {
	clean := strings.ToLower(name)
	if !strings.HasPrefix(clean, privateStart) && !strings.HasPrefix(clean, sharedEntry) || strings.HasSuffix(clean, "/") ||
		strings.Contains(clean, "//") || len(clean) > MaxMetadataName {
		return "", fault.New(fault.Invalid, "an entry is /private/ or /shared/ and a name, at most %d bytes", MaxMetadataName)
	}
	for i := range len(clean) {
		if c := clean[i]; c < ' ' || c >= 0x7f || c == '*' || c == '%' {
			return "", fault.New(fault.Invalid, "an entry's name has a character that is not allowed")
		}
	}
	return clean, nil
}

// about is what entries are about: a mailbox, or the server.
type about struct {
	id     ID
	owner  directory.ID
	rights Rights
}

// aboutName finds the mailbox name, "" for the server, which everybody reads and administrators annotate. fault.NotFound, fault.Forbidden.
func (m *Mail) aboutName(ctx context.Context, who directory.ID, name string) (about, error) {
	if name == "" {
		a, err := m.dir.Account(ctx, who)
		may := RightRead
		if a.Role == directory.Admin {
			may |= RightWrite
		}
		return about{rights: may}, err
	}
	b, err := m.lookup(ctx, who, name, 0)
	if err != nil {
		return about{}, err
	}
	on := about{id: b.ID, owner: b.Owner, rights: m.rights(who, b.ID, b.Owner)}
	return on, annotates(on.rights)
}

// annotates asks for what reading entries of a mailbox, and noting something for oneself, needs: the right l and any of r, s, w, i and p.
// fault.NotFound, fault.Forbidden. RFC 5464 §3.3.
func annotates(have Rights) error {
	need := RightLookup
	if have&(RightRead|RightSeen|RightWrite|RightInsert|RightPost) == 0 {
		need |= RightRead
	}
	return refuse(have, need)
}

// owns is whose row an entry is, and whom it counts for.
func (a *about) owns(who directory.ID, entry string) (account, owner directory.ID) {
	if strings.HasPrefix(entry, privateStart) {
		return who, who
	}
	return 0, a.owner
}

// Metadata reads entries of the mailbox name, or of the server for "". An entry that is asked for and is not there has no value; what depth adds
// is only listed if it is there. fault.NotFound, Forbidden, Invalid. RFC 5464 §4.2.
func (m *Mail) Metadata(ctx context.Context, who directory.ID, name string, entries []string, depth MetadataDepth) (list []MetadataEntry, err error) {
	on, err := m.aboutName(ctx, who, name)
	if err != nil {
		return nil, err
	}
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		list = nil
		all, err := metadataOf(tx, on.id, who)
		if err != nil {
			return err
		}
		said := map[string]bool{}
		for _, entry := range entries {
			if entry, err = checkEntry(entry, depth); err != nil {
				return err
			}
			found := false
			for _, e := range all {
				same := e.Name == entry
				found = found || same
				if (same || below(e.Name, entry, depth)) && !said[e.Name] {
					said[e.Name] = true
					list = append(list, e)
				}
			}
			if !found && depth == DepthNone && !said[entry] {
				said[entry] = true
				list = append(list, MetadataEntry{Name: entry})
			}
		}
		return nil
	})
	return list, err
}

// checkEntry is CheckMetadataName; with a depth the roots /private and /shared can be asked for, too.
func checkEntry(entry string, depth MetadataDepth) (string, error) {
	if root := strings.ToLower(entry); depth != DepthNone && (root == "/private" || root == "/shared") {
		return root, nil
	}
	return CheckMetadataName(entry)
}

func below(name, entry string, depth MetadataDepth) bool {
	rest, ok := strings.CutPrefix(name, entry+"/")
	return ok && (depth == DepthAll || depth == DepthChildren && !strings.Contains(rest, "/"))
}

// metadataOf reads what who may see, by name.
func metadataOf(tx *store.Tx, id ID, who directory.ID) (list []MetadataEntry, err error) {
	rows, err := tx.Query(`SELECT name, value FROM mailbox_metadata WHERE mailbox_id = $1 AND account_id IN (0, $2) ORDER BY name`, int64(id), int64(who))
	if err != nil {
		return nil, fmt.Errorf("read metadata: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e MetadataEntry
		if err := rows.Scan(&e.Name, &e.Value); err != nil {
			return nil, fmt.Errorf("read metadata: %w", err)
		}
		if e.Value == nil {
			e.Value = []byte{}
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// SetMetadata changes entries of the mailbox name, or of the server for "", all or none; no value removes one. by marks the change for
// MetadataChanges. Shared entries need the right to write. fault.NotFound, Forbidden, Invalid; ErrMetadataTooMany, ErrMetadataTooLarge. RFC 5464 §4.3.
func (m *Mail) SetMetadata(ctx context.Context, who directory.ID, name string, entries []MetadataEntry, by uint64) error {
	on, err := m.aboutName(ctx, who, name)
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		if e.Name, err = CheckMetadataName(e.Name); err != nil {
			return err
		}
		if len(e.Value) > MaxMetadataValue {
			return ErrMetadataTooLarge
		}
		if strings.HasPrefix(e.Name, sharedEntry) && !on.rights.Has(RightWrite) {
			return fault.New(fault.Forbidden, "shared entries need the right w")
		}
	}
	return m.store.Write(ctx, func(tx *store.Tx) error { return m.setEntries(tx, who, on, entries, by) })
}

func (m *Mail) setEntries(tx *store.Tx, who directory.ID, on about, entries []MetadataEntry, by uint64) error {
	if on.id != 0 {
		if err := stillThere(tx, on.id); err != nil {
			return err
		}
	}
	var names, private []string
	for _, e := range entries {
		account, owner := on.owns(who, e.Name)
		if err := setEntry(tx, on.id, account, owner, e); err != nil {
			return err
		}
		if account == 0 {
			names = append(names, e.Name)
		} else {
			private = append(private, e.Name)
		}
	}
	tx.Changed(MetadataKey(), 0)
	tx.AfterCommit(func() {
		m.notes.add(MetadataChange{Mailbox: on.id, Owner: on.owner, Names: names, by: by})
		m.notes.add(MetadataChange{Mailbox: on.id, Owner: on.owner, Names: private, account: who, by: by})
	})
	return nil
}

func setEntry(tx *store.Tx, id ID, account, owner directory.ID, e MetadataEntry) error {
	if e.Value == nil {
		_, err := tx.Exec(`DELETE FROM mailbox_metadata WHERE mailbox_id = $1 AND account_id = $2 AND name = $3`, int64(id), int64(account), e.Name)
		if err != nil {
			return fmt.Errorf("remove metadata: %w", err)
		}
		return nil
	}
	_, err := tx.Exec(`INSERT INTO mailbox_metadata (mailbox_id, account_id, name, value, owner_id) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (mailbox_id, account_id, name) DO UPDATE SET value = excluded.value`, int64(id), int64(account), e.Name, e.Value, int64(owner))
	if err != nil {
		return fmt.Errorf("set metadata: %w", err)
	}
	return countMetadata(tx, owner)
}

// countMetadata asks whether owner has no more entries than allowed. ErrMetadataTooMany.
func countMetadata(tx *store.Tx, owner directory.ID) error {
	var n int64
	if err := tx.QueryRow(`SELECT COUNT(*) FROM mailbox_metadata WHERE owner_id = $1`, int64(owner)).Scan(&n); err != nil {
		return fmt.Errorf("count metadata: %w", err)
	}
	if n > MaxMetadata {
		return ErrMetadataTooMany
	}
	return nil
}

// copyMetadata notes about owner's mailbox to what is noted about from, by everybody together and by the owner. fault.Limit. RFC 5464 §4.1.
func copyMetadata(tx *store.Tx, owner directory.ID, from, to ID) error {
	_, err := tx.Exec(`INSERT INTO mailbox_metadata (mailbox_id, account_id, name, value, owner_id)
		SELECT CAST($1 AS BIGINT), account_id, name, value, owner_id FROM mailbox_metadata WHERE mailbox_id = $2 AND owner_id = $3`,
		int64(to), int64(from), int64(owner))
	if err != nil {
		return fmt.Errorf("copy metadata: %w", err)
	}
	if err := countMetadata(tx, owner); !errors.Is(err, ErrMetadataTooMany) {
		return err
	}
	return fault.New(fault.Limit, "no more than %d entries are noted about all mailboxes together", MaxMetadata)
}

// purgeMetadata removes what an account or group noted, and what was noted about its mailboxes.
func purgeMetadata(tx *store.Tx, id directory.ID) error {
	_, err := tx.Exec(`DELETE FROM mailbox_metadata WHERE owner_id = $1 OR account_id = $1 OR mailbox_id IN (SELECT id FROM mailbox WHERE owner_id = $1)`, int64(id))
	if err != nil {
		return fmt.Errorf("remove metadata: %w", err)
	}
	return nil
}
