package pack

import (
	"maps"
	"sync"
)

// recent keeps small contents that were written or read lately: mail to a whole school and a class's event are read by many, soon after each
// other. What lies in a pack never changes and a pack's id is never used again, so nothing here is ever out of date. The oldest segment
// makes room for the newest.
type recent struct {
	mu       sync.RWMutex
	at       map[Location][]byte // parts of the segments' buffers
	segments [recentSegments]recentSegment
	current  int
	closed   bool
}

type recentSegment struct {
	buf  []byte // cap recentSegmentSize, made when it is needed
	keys []Location
}

// appendTo appends the content of the blob at l, if it is here.
func (r *recent) appendTo(dst []byte, l Location) ([]byte, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	b, ok := r.at[l]
	return append(dst, b...), ok
}

// keep copies the content of the blob at l.
func (r *recent) keep(l Location, b []byte) {
	if len(b) > recentLargest || len(b) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.at[l]; ok || r.closed {
		return
	}
	s := &r.segments[r.current]
	if len(s.buf)+len(b) > cap(s.buf) || len(s.keys) == recentSegmentBlobs {
		s = r.advance()
	}
	start := len(s.buf)
	s.buf = append(s.buf, b...)
	s.keys = append(s.keys, l)
	r.at[l] = s.buf[start:len(s.buf):len(s.buf)]
}

// advance forgets the oldest segment and makes it the current one.
func (r *recent) advance() *recentSegment {
	if r.at == nil {
		r.at = map[Location][]byte{}
	}
	r.current = (r.current + 1) % recentSegments
	s := &r.segments[r.current]
	for _, l := range s.keys {
		delete(r.at, l)
	}
	if s.buf == nil {
		s.buf = make([]byte, 0, recentSegmentSize)
	}
	s.buf, s.keys = s.buf[:0], s.keys[:0]
	return s
}

// forget drops what lies where gone says.
func (r *recent) forget(gone func(Location) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.at, func(l Location, _ []byte) bool { return gone(l) })
}

// close drops everything, for good.
func (r *recent) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.segments, r.closed = nil, [recentSegments]recentSegment{}, true
}
