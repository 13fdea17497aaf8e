//go:build !linux

package pack

import "os"

func datasync(f *os.File) error { return f.Sync() }
