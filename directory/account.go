package directory

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
)

// Role is what an account is at school.
type Role string

// The roles. Rights and quotas hang on them.
const (
	Student Role = "student"
	Teacher Role = "teacher"
	Parent  Role = "parent"
	Staff   Role = "staff"
	Admin   Role = "admin"
)

// Roles lists every role.
func Roles() []Role { return []Role{Student, Teacher, Parent, Staff, Admin} }

func (r Role) valid() bool {
	switch r {
	case Student, Teacher, Parent, Staff, Admin:
		return true
	}
	return false
}

// DefaultRoleQuota is how many bytes each role may keep unless the configuration says otherwise.
func DefaultRoleQuota() map[Role]int64 {
	const gib = 1 << 30
	return map[Role]int64{Student: 1 * gib, Parent: 1 * gib, Teacher: 5 * gib, Staff: 5 * gib, Admin: 5 * gib}
}

// State is whether an account may be used.
type State string

// The states.
const (
	Active   State = "active"
	Disabled State = "disabled" // no login, mail is refused; everything is kept
	Deleted  State = "deleted"  // first stage: no login, no new mail; data kept for the retention time
)

func (s State) valid() bool { return s == Active || s == Disabled || s == Deleted }

// Account is a person's (or an office's) account.
type Account struct {
	ID         ID
	Login      string // the part before @ at creation, NFC, unique across principals, lower case (case-folded)
	Address    string // primary address
	Name       string // display name
	Given      string
	Family     string
	Role       Role
	State      State
	QuotaBytes int64 // in force: the account's own or its role's default; 0: unlimited
	OwnQuota   bool  // set on the account itself
	Created    time.Time
	Version    uint64 // credential version
}

// AccountKey is the feed key of an account's credentials and state.
func AccountKey(id ID) store.Key { return store.Key{Kind: "account", ID: int64(id)} }

// NewAccount is an account to be made.
type NewAccount struct {
	Address, Name, Given, Family string
	Role                         Role
	Password                     string // "": generated, returned by AddAccounts
	PasswordHash                 string // import: argon2id PHC, bcrypt, {SSHA}, {CRYPT}$6$; Password empty then
	QuotaBytes                   *int64 // nil: the role's; 0: unlimited
}

// newAccount is a checked NewAccount.
type newAccount struct {
	Account
	address  Address
	password string // to be hashed; "" if hash is given
	hash     string
}

