// Schulhof is a school's mail and groupware server and its command line in one program.
//
// Each command family has its file (user.go, backup.go, …) with a function newXCommand(app) that root.go lists.
// A command that needs the server's data runs in the server when one is up (control.go, caller.go: the same code, in the
// server's process, with the caller's files), and opens the data itself when none is (rooms.go).
package main
