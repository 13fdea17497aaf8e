package directory

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"schulhof/store/fault"
)

// view is the directory in memory. Commits publish into it (put… and drop…, called by the store's writer
// in commit order); everything else only reads it and hands out copies.
type view struct {
	mu        sync.RWMutex
	quotas    map[Role]int64
	domains   []string // the main one first
	accounts  map[ID]*accountEntry
	groups    map[ID]*groupEntry
	resources map[ID]*resourceEntry
	logins    map[string]ID     // every principal's
	addresses map[addressKey]ID // every principal's primary address
	aliases   map[addressKey]*aliasEntry
	rules     []Rule   // the contact policy, those that say most first; never changed in place
	seq       uint64   // of the last change that is in log
	logFrom   uint64   // log is complete after this change
	log       []logRow // by seq
}

// addressKey is a canonical address; as a pair, so that a lookup needs no new string.
type addressKey struct{ local, domain string }

type accountEntry struct {
	Account       // QuotaBytes: the account's own, if OwnQuota
	since   int64 // of the state, unix seconds
	apps    []*appEntry
	groups  []*groupEntry
}

type groupEntry struct {
	Group
	created  int64
	members  []memberEntry // by login
	external []External    // by address; never changed in place
}

type memberEntry struct {
	account *accountEntry
	owner   bool
}

type resourceEntry struct {
	Resource
	address string
}

type aliasEntry struct {
	address string
	targets []Address
}

type appEntry struct {
	AppPassword
	prefix string
	sum    [32]byte
}

func newView(quotas map[Role]int64) *view {
	return &view{
		quotas: maps.Clone(quotas), accounts: map[ID]*accountEntry{}, groups: map[ID]*groupEntry{}, resources: map[ID]*resourceEntry{},
		logins: map[string]ID{}, addresses: map[addressKey]ID{}, aliases: map[addressKey]*aliasEntry{},
	}
}

// keyOf splits a canonical address at its last @.
func keyOf(canonical string) addressKey {
	i := strings.LastIndexByte(canonical, '@')
	return addressKey{canonical[:max(i, 0)], canonical[i+1:]}
}

func (a Address) key() addressKey { return addressKey{a.Local, a.Domain} }

// ---- publishing

func (v *view) setDomains(names []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.domains = names
}

func (v *view) putAccount(a Account, since int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e := v.accounts[a.ID]; e != nil {
		e.Account, e.since = a, since
		return
	}
	v.accounts[a.ID] = &accountEntry{Account: a, since: since}
	v.name(a.ID, a.Login, a.Address)
}

func (v *view) putGroup(g Group, created int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e := v.groups[g.ID]; e != nil {
		e.Group = g
		return
	}
	v.groups[g.ID] = &groupEntry{Group: g, created: created}
	v.name(g.ID, g.Name, g.Address)
}

func (v *view) putResource(r Resource, address string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.resources[r.ID] = &resourceEntry{r, address}
	v.name(r.ID, r.Name, address)
}

func (v *view) name(id ID, login, address string) {
	v.logins[login] = id
	v.addresses[keyOf(address)] = id
}

func (v *view) unname(login, address string) {
	delete(v.logins, login)
	delete(v.addresses, keyOf(address))
}

func (v *view) dropAccount(id ID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	e := v.accounts[id]
	if e == nil {
		return
	}
	for _, g := range e.groups {
		g.members = slices.DeleteFunc(g.members, func(m memberEntry) bool { return m.account == e })
	}
	v.unname(e.Login, e.Address)
	delete(v.accounts, id)
	v.dropRulesOf(id)
}

func (v *view) dropGroup(id ID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	g := v.groups[id]
	if g == nil {
		return
	}
	for _, m := range g.members {
		m.account.groups = slices.DeleteFunc(m.account.groups, func(o *groupEntry) bool { return o == g })
	}
	v.unname(g.Name, g.Address)
	delete(v.groups, id)
	v.dropRulesOf(id)
}

