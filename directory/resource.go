package directory

import (
	"context"
	"fmt"

	"schulhof/store"
	"schulhof/store/fault"
)

// Resource is a place or device that can be booked.
type Resource struct {
	ID          ID
	Name, Title string
	Kind        string // place|device
}

// The kinds of resources.
const (
	Place  = "place"
	Device = "device"
)

// AddResource makes a resource. Its name may be a full address; without a domain it is at the main one.
// fault.Invalid, AlreadyExists, NotFound (the domain).
func (d *Directory) AddResource(ctx context.Context, r Resource) (Resource, error) {
	address, err := d.newAddress(r.Name, true)
	if err != nil {
		return Resource{}, fmt.Errorf("add resource: %w", err)
	}
	if r.Kind != Place && r.Kind != Device {
		return Resource{}, fault.New(fault.Invalid, "%s is no kind of resource: place, device", printable(r.Kind))
	}
	if r.Title, err = checkDisplayName("title", r.Title); err != nil {
		return Resource{}, fmt.Errorf("add resource: %w", err)
	}
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		if r.ID, r.Name, err = insertPrincipal(tx, kindResource, address, r.Title, d.now().Unix()); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO resource (principal_id, kind) VALUES ($1, $2)`, int64(r.ID), r.Kind); err != nil {
			return fmt.Errorf("insert resource: %w", err)
		}
		made := r
		tx.AfterCommit(func() { d.view.putResource(made, address.String()) })
		return nil
	})
	if err != nil {
		return Resource{}, fmt.Errorf("add resource: %w", err)
	}
	return r, nil
}

// Resources lists all resources by name.
func (d *Directory) Resources(_ context.Context) ([]Resource, error) {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	list := make([]Resource, 0, len(v.resources))
	for _, r := range sortedByLogin(v.resources, func(r *resourceEntry) string { return r.Name }) {
		list = append(list, r.Resource)
	}
	return list, nil
}

// Resource finds a resource by name or address. fault.NotFound.
func (d *Directory) Resource(_ context.Context, nameOrAddress string) (Resource, error) {
	id := d.view.principalByName(nameOrAddress)
	d.view.mu.RLock()
	defer d.view.mu.RUnlock()
	if r := d.view.resources[id]; r != nil {
		return r.Resource, nil
	}
	return Resource{}, fault.New(fault.NotFound, "no resource %s", printable(nameOrAddress))
}

// ResourceAddress is the address under which a resource is invited; "" if there is no such resource.
func (d *Directory) ResourceAddress(id ID) string {
	d.view.mu.RLock()
	defer d.view.mu.RUnlock()
	if r := d.view.resources[id]; r != nil {
		return r.address
	}
	return ""
}

// DeleteResource removes a resource. fault.NotFound.
func (d *Directory) DeleteResource(ctx context.Context, id ID) error {
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`DELETE FROM resource WHERE principal_id = $1`, int64(id))
		if err != nil {
			return fmt.Errorf("delete resource: %w", err)
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no such resource")
		}
		if err := deletePrincipal(tx, id); err != nil {
			return err
		}
		tx.AfterCommit(func() { d.view.dropResource(id) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete resource: %w", err)
	}
	return nil
}
