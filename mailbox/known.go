package mailbox

import (
	"sync"

	"schulhof/directory"
)

// knownBoxes remembers what names mean, because every APPEND, SELECT and COPY asks. Only mailboxes that are there are remembered, until the
// next change of their owner's list: the writer forgets them after the commit and before that change is answered.
type knownBoxes struct {
	mu      sync.Mutex
	owners  map[directory.ID]map[string]Mailbox
	n       int    // of all owners
	changes uint64 // of any owner's list
}

// find returns what is remembered. changes goes to learn, with what the caller then reads.
func (k *knownBoxes) find(owner directory.ID, name string) (b Mailbox, ok bool, changes uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	b, ok = k.owners[owner][name]
	return b, ok, k.changes
}

// learn remembers b, unless a list has changed since find was asked: then what was read may be from before.
func (k *knownBoxes) learn(b Mailbox, changes uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if changes != k.changes {
		return
	}
	if k.owners == nil || k.n >= maxKnownBoxes {
		k.owners, k.n = map[directory.ID]map[string]Mailbox{}, 0
	}
	boxes := k.owners[b.Owner]
	if boxes == nil {
		boxes = map[string]Mailbox{}
		k.owners[b.Owner] = boxes
	}
	before := len(boxes)
	boxes[b.Name] = b
	k.n += len(boxes) - before
}

// forget is called when owner's list has changed.
func (k *knownBoxes) forget(owner directory.ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.n -= len(k.owners[owner])
	delete(k.owners, owner)
	k.changes++
}
