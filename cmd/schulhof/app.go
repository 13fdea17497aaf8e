package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"schulhof/directory"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
)

// Exit statuses of every command.
const (
	exitDone    = 0
	exitRefused = 1 // refused or failed; the reason is on standard error
	exitUsage   = 2
)

// app is one run of the program: what a command gets besides its arguments. A command touches the outside only
// through it, because it may run in the server for a caller elsewhere: never os.Stdin, os.Stdout, os.Args, os.Getwd,
// os.Open of a name from the command line, nor os.Exit.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	directory      string // the caller's working directory
	files          files  // the caller's files
	program        string // how it was called, to tell what to type next
	args           []string
	version        string
	commands       []func(*app) *cobra.Command
	hash           directory.HashParams // what hashing a password costs; zero: the default

	configPath string   // --config
	sets       []string // --set of init and serve
	json       bool     // --json

	inServer *rooms // the server's rooms, when this runs in the server
	started  bool   // the command's own code began: its errors are refusals, those before wrong usage
	status   int    // exit status of a command that ran in the server
}

// execute runs the command line and returns the exit status.
func (a *app) execute(ctx context.Context) int {
	root := newRootCommand(a)
	root.SetArgs(a.args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return a.status
	case !a.started || errors.As(err, new(*usageError)):
		fmt.Fprintf(a.stderr, "%s: %s\n%s\n", cmd.CommandPath(), oneLine(err.Error()), usageHint(cmd))
		return exitUsage
	default:
		fmt.Fprintf(a.stderr, "%s: %s\n", cmd.CommandPath(), printable(reason(err)))
		return exitRefused
	}
}

func usageHint(cmd *cobra.Command) string {
	return fmt.Sprintf("Usage: %s\n\"%s --help\" says more.", cmd.UseLine(), cmd.CommandPath())
}

// reason is what an administrator is told: the whole chain of causes, for it is their machine.
func reason(err error) string {
	if errors.Is(err, context.Canceled) && fault.TextOf(err) == "" {
		return "stopped"
	}
	return err.Error()
}

// usageError is wrong usage that only the command itself can see.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// usage makes an error that ends the program with exit status 2.
func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// result writes what a command found: doc as one JSON document with --json, otherwise whatever text writes.
// doc has documented, stable keys; a list is a struct or map with an array in it, or an array, never null. text may be nil: nothing is written.
func (a *app) result(doc any, text func(w io.Writer) error) error {
	if !a.json {
		if text == nil {
			return nil
		}
		return text(a.stdout)
	}
	out := json.NewEncoder(a.stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(doc); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// printable replaces control characters (line feeds excepted) and bidirectional overrides, so that a stored
// name cannot play with the administrator's terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20, r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f:
			return '\uFFFD'
		}
		return r
	}, s)
}

func oneLine(s string) string {
	head, _, _ := strings.Cut(s, "\n")
	return printable(head)
}

// isTerminal reports whether w is a terminal: only then colours or progress lines are wanted.
func isTerminal(w any) bool {
	f, ok := w.(interface{ Stat() (os.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