func (v *view) dropResource(id ID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r := v.resources[id]; r != nil {
		v.unname(r.Name, r.address)
		delete(v.resources, id)
	}
}

// putMembers adds accounts to group, or changes what they are in it. It keeps the members sorted by login.
func (v *view) putMembers(group ID, accounts []ID, owner bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	g := v.groups[group]
	if g == nil {
		return
	}
	at := make(map[*accountEntry]int, len(g.members))
	for i, m := range g.members {
		at[m.account] = i
	}
	for _, id := range accounts {
		e := v.accounts[id]
		if e == nil {
			continue
		}
		if i, ok := at[e]; ok {
			g.members[i].owner = owner
			continue
		}
		at[e] = len(g.members)
		g.members = append(g.members, memberEntry{e, owner})
		e.groups = append(e.groups, g)
	}
	slices.SortFunc(g.members, func(a, b memberEntry) int { return cmp.Compare(a.account.Login, b.account.Login) })
}

func (v *view) dropMembers(group ID, accounts []ID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	g := v.groups[group]
	if g == nil {
		return
	}
	gone := make(map[ID]bool, len(accounts))
	for _, id := range accounts {
		gone[id] = true
		if e := v.accounts[id]; e != nil {
			e.groups = slices.DeleteFunc(e.groups, func(o *groupEntry) bool { return o == g })
		}
	}
	g.members = slices.DeleteFunc(g.members, func(m memberEntry) bool { return gone[m.account.ID] })
}

func (v *view) putAlias(address string, targets []Address) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.aliases[keyOf(address)] = &aliasEntry{address, targets}
}

func (v *view) dropAlias(address string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.aliases, keyOf(address))
}

func (v *view) putApp(account ID, app *appEntry) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e := v.accounts[account]; e != nil {
		e.apps = append(e.apps, app)
	}
}

func (v *view) dropApp(account ID, app int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e := v.accounts[account]; e != nil {
		e.apps = slices.DeleteFunc(e.apps, func(a *appEntry) bool { return a.ID == app })
	}
}

// ---- reading; callers that use several of these at once hold mu themselves

// account returns a copy with the quota in force.
func (v *view) account(id ID) (Account, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if e := v.accounts[id]; e != nil {
		return v.inForce(e), true
	}
	return Account{}, false
}

// inForce needs mu.
func (v *view) inForce(e *accountEntry) Account {
	a := e.Account
	if !a.OwnQuota {
		a.QuotaBytes = v.quotas[a.Role]
	}
	return a
}

func (v *view) isLocal(domain string) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.hasDomain(domain)
}

// hasDomain needs mu. A school has a handful of domains.
func (v *view) hasDomain(domain string) bool {
	return slices.Contains(v.domains, domain)
}

// mainDomain is the first; "" if there is none yet. only: there is no other.
func (v *view) mainDomain() (name string, only bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if len(v.domains) == 0 {
		return "", false
	}
	return v.domains[0], len(v.domains) == 1
}

// taken reports what address already leads to, in words; "" if nothing.
func (v *view) taken(address string) string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	key := keyOf(address)
	if id, ok := v.addresses[key]; ok {
		switch {
		case v.accounts[id] != nil && v.accounts[id].State == Deleted:
			return "an account that was deleted but is still kept"
		case v.accounts[id] != nil:
			return "an account"
		case v.groups[id] != nil:
			return "a group"
		default:
			return "a resource"
		}
	}
	if v.aliases[key] != nil {
		return "an alias"
	}
	return ""
}

func sortedByLogin[E any](entries map[ID]E, login func(E) string) []E {
	return slices.SortedFunc(maps.Values(entries), func(a, b E) int { return cmp.Compare(login(a), login(b)) })
}

func errTaken(address, by string) error {
	return fault.New(fault.AlreadyExists, "%s is taken by %s", address, by)
}
