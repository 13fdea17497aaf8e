package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"schulhof/config"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
)

// severity says what a finding means.
type severity string

const (
	severityError   severity = "error"   // mail is refused or at risk
	severityWarning severity = "warning" // it works, but not as it should
	severityHint    severity = "hint"    // it could be better
)

// finding is one thing that is wrong. Its ID is stable: scripts and the guide refer to it.
type finding struct {
	ID       string   `json:"id"`
	Severity severity `json:"severity"`
	Detail   string   `json:"detail"`
	Fix      string   `json:"fix"`
}

// examination is one run of doctor.
type examination struct {
	config    *config.Config
	rooms     *rooms // nil when the data could not be opened
	serving   bool   // this runs in the server
	now       time.Time
	fsync     func(*os.File) error // nil: the file's own; tests have worse disks
	clockFree func() bool          // nil: the machine's own; tests have other clocks
	patience  time.Duration        // with others; 0: doctorOutside
	findings  []finding
	checks    int
}

// found notes a finding.
func (e *examination) found(id string, s severity, fix, detail string, args ...any) {
	e.findings = append(e.findings, finding{ID: id, Severity: s, Detail: fmt.Sprintf(detail, args...), Fix: fix})
}

func newDoctorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Look for what is wrong with this server", Args: cobra.NoArgs,
		Long: "Look for what is wrong with this server: settings, ports, certificate, permissions, disk, clock, database, keys, backups;\n" +
			"and, with a domain on the internet, DNS servers, the records that other mail servers look at, and the way to them.\n" +
			"Each finding has a stable id, a severity (error, warning, hint) and a way to mend it. Ends with 1 if one of them is an error.\n" +
			"With --json: ok, checks (how many were made), findings (id, severity, detail, fix).",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			e := &examination{now: time.Now(), findings: []finding{}}
			if a.inServer != nil {
				e.config, e.rooms, e.serving = a.inServer.Config, a.inServer, true
				return a.report(e.examine(ctx))
			}
			c, err := a.loadConfig()
			if err != nil {
				e.found("config-faulty", severityError, "mend the settings file, then \"schulhof config check\"", "%s", err)
				return a.report(e)
			}
			if handled, err := a.askServer(ctx, filepath.Join(c.Server.Data, controlSocket)); handled || err != nil {
				return err
			}
			e.config = c
			return a.report(e.openAndExamine(ctx))
		},
	}
}

// openAndExamine examines a server that does not run.
func (e *examination) openAndExamine(ctx context.Context) *examination {
	r, err := openRooms(ctx, e.config, outside{log: slog.New(slog.DiscardHandler)})
	switch {
	case fault.Is(err, fault.InUse):
		e.found("data-in-use", severityError, "wait for the other command, or look for a server whose control.sock was removed", "%s", err)
	case err != nil:
		e.found("database-open", severityError, "the reason says what is missing; \"schulhof restore\" lays out a backup", "%s", err)
	default:
		e.rooms = r
		defer r.Close()
	}
	return e.examine(ctx)
}

// report prints the findings; an error among them is a refusal.
func (a *app) report(e *examination) error {
	errors := 0
	for _, f := range e.findings {
		if f.Severity == severityError {
			errors++
		}
	}
	doc := map[string]any{"ok": errors == 0, "checks": e.checks, "findings": e.findings}
	err := a.result(doc, func(w io.Writer) error {
		for _, f := range e.findings {
			if _, err := fmt.Fprintf(w, "%s (%s): %s\n    %s\n", f.ID, f.Severity, printable(f.Detail), f.Fix); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(w, "%d checks, %d findings\n", e.checks, len(e.findings))
		return err
	})
	if err == nil && errors > 0 {
		err = fault.New(fault.Refused, "%d findings are errors", errors)
	}
	return err
}
