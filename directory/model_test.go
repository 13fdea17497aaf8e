package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// plainPerson, plainGroup and plainAlias are the directory as a clerk would keep it on paper.
type plainPerson struct {
	id      ID
	address string
	state   State
}

type plainGroup struct {
	id       ID
	address  string
	toSender bool
	members  map[ID]bool // owner
}

// plain is the naive model that the directory is compared with: lists that are searched from their start.
type plain struct {
	ctx context.Context
	d   *Directory
	s   *store.Store

	domains   []string
	people    []*plainPerson
	groups    []*plainGroup
	resources map[string]ID
	aliases   map[string][]string
}

func (m *plain) address(rt *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"anna", "bob", "carl", "7b", "office", "aula"}).Draw(rt, label) + "@" +
		rapid.SampledFrom([]string{"school.test", "other.test"}).Draw(rt, label+" at")
}

func (m *plain) local(address string) bool {
	_, domain, _ := strings.Cut(address, "@")
	return slices.Contains(m.domains, domain)
}

func (m *plain) person(address string) *plainPerson {
	for _, p := range m.people {
		if p.address == address {
			return p
		}
	}
	return nil
}

func (m *plain) byID(id ID) *plainPerson {
	for _, p := range m.people {
		if p.id == id {
			return p
		}
	}
	return nil
}

func (m *plain) group(address string) *plainGroup {
	for _, g := range m.groups {
		if g.address == address {
			return g
		}
	}
	return nil
}

func (m *plain) taken(address string) bool {
	_, resource := m.resources[address]
	return m.person(address) != nil || m.group(address) != nil || resource || m.aliases[address] != nil
}

// want fails unless err is of kind; 0 stands for success.
func want(rt *rapid.T, what string, err error, kind fault.Kind) {
	if kind == 0 && err != nil || kind != 0 && !fault.Is(err, kind) {
		rt.Fatalf("%s: %v, want %v", what, err, kind)
	}
}

// mayAdd is what making address should say.
func (m *plain) mayAdd(address string) fault.Kind {
	switch {
	case !m.local(address):
		return fault.NotFound
	case m.taken(address):
		return fault.AlreadyExists
	}
	return 0
}

func (m *plain) addDomain(rt *rapid.T) {
	name := rapid.SampledFrom([]string{"school.test", "other.test"}).Draw(rt, "domain")
	kind := fault.Kind(0)
	if slices.Contains(m.domains, name) {
		kind = fault.AlreadyExists
	} else {
		m.domains = append(m.domains, name)
	}
	want(rt, "add domain "+name, m.d.AddDomain(m.ctx, strings.ToUpper(name)), kind)
}

func (m *plain) removeDomain(rt *rapid.T) {
	name := rapid.SampledFrom([]string{"school.test", "other.test"}).Draw(rt, "domain")
	used := slices.ContainsFunc(m.people, func(p *plainPerson) bool { return strings.HasSuffix(p.address, "@"+name) }) ||
		slices.ContainsFunc(m.groups, func(g *plainGroup) bool { return strings.HasSuffix(g.address, "@"+name) })
	for a := range m.aliases {
		used = used || strings.HasSuffix(a, "@"+name)
	}
	for a := range m.resources {
		used = used || strings.HasSuffix(a, "@"+name)
	}
	kind := fault.Kind(0)
	switch at := slices.Index(m.domains, name); {
	case used:
		kind = fault.InUse
	case at < 0:
		kind = fault.NotFound
	default:
		m.domains = slices.Delete(m.domains, at, at+1)
	}
	want(rt, "remove domain "+name, m.d.RemoveDomain(m.ctx, name), kind)
}

func (m *plain) addPerson(rt *rapid.T) {
	address := m.address(rt, "person")
	kind := m.mayAdd(address)
	list, _, err := m.d.AddAccounts(m.ctx, []NewAccount{{Address: address, Role: Student, Password: "secret-test-1"}})
	want(rt, "add account "+address, err, kind)
	if kind == 0 {
		m.people = append(m.people, &plainPerson{list[0].ID, address, Active})
	}
}

