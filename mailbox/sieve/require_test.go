package sieve

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// uses has for every capability a script that needs it, and what the script needs besides. "" needs nothing: the base language has it.
func uses() map[string]struct{ script, besides string } {
	type use = struct{ script, besides string }
	return map[string]use{
		"body":                         {`if body :contains "x" { }`, ""},
		"comparator-i;ascii-casemap":   {"", ""},
		"comparator-i;octet":           {"", ""},
		"comparator-i;ascii-numeric":   {`if header :comparator "i;ascii-numeric" "subject" "1" { }`, ""},
		"comparator-i;unicode-casemap": {`if header :comparator "i;unicode-casemap" "subject" "x" { }`, ""},
		"copy":                         {`redirect :copy "otto@school.test";`, ""},
		"date":                         {`if currentdate "year" "2027" { }`, ""},
		"duplicate":                    {`if duplicate { }`, ""},
		"editheader":                   {`addheader "X-A" "b";`, ""},
		"encoded-character":            {"", ""}, // without it the text is what it is: see the cases
		"envelope":                     {`if envelope "from" "otto@school.test" { }`, ""},
		"environment":                  {`if environment "name" "x" { }`, ""},
		"ereject":                      {`ereject "no";`, ""},
		"extlists":                     {`if header :list "subject" "tag:friends" { }`, ""},
		"fcc":                          {`vacation :fcc "Sent" "away";`, "vacation"},
		"fileinto":                     {`fileinto "A";`, ""},
		"imap4flags":                   {`addflag "\\Seen";`, ""},
		"include":                      {`include :personal "a";`, ""},
		"index":                        {`if header :index 1 "subject" "x" { }`, ""},
		"mailbox":                      {`if mailboxexists "A" { }`, ""},
		"regex":                        {`if header :regex "subject" "a" { }`, ""},
		"reject":                       {`reject "no";`, ""},
		"relational":                   {`if header :count "ge" "subject" "1" { }`, ""},
		"special-use":                  {`if specialuse_exists "\\Junk" { }`, ""},
		"subaddress":                   {`if address :detail "to" "x" { }`, ""},
		"vacation":                     {`vacation "away";`, ""},
		"vacation-seconds":             {`vacation :seconds 60 "away";`, "vacation"},
		"variables":                    {`set "a" "b";`, ""},
	}
}

// requiring puts a require of capabilities, those that are not "", before a script.
func requiring(script string, capabilities ...string) []byte {
	var quoted []string
	for _, c := range capabilities {
		if c != "" {
			quoted = append(quoted, `"`+c+`"`)
		}
	}
	if len(quoted) == 0 {
		return []byte(script)
	}
	return []byte("require [" + strings.Join(quoted, ", ") + "];\n" + script)
}

// TestRequire goes through every capability: what needs it works with it, and does not with all the others; the fault names it and stands
// where it is used.
func TestRequire(t *testing.T) {
	t.Parallel()
	table := uses()
	all := Capabilities(true)
	if len(table) != len(all) {
		t.Errorf("%d rows for %d capabilities", len(table), len(all))
	}
	for _, name := range all {
		use, ok := table[name]
		if !ok {
			t.Errorf("no row for %s", name)
			continue
		}
		if _, err := Compile(requiring("keep;", name), Options{Lists: true}); err != nil {
			t.Errorf("require %s alone: %v", name, err)
		}
		if use.script == "" {
			continue
		}
		if _, err := Compile(requiring(use.script, name, use.besides), Options{Lists: true}); err != nil {
			t.Errorf("with %s: %v", name, err)
		}
		others := slices.DeleteFunc(slices.Clone(all), func(c string) bool { return c == name })
		_, err := Compile(requiring(use.script, others...), Options{Lists: true})
		faults, _ := err.(Errors)
		if len(faults) != 1 || faults[0].Line != 2 || faults[0].Column >= len(use.script) || !strings.HasSuffix(faults[0].Text, `needs: require "`+name+`";`) {
			t.Errorf("without %s: %v, want one fault that names it", name, err)
		}
	}
}

// TestRequireForms: how require may be written, and how it may not.
func TestRequireForms(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, script, want string }{ // want "": taken
		{"one", `require "fileinto"; fileinto "A";`, ""},
		{"a list", `require ["fileinto", "copy"]; fileinto :copy "A";`, ""},
		{"several", `require "fileinto"; require "copy"; fileinto :copy "A";`, ""},
		{"twice the same", `require "fileinto"; require ["fileinto", "fileinto"]; fileinto "A";`, ""},
		{"in capitals", `REQUIRE "fileinto"; FileInto "A";`, ""},
		{"behind a comment", "# mine\n/* and */ require \"fileinto\"; fileinto \"A\";", ""},
		{"unused", `require "fileinto";`, ""},
		{"a capability in capitals", `require "FILEINTO";`, `line 1, column 9: this server does not support "FILEINTO"`},
		{"an unknown one in a list", "require [\"fileinto\",\n \"telepathy\"];", `line 2, column 2: this server does not support "telepathy"`},
		{"two unknown ones", `require ["a", "b"];`, `line 1, column 15: this server does not support "b"`},
		{"no argument", `require;`, "line 1, column 1: require has one argument, a list of strings"},
		{"a number", `require 7;`, "one argument"},
		{"two arguments", `require "fileinto" "copy";`, "one argument"},
		{"a test", `require "fileinto" true;`, "one argument"},
		{"a block", `require "fileinto" { }`, "one argument"},
		{"after a command", "keep;\nrequire \"fileinto\";", "line 2, column 1: require stands at the beginning of the script only"},
		{"in a block", `if true { require "fileinto"; }`, "line 1, column 11: require stands at the beginning"},
		{"lists without a host that has them", `require "extlists";`, `does not support "extlists"`},
		{"used before", `fileinto "A"; require "fileinto";`, `line 1, column 1: fileinto needs: require "fileinto";`},
	}
	for _, tt := range tests {
		_, err := Compile([]byte(tt.script), Options{})
		if tt.want == "" && err != nil || tt.want != "" && !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if slices.Contains(Capabilities(false), "extlists") || !slices.IsSorted(Capabilities(true)) || !slices.IsSorted(Capabilities(false)) {
		t.Errorf("capabilities %v, with lists %v", Capabilities(false), Capabilities(true))
	}
}

