package smtpd

import (
	"crypto/tls"
	"errors"
	"syscall"
)

// tlsAlert is the first byte of a TLS record that ends a connection. RFC 8446 §5.1.
const tlsAlert = 21

// peerGone looks, without waiting and without reading, whether the peer has closed its side or reset the
// connection. A write to such a peer may still succeed, so this is asked before a 250 is trusted to arrive.
func (w *wire) peerGone() bool {
	sc, ok := w.raw.(syscall.Conn)
	if !ok {
		return false
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	_, encrypted := w.nc.(*tls.Conn)
	gone := false
	err = rc.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		case err != nil || n == 0:
			gone = true
		case encrypted:
			gone = b[0] == tlsAlert
		}
	})
	return gone || err != nil
}
