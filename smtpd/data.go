package smtpd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// data takes the message. RFC 5321 §4.1.1.4.
func (s *session) data(ctx context.Context, _ string) reply {
	if r := s.mayBegin(); !r.ok() {
		return r
	}
	if s.mail.body != nil {
		return badSequence // BDAT has begun; RFC 3030 §2
	}
	s.say(goAhead)
	s.begin(ctx)
	in := s.mail.body
	var err error
	if s.door.lmtp {
		n := &normaliser{to: in}
		if err = s.wire.readData(s.mail.pace, false, n); err == nil {
			err = n.end()
		}
	} else {
		err = s.wire.readData(s.mail.pace, true, in)
	}
	if err != nil {
		return s.cutOff(err)
	}
	return s.finish(ctx)
}

// bdat takes one chunk; the last one ends the message. Line ends of its text become CRLF before it is
// stored. RFC 3030 §2.
func (s *session) bdat(ctx context.Context, args string) reply {
	size, last, ok := parseChunk(args)
	if !ok {
		return badSyntax.ending() // how much to skip is unknown
	}
	if s.mail != nil && s.mail.body != nil { // the next chunk of a message
		return s.chunk(ctx, size, last)
	}
	if r := s.mayBegin(); !r.ok() {
		return s.skipChunk(size, r)
	}
	s.begin(ctx)
	s.mail.body.chunks = &normaliser{to: s.mail.body}
	return s.chunk(ctx, size, last)
}

// parseChunk reads "size [LAST]".
func parseChunk(args string) (size int64, last, ok bool) {
	number, word, _ := strings.Cut(args, " ")
	n, err := strconv.ParseUint(number, 10, 63)
	word = strings.TrimLeft(word, " ")
	return int64(n), word != "", err == nil && (word == "" || strings.EqualFold(word, "LAST"))
}

// chunk reads one chunk of the message under way.
func (s *session) chunk(ctx context.Context, size int64, last bool) reply {
	in := s.mail.body
	if err := s.wire.readChunk(s.mail.pace, size, in.chunks); err != nil {
		return s.cutOff(err)
	}
	if last {
		if err := in.chunks.end(); err != nil {
			return s.cutOff(err)
		}
		return s.finish(ctx)
	}
	if r := in.refusal; r.code != 0 { // say it before the peer sends the rest
		s.logRefusal(r, in)
		s.reset()
		return r.ending()
	}
	return okDone
}

// skipChunk reads a chunk that nobody wants: it follows its command whatever we say.
func (s *session) skipChunk(size int64, r reply) reply {
	if size > s.srv.o.MaxSize {
		return r.ending()
	}
	if err := s.wire.readChunk(newPace(), size, discard{}); err != nil {
		return s.cutOff(err)
	}
	return r
}

// discard is a sink for what is not kept.
type discard struct{}

func (discard) write([]byte) error { return nil }

// mayBegin reports whether a message may come now.
func (s *session) mayBegin() reply {
	switch {
	case s.mail == nil:
		return badSequence
	case len(s.mail.recipients)+len(s.mail.outside) > 0:
		return s.allowed()
	case s.door.lmtp:
		return badSequence // RFC 2033 §4.2
	}
	return badRecipients
}

// begin opens the spool and settles what our own fields say.
func (s *session) begin(ctx context.Context) {
	t := s.mail
	s.messages++
	id := newTraceID()
	state, encrypted := s.tlsState()
	fields := trace{
		sender: t.envelope.Sender, deliveredTo: t.via(), hello: s.hello, remote: s.remote.String(),
		hostname: s.srv.o.Hostname, tls: tlsName(state, encrypted), id: id, at: s.srv.o.Now(),
		protocol: protocolName(s.door.lmtp, s.extended, t.envelope.Options.UTF8, encrypted, s.who != nil),
	}
	var rewrite func([]byte) ([]byte, reply, error)
	switch {
	case s.door.submit:
		fields.remote = ""
		rewrite = func(head []byte) ([]byte, reply, error) {
			clean, r, err := completeSubmission(head, author{
				account: s.who.Account, sender: t.envelope.Sender, hostname: s.srv.o.Hostname, id: id, now: fields.at,
				owns: func(address string) (bool, error) {
					r := s.mayUse(ctx, address)
					return r.ok(), temporaryError(r)
				},
			})
			if err == nil && r.ok() {
				t.signer = signerOf(clean, t.envelope.Sender)
				r, err = s.showsTooMany(ctx, clean)
			}
			return clean, r, err
		}
	case !s.door.lmtp:
		rewrite = func(head []byte) ([]byte, reply, error) {
			spam := !s.exempt() // whom we trust may be the school's spam filter
			clean, r := cleanInbound(head, s.srv.o.Hostname, spam, func(domain string) bool {
				local, err := s.srv.o.Directory.IsLocalDomain(ctx, domain)
				return err == nil && local
			})
			return clean, r, nil
		}
	}
	t.body = newIncoming(s.srv.o.Mail.NewSpool(), s.srv.o.MaxSize, fields.appendTo(nil), rewrite)
	t.body.id = id
	t.pace = newPace()
}

