package directory

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
)

// Scope is what a credential opens: a set of bits.
type Scope uint8

// The scopes.
const (
	ScopeMail Scope = 1 << iota // IMAP, ManageSieve and sending
	ScopeDAV
	ScopeSend // sending only
	ScopeAll  = ScopeMail | ScopeDAV | ScopeSend
)

// opens reports whether s suffices for a door that requires any bit of need. Mail includes sending.
func (s Scope) opens(need Scope) bool {
	if s&ScopeMail != 0 {
		s |= ScopeSend
	}
	return s&need != 0
}

// Names lists the scopes of s: mail, dav, send.
func (s Scope) Names() []string {
	names := []string{}
	for _, n := range scopeNames() {
		if s&n.scope != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// ParseScope reads names as Names writes them. fault.Invalid.
func ParseScope(names []string) (Scope, error) {
	var s Scope
	for _, name := range names {
		i := slices.IndexFunc(scopeNames(), func(n scopeName) bool { return n.name == strings.TrimSpace(name) })
		if i < 0 {
			return 0, fault.New(fault.Invalid, "%s is no scope: mail, dav, send", printable(name))
		}
		s |= scopeNames()[i].scope
	}
	return s, nil
}

type scopeName struct {
	scope Scope
	name  string
}

func scopeNames() []scopeName {
	return []scopeName{{ScopeMail, "mail"}, {ScopeDAV, "dav"}, {ScopeSend, "send"}}
}

// AppPassword is a password for one device or program; the secret itself is not kept.
type AppPassword struct {
	ID       int64
	Name     string
	Scope    Scope
	Created  time.Time
	LastUsed time.Time // zero: never
}

// An app password is 5 groups of 5 characters out of 31: 123 random bits. The first group finds its row.
const (
	appGroups    = 5
	appGroupSize = 5
	appChars     = appGroups * appGroupSize
)

// AddAppPassword makes an app password and returns its secret, which is shown once and not kept.
// fault.NotFound, fault.Invalid, fault.Limit.
func (d *Directory) AddAppPassword(ctx context.Context, id ID, name string, scope Scope) (AppPassword, string, error) {
	name, err := checkDisplayName("name of the app password", name)
	if err != nil {
		return AppPassword{}, "", err
	}
	if name == "" || len(name) > MaxAppName {
		return AppPassword{}, "", fault.New(fault.Invalid, "an app password needs a name of at most %d bytes", MaxAppName)
	}
	if scope == 0 || scope&^ScopeAll != 0 {
		return AppPassword{}, "", fault.New(fault.Invalid, "an app password needs a scope: mail, dav, send")
	}
	secret := randomGroups(appGroups, appGroupSize)
	plain, _ := appSecret(secret)
	entry := &appEntry{
		AppPassword: AppPassword{Name: name, Scope: scope, Created: time.Unix(d.now().Unix(), 0)},
		prefix:      plain[:appGroupSize], sum: sha256.Sum256([]byte(plain)),
	}
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		if _, _, err := selectAccount(tx, id); err != nil {
			return err
		}
		n, err := count(tx, `SELECT COUNT(*) FROM app_password WHERE account_id = $1`, int64(id))
		if err != nil {
			return fmt.Errorf("count app passwords: %w", err)
		}
		if n >= MaxAppPasswords {
			return fault.New(fault.Limit, "an account has at most %d app passwords", MaxAppPasswords)
		}
		if entry.ID, err = insertApp(tx, id, entry); err != nil {
			return err
		}
		fresh := *entry
		tx.AfterCommit(func() { d.view.putApp(id, &fresh) })
		return nil
	})
	if err != nil {
		return AppPassword{}, "", fmt.Errorf("add app password: %w", err)
	}
	return entry.AppPassword, secret, nil
}

// AppPasswords lists an account's app passwords by age. fault.NotFound.
func (d *Directory) AppPasswords(_ context.Context, id ID) ([]AppPassword, error) {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	e := v.accounts[id]
	if e == nil {
		return nil, fault.New(fault.NotFound, "no such account")
	}
	list := make([]AppPassword, 0, len(e.apps))
	for _, app := range e.apps {
		a := app.AppPassword
		if last, ok := d.used.at(a.ID); ok {
			a.LastUsed = last
		}
		list = append(list, a)
	}
	return list, nil
}

// RevokeAppPassword ends an app password, also in sessions that are open with it. fault.NotFound.
func (d *Directory) RevokeAppPassword(ctx context.Context, id ID, app int64) error {
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`DELETE FROM app_password WHERE id = $1 AND account_id = $2`, app, int64(id))
		if err != nil {
			return fmt.Errorf("delete app password: %w", err)
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no app password %d", app)
		}
		a, _, err := selectAccount(tx, id)
		if err != nil {
			return err
		}
		tx.Changed(AccountKey(id), a.Version)
		tx.AfterCommit(func() { d.view.dropApp(id, app) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("revoke app password: %w", err)
	}
	return nil
}

// appSecret is secret without hyphens and spaces and in lower case, if it has the form of an app password.
func appSecret(secret string) (string, bool) {
	if len(secret) < appChars || len(secret) > 2*appChars {
		return "", false
	}
	out := make([]byte, 0, appChars)
	for i := 0; i < len(secret); i++ {
		c := secret[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		switch {
		case c == '-' || c == ' ':
		case strings.IndexByte(passwordAlphabet, c) >= 0 && len(out) < appChars:
			out = append(out, c)
		default:
			return "", false
		}
	}
	return string(out), len(out) == appChars
}

// app finds the app password of account that secret is and that opens need.
func (v *view) app(account ID, secret string, need Scope) (AppPassword, bool) {
	plain, ok := appSecret(secret)
	if !ok {
		return AppPassword{}, false
	}
	sum := sha256.Sum256([]byte(plain))
	v.mu.RLock()
	defer v.mu.RUnlock()
	e := v.accounts[account]
	if e == nil {
		return AppPassword{}, false
	}
	for _, app := range e.apps {
		if app.prefix == plain[:appGroupSize] && subtle.ConstantTimeCompare(app.sum[:], sum[:]) == 1 && app.Scope.opens(need) {
			return app.AppPassword, true
		}
	}
	return AppPassword{}, false
}

// usedApps remembers when app passwords were last used, and which of these times are not written yet.
type usedApps struct {
	mu    sync.Mutex
	last  map[int64]time.Time
	saved map[int64]time.Time
}

func (u *usedApps) at(app int64) (time.Time, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	t, ok := u.last[app]
	return t, ok
}

// note records a use; due: it should be written soon.
func (u *usedApps) note(app int64, now time.Time) (due bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last, u.saved = map[int64]time.Time{}, map[int64]time.Time{}
	}
	u.last[app] = now
	return now.Sub(u.saved[app]) >= usedRefresh
}

// take lists the uses that were not written, and counts them as written.
func (u *usedApps) take() map[int64]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := map[int64]time.Time{}
	for app, t := range u.last {
		if !t.Equal(u.saved[app]) {
			out[app] = t
			u.saved[app] = t
		}
	}
	return out
}

// hasApp reports whether account still has app.
func (e *accountEntry) hasApp(app int64) bool {
	return slices.ContainsFunc(e.apps, func(a *appEntry) bool { return a.ID == app })
}

// giveBack counts uses as not written.
func (u *usedApps) giveBack(apps []int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, app := range apps {
		delete(u.saved, app)
	}
}
