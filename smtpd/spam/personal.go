package spam

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/message"
	"schulhof/store"
	"schulhof/store/fault"
)

// people is what each person taught by moving mail to and from Junk.
type people struct {
	store *store.Store
	mail  *mailbox.Mail
	log   *slog.Logger

	mu     sync.RWMutex
	taught map[directory.ID]counts
}

// openPeople reads who has taught.
func openPeople(ctx context.Context, s *store.Store, mail *mailbox.Mail, dir *directory.Directory, log *slog.Logger) (*people, error) {
	p := &people{store: s, mail: mail, log: log, taught: map[directory.ID]counts{}}
	if err := p.load(ctx); err != nil {
		return nil, err
	}
	dir.OnPurge(p.purge)
	return p, nil
}

// of is what one person taught.
func (p *people) of(owner directory.ID) counts {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.taught[owner]
}

// set is called when it is committed.
func (p *people) set(owner directory.ID, c counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c == (counts{}) {
		delete(p.taught, owner)
		return
	}
	p.taught[owner] = c
}

// able lists where in to those stand who have taught enough.
func (p *people) able(to []directory.ID) (at []int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if len(p.taught) == 0 {
		return nil
	}
	for i, owner := range to {
		if p.taught[owner].enough() {
			at = append(at, i)
		}
	}
	return at
}

// Sort tells for each of the recipients whether the message goes to their Junk: what holds for all, and for those who taught enough what
// they make of it. nil: the verdict holds for all. What differs cannot stand in the message, which all share.
func (c *Checker) Sort(ctx context.Context, m *Message, v *Verdict, to []directory.ID) []bool {
	if c.people == nil || c.o.Junk <= 0 || v.settled || v.Action != Deliver && v.Action != Junk {
		return nil
	}
	able := c.people.able(to)
	if len(able) == 0 || len(able) > maxSorted { // many readers: a circular, not a matter of taste
		return nil
	}
	tokens, err := messageTokens(m)
	if err != nil {
		c.o.Log.Warn("words of a message", "id", m.TraceID, "err", err)
		return nil
	}
	junk := make([]bool, len(to))
	for i := range junk {
		junk[i] = v.Action == Junk
	}
	differ := 0
	for _, i := range able {
		index, err := c.people.index(ctx, to[i], tokens)
		if err != nil {
			c.o.Log.Warn("what a person taught", "id", m.TraceID, "err", err)
			return nil
		}
		own := reaches(v.base+points(index), c.o.Junk)
		if own != junk[i] {
			junk[i] = own
			differ++
		}
	}
	if differ > 0 {
		c.metrics.personal.Add(float64(differ))
		c.o.Log.DebugContext(ctx, "message sorted by what people taught", "id", m.TraceID, "differ", differ)
	}
	return junk
}

// messageTokens are the words of a message that is not stored yet.
func messageTokens(m *Message) ([]uint64, error) {
	index, err := message.Parse(m.Body, m.Size)
	if err != nil {
		return nil, fmt.Errorf("parse message: %w", err)
	}
	t := newTokenizer()
	if _, err := message.WriteText(t, m.Body, index, maxTokenText); err != nil {
		return nil, err
	}
	return t.done(), nil
}

// index is what a person would make of a message with these words, 0 to 1.
func (p *people) index(ctx context.Context, owner directory.ID, tokens []uint64) (float64, error) {
	taught := p.of(owner)
	words := make([]float64, 0, len(tokens))
	err := p.eachWord(ctx, owner, tokens, func(word counts) { words = append(words, probability(word, taught)) })
	if err != nil {
		return 0, err
	}
	return combine(words), nil
}

// step learns from the next lessons; more: there may be others.
func (p *people) step(ctx context.Context) (more bool, err error) {
	list, err := p.mail.Lessons(ctx, lessonsAtOnce)
	if err != nil {
		return false, err
	}
	for _, l := range list {
		if err := p.learn(ctx, l); err != nil {
			return false, err
		}
	}
	return len(list) == lessonsAtOnce, nil
}

// learn learns from one lesson, in one commit that also ends it.
func (p *people) learn(ctx context.Context, l mailbox.Lesson) error {
	tokens, err := p.words(ctx, l)
	if err != nil {
		return err
	}
	lessons, err := p.write(ctx, l, tokens)
	if err != nil {
		return err
	}
	if lessons%pruneEvery == 0 && lessons > 0 {
		return p.prune(ctx, l.Owner, maxPersonTokens, maxPersonMessages)
	}
	return nil
}

// words are those of a lesson's message: none if it is gone or cannot be read, so that the lesson ends. An error means that it may be read later.
func (p *people) words(ctx context.Context, l mailbox.Lesson) ([]uint64, error) {
	t := newTokenizer()
	err := p.mail.WriteText(ctx, l.Content, t, maxTokenText)
	switch {
	case err == nil:
		return t.done(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case fault.Is(err, fault.Unavailable):
		return nil, err
	case fault.Is(err, fault.NotFound):
		p.log.Debug("lesson without a message", "content", l.Content)
	default:
		p.log.Warn("nothing is learned from a message", "content", l.Content, "err", err)
	}
	return nil, nil
}