// errDirectory stands for a question that the directory could not answer now.
var errDirectory = errors.New("directory has no answer")

// temporaryError is nil unless r says that trying again makes sense.
func temporaryError(r reply) error {
	if r.temporary() {
		return errDirectory
	}
	return nil
}

// cutOff ends a message that did not come whole, and the connection: what follows would be read as commands.
func (s *session) cutOff(err error) reply {
	r := reply{close: true}
	switch {
	case errors.Is(err, errBareLineEnd):
		r = badLineEnds
	case errors.Is(err, errFlood):
		r = badTooLarge.ending()
	case errors.Is(err, errSlow):
		r = noTooSlow
	case errors.Is(err, io.EOF):
	}
	s.log.Info("message cut off", "code", r.code, "err", err)
	s.srv.metrics.messageDone(s.door, metricCode(r), 0, 0)
	s.reset()
	return r
}

// finish delivers a message that has come whole, and answers.
func (s *session) finish(ctx context.Context) reply {
	t, in := s.mail, s.mail.body
	defer s.reset()
	began := time.Now()
	in.end()
	s.check(ctx)
	if r := in.refusal; r.code != 0 {
		s.logRefusal(r, in)
		s.srv.metrics.messageDone(s.door, metricCode(r), in.size, 0)
		s.sayToAll(r)
		return reply{close: r.close}
	}
	if s.reported(ctx, began) {
		return reply{}
	}
	out := s.hand(ctx, began)
	if s.door.lmtp {
		for i, r := range t.recipients {
			s.wire.out = out.each[i].appendTo(s.wire.out, "<"+r.Address+"> ")
		}
	} else {
		s.say(out.reply)
	}
	if out.delivered {
		s.acknowledge(ctx, out.key)
	}
	return reply{close: out.reply.close}
}

// hand delivers a message that nothing stands against.
func (s *session) hand(ctx context.Context, began time.Time) outcome {
	t := s.mail
	out := s.deliver(ctx, t)
	if out.reply.ok() {
		s.warnOfVisible(ctx, t)
	}
	took := time.Since(began)
	s.srv.metrics.messageDone(s.door, metricCode(out.reply), t.body.size, took)
	s.logDelivery(ctx, t, out, took)
	return out
}

// sayToAll gives the one answer that holds for every recipient: LMTP wants it once for each. RFC 2033 §4.2.
func (s *session) sayToAll(r reply) {
	if !s.door.lmtp {
		s.say(r)
		return
	}
	for _, rcpt := range s.mail.recipients {
		s.wire.out = r.appendTo(s.wire.out, "<"+rcpt.Address+"> ")
	}
}

// logDelivery writes the one line about a message that an administrator looks for.
func (s *session) logDelivery(ctx context.Context, t *transaction, out outcome, took time.Duration) {
	level, text := slog.LevelInfo, "message accepted"
	if !out.reply.ok() {
		level, text = slog.LevelWarn, "message not accepted"
	}
	if !s.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("id", t.body.id), slog.String("from", t.envelope.Sender), slog.Int("rcpts", len(t.recipients)+len(t.outside)),
		slog.Int("mailboxes", len(t.to)), slog.Int64("bytes", t.body.size), slog.Int("code", out.reply.code), slog.Duration("took", took),
	}
	if out.err != nil {
		attrs = append(attrs, slog.Any("err", out.err))
	}
	s.log.LogAttrs(ctx, level, text, attrs...)
}

// logRefusal says why a message was refused.
func (s *session) logRefusal(r reply, in *incoming) {
	s.log.Info("message refused", "id", in.id, "code", r.code, "enhanced", r.enhanced, "reason", r.text, "err", in.err)
}

// metricCode is the reply's code; a connection that simply ended has none.
func metricCode(r reply) string {
	if r.code == 0 {
		return "none"
	}
	return strconv.Itoa(r.code)
}
