package imapd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
)

// enabled are the extensions that change what we send. RFC 5161.
type enabled uint8

const (
	condstore enabled = 1 << iota
	qresync
	utf8accept
	rev2
	metadata       // RFC 5464 §4.4.2
	metadataServer // the same, for the server's entries only
)

// conn is one client connection. One goroutine owns it; only wire.wake and wire.stop may be called from others.
type conn struct {
	srv    *Server
	serial uint64 // of this connection, from 1; also in the log
	log    *slog.Logger
	wire   *wire
	rd     reader
	w      *encoder
	enc    encoder
	parser parser

	remote   netip.Addr
	tls      bool
	signedIn bool
	counted  bool // among the account's connections
	started  time.Time
	id       directory.Identity
	who      directory.ID
	enabled  enabled
	sel      *selected

	tag      string // of the command that runs
	uidMode  bool   // it came as UID NAME
	okCode   string // of its tagged OK
	okText   string
	after    func() error // runs after the tagged answer was written: STARTTLS, COMPRESS
	quit     bool         // LOGOUT: end after the tagged answer
	bads     int          // wrong commands in a row
	tries    int          // logins that failed
	count    int64        // commands, for the log
	client   string       // what ID said, for the log
	noted    uint64       // metadata up to here was told
	keywords []string     // the selected mailbox's owner's, as last told to the client
	watched  *watchlist   // of NOTIFY; nil until the client has used it
	acted    bool         // the command has changed the selected mailbox: that is told, whatever NOTIFY asked for
}

// selected is the mailbox of the selected state.
type selected struct {
	box      *mailbox.Box
	name     string
	snap     *mailbox.Snapshot // what the client knows: sequence numbers refer to it
	rights   mailbox.Rights    // of a shared mailbox, as the client knows them
	examined bool              // opened for reading only
	readOnly bool              // for that or for want of rights
	saved    []mailbox.UID     // $ of SEARCHRES, ascending
	sent     seqRange          // UIDs that the client added and has not been told of
}

func (c *conn) state() state {
	switch {
	case !c.signedIn:
		return notAuthenticated
	case c.sel == nil:
		return authenticated
	}
	return inMailbox
}

// serve runs the connection until it ends; reason goes to the log.
func (c *conn) serve(ctx context.Context) (reason string) {
	err := c.greet()
	for err == nil {
		err = c.next(ctx)
	}
	c.setWatched(nil)
	c.deselect()
	var b *byeError
	switch {
	case errors.As(err, &b):
		c.bye(b.code, b.text)
		return b.text
	case errors.Is(err, errQuit):
		return "logout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "closed by the client"
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.bye("", "Autologout, idle for too long")
		return "timeout"
	}
	return err.Error()
}

var errQuit = errors.New("logout")

func (c *conn) bye(code, text string) {
	c.w.ensure()
	c.w.str("* BYE ")
	c.w.code(code)
	c.w.str(text)
	c.w.crlf()
	_ = c.w.flush() // the connection ends either way
	c.w.release()
}

func (c *conn) greet() error {
	c.w.ensure()
	c.w.str("* OK [CAPABILITY ")
	c.w.str(c.capabilityList())
	c.w.str("] ")
	c.w.str(c.srv.hostname)
	c.w.str(" ready\r\n")
	return c.w.flush()
}

// next waits for one command and answers it. An error ends the connection.
func (c *conn) next(ctx context.Context) error {
	for c.rd.buffered() == 0 {
		if err := c.attend(ctx); err != nil {
			return err
		}
	}
	if c.wire.stopping.Load() {
		return bye("UNAVAILABLE", "Server is shutting down")
	}
	return c.command(ctx)
}

// pause sends what has collected and gives the buffers back before a wait.
func (c *conn) pause() error {
	if err := c.w.flush(); err != nil {
		return err
	}
	c.w.release()
	c.rd.release()
	return nil
}

// interrupted finds out why a wait for input was interrupted.
func (c *conn) interrupted() error {
	if c.wire.stopping.Load() {
		return bye("UNAVAILABLE", "Server is shutting down")
	}
	return c.valid()
}

// valid ends the connection once the account's password or state has changed.
func (c *conn) valid() error {
	if c.signedIn {
		if err := c.srv.dir.Valid(c.id); err != nil {
			return bye("", "Logged out: the account has changed")
		}
	}
	return nil
}

