package mailbox

import (
	"bytes"
	"context"
	"io"
	"slices"

	"schulhof/mailbox/message"
	"schulhof/store"
)

// verdict is what an entry tells of a message.
type verdict uint8

const (
	no   verdict = iota
	yes          // without looking at the text
	look         // the text decides
)

// textTerm is a Header, Body or Text key, prepared.
type textTerm struct {
	op     Op
	prefix string // Header: the folded field name with ": "
	needle []byte
	bits   []uint32
}

func newTextTerm(c *Criteria) *textTerm {
	t := &textTerm{op: c.Op, needle: foldTerm(c.Text)}
	if c.Op == Header {
		t.prefix = message.Fold(c.Header) + ": "
		t.needle = bytes.TrimRight(t.needle, " ") // a value ends where its line does
	}
	t.bits = termBits(t.needle)
	return t
}

// judge tells what the entry knows of the term.
func (t *textTerm) judge(e *outline) verdict {
	switch t.op {
	case Header:
		if isMainField(t.prefix) && !e.mainCut {
			if headMatches([]byte(e.main), t.prefix, t.needle) {
				return yes
			}
			return no
		}
		if e.head.mayHold(t.bits) {
			return look
		}
	case Body:
		if len(t.needle) == 0 {
			return yes
		}
		if e.body.mayHold(t.bits) {
			return look
		}
	default:
		if len(t.needle) == 0 {
			return yes
		}
		if e.head.mayHold(t.bits) || e.body.mayHold(t.bits) {
			return look
		}
	}
	return no
}

// holds decides by the text; body is only the kept beginning if the entry is cut.
func (t *textTerm) holds(head, body []byte) bool {
	switch t.op {
	case Header:
		return headMatches(head, t.prefix, t.needle)
	case Body:
		return bytes.Contains(body, t.needle)
	}
	return bytes.Contains(head, t.needle) || bytes.Contains(body, t.needle)
}

// text finds the candidates whose header, body or either holds the term.
func (s *searcher) text(ctx context.Context, c *Criteria, candidates []int) ([]int, error) {
	t := newTextTerm(c)
	judge := func(_ int, e *outline, d *textDoc) verdict {
		v := t.judge(e)
		if v != look || d == nil {
			return v
		}
		if t.holds(d.head, d.body) || (t.op != Header && s.sink.found) {
			return yes
		}
		return no
	}
	return s.each(ctx, candidates, t, judge, t)
}

// each calls judge for every candidate, with its entry and, where it is not indexed yet, its text at hand. What judge wants to look at is
// read from the index and decided by t.
func (s *searcher) each(ctx context.Context, candidates []int, needle *textTerm, judge func(i int, e *outline, d *textDoc) verdict, t *textTerm) ([]int, error) {
	var hits []int
	for len(candidates) > 0 {
		chunk := candidates[:min(len(candidates), searchChunk)]
		candidates = candidates[len(chunk):]
		more, err := s.chunk(ctx, chunk, needle, judge, t)
		if err != nil {
			return nil, err
		}
		hits = append(hits, more...)
	}
	return hits, nil
}

func (s *searcher) chunk(ctx context.Context, chunk []int, needle *textTerm, judge func(i int, e *outline, d *textDoc) verdict, t *textTerm) ([]int, error) {
	ids := make([]ContentID, len(chunk))
	for k, i := range chunk {
		ids[k] = s.snap.At(i).Content
	}
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	index := s.box.mail.indexer.index
	entries := make(map[ContentID]*outline, len(sorted))
	if err := index.entries(ctx, sorted, entries); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.box.mail.log.Warn("search reads the messages themselves", "error", err)
		clear(entries)
	}
	verdicts := make(map[ContentID]verdict, len(sorted))
	var tail, texts []ContentID
	for _, id := range sorted {
		e := entries[id]
		if e == nil {
			tail = append(tail, id)
			continue
		}
		v := judge(0, e, nil)
		if v == look {
			texts = append(texts, id)
		}
		if v != no {
			verdicts[id] = v
		}
	}
	texts, err := s.readTexts(ctx, texts, entries, t, verdicts)
	if err != nil {
		return nil, err
	}
	if err := s.readTail(ctx, append(tail, texts...), needle, judge, verdicts); err != nil {
		return nil, err
	}
	var hits []int
	for k, i := range chunk {
		if verdicts[ids[k]] == yes {
			hits = append(hits, i)
		}
	}
	return hits, nil
}

