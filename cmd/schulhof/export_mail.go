package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"schulhof/mailbox"
)

// maildirWriter writes one folder of a Maildir. The bytes of a message stay as they are.
type maildirWriter struct {
	dir      string
	validity uint32
	letters  map[string]byte // keywords of this folder
	names    []string        // by letter
}

func newMaildirWriter(dir string, validity uint32) (*maildirWriter, error) {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("folder: %w", err)
		}
	}
	w := &maildirWriter{dir: dir, validity: validity, letters: map[string]byte{}}
	if filepath.Base(dir) == "mail" {
		return w, nil
	}
	return w, os.WriteFile(filepath.Join(dir, "maildirfolder"), nil, 0o600)
}

func (w *maildirWriter) write(m exportedMail, body io.Reader) error {
	name := fmt.Sprintf("%d.V%dU%d.schulhof,S=%d:2,%s", max(m.date.Unix(), 0), w.validity, m.uid, m.size, w.flags(&m))
	f, err := newFile(filepath.Join(w.dir, "cur", name))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return os.Chtimes(f.Name(), m.date, m.date)
}

// flags are the letters behind ":2,", in the order of the alphabet as the format wants.
func (w *maildirWriter) flags(m *exportedMail) string {
	var letters []byte
	for _, f := range []struct {
		letter byte
		flag   mailbox.Flags
	}{{'D', mailbox.Draft}, {'F', mailbox.Flagged}} {
		if m.flags&f.flag != 0 {
			letters = append(letters, f.letter)
		}
	}
	var small []byte
	for _, word := range m.words() {
		if strings.EqualFold(word, "$Forwarded") {
			letters = append(letters, 'P')
			continue
		}
		letter, known := w.letters[word]
		if !known && len(w.names) < 26 {
			letter = byte('a' + len(w.names))
			w.letters[word], known = letter, true
			w.names = append(w.names, word)
		}
		if known {
			small = append(small, letter)
		}
	}
	for _, f := range []struct {
		letter byte
		flag   mailbox.Flags
	}{{'R', mailbox.Answered}, {'S', mailbox.Seen}, {'T', mailbox.DeletedFlag}} {
		if m.flags&f.flag != 0 {
			letters = append(letters, f.letter)
		}
	}
	return string(append(letters, small...))
}

// close writes the names of the keywords as Dovecot does.
func (w *maildirWriter) close() error {
	if len(w.names) == 0 {
		return nil
	}
	var b strings.Builder
	for i, name := range w.names {
		fmt.Fprintf(&b, "%d %s\n", i, name)
	}
	return os.WriteFile(filepath.Join(w.dir, "dovecot-keywords"), []byte(b.String()), 0o600)
}

// mboxWriter writes an mbox of the variant mboxrd: LF ends lines, and lines such as "From " and ">From " get a ">".
// Flags and keywords go into Status, X-Status and X-Keywords.
type mboxWriter struct {
	file *os.File
	out  *bufio.Writer
}

func newMboxWriter(path string) (*mboxWriter, error) {
	f, err := newFile(path)
	if err != nil {
		return nil, err
	}
	return &mboxWriter{file: f, out: bufio.NewWriterSize(f, 64<<10)}, nil
}

func (w *mboxWriter) write(m exportedMail, body io.Reader) error {
	fmt.Fprintf(w.out, "From MAILER-DAEMON %s\n", m.date.Format(time.ANSIC))
	status, state := "O", ""
	if m.flags&mailbox.Seen != 0 {
		status = "RO"
	}
	for _, f := range []struct {
		letter string
		flag   mailbox.Flags
	}{{"A", mailbox.Answered}, {"F", mailbox.Flagged}, {"D", mailbox.DeletedFlag}, {"T", mailbox.Draft}} {
		if m.flags&f.flag != 0 {
			state += f.letter
		}
	}
	fmt.Fprintf(w.out, "Status: %s\n", status)
	if state != "" {
		fmt.Fprintf(w.out, "X-Status: %s\n", state)
	}
	if words := m.words(); len(words) > 0 {
		fmt.Fprintf(w.out, "X-Keywords: %s\n", strings.Join(words, " "))
	}
	in := bufio.NewReaderSize(body, 64<<10)
	starts := true // of a line
	var last byte
	for {
		piece, err := in.ReadSlice('\n')
		if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("read: %w", err)
		}
		if starts && bytes.HasPrefix(bytes.TrimLeft(piece, ">"), []byte("From ")) {
			w.out.WriteByte('>')
		}
		starts = err == nil
		if starts {
			piece = append(bytes.TrimSuffix(piece[:len(piece)-1], []byte("\r")), '\n')
		}
		if len(piece) > 0 {
			last = piece[len(piece)-1]
		}
		w.out.Write(piece)
		if err == io.EOF {
			break
		}
	}
	if last != '\n' {
		w.out.WriteByte('\n')
	}
	if err := w.out.WriteByte('\n'); err != nil { // bufio keeps the first error
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (w *mboxWriter) close() error { return errors.Join(w.out.Flush(), w.file.Close()) }