// command reads and runs one command and writes its tagged answer.
func (c *conn) command(ctx context.Context) error {
	c.w.ensure()
	c.uidMode, c.okCode, c.okText, c.after = false, "", "", nil
	c.count++
	p := &c.parser
	before := !c.signedIn
	if before {
		c.wire.until = earlier(c.wire.until, time.Now().Add(lineTimeBefore))
	}
	err := c.beginCommand(p)
	name, row := "", command{}
	if err == nil {
		name, row, err = c.lookup(p)
	} else if p.fatal != nil || err != errLineTooLong {
		return err
	} else if before {
		return bye("", "Command line too long")
	} else {
		err = bad("command line too long, at most " + decimal(maxLine) + " bytes")
	}
	if err == nil {
		started := time.Now()
		err = row.run(c, ctx, p)
		c.srv.metrics.done(name, started, err)
	}
	if fatal := p.finish(); fatal != nil {
		return fatal
	}
	if c.w.err != nil {
		return c.w.err
	}
	if before {
		c.resetLoginTime()
	}
	return c.answer(name, row, err)
}

// beginCommand reads the first line and the tag.
func (c *conn) beginCommand(p *parser) error {
	p.maxText, p.maxKept = maxLine, maxLiterals
	if !c.signedIn {
		p.maxText, p.maxKept = maxLineBefore, maxLineBefore
	}
	p.nameUTF8 = c.enabled&(utf8accept|rev2) != 0
	c.tag = "*"
	if err := p.begin(); err != nil {
		return err
	}
	return nil
}

// lookup reads tag and name and finds the command.
func (c *conn) lookup(p *parser) (string, command, error) {
	if tag := p.tag(); p.err == nil {
		c.tag = tag
	}
	p.sp()
	name := p.keyword()
	if name == "UID" && p.err == nil {
		p.sp()
		name, c.uidMode = p.keyword(), true
	}
	if p.err != nil {
		return "", command{}, p.err
	}
	row, ok := commands[name]
	switch {
	case !ok || c.uidMode && !row.uid:
		return "", command{}, bad("unknown command")
	case row.in&c.state() == 0:
		return "", command{}, bad(wrongState(c.state(), row.in))
	}
	if c.signedIn {
		if err := c.valid(); err != nil {
			return "", command{}, err
		}
	}
	return name, row, nil
}

func wrongState(now, in state) string {
	switch {
	case now == notAuthenticated:
		return "log in first"
	case in == notAuthenticated:
		return "already logged in"
	}
	return "select a mailbox first"
}

// answer tells the client what changed meanwhile and ends the command with its tagged line.
func (c *conn) answer(name string, row command, err error) error {
	var b *byeError
	if errors.As(err, &b) {
		return err
	}
	if c.signedIn {
		if err := c.syncMetadata(context.Background()); err != nil {
			return err
		}
	}
	if c.sel != nil {
		if err := c.sync(!row.fixed || c.uidMode); err != nil {
			return err
		}
	}
	c.acted = false
	if err := c.tellWatched(context.Background()); err != nil {
		return err
	}
	if err == nil {
		c.bads = 0
		if c.okText == "" {
			c.okText = "Done"
		}
		c.w.tagged(c.tag, "OK", c.okCode, c.okText)
	} else if end := c.refuse(name, err); end != nil {
		return end
	}
	if c.quit {
		_ = c.w.flush() // the client asked to go
		return errQuit
	}
	if c.after != nil {
		if err := c.w.flush(); err != nil {
			return err
		}
		return c.after()
	}
	return c.w.flushIfFull()
}

// refuse writes NO or BAD.
func (c *conn) refuse(name string, err error) error {
	status, code, text, bug := outcome(err)
	if bug {
		c.log.Error("imap command failed", "command", name, "err", err)
	}
	c.w.tagged(c.tag, status, code, text)
	if status != "BAD" {
		return nil
	}
	c.bads++
	if c.bads >= maxBadCommands || !c.signedIn && c.bads >= maxBadBefore {
		return bye("", "Too many wrong commands")
	}
	return nil
}

// ok sets the code and text of the tagged OK.
func (c *conn) ok(code, text string) { c.okCode, c.okText = code, text }

// untaggedOK writes * OK [code] text.
func (c *conn) untaggedOK(code, text string) {
	c.w.str("* OK ")
	c.w.code(code)
	c.w.str(text)
	c.w.crlf()
}

func (w *encoder) code(code string) {
	if code != "" {
		w.buf = append(w.buf, '[')
		w.buf = append(w.buf, code...)
		w.buf = append(w.buf, ']', ' ')
	}
}

func (w *encoder) tagged(tag, status, code, text string) {
	w.str(tag)
	w.sp()
	w.str(status)
	w.sp()
	w.code(code)
	w.str(text)
	w.crlf()
}

// resetLoginTime ends the limit of a command's line; the limit of the whole time until login stays.
func (c *conn) resetLoginTime() {
	if c.signedIn {
		c.wire.until = time.Time{}
		return
	}
	c.wire.until = c.srv.loginEnd(c)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// mayLogin reports whether a password may be sent over this connection.
func (c *conn) mayLogin() bool {
	return c.tls || c.srv.plaintextLoopback && c.remote.IsLoopback()
}

func (c *conn) canStartTLS() bool { return !c.tls && c.srv.tls != nil }
