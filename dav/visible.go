package dav

import (
	"context"

	"schulhof/directory"
)

// maySee tells whether who asks may know of an account or group. The rule is the directory's, the one of the school's
// address book.
func (x *exchange) maySee(ctx context.Context, login string) bool {
	if login == x.id.Account.Login {
		return true
	}
	_, err := x.srv.dir.VisibleByLogin(ctx, x.who(), login)
	return err == nil
}

// visible lists the principals of a class that who asks may know of, in the order of their logins. Rooms and devices are
// there for all.
func (x *exchange) visible(ctx context.Context, class string) (list []principal, err error) {
	if class == classResources {
		resources, err := x.srv.dir.Resources(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range resources {
			list = append(list, x.resourcePrincipal(r))
		}
		return list, nil
	}
	contacts, _, err := x.srv.dir.Visible(ctx, x.who())
	if err != nil {
		return nil, err
	}
	for i := range contacts {
		if p := contactPrincipal(&contacts[i]); p.class == class {
			list = append(list, p)
		}
	}
	return list, nil
}

func contactPrincipal(c *directory.Contact) principal {
	if c.Group.ID != 0 {
		return groupPrincipal(c.Group)
	}
	return userPrincipal(c.Account)
}
