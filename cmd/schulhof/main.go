package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"schulhof/directory"
)

func main() { os.Exit(run(directory.HashParams{})) }

// run is main without the exit; the test program is this program, too, with hashes that cost less.
func run(hash directory.HashParams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	here, err := os.Getwd()
	if err != nil {
		here = "/"
	}
	a := &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, directory: here, files: localFiles{here},
		program: os.Args[0], args: os.Args[1:], version: programVersion(), commands: commands(), hash: hash,
	}
	return a.execute(ctx)
}

// programVersion is the version of the module, or of the commit that was built.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version, revision, dirty := info.Main.Version, "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			revision = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	if (version == "" || version == "(devel)") && revision != "" {
		return "devel-" + revision + dirty
	}
	return version
}
