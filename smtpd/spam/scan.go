package spam

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// OnError says what becomes of a message when a program that should judge it does not answer.
type OnError uint8

// What can become of it.
const (
	Proceed   OnError = iota // as if that program were not there
	ComeLater                // 451: the peer should come again
)

// scans are what other programs say about a message. They are asked beside its origin.
type scans struct {
	c       *Checker
	m       *Message
	running sync.WaitGroup
	stop    context.CancelFunc

	virus    string // its name
	virusErr error
	reply    *rspamdReply // nil: none was asked for, or there is none
	replyErr error
	panicked any
}

// scan begins to ask those that are configured; everybody asks rspamd about mail from other servers, about ours only if the settings want so.
func (c *Checker) scan(ctx context.Context, m *Message) *scans {
	s := &scans{c: c, m: m}
	ctx, s.stop = context.WithTimeout(ctx, scanTimeout)
	if c.clamd != nil {
		s.run(func() { s.virus, s.virusErr = c.clamd.scan(ctx, m) })
	}
	if c.rspamd != nil && (m.Login == "" || c.o.RspamdSubmissions) {
		s.run(func() { s.reply, s.replyErr = c.rspamd.check(ctx, m) })
	}
	return s
}

// run asks one of them. A panic comes up where the answers are waited for, so that it ends one connection only.
func (s *scans) run(ask func()) {
	s.running.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				s.panicked = p
			}
		}()
		ask()
	})
}

// wait waits for the answers, and counts them.
func (s *scans) wait() {
	s.running.Wait()
	s.stop()
	if s.panicked != nil {
		panic(s.panicked)
	}
	if s.c.clamd != nil {
		s.note("clamd", s.virus, s.virusErr)
	}
	switch {
	case s.replyErr != nil:
		s.note("rspamd", "", s.replyErr)
	case s.reply != nil:
		s.note("rspamd", known(s.reply.Action), nil)
	}
}

// abandon ends what is under way: nobody wants to know any more.
func (s *scans) abandon() {
	s.stop()
	s.running.Wait()
	s.virus, s.virusErr, s.reply, s.replyErr = "", nil, nil, nil
}

// note counts one answer and logs one that is missing.
func (s *scans) note(program, found string, err error) {
	result := "clean"
	switch {
	case err != nil:
		result = "error"
		s.c.o.Log.Warn("message not judged by "+program, "id", s.m.TraceID, "err", err)
	case found != "" && program == "clamd":
		result = "found"
	case found != "":
		result = found
	}
	s.c.metrics.scan.WithLabelValues(program, result).Inc()
}

// known is an action of rspamd as a label: those it may have been taught are one.
func known(action string) string {
	switch action {
	case rspamdReject, rspamdDiscard, rspamdSoftReject, rspamdGreylist, rspamdHeader, rspamdSubject, rspamdQuarantine:
		return strings.ReplaceAll(action, " ", "_")
	case "no action":
		return ""
	}
	return "other"
}

// decide says what follows from the answers alone; done is false when they leave the message to the score.
func (s *scans) decide(v *Verdict) (done bool) {
	o := &s.c.o
	switch {
	case s.virus != "":
		v.Action, v.Reason = Refuse, fmt.Sprintf("The message has a virus: %s", s.virus)
	case s.virusErr != nil && o.ClamdError == ComeLater:
		v.Action, v.Reason = Defer, "The message cannot be looked through for viruses now, please try again later"
	case s.replyErr != nil && o.RspamdError == ComeLater:
		v.Action, v.Reason = Defer, "The message cannot be judged now, please try again later"
	case s.reply == nil:
		return false
	case s.reply.Action == rspamdReject, s.reply.Action == rspamdDiscard:
		v.Action, v.Reason = Refuse, fmt.Sprintf("The message has too many marks of unwanted mail (%.1f)", s.reply.Score)
	case s.reply.Action == rspamdSoftReject:
		v.Action, v.Reason = Defer, "The message is not taken now, please try again later"
	default:
		return false
	}
	return true
}

// adopt takes rspamd's score in the place of ours: of what it says, what it does counts, so the score is moved to the side of the threshold
// that its action is on.
func (s *scans) adopt(v *Verdict) (greylist bool) {
	v.Score, v.Symbols, v.required = s.reply.Score, s.reply.symbols(), s.reply.Thresholds[rspamdHeader]
	junk := s.c.o.Junk
	switch s.reply.Action {
	case rspamdHeader, rspamdSubject, rspamdQuarantine:
		v.base = max(v.Score, junk)
	default:
		v.base = min(v.Score, junk-2*epsilon)
	}
	return s.reply.Action == rspamdGreylist && s.c.o.Greylist > 0
}

// CheckSubmission judges a message of one of our own people (Message.Login): for viruses, and by rspamd if the settings want so. It takes at
// most 20 s. What is only doubtful goes its way.
func (c *Checker) CheckSubmission(ctx context.Context, m *Message) Verdict {
	ctx, stop := context.WithTimeout(ctx, checkTimeout)
	defer stop()
	s := c.scan(ctx, m)
	s.wait()
	var v Verdict
	s.decide(&v)
	c.metrics.verdict.WithLabelValues(v.Action.String()).Inc()
	if v.Action != Deliver {
		c.o.Log.LogAttrs(ctx, slog.LevelInfo, "submission stopped", slog.String("id", m.TraceID), slog.String("user", m.Login),
			slog.String("action", v.Action.String()), slog.String("reason", v.Reason))
	}
	return v
}

// ScansSubmissions reports whether there is anything that CheckSubmission asks.
func (c *Checker) ScansSubmissions() bool {
	return c.clamd != nil || c.rspamd != nil && c.o.RspamdSubmissions
}