func (m *plain) changeState(rt *rapid.T) {
	address := m.address(rt, "person")
	state := rapid.SampledFrom([]State{Active, Disabled, Deleted}).Draw(rt, "state")
	p := m.person(address)
	if p == nil {
		rt.Skip("nobody of that name")
	}
	p.state = state
	want(rt, "change "+address, m.d.ChangeAccount(m.ctx, p.id, AccountChange{State: &state}), 0)
}

func (m *plain) purge(rt *rapid.T) {
	address := m.address(rt, "person")
	p := m.person(address)
	if p == nil {
		rt.Skip("nobody of that name")
	}
	kind := fault.Kind(0)
	if p.state != Deleted {
		kind = fault.Refused
	}
	want(rt, "purge "+address, m.d.PurgeAccount(m.ctx, p.id), kind)
	if kind != 0 {
		return
	}
	m.people = slices.DeleteFunc(m.people, func(o *plainPerson) bool { return o == p })
	for _, g := range m.groups {
		delete(g.members, p.id)
	}
}

func (m *plain) addGroup(rt *rapid.T) {
	address, toSender := m.address(rt, "group"), rapid.Bool().Draw(rt, "to sender")
	kind := m.mayAdd(address)
	g, err := m.d.AddGroup(m.ctx, Group{Name: address, Kind: Class, ToSender: toSender})
	want(rt, "add group "+address, err, kind)
	if kind == 0 {
		m.groups = append(m.groups, &plainGroup{g.ID, address, toSender, map[ID]bool{}})
	}
}

func (m *plain) deleteGroup(rt *rapid.T) {
	address := m.address(rt, "group")
	g := m.group(address)
	if g == nil {
		rt.Skip("no group of that name")
	}
	want(rt, "delete group "+address, m.d.DeleteGroup(m.ctx, g.id), 0)
	m.groups = slices.DeleteFunc(m.groups, func(o *plainGroup) bool { return o == g })
}

func (m *plain) members(rt *rapid.T) {
	g, p := m.group(m.address(rt, "group")), m.person(m.address(rt, "person"))
	if g == nil || p == nil {
		rt.Skip("no such group or person")
	}
	switch _, in := g.members[p.id]; {
	case rapid.Bool().Draw(rt, "add"):
		owner := rapid.Bool().Draw(rt, "owner")
		want(rt, "add member", m.d.AddMembers(m.ctx, g.id, []ID{p.id}, owner), 0)
		g.members[p.id] = owner
	case in:
		want(rt, "remove member", m.d.RemoveMembers(m.ctx, g.id, []ID{p.id}), 0)
		delete(g.members, p.id)
	default:
		want(rt, "remove who is no member", m.d.RemoveMembers(m.ctx, g.id, []ID{p.id}), fault.NotFound)
	}
}

func (m *plain) addResource(rt *rapid.T) {
	address := m.address(rt, "resource")
	kind := m.mayAdd(address)
	r, err := m.d.AddResource(m.ctx, Resource{Name: address, Kind: Place})
	want(rt, "add resource "+address, err, kind)
	if kind == 0 {
		m.resources[address] = r.ID
	}
}

func (m *plain) deleteResource(rt *rapid.T) {
	address := m.address(rt, "resource")
	id, ok := m.resources[address]
	if !ok {
		rt.Skip("no resource of that name")
	}
	want(rt, "delete resource "+address, m.d.DeleteResource(m.ctx, id), 0)
	delete(m.resources, address)
}

// leads reports whether an alias chain leads from one address to another.
func (m *plain) leads(from, to string) bool {
	return from == to || slices.ContainsFunc(m.aliases[from], func(t string) bool { return m.leads(t, to) })
}

