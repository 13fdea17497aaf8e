package pack

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
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

// startWriting asks the kernel to begin writing a range of f to the disk, so that the fsync later has less to do. It promises nothing.
func startWriting(f *os.File, off, length int64) {
	_ = unix.SyncFileRange(int(f.Fd()), off, length, unix.SYNC_FILE_RANGE_WRITE)
}
