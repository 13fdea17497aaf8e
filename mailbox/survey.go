package mailbox

import (
	"context"
	"slices"

	"schulhof/directory"
	"schulhof/store"
)

// Survey is what somebody's mailboxes are like at one moment.
type Survey struct {
	Boxes []Status    // without mere levels; INBOX first, then by name. Unseen is not filled in for what others share
	Names []string    // subscribed names, also of mailboxes that do not exist, ascending
	Keys  []store.Key // wake when a later survey may differ
}

// Survey looks at who's own mailboxes, and with others at what others share that who may see: for those who watch many mailboxes without opening
// them. A mailbox of which who has no right to read is there, too; RightsOn tells. RFC 5465.
func (m *Mail) Survey(ctx context.Context, who directory.ID, others bool) (s Survey, err error) {
	var owners []directory.ID
	s.Keys = []store.Key{ListKey(who), MailKey(who)}
	if others {
		groups, err := m.dir.GroupsOf(ctx, who)
		if err != nil {
			return s, err
		}
		if owners, err = m.sharers(ctx, who); err != nil {
			return s, err
		}
		s.Keys = append(s.Keys, directory.ListKey(), ListKey(Anyone))
		for _, g := range groups {
			s.Keys = append(s.Keys, ListKey(g.ID))
		}
		for _, owner := range owners {
			s.Keys = append(s.Keys, ListKey(owner), MailKey(owner))
		}
	}
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		s.Boxes, err = m.surveyIn(tx, who, owners)
		if err == nil {
			s.Names, err = subscribedNames(tx, who)
		}
		return err
	})
	for i := range s.Boxes {
		b := &s.Boxes[i].Mailbox
		_, b.Subscribed = slices.BinarySearch(s.Names, b.Name)
	}
	return s, err
}

// surveyIn lists who's mailboxes and those of owners that who may see, with their counts.
func (m *Mail) surveyIn(tx *store.Tx, who directory.ID, owners []directory.ID) ([]Status, error) {
	byName, err := statusOf(tx, who)
	if err != nil {
		return nil, err
	}
	for _, owner := range owners {
		theirs, err := statusOf(tx, owner)
		if err != nil {
			return nil, err
		}
		for _, s := range theirs {
			if !m.rights(who, s.Mailbox.ID, owner).Has(RightLookup) {
				continue
			}
			s.Mailbox, s.Unseen = m.asSeenBy(who, s.Mailbox), 0
			if _, own := byName[s.Mailbox.Name]; !own && s.Mailbox.Name != "" {
				byName[s.Mailbox.Name] = s
			}
		}
	}
	list := make([]Status, 0, len(byName))
	for _, s := range byName {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Status) int { return CompareNames(a.Mailbox.Name, b.Mailbox.Name) })
	return list, nil
}