// readTexts decides by the kept texts. It returns the contents that need the message itself: the text was cut, or is gone.
func (s *searcher) readTexts(ctx context.Context, ids []ContentID, entries map[ContentID]*outline, t *textTerm, verdicts map[ContentID]verdict) (rest []ContentID, err error) {
	for _, column := range [...]textColumn{bodyColumn, headColumn} { // bodies first: that is where most is found
		var ask []ContentID
		for _, id := range ids {
			if verdicts[id] == look && t.looksAt(column, entries[id]) {
				ask = append(ask, id)
			}
		}
		err := s.box.mail.indexer.index.texts(ctx, column, ask, t.in, func(id ContentID, found bool) {
			switch {
			case found:
				verdicts[id] = yes
			case !t.looksAt(bodyColumn, entries[id]):
				verdicts[id] = no // the header was the last hope
			case column == bodyColumn && !entries[id].cut && !t.looksAt(headColumn, entries[id]):
				verdicts[id] = no
			case column == headColumn && !entries[id].cut:
				verdicts[id] = no
			}
		})
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			s.box.mail.log.Warn("search reads the messages themselves", "error", err)
			break
		}
	}
	for _, id := range ids {
		if verdicts[id] == look {
			rest = append(rest, id)
		}
	}
	return rest, nil
}

// in decides by one column of the text.
func (t *textTerm) in(text []byte) bool {
	if t.op == Header {
		return headMatches(text, t.prefix, t.needle)
	}
	return bytes.Contains(text, t.needle)
}

// looksAt reports whether the term may be in that column.
func (t *textTerm) looksAt(column textColumn, e *outline) bool {
	if column == headColumn {
		return t.op != Body && e.head.mayHold(t.bits)
	}
	return t.op != Header && e.body.mayHold(t.bits)
}

// readTail reads messages themselves and puts what it made of them into the index, so that the next search finds it there.
func (s *searcher) readTail(ctx context.Context, ids []ContentID, needle *textTerm, judge func(i int, e *outline, d *textDoc) verdict, verdicts map[ContentID]verdict) error {
	var docs []packedDoc
	bytes := 0
	flush := func() {
		if err := s.box.mail.indexer.index.add(ctx, docs, 0); err != nil && ctx.Err() == nil {
			s.box.mail.log.Warn("search index", "error", err)
		}
		docs, bytes = docs[:0], 0
	}
	var term []byte
	if needle != nil {
		term = needle.needle
	}
	if s.sink == nil && len(ids) > 0 {
		s.sink = new(textSink)
	}
	for len(ids) > 0 {
		part := ids[:min(len(ids), sliceRows/2)]
		ids = ids[len(part):]
		contents, err := s.contents(ctx, part)
		if err != nil {
			return err
		}
		for k := range contents {
			if err := ctx.Err(); err != nil {
				return err
			}
			verdicts[part[k]] = no
			if contents[k].ID == 0 {
				continue // expunged and swept meanwhile
			}
			d, err := s.box.mail.readText(ctx, &contents[k], s.sink, &s.blob, term)
			if err != nil {
				s.box.mail.log.Error("search cannot read a message", "content", part[k], "error", err)
				continue
			}
			verdicts[part[k]] = judge(0, d.entry, d)
			p := d.pack()
			docs = append(docs, p)
			if bytes += len(p.body); bytes > indexBatchBytes {
				flush()
			}
		}
	}
	if len(docs) > 0 {
		flush()
	}
	return nil
}

// contents reads layouts and places of the bodies.
func (s *searcher) contents(ctx context.Context, ids []ContentID) ([]Content, error) {
	entries := make([]Entry, len(ids))
	for i, id := range ids {
		entries[i].Content = id
	}
	err := s.box.mail.store.Read(ctx, func(tx *store.Tx) error {
		return s.box.mail.readContents(tx, entries, WantLayout|WantBlob, &s.buf)
	})
	return s.buf.list, err
}

// sliceReader reads at offsets of bytes at hand.
type sliceReader []byte

// ReadAt implements io.ReaderAt.
func (r sliceReader) ReadAt(b []byte, off int64) (int, error) {
	if off >= int64(len(r)) {
		return 0, io.EOF
	}
	n := copy(b, r[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
