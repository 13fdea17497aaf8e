package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"schulhof/mailbox/message"
	"schulhof/store/fault"
)

// importedMail is one message of a source.
type importedMail struct {
	where   string // for people: the file, or the byte in it
	mailbox string // below the source's top; "" is the top itself
	flags   []string
	date    time.Time // zero: take the message's own
	text    io.Reader // lines end with CRLF
}

// mailSource gives its messages in a steady order to each, until each returns an error.
type mailSource func(ctx context.Context, each func(importedMail) error) error

// openMailSource finds out what path is: an mbox file, a Maildir, or a folder of .eml files.
func (a *app) openMailSource(name string) (mailSource, io.Closer, error) {
	f, err := a.files.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("look at %s: %w", name, err)
	}
	switch {
	case info.Mode().IsRegular():
		return mboxSource(f, info.Size()), f, nil
	case !info.IsDir():
		f.Close()
		return nil, nil, fault.New(fault.Refused, "%s is neither a file nor a folder", name)
	}
	f.Close()
	tree, err := a.files.Tree(name)
	if err != nil {
		return nil, nil, err
	}
	source, err := folderSource(tree)
	return source, io.NopCloser(nil), err
}

// folderSource: a folder with a Maildir somewhere in it is read as Maildirs, any other as .eml files.
func folderSource(tree fs.FS) (mailSource, error) {
	maildir := false
	err := walkFolders(tree, ".", func(dir string, entries []fs.DirEntry) error {
		if isMaildir(entries) {
			maildir = true
			return fs.SkipAll
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.SkipAll) {
		return nil, err
	}
	if maildir {
		return maildirSource(tree), nil
	}
	return emlSource(tree), nil
}

// walkFolders calls fn for dir and all folders beneath, in the order of their names, with their entries.
func walkFolders(tree fs.FS, dir string, fn func(dir string, entries []fs.DirEntry) error) error {
	entries, err := fs.ReadDir(tree, dir)
	if err != nil {
		return fmt.Errorf("read folder: %w", err)
	}
	if err := fn(dir, entries); err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "cur" && e.Name() != "new" && e.Name() != "tmp" {
			if err := walkFolders(tree, path.Join(dir, e.Name()), fn); err != nil {
				return err
			}
		}
	}
	return nil
}

func isMaildir(entries []fs.DirEntry) bool {
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.IsDir() && e.Name() == name })
	}
	return has("cur") && has("new")
}

// mboxSource reads the messages of an mbox, with the flags that mail programs keep in header fields.
func mboxSource(file io.ReaderAt, size int64) mailSource {
	return func(ctx context.Context, each func(importedMail) error) error {
		m := &mboxReader{file: file, size: size}
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			msg, err := m.next()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return fmt.Errorf("at byte %d: %w", m.off, err)
			}
			text := bufio.NewReaderSize(m.open(msg), 32<<10)
			header, err := mboxHeader(text)
			if err != nil {
				return fmt.Errorf("at byte %d: %w", msg.from, err)
			}
			if header.internal {
				continue
			}
			err = each(importedMail{where: "byte " + strconv.FormatInt(msg.from, 10), flags: header.flags, date: msg.date,
				text: io.MultiReader(bytes.NewReader(header.text), text)})
			if err != nil {
				return err
			}
		}
	}
}

// mboxFields is a message's header without the fields that only served the mbox, and what they said.
type mboxFields struct {
	text     []byte
	flags    []string
	internal bool // a mail program's note to itself, no message
}

// mboxHeader reads the header up to and with its empty line; at most importHeaderLimit bytes of it are looked at.
func mboxHeader(in *bufio.Reader) (h mboxFields, err error) {
	dropped := false // the field that may go on in the next line
	for len(h.text) < importHeaderLimit {
		line, err := in.ReadSlice('\n')
		if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
			return h, fmt.Errorf("read mbox: %w", err)
		}
		continued := len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
		if !continued {
			name, value, _ := strings.Cut(string(line), ":")
			dropped = h.field(strings.ToLower(name), strings.TrimSpace(value))
		}
		if !dropped {
			h.text = append(h.text, line...)
		}
		if err == io.EOF || len(bytes.TrimRight(line, "\r\n")) == 0 || errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	return h, nil
}

// field takes what one field says of the message's state and reports whether the field goes.
func (h *mboxFields) field(name, value string) (drop bool) {
	add := func(letters, flags string) {
		for i, flag := range strings.Fields(flags) {
			if strings.ContainsRune(value, rune(letters[i])) && !slices.Contains(h.flags, flag) {
				h.flags = append(h.flags, flag)
			}
		}
	}
	switch name {
	case "status":
		add("R", `\Seen`)
		return true
	case "x-status":
		add("AFDT", `\Answered \Flagged \Deleted \Draft`)
		return true
	case "x-keywords":
		for _, word := range strings.Fields(value) {
			if !slices.Contains(h.flags, word) {
				h.flags = append(h.flags, word)
			}
		}
		return true
	case "x-uid", "x-imapbase":
		return true
	case "x-imap":
		h.internal = true // UW-IMAP's "DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA"
		return true
	case "x-mozilla-status": // https://www-archive.mozilla.org/mailnews/arch/xmoz.html
		bits, err := strconv.ParseUint(value, 16, 16)
		for bit, flag := range map[uint64]string{1: `\Seen`, 2: `\Answered`, 4: `\Flagged`, 8: `\Deleted`, 0x1000: "$Forwarded"} {
			if err == nil && bits&bit != 0 && !slices.Contains(h.flags, flag) {
				h.flags = append(h.flags, flag)
			}
		}
	}
	return false
}