func (m *plain) addAlias(rt *rapid.T) {
	from := m.address(rt, "alias")
	var targets []string
	for i := range rapid.IntRange(1, 3).Draw(rt, "targets") {
		if t := m.address(rt, fmt.Sprint("target ", i)); !slices.Contains(targets, t) {
			targets = append(targets, t)
		}
	}
	kind := fault.Kind(0)
	switch {
	case !m.local(from):
		kind = fault.NotFound
	case slices.ContainsFunc(targets, func(t string) bool { return !m.local(t) }):
		kind = fault.Refused
	default:
		for _, t := range targets {
			if m.leads(t, from) {
				kind = fault.Conflict
			} else if !m.taken(t) {
				kind = fault.NotFound
			}
			if kind != 0 {
				break
			}
		}
		if kind == 0 && m.taken(from) {
			kind = fault.AlreadyExists
		}
	}
	want(rt, fmt.Sprintf("add alias %s to %s", from, targets), m.d.AddAlias(m.ctx, Alias{from, targets}), kind)
	if kind == 0 {
		m.aliases[from] = targets
	}
}

func (m *plain) removeAlias(rt *rapid.T) {
	address := m.address(rt, "alias")
	kind := fault.NotFound
	if m.aliases[address] != nil {
		kind = 0
	}
	want(rt, "remove alias "+address, m.d.RemoveAlias(m.ctx, address), kind)
	delete(m.aliases, address)
}

// reload looks at the directory that a restarted server would load.
func (m *plain) reload(rt *rapid.T) {
	d, err := New(m.ctx, m.s, Options{HashParams: cheap()})
	if err != nil {
		rt.Fatal(err)
	}
	m.d = d
}

// receivers is whom a mail to address reaches, from sender.
func (m *plain) receivers(address, sender string, out map[string]bool) {
	if p := m.person(address); p != nil && p.state == Active {
		out[p.address] = true
	}
	if g := m.group(address); g != nil {
		for id := range g.members {
			p := m.byID(id)
			if p.state == Active && (g.toSender || p.address != sender) {
				out[p.address] = true
			}
		}
	}
	for _, t := range m.aliases[address] {
		m.receivers(t, sender, out)
	}
}

// owns reports whether p may write as address.
func (m *plain) owns(p *plainPerson, address string) bool {
	if p.state != Active {
		return false
	}
	if g := m.group(address); g != nil {
		return g.members[p.id]
	}
	return p.address == address || slices.ContainsFunc(m.aliases[address], func(t string) bool { return m.owns(p, t) })
}

func (m *plain) check(rt *rapid.T) {
	domains, _ := m.d.Domains(m.ctx)
	if !slices.Equal(domains, m.domains) {
		rt.Fatalf("domains %q, want %q", domains, m.domains)
	}
	for _, name := range []string{"anna", "bob", "carl", "7b", "office", "aula"} {
		for _, domain := range []string{"school.test", "other.test"} {
			m.checkAddress(rt, name+"@"+domain)
		}
	}
	accounts, _ := m.d.Accounts(m.ctx)
	groups, _ := m.d.Groups(m.ctx)
	aliases, _ := m.d.Aliases(m.ctx)
	resources, _ := m.d.Resources(m.ctx)
	got := []int{len(accounts), len(groups), len(aliases), len(resources)}
	if all := []int{len(m.people), len(m.groups), len(m.aliases), len(m.resources)}; !slices.Equal(got, all) {
		rt.Fatalf("accounts, groups, aliases, resources: %v, want %v", got, all)
	}
	for _, g := range m.groups {
		list, err := m.d.Members(m.ctx, g.id)
		if err != nil {
			rt.Fatal(err)
		}
		got := map[ID]bool{}
		for _, member := range list {
			got[member.Account.ID] = member.Owner
		}
		all := map[ID]bool{}
		for id, owner := range g.members {
			if m.byID(id).state != Deleted {
				all[id] = owner
			}
		}
		if diff := cmp.Diff(all, got); diff != "" {
			rt.Fatalf("members of %s (-want +got):\n%s", g.address, diff)
		}
	}
}

