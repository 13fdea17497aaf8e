package smtpd

import (
	"errors"

	"schulhof/store"
)

// errFlood ends a message that goes on and on after it was too large.
var errFlood = errors.New("message far above the size limit")

// incoming is a message on its way in: its header is gathered and rewritten, then everything streams to the
// spool, which holds 256 KiB in memory and the rest on disk. A message that is already refused is read on
// and forgotten, so that the peer reads our reply where it expects it.
type incoming struct {
	id      string      // trace id
	chunks  *normaliser // before the message, while BDAT brings it
	spool   *store.Spool
	maxSize int64
	trace   []byte // our fields, written first
	// rewrite checks and changes the header; nil: the message is taken as it comes (LMTP, from an MTA that we trust).
	rewrite func(head []byte) ([]byte, reply, error)

	size    int64 // bytes the peer sent, dots unstuffed
	content fingerprint
	head    []byte // until its end is seen
	inBody  bool
	refusal reply // code 0: none yet
	err     error // its cause, for the log
}

func newIncoming(spool *store.Spool, maxSize int64, trace []byte, rewrite func([]byte) ([]byte, reply, error)) *incoming {
	return &incoming{spool: spool, maxSize: maxSize, trace: trace, rewrite: rewrite, content: newFingerprint()}
}

// refuse settles that the message will not be taken. The first reason counts.
func (in *incoming) refuse(r reply, err error) {
	if in.refusal.code == 0 {
		in.refusal, in.err = r, err
		in.head = nil
	}
}

// write takes the next bytes.
func (in *incoming) write(b []byte) error {
	in.size += int64(len(b))
	if in.size > in.maxSize {
		in.refuse(badTooLarge.ending(), nil)
		if in.size > 2*in.maxSize {
			return errFlood
		}
	}
	if in.refusal.code != 0 {
		return nil
	}
	in.content.write(b)
	if in.inBody {
		in.store(b)
		return nil
	}
	if in.rewrite == nil {
		in.inBody = true
		in.store(in.trace)
		in.store(b)
		return nil
	}
	before := len(in.head)
	in.head = append(in.head, b...)
	end, body, found := headerEnd(in.head, before)
	switch {
	case found && end <= maxHeader:
		in.header(in.head[:end], in.head[end:body], in.head[body:])
	case found || len(in.head) > maxHeader:
		in.refuse(badHeaderSize, nil)
	}
	return nil
}

// header writes our fields, the rewritten header and what is there of the body. blank is the empty line
// between, with the CRLF that ends the last field left to head.
func (in *incoming) header(head, blank, body []byte) {
	in.inBody = true
	clean, r, err := in.rewrite(head)
	if !r.ok() || err != nil {
		in.refuse(r, err)
		return
	}
	in.store(in.trace, clean, blank, body)
	in.head = in.head[:0]
}

// end is called when the last byte has come.
func (in *incoming) end() {
	switch {
	case in.refusal.code != 0 || in.inBody:
	case in.rewrite == nil:
		in.store(in.trace)
	default: // a header without a body
		in.header(in.head, nil, nil)
	}
}

// store appends to the spool; a full disk refuses the message and reading goes on.
func (in *incoming) store(parts ...[]byte) {
	for _, b := range parts {
		if len(b) == 0 {
			continue
		}
		if _, err := in.spool.Write(b); err != nil {
			in.refuse(answer(err), err)
			return
		}
	}
}

// close forgets the message.
func (in *incoming) close() {
	if in != nil {
		in.spool.Close()
	}
}
