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
	view   *view // the owner's
	mine   *view // of who is not the owner: with their \Seen
	closed atomic.Bool
}

// Open loads (or finds hot) the mailbox's view. fault.NotFound. Close releases it.
func (m *Mail) Open(ctx context.Context, who directory.ID, name string) (*Box, error) {
	info, err := m.lookup(ctx, who, name, RightRead)
	if err != nil {
		return nil, err
	}
	v, err := m.openView(ctx, &info, 0)
	if err != nil {
		return nil, err
	}
	b := &Box{mail: m, who: who, view: v}
	if who != info.Owner {
		if b.mine, err = m.openView(ctx, &info, who); err != nil {
			m.views.release(v)
			return nil, err
		}
	}
	return b, nil
}

// Mailbox describes it; the name is the present one, as this session uses it.
func (b *Box) Mailbox() Mailbox { return b.mail.asSeenBy(b.who, *b.view.info.Load()) }

// Snapshot is the newest committed state: an atomic load.
func (b *Box) Snapshot() *Snapshot {
	if b.mine != nil {
		return b.mine.snap.Load()
	}
	return b.view.snap.Load()
}

// Rights are what this session may do here now.
func (b *Box) Rights() Rights {
	if b.mine == nil {
		return AllRights
	}
	return b.mail.rights(b.who, b.view.id, b.view.info.Load().Owner)
}

// Shared reports a mailbox of somebody else.
func (b *Box) Shared() bool { return b.mine != nil }

// Subscribe wakes on any change of this mailbox, also its deletion.
func (b *Box) Subscribe() *store.Subscription { return b.mail.store.Subscribe(Key(b.view.id)) }

// Gone reports that the mailbox was deleted meanwhile.
func (b *Box) Gone() bool { return b.view.gone.Load() }

// Close ends this use; closing twice is harmless.
func (b *Box) Close() {
	if !b.closed.Swap(true) {
		b.mail.views.release(b.view)
		if b.mine != nil {
			b.mail.views.release(b.mine)
		}
	}
}

// may asks whether this session may do what need says.
func (b *Box) may(need Rights) error {
	if b.mine == nil {
		return nil
	}
	return refuse(b.Rights(), need)
}