// TestFaultsHaveTheirPlace: each fault is told where it stands, marked here by ¶.
func TestFaultsHaveTheirPlace(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, script, text string }{
		{"an unknown command", "keep;\n  ¶fly;", `there is no command "fly"`},
		{"a test as a command", "¶header \"a\" \"b\";", "it is a test"},
		{"a command as a test", "if ¶keep { }", "it is a command"},
		{"an unknown test", "if not\n\t¶sunny { }", `there is no test "sunny"`},
		{"a semicolon is missing", "if true { keep ¶}", `found "}" where ";" or "{" belongs`},
		{"a command behind another", "¶keep\ndiscard;", "keep takes no test"},
		{"the script ends", "if true {¶", `found the end of the script where a command or "}" belongs`},
		{"a block too many", "keep; ¶}", `where a command belongs`},
		{"a list that does not end", `if exists ["a" ¶{ }`, `where "," or "]" belongs`},
		{"an empty list", `if exists [¶] { }`, "where a string belongs"},
		{"tests that do not end", `if anyof(true ¶{ }`, `where "," or ")" belongs`},
		{"a string that does not end", "keep;\nredirect ¶\"a\\\";\n", "the string does not end"},
		{"a text that does not end", "redirect ¶text:\na\n..\n", `the text does not end with a line "."`},
		{"a comment that does not end", "keep; ¶/* *", "the comment does not end"},
		{"a character", "keep; ¶€", `unexpected character "€"`},
		{"behind characters of several bytes", "# äöü€\nkeep; ¶fly;", "no command"},
		{"lines of Windows", "keep;\r\nkeep;\r\n ¶fly;", "no command"},
		{"behind a text of several lines", "if header \"a\" text:\none\ntwo\n.\n{ } ¶fly;", "no command"},
		{"a tag", `keep ¶:softly;`, `keep has no tag ":softly"`},
		{"a colon alone", `keep ¶: ;`, "a tag needs a name"},
		{"a tag twice", `if header :is ¶:is "a" "b" { }`, ":is stands twice"},
		{"tags that exclude each other", `if header :is ¶:contains "a" "b" { }`, ":is and :contains exclude each other"},
		{"a tag without its value", `if header ¶:comparator { }`, ":comparator is followed by a string"},
		{"a number that is too large", `if size :over ¶99999999999G { }`, "the number is too large"},
		{"a number with another end", `if size :over ¶5T { }`, "a number ends with a digit, K, M or G"},
		{"an argument too many", `keep ¶"a";`, "too many arguments"},
		{"an argument too few", `¶redirect;`, "redirect lacks an argument: a string"},
		{"another kind of argument", `if size :over ¶"1" { }`, "size takes a number here, not a string"},
		{"else alone", "keep; ¶else { }", "else without an if"},
		{"else twice", "if true { } else { } ¶else { }", "else without an if"},
		{"no address", `redirect ¶"otto";`, `"otto" is no mail address`},
		{"two at signs", `redirect ¶"otto@@school.test";`, `"otto@@school.test" is no mail address`},
		{"an expression", "require \"regex\";\nif header :regex \"a\" [\"b\", ¶\"(\"] { }", "is no regular expression"},
	}
	for _, tt := range tests {
		at := strings.Index(tt.script, "¶")
		script := strings.Replace(tt.script, "¶", "", 1)
		line := 1 + strings.Count(script[:at], "\n")
		column := at - strings.LastIndex(script[:at], "\n")
		_, err := Compile([]byte(script), Options{})
		faults, _ := err.(Errors)
		if !slices.ContainsFunc(faults, func(e Error) bool { return e.Line == line && e.Column == column && strings.Contains(e.Text, tt.text) }) {
			t.Errorf("%s: %v, want line %d, column %d: %s", tt.name, err, line, column, tt.text)
		}
	}
}

// TestFaultsAreInTheOrderOfTheText, however long the lines are.
func TestFaultsAreInTheOrderOfTheText(t *testing.T) {
	t.Parallel()
	blanks := strings.Repeat(" ", 30_000)
	_, err := Compile([]byte("keep;"+blanks+"fly;\nswim;\nif true {"+blanks+"dive; }\nrun;"), Options{})
	faults, _ := err.(Errors)
	var lines []int
	for _, e := range faults {
		lines = append(lines, e.Line)
	}
	if !slices.Equal(lines, []int{1, 2, 3, 4}) {
		t.Errorf("faults of the lines %v, want them in order", lines)
	}
}
