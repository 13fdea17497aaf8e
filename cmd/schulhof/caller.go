package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"schulhof/store/fault"

	"golang.org/x/sys/unix"
)

// askServer has the server behind socket run this command line with the caller's files. handled is false when no server listens there.
func (a *app) askServer(ctx context.Context, socket string) (handled bool, err error) {
	conn, err := dialControl(socket)
	if conn == nil || err != nil {
		return false, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err = a.converse(conn); err != nil && ctx.Err() != nil {
		err = ctx.Err() // whatever was being sent or awaited when it ended
	}
	return true, err
}

// converse gives the order and answers the server's questions until the command is done.
func (a *app) converse(conn *net.UnixConn) error {
	uid, err := peer(conn)
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	if err := a.sendOrder(conn); err != nil {
		return err
	}
	for {
		var q question
		if _, err := receivePacket(conn, &q); err != nil {
			return fmt.Errorf("the server went away before the command was done: %w", err)
		}
		if q.Ask == "" {
			a.status = q.Exit
			if q.Text != "" {
				return fault.New(fault.Refused, "%s", q.Text)
			}
			return nil
		}
		file, err := a.answer(q, uid)
		if err != nil {
			err = sendPacket(conn, answerError(err))
		} else {
			err = errors.Join(sendPacket(conn, answer{}, file), file.Close())
		}
		if err != nil {
			return err
		}
	}
}

// dialControl returns nil without an error when no server listens.
func dialControl(socket string) (*net.UnixConn, error) {
	address, dir, err := socketAddress(filepath.Dir(socket), filepath.Base(socket))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	defer dir.Close()
	conn, err := net.DialUnix("unixpacket", nil, address)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", socket, errors.Unwrap(err))
	}
	return conn, nil
}

// sendOrder greets the server and gives it the command line and the three standard files.
func (a *app) sendOrder(conn *net.UnixConn) error {
	fd, err := unix.MemfdCreate("schulhof command line", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	line := os.NewFile(uintptr(fd), "command line")
	defer line.Close()
	if err := json.NewEncoder(line).Encode(order{Args: a.args, Directory: a.directory}); err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	if _, err := line.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	attached := make([]*os.File, 0, packetFiles)
	for _, stream := range []any{a.stdin, a.stdout, a.stderr} {
		f, ok := stream.(*os.File)
		if _, err := f.Stat(); !ok || err != nil { // closed by whoever started us
			null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer null.Close()
			f = null
		}
		attached = append(attached, f)
	}
	return sendPacket(conn, greeting{controlProtocol, a.version}, append(attached, line)...)
}

// answer opens what the server asks for. It only gives what stands on the command line, or is beneath a folder that does:
// the caller may have more rights than the server.
func (a *app) answer(q question, server int) (*os.File, error) {
	if !a.named(q.Path) {
		return nil, fmt.Errorf("%s is not on the command line", q.Path)
	}
	switch q.Ask {
	case "open":
		return a.files.Open(q.Path)
	case "create":
		return a.files.Create(q.Path)
	case "tree":
		tree, err := a.files.Tree(q.Path)
		if err != nil {
			return nil, err
		}
		file, err := tree.Open(q.Name)
		if err != nil {
			return nil, err
		}
		return file.(*os.File), nil
	case "newdir":
		dir, err := newDir(localFiles{a.directory}.abs(q.Path))
		if err != nil {
			return nil, err
		}
		if server != os.Geteuid() {
			err = dir.Chown(server, -1)
		}
		return dir, err
	}
	return nil, fmt.Errorf("unknown question %q: the server is of another version", q.Ask)
}

// named reports whether path stands on the command line, as an argument or as the value of a flag.
func (a *app) named(path string) bool {
	for _, arg := range a.args {
		_, value, _ := strings.Cut(arg, "=")
		if path == arg || path == value && strings.HasPrefix(arg, "-") {
			return path != ""
		}
	}
	return false
}
