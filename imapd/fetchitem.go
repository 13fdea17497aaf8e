package imapd

import (
	"schulhof/mailbox"
)

// itemKind is a FETCH data item. RFC 9051 §6.4.5.
type itemKind uint8

const (
	itemFlags itemKind = iota
	itemUID
	itemInternalDate
	itemSize
	itemEnvelope
	itemBasicBody     // BODY without a section
	itemBodyStructure //
	itemSection       // BODY[…], BODY.PEEK[…], RFC822, RFC822.HEADER, RFC822.TEXT
	itemBinary        // BINARY[…], BINARY.PEEK[…]; RFC 3516
	itemBinarySize    // BINARY.SIZE[…]
	itemModSeq        // RFC 7162
	itemSaveDate      // RFC 8514
	itemEmailID       // RFC 8474
	itemThreadID      //
	itemPreview       // RFC 8970
)

// fetchItem is one item that a FETCH asks for.
type fetchItem struct {
	kind    itemKind
	section section // of itemSection, itemBinary, itemBinarySize
	seen    bool    // fetching it sets \Seen
}

// fetchPlan is a parsed FETCH: what to answer for each message, and what must be read for that.
type fetchPlan struct {
	items        []fetchItem
	changedSince mailbox.ModSeq
	changed      bool // CHANGEDSINCE was given (0 is a value)
	vanished     bool
	setSeen      bool
	want         mailbox.Want
	saveDates    bool
	bodies       bool
}

// has tells whether the plan answers kind.
func (f *fetchPlan) has(kind itemKind) bool {
	for i := range f.items {
		if f.items[i].kind == kind {
			return true
		}
	}
	return false
}

// add appends it and notes what it needs.
func (f *fetchPlan) add(it fetchItem) {
	switch it.kind {
	case itemEnvelope:
		f.want |= mailbox.WantEnvelope
	case itemBasicBody, itemBodyStructure:
		f.want |= mailbox.WantStructure
	case itemPreview:
		f.want |= mailbox.WantPreview
	case itemThreadID:
		f.want |= mailbox.WantBlob
	case itemSaveDate:
		f.saveDates = true
	case itemSection, itemBinary, itemBinarySize:
		f.want |= mailbox.WantBlob
		f.bodies = true
		if it.section.needsLayout() {
			f.want |= mailbox.WantLayout
		}
	}
	f.setSeen = f.setSeen || it.seen
	f.items = append(f.items, it)
}

// addKinds appends items that take no argument.
func (f *fetchPlan) addKinds(kinds ...itemKind) {
	for _, k := range kinds {
		f.add(fetchItem{kind: k})
	}
}

// fetchItems reads a macro, one item or a list of items.
func (p *parser) fetchItems(f *fetchPlan) {
	if p.peek() == '(' {
		p.list(func() { p.fetchItem(f, p.word()) })
		if len(f.items) == 0 {
			p.fail("nothing to fetch")
		}
		return
	}
	switch word := p.word(); word {
	case "ALL":
		f.addKinds(itemFlags, itemInternalDate, itemSize, itemEnvelope)
	case "FAST":
		f.addKinds(itemFlags, itemInternalDate, itemSize)
	case "FULL":
		f.addKinds(itemFlags, itemInternalDate, itemSize, itemEnvelope, itemBasicBody)
	default:
		p.fetchItem(f, word)
	}
}

// fetchItem reads what follows the name of one item.
func (p *parser) fetchItem(f *fetchPlan, word string) {
	if len(f.items) >= maxFetchItems {
		p.fail("more than %d items", maxFetchItems)
		return
	}
	switch word {
	case "FLAGS":
		f.addKinds(itemFlags)
	case "UID":
		f.addKinds(itemUID)
	case "INTERNALDATE":
		f.addKinds(itemInternalDate)
	case "RFC822.SIZE":
		f.addKinds(itemSize)
	case "ENVELOPE":
		f.addKinds(itemEnvelope)
	case "BODYSTRUCTURE":
		f.addKinds(itemBodyStructure)
	case "MODSEQ":
		f.addKinds(itemModSeq)
	case "SAVEDATE":
		f.addKinds(itemSaveDate)
	case "EMAILID":
		f.addKinds(itemEmailID)
	case "THREADID":
		f.addKinds(itemThreadID)
	case "PREVIEW":
		p.previewModifiers()
		f.addKinds(itemPreview)
	case "RFC822":
		f.add(fetchItem{kind: itemSection, section: section{label: word}, seen: true})
	case "RFC822.HEADER":
		f.add(fetchItem{kind: itemSection, section: section{text: sectionHeader, label: word}})
	case "RFC822.TEXT":
		f.add(fetchItem{kind: itemSection, section: section{text: sectionBodyText, label: word}, seen: true})
	case "BODY":
		if p.peek() != '[' {
			f.addKinds(itemBasicBody)
			return
		}
		f.add(fetchItem{kind: itemSection, section: p.section("BODY", false, true), seen: true})
	case "BODY.PEEK":
		f.add(fetchItem{kind: itemSection, section: p.section("BODY", false, true)})
	case "BINARY":
		f.add(fetchItem{kind: itemBinary, section: p.section("BINARY", true, true), seen: true})
	case "BINARY.PEEK":
		f.add(fetchItem{kind: itemBinary, section: p.section("BINARY", true, true)})
	case "BINARY.SIZE":
		f.add(fetchItem{kind: itemBinarySize, section: p.section("BINARY.SIZE", true, false)})
	default:
		p.fail("unknown FETCH item %q", word)
	}
}

// previewModifiers reads the optional " (LAZY)". Our previews are made when a message arrives, so
// that a lazy request is answered like any other. RFC 8970 §3.1.
func (p *parser) previewModifiers() {
	if !p.follows(" (") || p.follows(" (CHANGEDSINCE") || p.follows(" (VANISHED") {
		return // the parentheses are the command's modifiers
	}
	p.sp()
	p.list(func() {
		if word := p.word(); word != "LAZY" {
			p.fail("unknown PREVIEW modifier %q", word)
		}
	})
}

// fetchModifiers reads the optional " (CHANGEDSINCE n VANISHED)". RFC 7162 §3.1.4.1, §3.2.6.
func (p *parser) fetchModifiers(f *fetchPlan) {
	if p.peek() != ' ' {
		return
	}
	p.sp()
	p.list(func() {
		switch word := p.word(); word {
		case "CHANGEDSINCE":
			p.sp()
			f.changedSince, f.changed = p.modseq(), true
		case "VANISHED":
			f.vanished = true
		default:
			p.fail("unknown FETCH modifier %q", word)
		}
	})
}
