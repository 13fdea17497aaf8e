package directory

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"schulhof/store"
	"schulhof/store/fault"
)

// Attempt is one try to log in. Need: the scope that the door requires (any bit of it suffices).
type Attempt struct {
	Login  string // login, or full address; case-insensitive, NFC'd here
	Secret string
	Remote netip.Addr
	Need   Scope
	Door   string // "imap", "submission", … for metrics
}

// Identity is who logged in. It stays valid until Valid says otherwise.
type Identity struct {
	Account Account
	Scope   Scope
	AppID   int64 // 0: the main password
}

// attempt is an Attempt whose login was looked up. account.ID is 0 if it leads to nobody.
type attempt struct {
	Attempt
	account Account
	subject subject
	name    string // of an unknown login, in one form
	proof   proof
}

// Authenticate verifies. fault.Unauthenticated: wrong login, password or scope, disabled account, all alike in text and work.
// fault.Throttled: too many wrong tries, or too many logins at once. A correct one costs microseconds when the credential cache knows it.
func (d *Directory) Authenticate(ctx context.Context, a Attempt) (Identity, error) {
	id, err := d.authenticate(ctx, a)
	d.metrics.login(a.Door, err)
	return id, err
}

func (d *Directory) authenticate(ctx context.Context, try Attempt) (Identity, error) {
	a := attempt{Attempt: try}
	if len(a.Secret) == 0 || len(a.Secret) > MaxSecretBytes || len(a.Login) == 0 || len(a.Login) > MaxLoginBytes {
		return Identity{}, errWrong() // whoever is meant
	}
	a.Secret = normalizeSecret(a.Secret)
	a.Remote = a.Remote.Unmap()
	if account, ok := d.view.accountByLogin(a.Login); ok {
		a.account = account
	} else {
		a.name = d.unknownLogin(a.Login)
	}
	a.subject = subjectOf(a.account.ID, a.name)
	now := d.now()
	if err := d.limiter.check(a.subject, a.Remote, now); err != nil {
		return Identity{}, err
	}
	if a.account.State == Active {
		if app, ok := d.view.app(a.account.ID, a.Secret, a.Need); ok {
			due := d.used.note(app.ID, now)
			if d.limiter.right(a.account.ID, a.Remote, now) || due {
				d.saveSoon(ctx)
			}
			return Identity{Account: a.account, Scope: app.Scope, AppID: app.ID}, nil
		}
	}
	a.proof = d.prover.prove(a.account.ID, a.account.Version, a.Need, a.name, a.Secret)
	if a.account.State == Active && d.proven.has(a.proof, now) {
		return d.welcome(ctx, a), nil
	}
	if d.refused.has(a.proof, now) {
		return Identity{}, errWrong() // counted when it was tried first
	}
	right, err := d.flights.do(ctx, a.proof, func() (bool, error) { return d.verify(ctx, a) })
	if err != nil {
		return Identity{}, err
	}
	if !right {
		return Identity{}, errWrong()
	}
	return d.welcome(ctx, a), nil
}

func errWrong() error {
	return fault.New(fault.Unauthenticated, "wrong login name or password")
}

func (d *Directory) welcome(ctx context.Context, a attempt) Identity {
	if d.limiter.right(a.account.ID, a.Remote, d.now()) {
		d.saveSoon(ctx)
	}
	return Identity{Account: a.account, Scope: ScopeAll}
}

// unknownLogin brings a login that leads to nobody to one form, so that "x" and "x@our.main.domain" are the same, as they would be for an account.
func (d *Directory) unknownLogin(login string) string {
	login = strings.TrimSpace(login)
	if a, err := ParseAddress(login); err == nil {
		return a.String()
	}
	main, _ := d.view.mainDomain()
	return FoldName(login) + "@" + main
}

// verify does the work of one hash, whoever is meant, and remembers what came out.
func (d *Directory) verify(ctx context.Context, a attempt) (bool, error) {
	stored, hash, err := d.storedHash(ctx, a.account)
	if err != nil {
		return false, err
	}
	if err := d.gate.enter(ctx, networkOf(a.Remote).String(), false); err != nil {
		return false, err
	}
	d.hashes.Add(1)
	right := stored.verify(a.Secret) && hash != ""
	fresh := ""
	if right && stored.outdated(d.params) {
		d.hashes.Add(1)
		fresh = makeHash(a.Secret, d.params)
	}
	d.gate.leave()
	now := d.now()
	if !right {
		d.refused.add(a.proof, now)
		if d.limiter.wrong(a.subject, a.Remote, now) {
			d.saveSoon(ctx)
		}
		return false, nil
	}
	d.proven.add(a.proof, now)
	if fresh != "" {
		err := d.store.Write(ctx, func(tx *store.Tx) error { return replaceHash(tx, a.account.ID, hash, fresh) })
		if err != nil {
			d.log.Warn("a password hash stays in its old form", "account", a.account.ID, "err", err)
		}
	}
	return true, nil
}

// storedHash reads what a's password must match; the dummy and "" if nobody can match.
func (d *Directory) storedHash(ctx context.Context, a Account) (stored storedHash, text string, err error) {
	var version uint64
	err = d.store.Read(ctx, func(tx *store.Tx) (err error) {
		text, version, err = selectPassword(tx, a.ID)
		return err
	})
	if err != nil {
		return d.dummy, "", fmt.Errorf("log in: %w", err)
	}
	if text == "" || a.State != Active || version != a.Version {
		return d.dummy, "", nil
	}
	if stored, err = parseHash(text); err != nil {
		d.log.Error("a stored password hash cannot be read", "account", a.ID, "err", err)
		return d.dummy, "", nil
	}
	return stored, text, nil
}

// Valid returns fault.Unauthenticated once the account's credentials or state changed since id was made. It is cheap (memory):
// sessions ask before each command. AccountKey's feed wakes when it changes, so that idle sessions end at once too.
func (d *Directory) Valid(id Identity) error {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	e := v.accounts[id.Account.ID]
	if e == nil || e.State != Active || e.Version != id.Account.Version || id.AppID != 0 && !e.hasApp(id.AppID) {
		return fault.New(fault.Unauthenticated, "the login is no longer valid")
	}
	return nil
}

// flights lets those who try the same at the same time share one hash.
type flights struct {
	mu sync.Mutex
	m  map[proof]*flight
}

type flight struct {
	done  chan struct{}
	right bool
	err   error
}

// do runs fn, or waits for the one that runs for p already. When that one gave up because its own caller went away, another runs it.
func (f *flights) do(ctx context.Context, p proof, fn func() (bool, error)) (bool, error) {
	for {
		f.mu.Lock()
		running := f.m[p]
		if running == nil {
			break
		}
		f.mu.Unlock()
		select {
		case <-running.done:
		case <-ctx.Done():
			return false, fmt.Errorf("log in: %w", context.Cause(ctx))
		}
		if running.err == nil || !errors.Is(running.err, context.Canceled) && !errors.Is(running.err, context.DeadlineExceeded) {
			return running.right, running.err
		}
	}
	if f.m == nil {
		f.m = map[proof]*flight{}
	}
	mine := &flight{done: make(chan struct{})}
	f.m[p] = mine
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.m, p)
		f.mu.Unlock()
		close(mine.done)
	}()
	mine.right, mine.err = fn()
	return mine.right, mine.err
}
