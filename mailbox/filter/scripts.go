package filter

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"schulhof/directory"
	"schulhof/mailbox/sieve"
	"schulhof/store"
	"schulhof/store/fault"

	"golang.org/x/text/unicode/norm"
)

// Everyone owns the scripts that all others may include with :global.
const Everyone directory.ID = 0

// Script describes a script.
type Script struct {
	Name    string
	Active  bool
	Size    int64
	Changed time.Time
}

// compile checks a text that was stored.
func compile(text []byte, name string) *compiled {
	c := &compiled{hash: sha256.Sum256(text)}
	c.script, c.err = sieve.Compile(text, sieve.Options{Name: name})
	return c
}

// Check tells what is wrong with a script without storing it. fault.Invalid: its text has every fault with its line.
func (f *Filters) Check(text []byte) (warnings []sieve.Error, err error) {
	script, err := sieve.Compile(text, sieve.Options{})
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s", err.Error())
	}
	return script.Warnings(), nil
}

// cleanName is a name in NFC. fault.Invalid. RFC 5804 §1.6.
func cleanName(name string) (string, error) {
	name = norm.NFC.String(name)
	bad := func(c rune) bool {
		return unicode.IsControl(c) || c == '\u2028' || c == '\u2029' || c == utf8.RuneError
	}
	if name == "" || len(name) > MaxNameBytes || !utf8.ValidString(name) || strings.IndexFunc(name, bad) >= 0 {
		return "", fault.New(fault.Invalid, "a script's name has 1 to %d bytes and no control characters", MaxNameBytes)
	}
	return name, nil
}

// Scripts lists the scripts of owner by name.
func (f *Filters) Scripts(ctx context.Context, owner directory.ID) (list []Script, err error) {
	err = f.store.Read(ctx, func(tx *store.Tx) error {
		list, err = scriptsOf(tx, owner)
		return err
	})
	return list, err
}

// Script reads a script. fault.NotFound.
func (f *Filters) Script(ctx context.Context, owner directory.ID, name string) ([]byte, error) {
	name, err := cleanName(name)
	if err != nil {
		return nil, err
	}
	text, found, err := f.read(ctx, scriptKey{owner, name})
	if err == nil && !found {
		err = noScript(name)
	}
	return text, err
}

func noScript(name string) error { return fault.New(fault.NotFound, "there is no script %q", name) }

// Space reports whether a script of size bytes could be put under name. fault.TooLarge, fault.Limit, fault.OverQuota. RFC 5804 §2.5.
func (f *Filters) Space(ctx context.Context, owner directory.ID, name string, size int64) error {
	name, err := cleanName(name)
	if err != nil {
		return err
	}
	return f.store.Read(ctx, func(tx *store.Tx) error { return space(tx, owner, name, size) })
}

func space(tx *store.Tx, owner directory.ID, name string, size int64) error {
	if size > sieve.MaxScript {
		return fault.New(fault.TooLarge, "a script has at most %d bytes", sieve.MaxScript)
	}
	list, err := scriptsOf(tx, owner)
	if err != nil {
		return err
	}
	n := 1
	for _, s := range list {
		if s.Name != name {
			n++
			size += s.Size
		}
	}
	switch {
	case n > MaxScripts:
		return fault.New(fault.Limit, "no more than %d scripts", MaxScripts)
	case size > MaxBytes:
		return fault.New(fault.OverQuota, "all scripts together have at most %d bytes", MaxBytes)
	}
	return nil
}

// Put checks a script and stores it under name, also over an older one; if that one is active, the new one is from now on.
// fault.Invalid with what is wrong, and what Space says.
func (f *Filters) Put(ctx context.Context, owner directory.ID, name string, text []byte) (warnings []sieve.Error, err error) {
	if name, err = cleanName(name); err != nil {
		return nil, err
	}
	if warnings, err = f.Check(text); err != nil {
		return nil, err
	}
	now := f.now().Unix()
	return warnings, f.store.Write(ctx, func(tx *store.Tx) error {
		if err := space(tx, owner, name, int64(len(text))); err != nil {
			return err
		}
		if err := putScript(tx, owner, name, text, now); err != nil {
			return err
		}
		tx.AfterCommit(func() { f.forget(scriptKey{owner, name}) })
		return nil
	})
}

// Activate makes name the one script that runs; "" makes it none. fault.NotFound. RFC 5804 §2.8.
func (f *Filters) Activate(ctx context.Context, owner directory.ID, name string) (err error) {
	if name != "" {
		if name, err = cleanName(name); err != nil {
			return err
		}
	}
	if owner == Everyone && name != "" {
		return fault.New(fault.Refused, "scripts for everyone are included, not activated")
	}
	return f.store.Write(ctx, func(tx *store.Tx) error {
		found, err := activate(tx, owner, name)
		if err == nil && name != "" && !found {
			err = noScript(name)
		}
		if err == nil {
			tx.AfterCommit(func() { f.setActive(owner, name) })
		}
		return err
	})
}

// Delete removes a script. fault.NotFound; fault.InUse: it is active. RFC 5804 §2.10.
func (f *Filters) Delete(ctx context.Context, owner directory.ID, name string) error {
	name, err := cleanName(name)
	if err != nil {
		return err
	}
	return f.store.Write(ctx, func(tx *store.Tx) error {
		s, err := scriptNamed(tx, owner, name)
		switch {
		case err != nil:
			return err
		case s.Active:
			return fault.New(fault.InUse, "the script %q is active", name)
		}
		if err := deleteScript(tx, owner, name); err != nil {
			return err
		}
		tx.AfterCommit(func() { f.forget(scriptKey{owner, name}) })
		return nil
	})
}

// Rename gives a script another name; an active one stays active. fault.NotFound, fault.AlreadyExists. RFC 5804 §2.11.1.
func (f *Filters) Rename(ctx context.Context, owner directory.ID, from, to string) (err error) {
	if from, err = cleanName(from); err != nil {
		return err
	}
	if to, err = cleanName(to); err != nil {
		return err
	}
	return f.store.Write(ctx, func(tx *store.Tx) error {
		s, err := scriptNamed(tx, owner, from)
		if err != nil {
			return err
		}
		if _, err := scriptNamed(tx, owner, to); err == nil {
			return fault.New(fault.AlreadyExists, "there is a script %q already", to)
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
		if err := renameScript(tx, owner, from, to); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			f.forget(scriptKey{owner, from})
			f.forget(scriptKey{owner, to})
			if s.Active {
				f.setActive(owner, to)
			}
		})
		return nil
	})
}
