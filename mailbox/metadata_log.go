package mailbox

import (
	"context"
	"slices"
	"sync"

	"schulhof/directory"
	"schulhof/store"
)

// MetadataKey is the feed key of all metadata: it wakes when an entry changes.
func MetadataKey() store.Key { return store.Key{Kind: "metadata"} }

// MetadataChange names entries that were changed in one commit.
type MetadataChange struct {
	Mailbox ID // 0: the server
	Owner   directory.ID
	Names   []string
	Path    string // what the one who asks calls the mailbox; "" is the server
	account directory.ID
	by      uint64 // whose change it is; 0: nobody's in particular
}

// metadataLog remembers the last changes, so that sessions can be told. It is lost with a restart, as the sessions are.
type metadataLog struct {
	mu      sync.Mutex
	seq     uint64 // of the newest
	changes []MetadataChange
}

func (l *metadataLog) add(c MetadataChange) {
	if len(c.Names) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	if len(l.changes) == maxMetadataLog {
		l.changes = slices.Delete(l.changes, 0, maxMetadataLog/2)
	}
	l.changes = append(l.changes, c)
}

// since are the changes after seq, as far as they are remembered.
func (l *metadataLog) since(seq uint64) ([]MetadataChange, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(l.seq-min(seq, l.seq), uint64(len(l.changes)))
	return slices.Clone(l.changes[uint64(len(l.changes))-n:]), l.seq
}

// MetadataChanges lists changes after since, which others than by made to entries that who may read, and where the next call goes on. A session
// begins with ^uint64(0), which is now. by is a number that the sessions choose, the same as in SetMetadata.
func (m *Mail) MetadataChanges(ctx context.Context, who directory.ID, since, by uint64) (list []MetadataChange, now uint64, err error) {
	changes, now := m.notes.since(since)
	for _, c := range changes {
		if by != 0 && c.by == by || c.account != 0 && c.account != who {
			continue
		}
		if c.Mailbox != 0 {
			if annotates(m.rights(who, c.Mailbox, c.Owner)) != nil {
				continue
			}
			if c.Path, err = m.pathOf(ctx, who, c.Mailbox, c.Owner); err != nil {
				return nil, since, err
			}
			if c.Path == "" {
				continue
			}
		}
		list = append(list, c)
	}
	return list, now, nil
}
