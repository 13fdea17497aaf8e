package directory

import (
	"context"
	"slices"

	"schulhof/store/fault"
)

// Recipient is one mailbox owner that an address leads to.
type Recipient struct {
	Account ID
	Address string // the account's primary address
	Detail  string // of plus-addressing: "math" of anna+math@; "" if none
	Via     string // the alias or group address that was expanded; "" if addressed directly
	List    ID     // the group whose member this is; 0 if addressed otherwise
}

// Resolve expands an envelope recipient: account, alias (chains, cycle-safe), plus-address, group (each member once). sender is MAIL FROM ("" for <>).
// postmaster and abuse lead to the administrators unless an address of that name exists (RFC 5321 §4.5.1, RFC 2142).
// fault.NotFound: no such local user. fault.Forbidden: the domain is not ours (relaying). fault.Refused: disabled account or a rule. fault.Invalid: no address.
func (d *Directory) Resolve(_ context.Context, address, sender string) ([]Recipient, error) {
	a, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	if !v.hasDomain(a.Domain) {
		return nil, fault.New(fault.Forbidden, "%s is not a domain of ours", a.Domain)
	}
	if e, detail := v.directAccount(a); e != nil { // nearly all mail
		if e.State == Active {
			return []Recipient{{Account: e.ID, Address: e.Address, Detail: detail}}, nil
		}
		return nil, stateFault(e, a)
	}
	x := expansion{view: v, sender: sender, seen: map[ID]bool{}, visited: map[*aliasEntry]bool{}}
	x.expand(a, "", "")
	switch {
	case len(x.out) > 0:
		return x.out, nil
	case x.refused != nil:
		return nil, x.refused
	}
	return nil, fault.New(fault.NotFound, "no such address: %s", a)
}

// directAccount is the account that a names, with a detail or without.
func (v *view) directAccount(a Address) (e *accountEntry, detail string) {
	if id, ok := v.addresses[a.key()]; ok {
		return v.accounts[id], ""
	}
	if v.aliases[a.key()] != nil {
		return nil, ""
	}
	if base, detail, ok := a.Split(); ok {
		if id, ok := v.addresses[base.key()]; ok {
			return v.accounts[id], detail
		}
	}
	return nil, ""
}

func stateFault(e *accountEntry, a Address) error {
	if e.State == Deleted {
		return fault.New(fault.NotFound, "no such address: %s", a)
	}
	return fault.New(fault.Refused, "the account %s is disabled", a)
}

// expansion collects what an address leads to. It needs the view's lock.
type expansion struct {
	view      *view
	sender    string
	lists     []*groupEntry // those that were found
	listsOnly bool          // leave their members out
	out       []Recipient
	seen      map[ID]bool
	visited   map[*aliasEntry]bool
	refused   error // why something that exists got nothing
}

// expand follows a; detail and via come from the addresses before it in the chain.
func (x *expansion) expand(a Address, detail, via string) {
	if x.follow(a, detail, via) {
		return
	}
	if base, own, ok := a.Split(); ok {
		if own != "" {
			detail = own // anna+math as a target means that mailbox, whatever the sender wrote
		}
		if x.follow(base, detail, via) {
			return
		}
	}
	if a.Local == "postmaster" || a.Local == "abuse" {
		x.administrators(a, via)
	}
}

// follow adds what exactly a leads to; false: nothing is called so.
func (x *expansion) follow(a Address, detail, via string) bool {
	if e := x.view.aliases[a.key()]; e != nil {
		if x.visited[e] {
			return true
		}
		x.visited[e] = true
		if via == "" {
			via = e.address
		}
		for _, t := range e.targets {
			x.expand(t, detail, via)
		}
		return true
	}
	id, ok := x.view.addresses[a.key()]
	if !ok {
		return false
	}
	switch {
	case x.view.accounts[id] != nil:
		x.account(x.view.accounts[id], a, detail, via, 0)
	case x.view.groups[id] != nil:
		x.group(x.view.groups[id], detail, via)
	default:
		x.refused = fault.New(fault.Refused, "%s is a place or device and takes no mail", a)
	}
	return true
}

func (x *expansion) account(e *accountEntry, a Address, detail, via string, list ID) {
	switch {
	case x.listsOnly:
	case e.State != Active:
		x.refused = stateFault(e, a)
	case !x.seen[e.ID] && len(x.out) < MaxExpansion:
		x.seen[e.ID] = true
		x.out = append(x.out, Recipient{Account: e.ID, Address: e.Address, Detail: detail, Via: via, List: list})
	}
}

func (x *expansion) group(g *groupEntry, detail, via string) {
	if !slices.Contains(x.lists, g) {
		x.lists = append(x.lists, g)
	}
	if x.listsOnly {
		return
	}
	if via == "" {
		via = g.Address
	}
	var sender *accountEntry
	if !g.ToSender {
		sender = x.view.writer(x.sender)
	}
	if x.out == nil {
		x.out = make([]Recipient, 0, len(g.members))
	}
	for _, m := range g.members {
		if m.account.State == Active && m.account != sender {
			x.account(m.account, Address{}, detail, via, g.ID)
		}
	}
	if len(x.out) == 0 {
		x.refused = fault.New(fault.Refused, "the group %s has nobody to receive this", g.Address)
	}
}

func (x *expansion) administrators(a Address, via string) {
	if via == "" {
		via = a.String()
	}
	for _, e := range sortedByLogin(x.view.accounts, func(e *accountEntry) string { return e.Login }) {
		if e.Role == Admin && e.State == Active {
			x.account(e, a, "", via, 0)
		}
	}
}

// writer is the account that sends as address: its own, with a detail or without, or an alias for it alone; nil: none of ours. Needs mu.
func (v *view) writer(address string) *accountEntry {
	if address == "" {
		return nil
	}
	a, err := ParseAddress(address)
	if err != nil {
		return nil
	}
	for range 10 { // aliases of aliases; longer chains are nobody's
		if e, _ := v.directAccount(a); e != nil {
			return e
		}
		alias := v.alias(a)
		if alias == nil || len(alias.targets) != 1 {
			return nil
		}
		a = alias.targets[0]
	}
	return nil
}

// alias is the alias that a names, with a detail or without. Needs mu.
func (v *view) alias(a Address) *aliasEntry {
	for _, a := range withBase(a) {
		if e := v.aliases[a.key()]; e != nil {
			return e
		}
		if _, ok := v.addresses[a.key()]; ok {
			return nil
		}
	}
	return nil
}

// OwnsAddress reports whether account may write as address (its own, its aliases incl. plus-details, groups it owns).
// What is no address is nobody's.
func (d *Directory) OwnsAddress(_ context.Context, account ID, address string) (bool, error) {
	a, err := ParseAddress(address)
	if err != nil {
		return false, nil
	}
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	e := v.accounts[account]
	if e == nil || e.State != Active {
		return false, nil
	}
	return v.owns(e, a, map[*aliasEntry]bool{}), nil
}

// owns needs mu.
func (v *view) owns(e *accountEntry, a Address, visited map[*aliasEntry]bool) bool {
	if direct, _ := v.directAccount(a); direct != nil {
		return direct == e
	}
	if alias := v.alias(a); alias != nil {
		if visited[alias] {
			return false
		}
		visited[alias] = true
		return slices.ContainsFunc(alias.targets, func(t Address) bool { return v.owns(e, t, visited) })
	}
	for _, a := range withBase(a) {
		if g := v.groups[v.addresses[a.key()]]; g != nil {
			return slices.Contains(g.members, memberEntry{e, true})
		}
	}
	return false
}
