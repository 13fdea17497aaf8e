package imapd

import (
	"context"

	"schulhof/mailbox"
)

// thread finds messages and tells them as conversations. RFC 5256 §3 (THREAD).
func (c *conn) thread(ctx context.Context, p *parser) error {
	s := searchCommand{c: c, name: "THREAD"}
	p.sp()
	algorithm := p.word()
	if algorithm != "REFERENCES" && algorithm != "ORDEREDSUBJECT" {
		p.fail("unknown threading algorithm %q", algorithm)
	}
	p.sp()
	s.charsetName(p)
	p.sp()
	s.program(p)
	if err := p.end(); err != nil {
		return err
	}
	hits, err := s.findLatest(ctx)
	if err != nil {
		return err
	}
	roots, err := c.sel.box.Threads(ctx, s.latest, hits, algorithm)
	if err != nil {
		return err
	}
	w := c.w
	w.str("* THREAD")
	space := true
	for _, root := range roots {
		if root = s.prune(root); root == nil {
			continue
		}
		if space {
			w.sp()
			space = false
		}
		s.writeThread(root)
		if err := w.flushIfFull(); err != nil {
			return err
		}
	}
	w.crlf()
	return nil
}

// prune turns a thread's indexes in the newest state into indexes in what the client knows. Messages
// that the client cannot know yet, and parents of nothing, go.
func (s *searchCommand) prune(t *mailbox.Thread) *mailbox.Thread {
	if s.c.sel.snap == s.latest {
		return t
	}
	kept := &mailbox.Thread{Index: -1}
	if t.Index >= 0 {
		if j, ok := s.c.sel.snap.Find(s.latest.UIDAt(t.Index)); ok {
			kept.Index = j
		}
	}
	for _, child := range t.Children {
		if child = s.prune(child); child != nil {
			kept.Children = append(kept.Children, child)
		}
	}
	switch {
	case kept.Index >= 0 || len(kept.Children) > 1:
		return kept
	case len(kept.Children) == 1:
		return kept.Children[0]
	}
	return nil
}

// writeThread writes "(3 6 (4 23)(44 7 96))": a chain of only children side by side, branches in
// parentheses. A thread is as deep as its longest chain of branches, not as its longest chain.
func (s *searchCommand) writeThread(t *mailbox.Thread) {
	w := s.c.w
	w.str("(")
	for n := 0; ; n++ {
		if t.Index >= 0 {
			if n > 0 {
				w.sp()
			}
			w.num(int64(s.c.number(t.Index)))
		}
		if len(t.Children) != 1 {
			break
		}
		if t.Index < 0 {
			n-- // nothing was written that a space would part
		}
		t = t.Children[0]
	}
	if len(t.Children) > 1 {
		if t.Index >= 0 {
			w.sp()
		}
		for _, child := range t.Children {
			s.writeThread(child)
		}
	}
	w.str(")")
}
