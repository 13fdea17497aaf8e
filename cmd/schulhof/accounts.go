package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/store/fault"
)

// accountDoc is an account in a command's JSON. Its keys are documented in docs/admin-accounts.md and stay.
type accountDoc struct {
	ID         int64  `json:"id"`
	Address    string `json:"address"`
	Login      string `json:"login"`
	Name       string `json:"name"`
	Given      string `json:"given"`
	Family     string `json:"family"`
	Role       string `json:"role"`
	State      string `json:"state"`
	QuotaBytes int64  `json:"quota_bytes"` // 0: unlimited
	OwnQuota   bool   `json:"quota_own"`
	Created    string `json:"created"`
}

func documentAccount(a directory.Account) accountDoc {
	return accountDoc{
		ID: int64(a.ID), Address: a.Address, Login: a.Login, Name: a.Name, Given: a.Given, Family: a.Family, Role: string(a.Role),
		State: string(a.State), QuotaBytes: a.QuotaBytes, OwnQuota: a.OwnQuota, Created: timestamp(a.Created),
	}
}

// timestamp is RFC 3339 in UTC; "" for the zero time.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func quotaText(bytes int64) string {
	if bytes == 0 {
		return "unlimited"
	}
	return config.Size(bytes).String()
}

// oneOf is a flag whose value is one of a few words; another one is wrong usage.
type oneOf struct {
	value   string
	allowed []string
}

// words makes the choice between the values of a room's type; the default is "".
func words[T ~string](allowed ...T) *oneOf {
	o := &oneOf{}
	for _, w := range allowed {
		o.allowed = append(o.allowed, string(w))
	}
	return o
}

// String returns the chosen word.
func (o *oneOf) String() string { return o.value }

// Set accepts an allowed word.
func (o *oneOf) Set(s string) error {
	if !slices.Contains(o.allowed, s) {
		return fmt.Errorf("want one of %s", strings.Join(o.allowed, ", "))
	}
	o.value = s
	return nil
}

// Type is what the help calls the value.
func (o *oneOf) Type() string { return strings.Join(o.allowed, "|") }

// accountOf finds an account by address or login. Without a domain it is a login.
func accountOf(ctx context.Context, r *rooms, address string) (directory.Account, error) {
	return r.Directory.AccountByAddress(ctx, address)
}

// accountsOf finds all or fails.
func accountsOf(ctx context.Context, r *rooms, addresses []string) ([]directory.Account, error) {
	list := make([]directory.Account, 0, len(addresses))
	for _, address := range addresses {
		account, err := accountOf(ctx, r, address)
		if err != nil {
			return nil, err
		}
		list = append(list, account)
	}
	return list, nil
}

const maxPasswordLine = 4096 // bytes of a line on standard input

// readPassword reads the first line of in. Nothing else may follow but an empty rest.
func readPassword(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, maxPasswordLine)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("read the password: %w", err)
	}
	password := strings.TrimRight(line, "\r\n")
	if password == "" {
		return "", fault.New(fault.Invalid, "no password on standard input")
	}
	if !utf8.ValidString(password) {
		return "", fault.New(fault.Invalid, "the password on standard input is not UTF-8")
	}
	return password, nil
}

// say writes a line of what was done.
func say(format string, args ...any) func(io.Writer) error {
	return func(w io.Writer) error {
		if _, err := fmt.Fprintln(w, printable(fmt.Sprintf(format, args...))); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		return nil
	}
}
