package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"schulhof/store/storetest"
)

// TestOtherPeoplesClientsOnPostgreSQL uses files, calendars and contacts of a school whose database is PostgreSQL with the programs that were
// written by others. SCHULHOF_E2E=1: with all of them instead of the quick ones.
func TestOtherPeoplesClientsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	s := startSchool(t, "server.database="+storetest.Postgres(t), "security.allow_plaintext_auth=loopback")
	if _, err := os.Stat(filepath.Join(s.dir, "schulhof.db")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the school has a database in its folder, %v", err)
	}
	t.Run("litmus passes every test of every group", s.litmus)
	t.Run("cadaver", s.cadaver)
	t.Run("go-webdav, files", s.goFiles)
	t.Run("go-webdav, calendars", s.goCalendars)
	t.Run("go-webdav, contacts", s.goContacts)
	if os.Getenv(longVariable) == "" {
		return
	}
	t.Run("vdirsyncer", s.vdirsyncer)
	t.Run("python3-caldav", s.pythonCalDAV)
	t.Run("rclone copies a tree with odd names both ways", s.rclone)
	t.Run("davfs2", s.davfs)
}
