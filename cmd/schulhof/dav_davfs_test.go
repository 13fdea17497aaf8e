package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// davfs mounts the drive with davfs2 and uses it as any program uses a folder: what was there is read, what is written, made,
// renamed and removed is so on the server after the unmount.
func (s *school) davfs(t *testing.T) {
	if _, err := exec.LookPath("mount.davfs"); err != nil {
		t.Skip("davfs2 is not installed")
	}
	anna := s.dav(t, "anna")
	anna.want(t, http.StatusCreated, "MKCOL", "/webdav/Files/davfs/", "")
	anna.want(t, http.StatusCreated, "PUT", "/webdav/Files/davfs/vorher.txt", "schon da")
	dir := s.mount(t, anna)
	folder := filepath.Join(dir, "Files", "davfs")
	if b, err := os.ReadFile(filepath.Join(folder, "vorher.txt")); err != nil || string(b) != "schon da" {
		t.Errorf("read %q, %v", b, err)
	}
	if err := os.MkdirAll(filepath.Join(folder, "Ordner #1"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "Ordner #1", "Grüße.txt"), "geschrieben")
	for _, err := range []error{
		os.Rename(filepath.Join(folder, "Ordner #1", "Grüße.txt"), filepath.Join(folder, "umbenannt.txt")),
		os.Remove(filepath.Join(folder, "vorher.txt")),
		exec.Command("umount", dir).Run(), // waits until all is sent
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if got := anna.want(t, http.StatusOK, "GET", "/webdav/Files/davfs/umbenannt.txt", "").text; got != "geschrieben" {
		t.Errorf("the server has %q", got)
	}
	list := anna.list(t, "/webdav/Files/davfs/")
	if len(list) != 2 || list["/webdav/Files/davfs/umbenannt.txt"] == "" {
		t.Errorf("the server has %v", list)
	}
	if inside := anna.list(t, "/webdav/Files/davfs/Ordner%20%231/"); len(inside) != 0 {
		t.Errorf("the new folder has %v", inside)
	}
	anna.want(t, http.StatusNoContent, "DELETE", "/webdav/Files/davfs/", "")
}

// mount mounts the drive until the test ends. It needs root and FUSE.
func (s *school) mount(t *testing.T, c *davClient) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "davfs") // not below a folder of the test's: mount.davfs reads as another user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at, cache := filepath.Join(dir, "drive"), filepath.Join(dir, "cache")
	ca, err := os.ReadFile(s.ca)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Mkdir(at, 0o755), os.Mkdir(cache, 0o755), os.Chmod(dir, 0o755), os.Chmod(cache, 0o777), os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "secrets"), at+" "+c.name+` "`+c.password+"\"\n")
	write(t, filepath.Join(dir, "conf"), strings.Join([]string{
		"trust_ca_cert " + filepath.Join(dir, "ca.pem"), "cache_dir " + cache, "secrets " + filepath.Join(dir, "secrets"), "ask_auth 0", "delay_upload 0", "",
	}, "\n"))
	out, err := exec.Command("mount", "-t", "davfs", "-o", "conf="+filepath.Join(dir, "conf"), c.base+"/webdav/", at).CombinedOutput()
	if err != nil {
		t.Skipf("the drive cannot be mounted here: %v %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", at).Run() }) // fails where the test has done it
	return at
}
