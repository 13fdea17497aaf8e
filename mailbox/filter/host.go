package filter

import (
	"fmt"
	"strings"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/sieve"
	"schulhof/store/fault"
)

// host answers the scripts of one owner.
type host struct {
	*planner
	owner directory.ID
}

func (h *host) Mailbox(name string) (bool, error) {
	if strings.EqualFold(name, inbox) {
		return true, nil
	}
	box, err := h.mail.Lookup(h.ctx, h.owner, name, mailbox.RightInsert)
	switch {
	case err == nil:
		return box.Owner == h.owner, nil // nothing is delivered into what others share
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Invalid), fault.Is(err, fault.Forbidden):
		return false, nil
	}
	return false, fmt.Errorf("find mailbox: %w", err)
}

func (h *host) SpecialUse(name, use string) (bool, error) {
	found, err := h.withUse(h.owner, use)
	return err == nil && found != "" && (name == "" || name == found), err
}

// withUse is the mailbox with a special use; "" if there is none.
func (p *planner) withUse(owner directory.ID, use string) (string, error) {
	list, err := p.mail.Mailboxes(p.ctx, owner)
	if err != nil {
		return "", fmt.Errorf("find mailbox: %w", err)
	}
	for _, b := range list {
		if b.SpecialUse != "" && strings.EqualFold(b.SpecialUse, use) {
			return b.Name, nil
		}
	}
	return "", nil
}

func (h *host) Include(name string, global bool) (*sieve.Script, error) {
	owner := h.owner
	if global {
		owner = Everyone
	}
	name, err := cleanName(name)
	if err != nil {
		return nil, nil //nolint:nilerr // nothing is called so
	}
	c, err := h.lookup(h.ctx, scriptKey{owner, name})
	if err != nil || c == nil {
		return nil, err
	}
	return c.script, c.err
}

func (h *host) Duplicate(handle, id string) (bool, error) {
	return h.known(h.ctx, h.owner, seen, hashOf(handle, id))
}

// Listed and Members: this host has no external lists yet, and extlists is not announced.
func (h *host) Listed(string, string) (member, known bool, err error) { return false, false, nil }

func (h *host) Members(string) ([]string, bool, error) { return nil, false, nil }