// AddAccounts adds all or none, in one commit, and calls the provisioners inside that transaction. Hashes are made before it,
// in parallel. The second result holds the generated passwords, "" where one was given.
// fault.Invalid (the text names the address), AlreadyExists, NotFound (a domain that is not ours).
func (d *Directory) AddAccounts(ctx context.Context, list []NewAccount) ([]Account, []string, error) {
	fresh := make([]newAccount, len(list))
	generated := make([]string, len(list))
	seen := make(map[string]bool, len(list))
	for i, n := range list {
		var err error
		if fresh[i], err = d.checkAccount(n); err != nil {
			return nil, nil, fmt.Errorf("add account: %w", err)
		}
		address := fresh[i].Address
		if seen[address] {
			return nil, nil, errTaken(address, "another one of the list")
		}
		seen[address] = true
		if n.Password == "" && n.PasswordHash == "" {
			generated[i] = GeneratePassword()
			fresh[i].password = generated[i]
		}
	}
	if err := d.hashAll(ctx, fresh); err != nil {
		return nil, nil, fmt.Errorf("add account: %w", err)
	}
	made := make([]Account, len(fresh))
	write := d.store.Write
	if len(list) > 100 {
		write = d.store.WriteBulk
	}
	now := d.now().Unix()
	err := write(ctx, func(tx *store.Tx) error {
		for i, n := range fresh {
			a, err := d.insertAccount(tx, n, now)
			if err != nil {
				return err
			}
			made[i] = a
		}
		tx.AfterCommit(func() {
			for _, a := range made {
				d.view.putAccount(a, now)
			}
		})
		rows := make([]logRow, len(made))
		for i, a := range made {
			rows[i] = accountRow(a, "")
		}
		return d.record(tx, rows...)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("add account: %w", err)
	}
	for i := range made {
		made[i], _ = d.view.account(made[i].ID)
	}
	return made, generated, nil
}

// checkAccount fills in what n leaves out and refuses what may not be.
func (d *Directory) checkAccount(n NewAccount) (newAccount, error) {
	address, err := d.newAddress(n.Address, false)
	if err != nil {
		return newAccount{}, err
	}
	out := newAccount{address: address, password: normalizeSecret(n.Password), hash: n.PasswordHash}
	a := &out.Account
	a.Address, a.Role, a.State, a.Version = address.String(), n.Role, Active, 1
	if !n.Role.valid() {
		return out, fault.New(fault.Invalid, "%s: the role is one of student, teacher, parent, staff, admin", a.Address)
	}
	if a.Name, a.Given, a.Family, err = checkNames(n.Name, n.Given, n.Family); err != nil {
		return out, fmt.Errorf("%s: %w", a.Address, err)
	}
	if n.QuotaBytes != nil {
		if *n.QuotaBytes < 0 {
			return out, fault.New(fault.Invalid, "%s: a quota is not negative", a.Address)
		}
		a.QuotaBytes, a.OwnQuota = *n.QuotaBytes, true
	}
	if by := d.view.taken(a.Address); by != "" { // asked again in the transaction, but hashes take long
		return out, errTaken(a.Address, by)
	}
	switch {
	case out.hash != "" && n.Password != "":
		return out, fault.New(fault.Invalid, "%s: a password or its hash, not both", a.Address)
	case out.hash != "":
		if _, err := parseHash(out.hash); err != nil {
			return out, fault.Wrap(fault.Invalid, err, "%s: this kind of password hash is not known", a.Address)
		}
	case n.Password != "":
		if err := checkPassword(out.password, address.Local, a.Name, a.Given, a.Family); err != nil {
			return out, fmt.Errorf("%s: %w", a.Address, err)
		}
	}
	return out, nil
}

// checkNames makes the display name of the given and family name, or the other way round the family name of the last word.
func checkNames(name, given, family string) (string, string, string, error) {
	var err error
	if name, err = checkDisplayName("name", name); err != nil {
		return "", "", "", err
	}
	if given, err = checkDisplayName("given name", given); err != nil {
		return "", "", "", err
	}
	if family, err = checkDisplayName("family name", family); err != nil {
		return "", "", "", err
	}
	if name == "" {
		name = joinNames(given, family)
	}
	if given == "" && family == "" {
		given, family = splitName(name)
	}
	return name, given, family, nil
}

func joinNames(given, family string) string { return strings.TrimSpace(given + " " + family) }

func splitName(name string) (given, family string) {
	if i := strings.LastIndexByte(name, ' '); i > 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}

// hashAll hashes every password of list, as many at once as the gate allows.
func (d *Directory) hashAll(ctx context.Context, list []newAccount) error {
	next := make(chan int)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	for range min(d.slots, len(list)) {
		workers.Go(func() {
			for i := range next {
				hash, err := d.hash(ctx, list[i].password)
				if err != nil {
					cancel(err)
					return
				}
				list[i].hash = hash
			}
		})
	}
	for i := range list {
		if list[i].hash != "" {
			continue
		}
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("hash passwords: %w", err)
	}
	return nil
}

// hash makes a password hash behind the gate, however long it waits there.
func (d *Directory) hash(ctx context.Context, secret string) (string, error) {
	if err := d.gate.enter(ctx, "administration", true); err != nil {
		return "", err
	}
	defer d.gate.leave()
	d.hashes.Add(1)
	return makeHash(secret, d.params), nil
}

// insertAccount writes the rows of n and what every new account gets.
func (d *Directory) insertAccount(tx *store.Tx, n newAccount, now int64) (Account, error) {
	a := n.Account
	a.Created = time.Unix(now, 0)
	id, login, err := insertPrincipal(tx, kindAccount, n.address, a.Name, now)
	if err != nil {
		return a, err
	}
	a.ID, a.Login = id, login
	if err := insertAccountRow(tx, a, n.hash, now); err != nil {
		return a, err
	}
	return a, d.provision(tx, id, false)
}

// Account returns an account, also a disabled or deleted one. fault.NotFound.
func (d *Directory) Account(_ context.Context, id ID) (Account, error) {
	if a, ok := d.view.account(id); ok {
		return a, nil
	}
	return Account{}, fault.New(fault.NotFound, "no such account")
}

// AccountByAddress finds an account by login or primary address. fault.NotFound.
func (d *Directory) AccountByAddress(_ context.Context, address string) (Account, error) {
	if a, ok := d.view.accountByLogin(address); ok {
		return a, nil
	}
	return Account{}, fault.New(fault.NotFound, "no account %s", printable(address))
}

// accountByLogin is who logs in as login: a login name, or a primary address.
func (v *view) accountByLogin(login string) (Account, bool) {
	login = strings.TrimSpace(login)
	if len(login) > MaxLoginBytes {
		return Account{}, false
	}
	if strings.IndexByte(login, '@') >= 0 {
		a, err := ParseAddress(login)
		if err != nil {
			return Account{}, false
		}
		v.mu.RLock()
		defer v.mu.RUnlock()
		if e := v.accounts[v.addresses[a.key()]]; e != nil {
			return v.inForce(e), true
		}
		return Account{}, false
	}
	name := FoldName(login)
	v.mu.RLock()
	defer v.mu.RUnlock()
	if e := v.accounts[v.logins[name]]; e != nil {
		return v.inForce(e), true
	}
	return Account{}, false
}

// Accounts lists all, in every state, by login.
func (d *Directory) Accounts(_ context.Context) ([]Account, error) {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	entries := sortedByLogin(v.accounts, func(e *accountEntry) string { return e.Login })
	list := make([]Account, len(entries))
	for i, e := range entries {
		list[i] = v.inForce(e)
	}
	return list, nil
}

// SetQuotas replaces the roles' quotas (bytes; missing: unlimited), for example after the configuration was read anew.
func (d *Directory) SetQuotas(roles map[Role]int64) {
	fresh := make(map[Role]int64, len(roles))
	for role, n := range roles {
		fresh[role] = n
	}
	d.view.mu.Lock()
	defer d.view.mu.Unlock()
	d.view.quotas = fresh
}

// printable shortens and escapes what a peer sent, for a message.
func printable(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	if isDotString(strings.ReplaceAll(s, "@", "")) {
		return s
	}
	return fmt.Sprintf("%+q", s)
}
