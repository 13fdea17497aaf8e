package sieve

import "slices"

// capabilities are what require may name, as they are announced. RFC 5228 §6.
var capabilities = []string{ //nolint:gochecknoglobals // a constant table
	"body", "comparator-i;ascii-casemap", "comparator-i;ascii-numeric", "comparator-i;octet", "comparator-i;unicode-casemap", "copy", "date",
	"duplicate", "editheader", "encoded-character", "envelope", "environment", "ereject", "fcc", "fileinto", "imap4flags", "include",
	"index", "mailbox", "regex", "reject", "relational", "special-use", "subaddress", "vacation", "vacation-seconds", "variables",
}

// Capabilities are the extensions that scripts may require, by name; lists: also extlists, for which the host needs lists.
func Capabilities(lists bool) []string {
	list := slices.Clone(capabilities)
	if lists {
		list = append(list, "extlists")
		slices.Sort(list)
	}
	return list
}

func capability(name string, lists bool) bool {
	return slices.Contains(capabilities, name) || lists && name == "extlists"
}

// The language at a glance. Commands:
var commands = map[string]spec{ //nolint:gochecknoglobals // a constant table
	// RFC 5228 §3 and §4; elsif, else and require are the block's own
	"if":       {tests: 1, block: true, command: newIf},
	"stop":     {command: newStop},
	"keep":     {tags: [][]tag{flagsTags}, command: newKeep},
	"discard":  {command: newDiscard},
	"redirect": {tags: [][]tag{copyTags, listTags}, args: []kind{text}, command: newRedirect},
	"fileinto": {needs: []string{"fileinto"}, tags: [][]tag{copyTags, flagsTags, createTags, specialUseTags}, args: []kind{text}, command: newFileInto},

	// RFC 5229
	"set": {needs: []string{"variables"}, tags: [][]tag{setTags}, args: []kind{text, text}, command: newSet},

	// RFC 5232
	"setflag":    {needs: []string{"imap4flags"}, args: []kind{text, textList}, optional: 1, command: newFlagCommand},
	"addflag":    {needs: []string{"imap4flags"}, args: []kind{text, textList}, optional: 1, command: newFlagCommand},
	"removeflag": {needs: []string{"imap4flags"}, args: []kind{text, textList}, optional: 1, command: newFlagCommand},

	// RFC 5230, RFC 6131, RFC 8580
	"vacation": {needs: []string{"vacation"}, tags: [][]tag{vacationTags}, args: []kind{text}, command: newVacation},

	// RFC 5293
	"addheader":    {needs: []string{"editheader"}, tags: [][]tag{addHeaderTags}, args: []kind{text, text}, command: newAddHeader},
	"deleteheader": {needs: []string{"editheader"}, tags: [][]tag{deleteHeaderTags, matchTags}, args: []kind{text, textList}, trailing: 1, command: newDeleteHeader},

	// RFC 5429
	"reject":  {needs: []string{"reject"}, args: []kind{text}, command: newReject},
	"ereject": {needs: []string{"ereject"}, args: []kind{text}, command: newReject},

	// RFC 6609
	"include": {needs: []string{"include"}, tags: [][]tag{includeTags}, args: []kind{text}, command: newInclude},
	"return":  {needs: []string{"include"}, command: newReturn},
	"global":  {needs: []string{"include"}, args: []kind{textList}, command: newGlobal},
}

// Tests:
var tests = map[string]spec{ //nolint:gochecknoglobals // a constant table
	// RFC 5228 §5
	"true":     {test: newConstant},
	"false":    {test: newConstant},
	"not":      {tests: 1, test: newNot},
	"allof":    {tests: manyTests, test: newAllOf},
	"anyof":    {tests: manyTests, test: newAnyOf},
	"exists":   {args: []kind{textList}, test: newExists},
	"size":     {tags: [][]tag{sizeTags}, args: []kind{number}, test: newSize},
	"header":   {tags: [][]tag{matchTags, indexTags}, args: []kind{textList, textList}, test: newHeaderTest},
	"address":  {tags: [][]tag{matchTags, addressTags, indexTags}, args: []kind{textList, textList}, test: newAddressTest},
	"envelope": {needs: []string{"envelope"}, tags: [][]tag{matchTags, addressTags}, args: []kind{textList, textList}, test: newEnvelopeTest},

	"string":      {needs: []string{"variables"}, tags: [][]tag{matchTags}, args: []kind{textList, textList}, test: newStringTest},
	"hasflag":     {needs: []string{"imap4flags"}, tags: [][]tag{matchTags}, args: []kind{textList, textList}, optional: 1, test: newHasFlag},
	"body":        {needs: []string{"body"}, tags: [][]tag{matchTags, bodyTags}, args: []kind{textList}, test: newBodyTest},
	"date":        {needs: []string{"date"}, tags: [][]tag{matchTags, dateTags, indexTags}, args: []kind{text, text, textList}, test: newDateTest},
	"currentdate": {needs: []string{"date"}, tags: [][]tag{matchTags, currentDateTags}, args: []kind{text, textList}, test: newCurrentDate},
	"duplicate":   {needs: []string{"duplicate"}, tags: [][]tag{duplicateTags}, test: newDuplicate},
	"environment": {needs: []string{"environment"}, tags: [][]tag{matchTags}, args: []kind{text, textList}, test: newEnvironmentTest},

	"mailboxexists":     {needs: []string{"mailbox"}, args: []kind{textList}, test: newMailboxExists},
	"specialuse_exists": {needs: []string{"special-use"}, args: []kind{text, textList}, optional: 1, test: newSpecialUseExists},
	"valid_ext_list":    {needs: []string{"extlists"}, args: []kind{textList}, test: newValidList},
}
