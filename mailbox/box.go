package mailbox

import (
	"context"
	"sync/atomic"

	"schulhof/directory"
	"schulhof/store"
)

// Box is an open mailbox of one session. All boxes of a mailbox share its view.
type Box struct {
	mail   *Mail
	who    directory.ID
	view   *view
	closed atomic.Bool
}

// Open loads (or finds hot) the mailbox's view. fault.NotFound. Close releases it.
func (m *Mail) Open(ctx context.Context, who directory.ID, name string) (*Box, error) {
	info, err := m.Lookup(ctx, who, name)
	if err != nil {
		return nil, err
	}
	v, err := m.openView(ctx, &info)
	if err != nil {
		return nil, err
	}
	return &Box{mail: m, who: who, view: v}, nil
}

// Mailbox describes it; the name is the present one.
func (b *Box) Mailbox() Mailbox { return *b.view.info.Load() }

// Snapshot is the newest committed state: an atomic load.
func (b *Box) Snapshot() *Snapshot { return b.view.snap.Load() }

// Subscribe wakes on any change of this mailbox, also its deletion.
func (b *Box) Subscribe() *store.Subscription { return b.mail.store.Subscribe(Key(b.view.id)) }

// Gone reports that the mailbox was deleted meanwhile.
func (b *Box) Gone() bool { return b.view.gone.Load() }

// Close ends this use; closing twice is harmless.
func (b *Box) Close() {
	if !b.closed.Swap(true) {
		b.mail.views.release(b.view)
	}
}

// may asks whether this session may do r here.
func (b *Box) may(r right) error { return rights(b.who, b.view.info.Load().Owner, r) }
