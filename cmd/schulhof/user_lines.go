package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"schulhof/directory"
	"schulhof/store/fault"
)

// Bounds on what "user add --stdin" reads.
const (
	maxNewAccounts = 100_000
	maxAccountLine = 4096 // bytes
)

// readNewAccounts reads lines ADDRESS;ROLE;GIVEN NAME;FAMILY NAME;PASSWORD. Empty lines and lines that begin with #
// are passed over; the password is what follows the fourth semicolon. All faulty lines are reported at once.
func readNewAccounts(in io.Reader) ([]directory.NewAccount, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, maxAccountLine), maxAccountLine)
	var list []directory.NewAccount
	var wrong []error
	n := 0
	for lines.Scan() {
		n++
		line := strings.TrimPrefix(strings.TrimSuffix(lines.Text(), "\r"), "\ufeff")
		if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
			continue
		}
		account, err := parseNewAccount(line)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("line %d: %w", n, err))
		}
		list = append(list, account)
		if len(list) > maxNewAccounts {
			return nil, fault.New(fault.Limit, "more than %d accounts at once", maxNewAccounts)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fault.New(fault.Invalid, "line %d is longer than %d bytes", n+1, maxAccountLine)
	} else if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	if len(list) == 0 {
		return nil, fault.New(fault.Invalid, "no account on standard input")
	}
	return list, nil
}

func parseNewAccount(line string) (directory.NewAccount, error) {
	if !utf8.ValidString(line) {
		return directory.NewAccount{}, fault.New(fault.Invalid, "not UTF-8: convert the file first (iconv -f windows-1252 -t utf-8)")
	}
	fields := strings.SplitN(line, ";", 5)
	if len(fields) < 4 {
		return directory.NewAccount{}, fault.New(fault.Invalid, "want ADDRESS;ROLE;GIVEN NAME;FAMILY NAME;PASSWORD, have %d fields", len(fields))
	}
	for i := range fields[:4] {
		fields[i] = strings.TrimSpace(fields[i])
	}
	role := directory.Role(strings.ToLower(fields[1]))
	if !slices.Contains(directory.Roles(), role) {
		return directory.NewAccount{}, fault.New(fault.Invalid, "%q is no role: student, teacher, parent, staff, admin", fields[1])
	}
	account := directory.NewAccount{Address: fields[0], Role: role, Given: fields[2], Family: fields[3]}
	if len(fields) == 5 {
		account.Password = fields[4]
	}
	return account, nil
}
