package storetest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Luck is what a disk kept, of what no fsync had asked for yet, when the power went.
type Luck int

// The disk kept nothing, everything, or one sector here and another there.
const (
	Nothing Luck = iota
	Everything
	Torn
)

// sector is what a disk writes at once.
const sector = 512

// PowerLoss follows the file operations of a store, so that a test can lay out the data directory as a loss of power would
// leave it. Hook is the store's FaultHook; the operations must come one at a time. What SQLite writes is not followed: its
// files are copied as they are, which is what a commit makes durable.
type PowerLoss struct {
	dir string
	cut func(op, path string)

	mu     sync.Mutex
	synced map[string][]byte // what an fsync has made durable, by path
	last   string            // the file of the last fsync
	named  map[string]bool   // files whose names are durable
}

// NewPowerLoss follows the packs of the store in dir. cut is called before each operation and may call Image.
func NewPowerLoss(dir string, cut func(op, path string)) *PowerLoss {
	return &PowerLoss{dir: dir, cut: cut, synced: map[string][]byte{}, named: map[string]bool{}}
}

// Hook is a store.FaultHook that fails nothing.
func (p *PowerLoss) Hook(op, path string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut(op, path)
	if op == "rename" { // of what was synced just now, to path
		p.synced[path] = p.synced[p.last]
	}
	if op != "fsync" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("power loss: %w", err)
	}
	if info.IsDir() {
		return p.syncNames(path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("power loss: %w", err)
	}
	p.synced[path], p.last = b, path
	return nil
}

// syncNames makes durable which files there are in folder.
func (p *PowerLoss) syncNames(folder string) error {
	for path := range p.named {
		if filepath.Dir(path) == folder {
			delete(p.named, path)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("power loss: %w", err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			p.named[filepath.Join(folder, e.Name())] = true
		}
	}
	return nil
}

// Image lays out in to what the disk holds at this moment, which cut was called for.
func (p *PowerLoss) Image(to string, luck Luck, r *rand.Rand) error {
	for _, name := range []string{"schulhof.db", "schulhof.db-wal"} {
		if err := copyFile(filepath.Join(p.dir, name), filepath.Join(to, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	packs := filepath.Join(p.dir, "packs")
	there := map[string]bool{}
	err := filepath.WalkDir(packs, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			there[path] = true
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("power loss: %w", err)
	}
	for path := range p.named {
		there[path] = true
	}
	for path := range there {
		if !p.survives(path, luck, r) {
			continue
		}
		b, err := p.content(path, luck, r)
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, p.dir))
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return fmt.Errorf("power loss: %w", err)
		}
		if err := os.WriteFile(target, b, 0o600); err != nil {
			return fmt.Errorf("power loss: %w", err)
		}
	}
	return nil
}

// survives tells whether the name of a file is on the disk: one that was made or removed without an fsync of its folder may be.
func (p *PowerLoss) survives(path string, luck Luck, r *rand.Rand) bool {
	_, err := os.Stat(path)
	switch luck {
	case Nothing:
		return p.named[path]
	case Everything:
		return err == nil
	}
	return p.named[path] && err == nil || r.IntN(2) == 0
}

// content mixes what is durable with what was written since.
func (p *PowerLoss) content(path string, luck Luck, r *rand.Rand) ([]byte, error) {
	durable := p.synced[path]
	now, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return durable, nil // removed, but not for good
	}
	if err != nil {
		return nil, fmt.Errorf("power loss: %w", err)
	}
	switch luck {
	case Nothing:
		return durable, nil
	case Everything:
		return now, nil
	}
	length := len(durable)
	if len(now) > length {
		length += r.IntN(len(now) - length + 1)
	}
	mixed := make([]byte, length)
	copy(mixed, durable)
	for at := 0; at < length; at += sector {
		if end := min(at+sector, length); r.IntN(2) == 0 && at < len(now) {
			copy(mixed[at:end], now[at:])
		}
	}
	return mixed, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return nil
}
