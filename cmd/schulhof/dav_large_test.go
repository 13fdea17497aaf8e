package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	largestFile = 10 << 30 // files.max_size as it is set when nobody sets it
	largeMemory = 64 << 20 // how much more the server may take for it
	largeDisk   = largestFile + 5<<30
)

// TestTenGiB puts the largest file that there may be, reads it back in parts and whole, and removes it; the server's memory does not know how
// large it is. One byte more is refused before it is sent, by the limit of files as by the quota. SCHULHOF_E2E=1 only: it takes minutes.
func TestTenGiB(t *testing.T) {
	if os.Getenv(longVariable) == "" {
		t.Skipf("%s is not set: 10 GiB take minutes", longVariable)
	}
	dir := t.TempDir()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	if free := int64(disk.Bavail) * disk.Bsize; free < largeDisk {
		t.Skipf("%d bytes are free below %s, %d are needed", free, dir, int64(largeDisk))
	}
	l := newLive(t, filepath.Join(dir, "data"), "anna")
	l.schulhof(t, "user", "set", "anna@school.test", "--quota", "10GiB")
	l.serve(t)
	f := &largeFile{path: "/webdav/Files/film.mkv", client: &davClient{
		base: "http://" + l.ports["http"], name: "anna", password: storyPassword, http: &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Hour}},
	}}
	before := residentPeak(t, l)
	f.refused(t, largestFile+1, http.StatusRequestEntityTooLarge, "max-resource-size")
	f.timed(t, "PUT", func() { f.put(t) })
	f.parts(t)
	f.timed(t, "GET", func() { f.whole(t) })
	f.refused(t, 1, http.StatusInsufficientStorage, "quota-not-exceeded")
	f.refused(t, 1<<20, http.StatusInsufficientStorage, "quota-not-exceeded")
	f.client.want(t, http.StatusNoContent, "DELETE", f.path, "")
	f.client.want(t, http.StatusNotFound, "GET", f.path, "", "Range", "bytes=0-0")
	after := residentPeak(t, l)
	if t.Logf("memory: %d KiB before, %d KiB at most", before>>10, after>>10); after-before > largeMemory {
		t.Errorf("the server took %d bytes more, %d are allowed", after-before, largeMemory)
	}
	l.stop(t)
	if out := l.schulhof(t, "check"); !strings.Contains(out, "No problems") {
		t.Errorf("check: %s", out)
	}
}

// residentPeak is the most memory that the server has had at once, in bytes. proc_pid_status(5).
func residentPeak(t *testing.T, l *live) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\nVmHWM:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(kib, 10, 64)
	if err != nil {
		t.Fatalf("the peak is not said: %v\n%s", err, text)
	}
	return n << 10
}

// largeFile is a file whose bytes can be made again from any place on, and cannot be compressed.
type largeFile struct {
	client *davClient
	path   string
}

// from reads size bytes of it from offset on.
func (f *largeFile) from(t *testing.T, offset, size int64) io.Reader {
	t.Helper()
	block, err := aes.NewCipher([]byte("zehn Gibibytes, "))
	if err != nil {
		t.Fatal(err)
	}
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[8:], uint64(offset/aes.BlockSize))
	stream := cipher.NewCTR(block, counter[:])
	var skipped [aes.BlockSize]byte
	stream.XORKeyStream(skipped[:offset%aes.BlockSize], skipped[:offset%aes.BlockSize])
	return io.LimitReader(cipher.StreamReader{S: stream, R: zeros{}}, size)
}

// zeros is an endless row of them.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// timed tells how long a step took.
func (f *largeFile) timed(t *testing.T, what string, step func()) {
	t.Helper()
	start := time.Now()
	step()
	took := time.Since(start)
	t.Logf("%s: %s, %.0f MiB a second", what, took.Round(time.Millisecond), float64(largestFile>>20)/took.Seconds())
}

