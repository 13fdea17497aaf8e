package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"schulhof/config"
	"schulhof/store"
)

// TestCheckVerifiesFilesToo: "schulhof check" tells of damage in the tables of files and calendars, and --repair mends it.
func TestCheckVerifiesFilesToo(t *testing.T) {
	t.Parallel()
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna")
	l.serve(t)
	anna := &davClient{base: "http://" + l.ports["http"], name: "anna", password: storyPassword, http: &http.Client{Transport: &http.Transport{}}}
	anna.want(t, http.StatusCreated, "PUT", "/webdav/Files/a.txt", "vier")
	l.stop(t)
	c, err := config.Load(l.settings)
	if err != nil {
		t.Fatal(err)
	}
	r := openSchool(t, c)
	if err := r.Store.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE dav_owner SET used_bytes = used_bytes + 5 WHERE used_bytes > 0`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd := exec.Command("schulhof", "check")
	cmd.Env = append(os.Environ(), "SCHULHOF_CONFIG="+l.settings)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "dav-quota") {
		t.Errorf("check of a wrong sum: %v\n%s", err, out)
	}
	if out := l.schulhof(t, "check", "--repair"); !strings.Contains(out, "mended") {
		t.Errorf("check --repair: %s", out)
	}
	if out := l.schulhof(t, "check"); !strings.Contains(out, "No problems") {
		t.Errorf("check at last: %s", out)
	}
}
