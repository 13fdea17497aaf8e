package directory

// world is who is who at one moment: the view, with what the log says was different. The zero maps are the present. Its methods need the
// view's mu.
type world struct {
	view     *view
	accounts map[ID]logRow      // what changed since, with what it was
	groups   map[ID]logRow      // likewise
	members  map[ID]map[ID]bool // by group: whether an account was in it
	joined   map[ID]map[ID]bool // the same by account
}

// pastWorld goes back from the present to what was after change since: of several changes of one thing, the first one after it tells.
func pastWorld(v *view, since uint64) *world {
	w := &world{view: v, accounts: map[ID]logRow{}, groups: map[ID]logRow{}, members: map[ID]map[ID]bool{}, joined: map[ID]map[ID]bool{}}
	rows := v.since(since)
	for i := len(rows) - 1; i >= 0; i-- {
		switch r := rows[i]; r.kind {
		case logAccount:
			w.accounts[r.principal] = r
		case logGroup:
			w.groups[r.principal] = r
		case logMember:
			note(w.members, r.principal, r.member, r.was == wasMember)
			note(w.joined, r.member, r.principal, r.was == wasMember)
		}
	}
	return w
}

func note(m map[ID]map[ID]bool, a, b ID, value bool) {
	if m[a] == nil {
		m[a] = map[ID]bool{}
	}
	m[a][b] = value
}

// account is the role of an account that was active.
func (w *world) account(id ID) (role Role, active bool) {
	if r, ok := w.accounts[id]; ok {
		role, state := readAccountWas(r.was)
		return role, state == Active
	}
	if e := w.view.accounts[id]; e != nil {
		return e.Role, e.State == Active
	}
	return "", false
}

// group is the kind of a group that was there.
func (w *world) group(id ID) (kind Kind, ok bool) {
	if r, changed := w.groups[id]; changed {
		return Kind(r.was), r.was != ""
	}
	if g := w.view.groups[id]; g != nil {
		return g.Kind, true
	}
	return "", false
}

// login is the name of a principal, also of one that is gone now.
func (w *world) login(id ID) string {
	if r, ok := w.accounts[id]; ok {
		return r.login
	}
	if r, ok := w.groups[id]; ok {
		return r.login
	}
	if e := w.view.accounts[id]; e != nil {
		return e.Login
	}
	if g := w.view.groups[id]; g != nil {
		return g.Name
	}
	return ""
}

// membersOf are the active members of a group.
func (w *world) membersOf(group ID) map[ID]bool {
	set := map[ID]bool{}
	was := w.members[group]
	if g := w.view.groups[group]; g != nil {
		for _, m := range g.members {
			if _, changed := was[m.account.ID]; !changed {
				set[m.account.ID] = true
			}
		}
	}
	for id, in := range was {
		if in {
			set[id] = true
		}
	}
	for id := range set {
		if _, active := w.account(id); !active {
			delete(set, id)
		}
	}
	return set
}

// groupsOf are the groups an account was in that let it see their members.
func (w *world) groupsOf(account ID) (list []ID) {
	was := w.joined[account]
	if e := w.view.accounts[account]; e != nil {
		for _, g := range e.groups {
			if _, changed := was[g.ID]; !changed && w.opens(g.ID) {
				list = append(list, g.ID)
			}
		}
	}
	for id, in := range was {
		if in && w.opens(id) {
			list = append(list, id)
		}
	}
	return list
}

func (w *world) opens(group ID) bool {
	kind, ok := w.group(group)
	return ok && kind != All
}

// seesAll is for those who work at the school.
func (r Role) seesAll() bool { return r == Teacher || r == Staff || r == Admin }

// visible are the accounts and groups that account may see.
func (w *world) visible(account ID) map[ID]bool {
	set := map[ID]bool{}
	role, active := w.account(account)
	if !active {
		return set
	}
	if role.seesAll() {
		w.everybody(set)
		return set
	}
	set[account] = true
	for _, group := range w.groupsOf(account) {
		set[group] = true
		for id := range w.membersOf(group) {
			set[id] = true
		}
	}
	return set
}

// everybody adds all groups and active accounts.
func (w *world) everybody(set map[ID]bool) {
	for id := range w.view.accounts {
		if _, active := w.account(id); active {
			set[id] = true
		}
	}
	for id := range w.accounts { // those that are gone now
		if _, active := w.account(id); active {
			set[id] = true
		}
	}
	for id := range w.view.groups {
		if _, ok := w.group(id); ok {
			set[id] = true
		}
	}
	for id := range w.groups {
		if _, ok := w.group(id); ok {
			set[id] = true
		}
	}
}

// sees is visible for one.
func (w *world) sees(account, other ID) bool {
	role, active := w.account(account)
	if !active {
		return false
	}
	if _, group := w.group(other); group {
		if role.seesAll() {
			return true
		}
		for _, g := range w.groupsOf(account) {
			if g == other {
				return true
			}
		}
		return false
	}
	if _, active := w.account(other); !active {
		return false
	}
	if role.seesAll() || account == other {
		return true
	}
	for _, group := range w.groupsOf(account) {
		if w.membersOf(group)[other] {
			return true
		}
	}
	return false
}

// differs tells whether what is seen of a principal in both worlds is not the same: its row changed, or who is in it.
func (w *world) differs(now *world, id ID) bool {
	if _, changed := w.accounts[id]; changed {
		return true
	}
	if _, changed := w.groups[id]; changed {
		return true
	}
	if _, group := now.group(id); !group {
		return false
	}
	before, after := w.membersOf(id), now.membersOf(id)
	if len(before) != len(after) {
		return true
	}
	for member := range after {
		if !before[member] {
			return true
		}
	}
	return false
}
