package postfixtest

import (
	"os"
	"testing"
)

// TestFolder: a test's folder is open to all users, and the one above it, which the test did not make, is left alone.
func TestFolder(t *testing.T) {
	above := t.TempDir()
	if err := os.Chmod(above, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", above)
	for dir, want := range map[string]os.FileMode{Folder(t): 0o755, above: 0o700} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %s", dir, info, err, want)
		}
	}
}
