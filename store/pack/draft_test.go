package pack

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
)

// A draft gives back what was written so far, however it was cut, before and after it became a pack.
func TestDraftReadsWhatWasWritten(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	data := noise(SingleSize + ChunkSize/2)
	for _, step := range []int{1 << 20, ChunkSize, ChunkSize - 1, 70_001} {
		d := newDraft(t)
		for at := 0; at < len(data); at += step {
			if _, err := d.Write(data[at:min(at+step, len(data))]); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			got := make([]byte, 10)
			if n, err := d.ReadAt(got, int64(len(data))-4); n != 4 || err != io.EOF || !bytes.Equal(got[:4], data[len(data)-4:]) {
				t.Errorf("steps of %d: the last bytes = %d %v", step, n, err)
			}
			if n, err := d.ReadAt(got, ChunkSize-5); n != 10 || err != nil || !bytes.Equal(got, data[ChunkSize-5:ChunkSize+5]) {
				t.Errorf("steps of %d: across a border = %d %v", step, n, err)
			}
			if _, err := d.ReadAt(got, int64(len(data))); err != io.EOF {
				t.Errorf("steps of %d: behind the end: %v", step, err)
			}
			l, err := s.Adopt(d, sha256.Sum256(data))
			if err != nil {
				t.Fatal(err)
			}
			if again, err := s.Adopt(d, sha256.Sum256(data)); err != nil || again != l {
				t.Errorf("adopted twice: %v %v, want %v", again, err, l)
			}
			if err := s.Verify(l, sha256.Sum256(data)); err != nil {
				t.Error(err)
			}
		}
		if _, err := d.Write(nil); !errors.Is(err, os.ErrClosed) {
			t.Errorf("a write after Adopt: %v", err)
		}
	}
}

// Whatever operation fails, nothing is acknowledged, and the next start finds packs that are whole or removes them.
func TestAdoptFailsAtEachOperation(t *testing.T) {
	data := noise(SingleSize + 1)
	for n := 1; ; n++ {
		calls := 0
		dir := t.TempDir()
		s := open(t, dir, Options{Hook: func(string, string) error {
			if calls++; calls == n {
				return syscall.EIO
			}
			return nil
		}})
		d := newDraft(t)
		if _, err := d.Write(data); err != nil {
			t.Fatal(err)
		}
		l, err := s.Adopt(d, sha256.Sum256(data))
		failed := calls >= n
		if failed && err == nil {
			t.Fatalf("operation %d failed and the draft was adopted", n)
		}
		if closeErr := s.Close(); closeErr != nil {
			t.Fatal(closeErr)
		}
		again := open(t, dir, Options{})
		if err == nil {
			if err := again.Verify(l, sha256.Sum256(data)); err != nil {
				t.Errorf("after a restart: %v", err)
			}
			return
		}
		packs, err := again.List()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packs {
			if !again.Sealed(p.ID) {
				t.Errorf("operation %d failed: pack %d stays and is not whole", n, p.ID)
			}
		}
	}
}

// A damaged table or chunk of a pack that was a draft is noticed.
func TestDamagedDraftIsNoticed(t *testing.T) {
	data := noise(SingleSize + 1)
	for _, at := range []int64{fileHeaderLen + 8, draftStart + 5, draftStart + int64(len(data)) + 3} {
		s := open(t, t.TempDir(), Options{})
		l := put(t, s, data)
		packs, err := s.List()
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(packs[len(packs)-1].Path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte{0xff, 0xfe}, at); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if err := s.Verify(l, sha256.Sum256(data)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("damage at %d: %v", at, err)
		}
	}
}

// Packs of one frame that the form before this one wrote, with the table in front, are still read.
func TestOlderSinglePacksAreRead(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	data := noise(SingleSize + 7)
	f, err := s.create(77, kindSingle)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	codec, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	frame, err := codec.appendChunked(nil, sha256.Sum256(data), bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.writeAt(f, frame, fileHeaderLen); err != nil {
		t.Fatal(err)
	}
	l := Location{Pack: 77, Offset: fileHeaderLen, Length: int64(len(frame)), Size: int64(len(data))}
	if err := s.Verify(l, sha256.Sum256(data)); err != nil {
		t.Error(err)
	}
}

// A sync beside the writing that failed is told by Adopt: the one at its end could well succeed, without what was lost.
func TestAdoptTellsOfASyncThatFailedBefore(t *testing.T) {
	data := noise(SingleSize + 1)
	s := open(t, t.TempDir(), Options{})
	d := newDraft(t)
	calls := 0
	d.every = SingleSize / 4
	d.sync = func(*os.File) error {
		if calls++; calls == 2 {
			return syscall.EIO
		}
		return nil
	}
	for at := 0; at < len(data); at += ChunkSize {
		if _, err := d.Write(data[at:min(at+ChunkSize, len(data))]); err != nil {
			t.Fatal(err)
		}
		d.Settle() // so that each is over before the next is due
	}
	if calls != 4 {
		t.Errorf("%d syncs beside the writing, want 4", calls)
	}
	if _, err := s.Adopt(d, sha256.Sum256(data)); !errors.Is(err, ErrFsync) || !errors.Is(err, syscall.EIO) {
		t.Errorf("Adopt = %v, want the failed fsync", err)
	}
	if !errors.Is(s.Broken(), ErrFsync) {
		t.Error("the set takes more after a failed fsync")
	}
}

// One sync is under way at a time, and writing does not wait for it.
func TestSyncsBesideTheWritingDoNotPileUp(t *testing.T) {
	d := newDraft(t)
	begun, goOn := make(chan struct{}, 10), make(chan struct{})
	d.every = 100
	d.sync = func(*os.File) error {
		begun <- struct{}{}
		<-goOn
		return nil
	}
	for range 5 {
		if _, err := d.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	<-begun
	close(goOn)
	d.Settle()
	if n := len(begun); n != 0 {
		t.Errorf("%d more syncs were begun", n)
	}
	if _, err := d.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	<-begun // for the bytes that came meanwhile
	d.Settle()
}

// Fill leads writes to multiples of the step in the file.
func TestFill(t *testing.T) {
	d := newDraft(t)
	for i, want := range []int{4096 - draftStart, 4096, 4096} {
		n := d.Fill(4096)
		if n != want {
			t.Errorf("step %d: %d bytes, want %d", i, n, want)
		}
		if _, err := d.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Write(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if n := d.Fill(4096); n != 4095 {
		t.Errorf("after one more byte: %d, want 4095", n)
	}
}