// maildirSource reads a Maildir and those beneath it, whether as .Folder.Sub (Maildir++) or as folders in folders.
// https://cr.yp.to/proto/maildir.html
func maildirSource(tree fs.FS) mailSource {
	return func(ctx context.Context, each func(importedMail) error) error {
		return walkFolders(tree, ".", func(dir string, entries []fs.DirEntry) error {
			if !isMaildir(entries) {
				return nil
			}
			var levels []string
			for part := range strings.SplitSeq(dir, "/") {
				if part != "." {
					levels = append(levels, mailboxName(part))
				}
			}
			box := strings.Join(levels, "/")
			if box == "INBOX" {
				box = ""
			}
			keywords := dovecotKeywords(tree, dir)
			for _, sub := range []string{"cur", "new"} {
				if err := maildirFiles(ctx, tree, path.Join(dir, sub), box, keywords, each); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func maildirFiles(ctx context.Context, tree fs.FS, dir, box string, keywords map[byte]string, each func(importedMail) error) error {
	entries, err := fs.ReadDir(tree, dir)
	if err != nil {
		return fmt.Errorf("read folder: %w", err)
	}
	for _, e := range entries {
		if !mayBeMail(e) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := eachFile(tree, path.Join(dir, e.Name()), box, maildirFlags(e.Name(), keywords), each); err != nil {
			return err
		}
	}
	return nil
}

// mayBeMail leaves out folders, pipes, sockets and devices: opening a pipe would wait for whoever writes into it.
func mayBeMail(e fs.DirEntry) bool { return e.Type()&^fs.ModeSymlink == 0 }

// maildirFlags reads the letters behind ":2,". Dovecot keeps keywords as small letters.
func maildirFlags(name string, keywords map[byte]string) (flags []string) {
	_, letters, _ := strings.Cut(name, ":2,")
	for i := range len(letters) {
		flag := ""
		switch c := letters[i]; c {
		case 'S':
			flag = `\Seen`
		case 'R':
			flag = `\Answered`
		case 'F':
			flag = `\Flagged`
		case 'T':
			flag = `\Deleted`
		case 'D':
			flag = `\Draft`
		case 'P':
			flag = "$Forwarded"
		case ',':
			return flags // another program's letters
		default:
			flag = keywords[c]
		}
		if flag != "" {
			flags = append(flags, flag)
		}
	}
	return flags
}

// dovecotKeywords reads the names of a folder's keywords. https://doc.dovecot.org/admin_manual/mailbox_formats/maildir/
func dovecotKeywords(tree fs.FS, dir string) map[byte]string {
	text, err := fs.ReadFile(tree, path.Join(dir, "dovecot-keywords"))
	if err != nil {
		return nil
	}
	names := map[byte]string{}
	for line := range strings.SplitSeq(string(text), "\n") {
		number, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.Atoi(number); err == nil && n >= 0 && n < 26 {
			names[byte('a'+n)] = name
		}
	}
	return names
}

// emlSource reads the .eml files of a folder; those of a folder beneath belong to a mailbox of its name.
func emlSource(tree fs.FS) mailSource {
	return func(ctx context.Context, each func(importedMail) error) error {
		found := false
		err := walkFolders(tree, ".", func(dir string, entries []fs.DirEntry) error {
			box := dir
			if dir == "." {
				box = ""
			}
			for _, e := range entries {
				if !mayBeMail(e) || !strings.EqualFold(path.Ext(e.Name()), ".eml") {
					continue
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				found = true
				if err := eachFile(tree, path.Join(dir, e.Name()), box, []string{`\Seen`}, each); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && !found {
			err = fault.New(fault.Refused, "nothing to import: it is no Maildir and has no .eml files")
		}
		return err
	}
}

// eachFile gives one message from a file of its own. Its date is the file's, as Maildir has it.
func eachFile(tree fs.FS, name, box string, flags []string, each func(importedMail) error) error {
	f, err := tree.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil // a mail program moved it meanwhile; what it is now called comes with the next run
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("look at %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	in := bufio.NewReaderSize(f, 32<<10)
	mail := importedMail{where: name, mailbox: box, flags: flags, date: info.ModTime(), text: in}
	first, _ := in.Peek(4 << 10)
	if path.Ext(name) == ".eml" || path.Ext(name) == ".EML" {
		mail.date = headerDate(first) // files that were copied about have no date worth keeping
	}
	if line, _, found := bytes.Cut(first, []byte("\n")); found && !bytes.HasSuffix(line, []byte("\r")) {
		mail.text = &lineReader{in: in} // otherwise its bytes stay as they are
	}
	return each(mail)
}

// headerDate finds the Date field.
func headerDate(start []byte) time.Time {
	for line := range bytes.SplitSeq(start, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
		if name, value, found := bytes.Cut(line, []byte(":")); found && bytes.EqualFold(name, []byte("Date")) {
			return message.ParseDate(string(bytes.TrimSpace(value)))
		}
	}
	return time.Time{}
}
