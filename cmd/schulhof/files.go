package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"schulhof/store/fault"
)

// files are the caller's: names on the command line mean what they mean where the command was typed, with the
// rights of whoever typed it, although the command may run in the server.
type files interface {
	// Open opens a file for reading; "-" is standard input.
	Open(path string) (*os.File, error)
	// Create makes a new file, 0600, and refuses an existing one.
	Create(path string) (*os.File, error)
	// Tree reads a folder and what is beneath it; a symbolic link that leads out of it is an error. Its files are *os.File.
	// Do not call Info of a directory entry (it would look in the server's own file system): open the file and Stat it.
	Tree(path string) (fs.FS, error)
	// NewDir makes a folder, or takes an empty one. local names it in this process until done is called.
	NewDir(path string) (local string, done func() error, err error)
}

// localFiles are the files of this process, relative names starting at directory.
type localFiles struct{ directory string }

func (l localFiles) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(l.directory, path)
}

// Open implements files.
func (l localFiles) Open(path string) (*os.File, error) {
	if path == "-" {
		return os.Stdin, nil
	}
	return os.Open(l.abs(path))
}

// Create implements files.
func (l localFiles) Create(path string) (*os.File, error) {
	return os.OpenFile(l.abs(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// Tree implements files.
func (l localFiles) Tree(path string) (fs.FS, error) {
	root, err := os.OpenRoot(l.abs(path))
	if err != nil {
		return nil, err
	}
	return root.FS(), nil // the garbage collector closes root
}

// NewDir implements files.
func (l localFiles) NewDir(path string) (string, func() error, error) {
	path = l.abs(path)
	dir, err := newDir(path)
	if err != nil {
		return "", nil, err
	}
	return path, func() error { return nil }, dir.Close()
}

// newDir makes the folder path, or takes an empty one, and opens it.
func newDir(path string) (*os.File, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	_, err = dir.Readdirnames(1)
	if err == io.EOF {
		_, err = dir.Seek(0, io.SeekStart)
	} else if err == nil {
		err = fault.New(fault.AlreadyExists, "%s is not empty", path)
	}
	if err != nil {
		dir.Close()
		return nil, fmt.Errorf("new folder: %w", err)
	}
	return dir, nil
}
