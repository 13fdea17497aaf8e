package directory

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
)

// principalKind is principal.kind.
type principalKind int64

const (
	kindAccount  principalKind = 1
	kindGroup    principalKind = 2
	kindResource principalKind = 3
)

// insertPrincipal takes the address and the next free login of its name. fault.AlreadyExists.
func insertPrincipal(tx *store.Tx, kind principalKind, a Address, name string, now int64) (id ID, login string, err error) {
	address := a.String()
	if err := checkFree(tx, address); err != nil {
		return 0, "", err
	}
	if login, err = freeLogin(tx, a.Local); err != nil {
		return 0, "", err
	}
	err = tx.QueryRow(`INSERT INTO principal (kind, login, address, name, created) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
		int64(kind), login, address, name, now).Scan(&id)
	if err != nil {
		return 0, "", fmt.Errorf("insert principal: %w", err)
	}
	if _, err := tx.Exec(`INSERT INTO address (address, principal_id) VALUES ($1, $2)`, address, int64(id)); err != nil {
		return 0, "", fmt.Errorf("insert address: %w", err)
	}
	return id, login, nil
}

// checkFree returns fault.AlreadyExists if address leads somewhere.
func checkFree(tx *store.Tx, address string) error {
	n, err := count(tx, `SELECT COUNT(*) FROM address WHERE address = $1`, address)
	if err != nil {
		return fmt.Errorf("look for address: %w", err)
	}
	if n > 0 {
		return errTaken(address, "an account, group, resource or alias")
	}
	return nil
}

// freeLogin returns name, or name2, name3, … if that is taken.
func freeLogin(tx *store.Tx, name string) (string, error) {
	for n, login := 2, name; ; n++ {
		taken, err := count(tx, `SELECT COUNT(*) FROM principal WHERE login = $1`, login)
		if err != nil {
			return "", fmt.Errorf("look for login: %w", err)
		}
		if taken == 0 {
			return login, nil
		}
		login = name + strconv.Itoa(n)
	}
}

func count(tx *store.Tx, query string, args ...any) (n int64, err error) {
	err = tx.QueryRow(query, args...).Scan(&n)
	return n, err
}

// StillThere asks again, in tx, for an account or group that was found before: others may have removed it in the same commit. fault.NotFound.
func (d *Directory) StillThere(tx *store.Tx, id ID) error {
	n, err := count(tx, `SELECT COUNT(*) FROM principal WHERE id = $1`, int64(id))
	if err != nil {
		return fmt.Errorf("look for principal %d: %w", id, err)
	}
	if n == 0 {
		return fault.New(fault.NotFound, "no such group or account")
	}
	return nil
}

func deletePrincipal(tx *store.Tx, id ID) error {
	if _, err := tx.Exec(`DELETE FROM principal WHERE id = $1`, int64(id)); err != nil { // the rest follows by cascade
		return fmt.Errorf("delete principal: %w", err)
	}
	return nil
}

func insertAccountRow(tx *store.Tx, a Account, hash string, since int64) error {
	_, err := tx.Exec(`INSERT INTO account (principal_id, given, family, role, state, state_since, quota_bytes, version, password)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		int64(a.ID), a.Given, a.Family, string(a.Role), string(a.State), since, ownQuota(a), int64(a.Version), hash)
	if err != nil {
		return fmt.Errorf("insert account: %w", err)
	}
	return nil
}

// updateAccount writes all that may change; hash "" keeps the password.
func updateAccount(tx *store.Tx, a Account, since int64, hash string) error {
	if _, err := tx.Exec(`UPDATE principal SET name = $1 WHERE id = $2`, a.Name, int64(a.ID)); err != nil {
		return fmt.Errorf("update principal: %w", err)
	}
	_, err := tx.Exec(`UPDATE account SET given = $1, family = $2, role = $3, state = $4, state_since = $5, quota_bytes = $6, version = $7
		WHERE principal_id = $8`, a.Given, a.Family, string(a.Role), string(a.State), since, ownQuota(a), int64(a.Version), int64(a.ID))
	if err == nil && hash != "" {
		_, err = tx.Exec(`UPDATE account SET password = $1 WHERE principal_id = $2`, hash, int64(a.ID))
	}
	if err != nil {
		return fmt.Errorf("update account: %w", err)
	}
	return nil
}

// ownQuota is NULL for the role's.
func ownQuota(a Account) *int64 {
	if !a.OwnQuota {
		return nil
	}
	return &a.QuotaBytes
}

// accountColumns is the select list that scanAccount reads.
const accountColumns = `p.id, p.login, p.address, p.name, p.created, a.given, a.family, a.role, a.state, a.state_since, a.quota_bytes, a.version
	FROM principal p JOIN account a ON a.principal_id = p.id`

func scanAccount(scan func(...any) error) (a Account, since int64, err error) {
	var id, created, version int64
	var role, state string
	var quota *int64
	err = scan(&id, &a.Login, &a.Address, &a.Name, &created, &a.Given, &a.Family, &role, &state, &since, &quota, &version)
	a.ID, a.Created, a.Version, a.Role, a.State = ID(id), time.Unix(created, 0), uint64(version), Role(role), State(state)
	if quota != nil {
		a.QuotaBytes, a.OwnQuota = *quota, true
	}
	return a, since, err
}

// selectAccount reads one account; QuotaBytes is its own.
func selectAccount(tx *store.Tx, id ID) (Account, int64, error) {
	a, since, err := scanAccount(tx.QueryRow(`SELECT `+accountColumns+` WHERE p.id = $1`, int64(id)).Scan)
	if errors.Is(err, store.ErrNoRows) {
		return a, 0, fault.New(fault.NotFound, "no such account")
	}
	if err != nil {
		return a, 0, fmt.Errorf("read account %d: %w", id, err)
	}
	return a, since, nil
}

// selectPassword returns an account's hash; "" if there is no such account.
func selectPassword(tx *store.Tx, id ID) (hash string, version uint64, err error) {
	var v int64
	err = tx.QueryRow(`SELECT password, version FROM account WHERE principal_id = $1`, int64(id)).Scan(&hash, &v)
	if errors.Is(err, store.ErrNoRows) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("read password: %w", err)
	}
	return hash, uint64(v), nil
}

// replaceHash stores a new hash of the same password, unless that was changed meanwhile.
func replaceHash(tx *store.Tx, id ID, old, fresh string) error {
	if _, err := tx.Exec(`UPDATE account SET password = $1 WHERE principal_id = $2 AND password = $3`, fresh, int64(id), old); err != nil {
		return fmt.Errorf("replace hash: %w", err)
	}
	return nil
}