func (m *plain) checkAddress(rt *rapid.T, address string) {
	for _, sender := range []string{"", "anna@school.test"} {
		all := map[string]bool{}
		m.receivers(address, sender, all)
		list, err := m.d.Resolve(m.ctx, address, sender)
		got := map[string]bool{}
		for _, r := range list {
			if got[r.Address] {
				rt.Fatalf("%s reaches %s twice", address, r.Address)
			}
			got[r.Address] = true
		}
		if diff := cmp.Diff(all, got); diff != "" {
			rt.Fatalf("%s from %q reaches (-want +got):\n%s\n%v", address, sender, diff, err)
		}
		switch kind := fault.KindOf(err); {
		case len(all) > 0 && err != nil, len(all) == 0 && err == nil:
			rt.Fatalf("%s reaches %d: %v", address, len(all), err)
		case len(all) > 0:
		case !m.local(address) && kind != fault.Forbidden:
			rt.Fatalf("%s, which is not ours: %v", address, err)
		case m.local(address) && !m.taken(address) && kind != fault.NotFound:
			rt.Fatalf("%s, which is free: %v", address, err)
		case m.local(address) && kind != fault.NotFound && kind != fault.Refused:
			rt.Fatalf("%s: %v", address, err)
		}
	}
	for _, p := range m.people {
		if got, err := m.d.OwnsAddress(m.ctx, p.id, address); err != nil || got != m.owns(p, address) {
			rt.Fatalf("%s (%s) may write as %s = %t, %v", p.address, p.state, address, got, err)
		}
	}
}

// clean empties the directory for the next run.
func (m *plain) clean(rt *rapid.T) {
	for a := range m.aliases {
		want(rt, "clean", m.d.RemoveAlias(m.ctx, a), 0)
	}
	for _, p := range m.people {
		want(rt, "clean", m.d.ChangeAccount(m.ctx, p.id, AccountChange{State: new(Deleted)}), 0)
		want(rt, "clean", m.d.PurgeAccount(m.ctx, p.id), 0)
	}
	for _, g := range m.groups {
		want(rt, "clean", m.d.DeleteGroup(m.ctx, g.id), 0)
	}
	for _, id := range m.resources {
		want(rt, "clean", m.d.DeleteResource(m.ctx, id), 0)
	}
	for _, name := range m.domains {
		want(rt, "clean", m.d.RemoveDomain(m.ctx, name), 0)
	}
}

// TestDirectoryAgainstAModel: after any mix of administration, and after a restart at any moment, every address reaches whom it
// should, everyone may write as what is his, and every refusal is of the documented kind.
func TestDirectoryAgainstAModel(t *testing.T) {
	storetest.ShortRun(t, 6)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		rapid.Check(t, func(rt *rapid.T) {
			m := &plain{ctx: context.Background(), s: s, resources: map[string]ID{}, aliases: map[string][]string{}}
			m.reload(rt)
			defer m.clean(rt)
			want(rt, "first domain", m.d.AddDomain(m.ctx, "school.test"), 0)
			m.domains = []string{"school.test"}
			rt.Repeat(map[string]func(*rapid.T){
				"add domain": m.addDomain, "remove domain": m.removeDomain, "add person": m.addPerson, "another person": m.addPerson,
				"state": m.changeState, "purge": m.purge, "add group": m.addGroup, "delete group": m.deleteGroup,
				"members": m.members, "more members": m.members, "add resource": m.addResource, "delete resource": m.deleteResource,
				"add alias": m.addAlias, "another alias": m.addAlias, "remove alias": m.removeAlias, "reload": m.reload, "": m.check,
			})
		})
	})
}
