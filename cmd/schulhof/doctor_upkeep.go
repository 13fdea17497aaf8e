package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	doctorBackup = 8 * 24 * time.Hour // a weekly one may be a little late
	doctorACME   = 24 * time.Hour

	acmePort = "80" // at which authorities ask; RFC 8555 §8.3
	acmeFix  = "look into the server's log, lines with \"certificate\"; port 80 of the host name's address must lead to listen.http"

	clockFree = 0x40                    // STA_UNSYNC, adjtimex(2)
	timesync  = "/run/systemd/timesync" // while systemd-timesyncd runs; the file "synchronized" is there once it has set the clock
)

// checkBackup: there is a copy of everything that is not too old.
func (e *examination) checkBackup(context.Context) {
	const fix = "schulhof backup DIR, every day (a timer or cron), and to another machine"
	at, err := e.rooms.Store.LastBackup()
	switch {
	case err != nil:
		e.found("backup-unknown", severityWarning, "schulhof backup DIR notes its time anew", "when the last backup was made cannot be read: %s", err)
	case at.IsZero() && e.now.Sub(e.begun()) > doctorBackup:
		e.found("backup-none", severityWarning, fix, "this server is there since %s, and no backup of it is known", e.begun().Format(time.DateOnly))
	case !at.IsZero() && e.now.Sub(at) > doctorBackup:
		e.found("backup-old", severityWarning, fix, "the last backup is from %s", at.Format(time.DateOnly))
	}
}

// begun is when this data folder was laid out, by the oldest file of those that "init" and "restore" write.
func (e *examination) begun() time.Time {
	oldest := e.now
	for _, name := range []string{settingsFile, filepath.Join("tls", authorityCert), filepath.Join("tls", authorityKey)} {
		if info, err := os.Stat(filepath.Join(e.config.Server.Data, name)); err == nil && info.ModTime().Before(oldest) {
			oldest = info.ModTime()
		}
	}
	return oldest
}

// checkClockSource: somebody sets the clock.
func (e *examination) checkClockSource(context.Context) {
	free := e.clockFree
	if free == nil {
		free = clockIsFree
	}
	if free() {
		e.found("clock-free", severityHint, "timedatectl set-ntp true, or install chrony", "nothing sets this machine's clock, or it has not been reached: times in mail and of signatures drift")
	}
}

// clockIsFree reports whether nobody sets the clock, as far as that is known: the kernel may not be asked under systemd's ProtectClock.
func clockIsFree() bool {
	var state syscall.Timex // no modes: only asks
	if _, err := syscall.Adjtimex(&state); err == nil {
		return state.Status&clockFree != 0
	}
	if _, err := os.Stat(timesync); err != nil {
		return false
	}
	_, err := os.Stat(filepath.Join(timesync, "synchronized"))
	return errors.Is(err, fs.ErrNotExist)
}

// checkACME: the certificate in force is the one that the authority gave.
func (e *examination) checkACME(context.Context) {
	if e.config.ACME.Directory == "" {
		return
	}
	if !slices.ContainsFunc(e.config.Listen.HTTP, func(address string) bool {
		_, port, err := net.SplitHostPort(address)
		return err == nil && port == acmePort
	}) {
		e.found("acme-port", severityHint, "lead port 80 of the server's address to it, or listen there",
			"the authority asks at port 80, and listen.http is %s", strings.Join(e.config.Listen.HTTP, ", "))
	}
	given, key := acmeFiles(e.config)
	text, err := os.ReadFile(given)
	if errors.Is(err, fs.ErrNotExist) {
		if since, late := e.late(key); late { // it lies there since the authority was asked first
			e.found("acme-silent", severityWarning, acmeFix, "%s has given no certificate since %s", e.config.ACME.Directory, since)
		}
		return
	}
	if err != nil {
		e.found("acme-unreadable", severityError, fmt.Sprintf("give the folder %s to the server's user", acmeFolder), "%s", err)
		return
	}
	current, err := os.ReadFile(e.config.TLS.Certificate)
	if err != nil || bytes.Equal(current, text) {
		return // checkCertificate says it
	}
	if since, late := e.late(given); late {
		e.found("acme-unused", severityWarning, "restart the server; "+acmeFix, "the certificate in force is not the one that %s gave on %s", e.config.ACME.Directory, since)
	}
}

// late tells the day on which a file was written, and whether what should have followed has had time enough.
func (e *examination) late(path string) (since string, late bool) {
	info, err := os.Stat(path)
	if err != nil {
		return "", false
	}
	return info.ModTime().Format(time.DateOnly), e.now.Sub(info.ModTime()) > doctorACME
}
