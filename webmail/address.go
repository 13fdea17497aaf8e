package webmail

import (
	"net/mail"
	"strings"

	"schulhof/directory"
	"schulhof/mailbox/message"
	"schulhof/store/fault"
)

// parseAddresses reads what a person typed into a field for recipients: addresses, each with a name before it in angle brackets or not,
// divided by commas, semicolons or lines. Domains come out as the DNS has them. fault.Invalid names what is no address; fault.Limit.
func parseAddresses(field string) (list []mail.Address, err error) {
	for _, item := range splitAddresses(field) {
		if len(list) == maxRecipients {
			return nil, fault.New(fault.Limit, "more than %d recipients", maxRecipients)
		}
		a, ok := parseOne(item)
		if !ok {
			return nil, fault.New(fault.Invalid, "%s", shortened(item, 80))
		}
		list = append(list, a)
	}
	return list, nil
}

// splitAddresses divides a field where neither quotes nor angle brackets are open.
func splitAddresses(field string) (items []string) {
	quoted, angle, escaped, start := false, false, false, 0
	end := func(at int) {
		if item := strings.TrimSpace(field[start:at]); item != "" {
			items = append(items, item)
		}
	}
	for i, c := range field {
		switch {
		case escaped:
			escaped = false
		case c == '\\' && quoted:
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == '\n' || c == '\r', (c == ',' || c == ';') && !quoted && !angle:
			end(i)
			start, quoted, angle = i+1, false, false
		case quoted:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		}
	}
	end(len(field))
	return items
}

// parseOne reads one item: an address, or a name and an address in angle brackets.
func parseOne(item string) (a mail.Address, ok bool) {
	address := item
	if i := strings.LastIndexByte(item, '<'); i >= 0 && strings.HasSuffix(item, ">") {
		address = strings.TrimSpace(item[i+1 : len(item)-1])
		a.Name = unquoted(strings.TrimSpace(item[:i]))
	}
	if _, err := directory.ParseAddress(address); err != nil || strings.Count(address, "@") != 1 || strings.ContainsAny(address, "\"\\<>(),:; \t") {
		return a, false
	}
	a.Address, ok = asciiAddress(address)
	return a, ok
}

// asciiAddress is an address with its domain as the DNS has it.
func asciiAddress(address string) (string, bool) {
	local, domain, ok := message.CutAddress(address)
	if !ok {
		return "", false
	}
	ascii, ok := message.ASCIIDomain(domain)
	return local + "@" + ascii, ok && ascii != ""
}

// unquoted is a name without the quotes around it and without control characters.
func unquoted(name string) string {
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		name = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(name[1 : len(name)-1])
	}
	return shortened(oneLine(name), maxName)
}

// typed is a list of addresses as a person would type it.
func typed(list []message.Address) string {
	items := make([]string, 0, len(list))
	for _, a := range list {
		address := a.Local + "@" + a.Domain
		switch name := oneLine(a.Name); {
		case name == "":
			items = append(items, address)
		case strings.ContainsAny(name, `"\,;<>`):
			items = append(items, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)+`" <`+address+">")
		default:
			items = append(items, name+" <"+address+">")
		}
	}
	return strings.Join(items, ", ")
}

// oneLine is text without control characters.
func oneLine(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD")))
}

// shortened is at most limit bytes of whole characters.
func shortened(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}
