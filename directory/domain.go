package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"schulhof/store"
	"schulhof/store/fault"
)

// AddDomain makes name ours; the first one added is the main one. Any IDNA form will do. fault.Invalid, fault.AlreadyExists.
func (d *Directory) AddDomain(ctx context.Context, name string) error {
	domain, err := CanonicalDomain(name)
	if err != nil {
		return fmt.Errorf("add domain: %w", err)
	}
	if domain[0] == '[' || strings.ContainsRune(domain, '_') {
		return fault.New(fault.Invalid, "%s is not a domain for mail", printable(name))
	}
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		names, err := selectDomains(tx)
		if err != nil {
			return err
		}
		if slices.Contains(names, domain) {
			return fault.New(fault.AlreadyExists, "the domain %s is here already", domain)
		}
		if err := insertDomain(tx, domain, d.now().Unix()); err != nil {
			return err
		}
		tx.AfterCommit(func() { d.view.setDomains(append(names, domain)) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("add domain: %w", err)
	}
	return nil
}

// RemoveDomain ends a domain. fault.NotFound; fault.InUse while addresses use it.
func (d *Directory) RemoveDomain(ctx context.Context, name string) error {
	domain, err := CanonicalDomain(name)
	if err != nil {
		return fmt.Errorf("remove domain: %w", err)
	}
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		used, err := countAddresses(tx, domain)
		if err != nil {
			return err
		}
		if used > 0 {
			return fault.New(fault.InUse, "%d addresses use the domain %s", used, domain)
		}
		n, err := tx.Exec(`DELETE FROM domain WHERE name = $1`, domain)
		if err != nil {
			return fmt.Errorf("delete domain: %w", err)
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no domain %s", printable(name))
		}
		names, err := selectDomains(tx)
		if err != nil {
			return err
		}
		tx.AfterCommit(func() { d.view.setDomains(names) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove domain: %w", err)
	}
	return nil
}

// Domains lists our domains in their ASCII forms, the main one first.
func (d *Directory) Domains(_ context.Context) ([]string, error) {
	d.view.mu.RLock()
	defer d.view.mu.RUnlock()
	return slices.Clone(d.view.domains), nil
}

// IsLocalDomain reports whether domain is ours; IDNA forms are equal. What is no domain is not ours.
func (d *Directory) IsLocalDomain(_ context.Context, domain string) (bool, error) {
	name, err := CanonicalDomain(domain)
	if err != nil {
		return false, nil
	}
	return d.view.isLocal(name), nil
}

// Canonical returns the stored form of address, whose domain may be left out when there is only one.
// It need not exist. fault.Invalid.
func (d *Directory) Canonical(_ context.Context, address string) (string, error) {
	a, err := d.complete(address, false)
	if err != nil {
		return "", err
	}
	return a.String(), nil
}

// complete adds the domain where it is left out: the only one, or the main one if a bare name is enough (groups, resources).
func (d *Directory) complete(address string, mainWillDo bool) (Address, error) {
	address = strings.TrimSpace(address)
	if strings.HasSuffix(address, "@") || address == "" {
		return Address{}, fault.New(fault.Invalid, "%s is not an address", printable(address))
	}
	if !strings.Contains(address, "@") {
		domain, only := d.view.mainDomain()
		if domain == "" {
			return Address{}, fault.New(fault.NotFound, "there is no domain yet")
		}
		if !only && !mainWillDo {
			return Address{}, fault.New(fault.Invalid, "%s: say at which domain, there are several", printable(address))
		}
		address += "@" + domain
	}
	a, err := ParseAddress(address)
	if err != nil {
		return a, namedFault(printable(address), err)
	}
	return a, nil
}

// namedFault puts what it is about before the text of a fault.
func namedFault(name string, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return fault.Wrap(f.Kind, f.Err, "%s: %s", name, f.Text)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// newAddress is complete for an address that shall be made: at a domain of ours, with a name that is fit for one.
func (d *Directory) newAddress(address string, mainWillDo bool) (Address, error) {
	a, err := d.complete(address, mainWillDo)
	if err != nil {
		return a, err
	}
	if !d.view.isLocal(a.Domain) {
		return a, fault.New(fault.NotFound, "the domain %s is not one of ours", a.Domain)
	}
	return a, checkNewName(a.Local, false)
}
