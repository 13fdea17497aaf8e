package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// The control socket carries packets: one JSON object each, with open files attached. The caller begins with a
// greeting, the server answers with questions for files of the caller and at last with the exit status.
const (
	controlSocket   = "control.sock"
	controlProtocol = 1
	packetLimit     = 64 << 10 // bytes of one packet
	packetFiles     = 4
)

// greeting is the caller's first packet. Attached: standard input, output and error, and a file that holds an order.
type greeting struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"version"`
}

// order says what to do. It comes as a file because a command line may be longer than a packet.
type order struct {
	Args      []string `json:"args"`
	Directory string   `json:"directory"`
}

// question is what the server sends: a wish for a file of the caller, or the end.
type question struct {
	Ask  string `json:"ask,omitempty"` // "open", "create", "tree", "newdir"; "" at the end
	Path string `json:"path,omitempty"`
	Name string `json:"name,omitempty"` // with "tree": the file beneath Path
	Exit int    `json:"exit"`
	Text string `json:"text,omitempty"` // at the end: why the command was not run
}

// answer is the caller's. Attached: the file.
type answer struct {
	Errno int    `json:"errno,omitempty"`
	Error string `json:"error,omitempty"`
}

func answerError(err error) answer {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return answer{Errno: int(errno), Error: err.Error()}
	}
	return answer{Error: err.Error()}
}

// err makes the caller's error into one that errors.Is(err, fs.ErrNotExist) and the like understand.
func (a answer) err(ask, path string) error {
	switch {
	case a.Errno != 0:
		return &fs.PathError{Op: ask, Path: path, Err: syscall.Errno(a.Errno)}
	case a.Error != "":
		return errors.New(a.Error)
	}
	return nil
}

func sendPacket(conn *net.UnixConn, v any, attached ...*os.File) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("control packet: %w", err)
	}
	fds := make([]int, len(attached))
	for i, f := range attached {
		fds[i] = int(f.Fd())
	}
	var rights []byte
	if len(fds) > 0 {
		rights = syscall.UnixRights(fds...)
	}
	if _, _, err := conn.WriteMsgUnix(text, rights, nil); err != nil {
		return fmt.Errorf("control packet: %w", err)
	}
	return nil
}

// receivePacket reads one packet into v. The caller of it closes the attached files.
func receivePacket(conn *net.UnixConn, v any) ([]*os.File, error) {
	text, rights := make([]byte, packetLimit), make([]byte, syscall.CmsgSpace(packetFiles*4))
	n, rightsLen, flags, _, err := conn.ReadMsgUnix(text, rights)
	if err != nil {
		return nil, fmt.Errorf("control packet: %w", err)
	}
	attached, err := attachedFiles(rights[:rightsLen])
	if err == nil && n == 0 {
		err = net.ErrClosed
	}
	if err == nil && flags&(syscall.MSG_TRUNC|syscall.MSG_CTRUNC) != 0 {
		err = errors.New("too long")
	}
	if err == nil {
		err = json.Unmarshal(text[:n], v)
	}
	if err != nil {
		closeAll(attached)
		return nil, fmt.Errorf("control packet: %w", err)
	}
	return attached, nil
}

func attachedFiles(rights []byte) (list []*os.File, err error) {
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			return list, err
		}
		for _, fd := range fds {
			list = append(list, os.NewFile(uintptr(fd), "caller's file"))
		}
	}
	return list, nil
}

func closeAll(list []*os.File) {
	for _, f := range list {
		f.Close()
	}
}

// peer returns the user id at the other end.
func peer(conn *net.UnixConn) (uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *syscall.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if credErr != nil {
		return 0, credErr
	}
	return int(cred.Uid), nil
}

// socketAddress names a socket in dir. A path may be longer than the 107 bytes that a socket address holds, so dir
// is opened and named by its descriptor; close it after use.
func socketAddress(dir, name string) (*net.UnixAddr, *os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	return &net.UnixAddr{Net: "unixpacket", Name: fmt.Sprintf("/proc/self/fd/%d/%s", f.Fd(), name)}, f, nil
}
