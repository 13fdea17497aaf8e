package pack

import (
	"os"
	"syscall"
)

// datasync makes the bytes and the length of f durable, but not its times, which saves a journal commit.
func datasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err != syscall.EINTR {
			return err
		}
	}
}
