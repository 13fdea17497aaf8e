package mailbox

import (
	"fmt"
	"sync"

	"schulhof/directory"
	"schulhof/store"
)

// shares holds every grant in memory, because every use of another's mailbox asks and most people have none. The writer changes it after
// the commit and before that change is answered.
type shares struct {
	mu    sync.RWMutex
	boxes map[ID]*share
	by    map[directory.ID]map[ID]struct{} // the mailboxes granted to a principal
	count map[directory.ID]int             // grants that an owner's mailboxes have
}

// share is a mailbox with grants.
type share struct {
	owner  directory.ID
	grants map[directory.ID]Rights
}

func (m *Mail) loadShares(tx *store.Tx) error {
	s := &shares{boxes: map[ID]*share{}, by: map[directory.ID]map[ID]struct{}{}, count: map[directory.ID]int{}}
	rows, err := tx.Query(`SELECT r.mailbox_id, b.owner_id, r.principal_id, r.rights FROM mailbox_right r JOIN mailbox b ON b.id = r.mailbox_id`)
	if err != nil {
		return fmt.Errorf("read rights: %w", err)
	}
	defer rows.Close()
	var row [4]int64
	for rows.Next() {
		if err := rows.Int64s(row[:]); err != nil {
			return fmt.Errorf("read rights: %w", err)
		}
		s.put(ID(row[0]), directory.ID(row[1]), directory.ID(row[2]), Rights(row[3]))
	}
	m.shares = s
	return rows.Err()
}

// put grants rights; 0 takes the grant away.
func (s *shares) put(id ID, owner, principal directory.ID, r Rights) {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.boxes[id]
	if r == 0 {
		if box != nil {
			s.remove(id, box, principal)
		}
		return
	}
	if box == nil {
		box = &share{owner: owner, grants: map[directory.ID]Rights{}}
		s.boxes[id] = box
	}
	if box.grants[principal] == 0 {
		s.count[owner]++
	}
	box.grants[principal] = r
	if s.by[principal] == nil {
		s.by[principal] = map[ID]struct{}{}
	}
	s.by[principal][id] = struct{}{}
}

// remove needs mu.
func (s *shares) remove(id ID, box *share, principal directory.ID) {
	if box.grants[principal] == 0 {
		return
	}
	delete(box.grants, principal)
	delete(s.by[principal], id)
	if len(s.by[principal]) == 0 {
		delete(s.by, principal)
	}
	if len(box.grants) == 0 {
		delete(s.boxes, id)
	}
	if s.count[box.owner]--; s.count[box.owner] == 0 {
		delete(s.count, box.owner)
	}
}

// drop forgets a mailbox that is gone.
func (s *shares) drop(id ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if box := s.boxes[id]; box != nil {
		for principal := range box.grants {
			s.remove(id, box, principal)
		}
	}
}

// forget takes away what was granted to a principal that is gone.
func (s *shares) forget(principal directory.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.by[principal] {
		s.remove(id, s.boxes[id], principal)
	}
}

// granted is what who may do with a mailbox of somebody else; member tells whether who belongs to a group.
func (s *shares) granted(id ID, who directory.ID, member func(directory.ID) bool) (r Rights) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	box := s.boxes[id]
	if box == nil {
		return 0
	}
	r = box.grants[who] | box.grants[Anyone]
	for principal, more := range box.grants {
		if more&^r != 0 && principal != Anyone && principal != who && member(principal) {
			r |= more
		}
	}
	return r
}

// grants are those of a mailbox.
func (s *shares) grants(id ID) map[directory.ID]Rights {
	s.mu.RLock()
	defer s.mu.RUnlock()
	box := s.boxes[id]
	if box == nil {
		return nil
	}
	list := make(map[directory.ID]Rights, len(box.grants))
	for principal, r := range box.grants {
		list[principal] = r
	}
	return list
}

// owners adds those to list whose mailboxes some of principals may use.
func (s *shares) owners(list map[directory.ID]bool, principals ...directory.ID) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range principals {
		for id := range s.by[p] {
			list[s.boxes[id].owner] = true
		}
	}
}

// of is how many grants owner's mailboxes have.
func (s *shares) of(owner directory.ID) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.count[owner]
}