// send puts size bytes, as soon as the server wants them.
func (f *largeFile) send(t *testing.T, path string, size int64) (answer davAnswer, sent int64) {
	t.Helper()
	body := &countingReader{from: f.from(t, 0, size)}
	r, err := http.NewRequest("PUT", f.client.base+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = size
	r.Header.Set("Expect", "100-continue")
	r.SetBasicAuth(f.client.name, f.client.password)
	got, err := f.client.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(got.Body)
	if err := errors.Join(err, got.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return davAnswer{got.StatusCode, got.Header, string(text)}, body.n
}

type countingReader struct {
	from io.Reader
	n    int64
}

func (r *countingReader) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	r.n += int64(n)
	return n, err
}

func (f *largeFile) put(t *testing.T) {
	t.Helper()
	if answer, sent := f.send(t, f.path, largestFile); answer.status != http.StatusCreated || sent != largestFile {
		t.Fatalf("PUT: %d after %d bytes %s", answer.status, sent, answer.text)
	}
}

// refused wants that size bytes more are not taken, and that nobody had to send many of them.
func (f *largeFile) refused(t *testing.T, size int64, status int, condition string) {
	t.Helper()
	answer, sent := f.send(t, "/webdav/Files/mehr", size)
	if answer.status != status || !strings.Contains(answer.text, condition) || sent > 1<<10 {
		t.Errorf("%d bytes more: %d after %d bytes %s, want %d %s", size, answer.status, sent, answer.text, status, condition)
	}
	f.client.want(t, http.StatusNotFound, "GET", "/webdav/Files/mehr", "")
}

// parts reads ranges: at both ends, and where numbers of 32 bits end. RFC 9110 §14.
func (f *largeFile) parts(t *testing.T) {
	t.Helper()
	head := f.client.want(t, http.StatusOK, "HEAD", f.path, "")
	if got := head.header.Get("Content-Length"); got != strconv.Itoa(largestFile) {
		t.Errorf("HEAD says %s bytes", got)
	}
	const gib4 = 4 << 30
	for _, tt := range []struct {
		name, asked  string
		offset, size int64
	}{
		{"the first byte", "0-0", 0, 1},
		{"the beginning", "0-99999", 0, 100_000},
		{"up to 2 GiB", "2147483640-2147483648", 1<<31 - 8, 9},
		{"the last below 4 GiB", fmt.Sprintf("%d-%d", gib4-1, gib4-1), gib4 - 1, 1},
		{"the first from 4 GiB on", fmt.Sprintf("%d-%d", gib4, gib4), gib4, 1},
		{"around 4 GiB", fmt.Sprintf("%d-%d", gib4-1, gib4+1), gib4 - 1, 3},
		{"far around it", fmt.Sprintf("%d-%d", gib4-50_000, gib4+49_999), gib4 - 50_000, 100_000},
		{"the end", fmt.Sprintf("%d-", largestFile-100_000), largestFile - 100_000, 100_000},
		{"beyond the end", fmt.Sprintf("%d-%d", largestFile-7, 2*largestFile), largestFile - 7, 7},
		{"the last bytes", "-12345", largestFile - 12_345, 12_345},
	} {
		want := make([]byte, tt.size)
		if _, err := io.ReadFull(f.from(t, tt.offset, tt.size), want); err != nil {
			t.Fatal(err)
		}
		answer := f.client.want(t, http.StatusPartialContent, "GET", f.path, "", "Range", "bytes="+tt.asked, "If-Range", head.header.Get("ETag"))
		says := fmt.Sprintf("bytes %d-%d/%d", tt.offset, tt.offset+tt.size-1, int64(largestFile))
		if answer.text != string(want) || answer.header.Get("Content-Range") != says {
			t.Errorf("%s: %d bytes, %s; want %d bytes, %s", tt.name, len(answer.text), answer.header.Get("Content-Range"), tt.size, says)
		}
	}
	f.client.want(t, http.StatusRequestedRangeNotSatisfiable, "GET", f.path, "", "Range", fmt.Sprintf("bytes=%d-", int64(largestFile)))
}

// whole reads all of it and compares each byte with what was put.
func (f *largeFile) whole(t *testing.T) {
	t.Helper()
	r, err := http.NewRequest("GET", f.client.base+f.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(f.client.name, f.client.password)
	answer, err := f.client.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	here := f.from(t, 0, largestFile)
	got, want := make([]byte, 1<<20), make([]byte, 1<<20)
	var n int64
	for n < largestFile {
		k, err := io.ReadFull(answer.Body, got)
		if err != nil {
			t.Fatalf("after %d bytes: %v", n+int64(k), err)
		}
		if _, err := io.ReadFull(here, want); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("other bytes came between %d and %d", n, n+int64(len(got)))
		}
		n += int64(k)
	}
	if k, err := answer.Body.Read(got); k != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after the end came %d bytes, %v", k, err)
	}
}
