// Package sieve is the filter language Sieve (RFC 5228) with its extensions: what a script says about one message,
// and nothing else. It stores nothing, sends nothing and asks the world only through [Host].
//
// A script passes through four steps, one file each: lexer.go cuts it into tokens, parser.go makes a tree of commands and
// tests, check.go looks everything up in the table of commands.go and builds nodes that cannot fail on their form any
// more, run.go lets these nodes look at a message and gathers what they decide ([Result]). What belongs to one extension
// stands in the file of that name.
//
// The work for a message is bounded whatever the script says: every command, test and comparison costs steps, patterns
// match without backtracking beyond the last "*", regular expressions without any. The limits are in limits.go.
package sieve
