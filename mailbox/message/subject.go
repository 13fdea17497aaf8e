package message

import "strings"

// baseSubject extracts the base subject of a decoded subject. RFC 5256 §2.1. reply: a "re:", "fwd:" or "(fwd)" was taken off.
func baseSubject(subject string) (base string, reply bool) {
	s := subject
	if strings.ContainsAny(s, "\t\r\n") || strings.Contains(s, "  ") {
		s = joinSpace(s) // step 1
	}
	for {
		// step 2
		s, reply = cutTrailers(strings.TrimLeft(s, " "), reply)
		for before := ""; before != s; { // step 5: repeat 3 and 4
			before = s
			if rest, ok := cutLeader(s); ok { // step 3
				s, reply = rest, true
				continue
			}
			if rest, ok := cutBlob(s); ok && rest != "" { // step 4
				s = rest
			}
		}
		if !hasPrefixFold(s, "[fwd:") || !strings.HasSuffix(s, "]") { // step 6
			return s, reply
		}
		s, reply = strings.TrimSpace(s[len("[fwd:"):len(s)-1]), true
	}
}

// cutTrailers removes "(fwd)" and white space from the end.
func cutTrailers(s string, reply bool) (string, bool) {
	for {
		s = strings.TrimRight(s, " ")
		if len(s) < 5 || !strings.EqualFold(s[len(s)-5:], "(fwd)") {
			return s, reply
		}
		s, reply = s[:len(s)-5], true
	}
}

// cutLeader removes *subj-blob subj-refwd and the white space after it. The German forms "AW:" and "WG:" count as well.
func cutLeader(s string) (rest string, ok bool) {
	rest = strings.TrimLeft(s, " ")
	for {
		next, blob := cutBlob(rest)
		if !blob {
			break
		}
		rest = next
	}
	n := 0
	for _, word := range [...]string{"re", "fwd", "fw", "aw", "wg"} {
		if hasPrefixFold(rest, word) {
			n = len(word)
			break
		}
	}
	if n == 0 {
		return s, false
	}
	rest = strings.TrimLeft(rest[n:], " ")
	if next, blob := cutBlob(rest); blob {
		rest = next
	}
	if !strings.HasPrefix(rest, ":") {
		return s, false
	}
	return strings.TrimLeft(rest[1:], " "), true
}

// cutBlob removes one "[…]" and the white space after it.
func cutBlob(s string) (rest string, ok bool) {
	if s == "" || s[0] != '[' {
		return s, false
	}
	i := strings.IndexAny(s[1:], "[]") + 1
	if i == 0 || s[i] != ']' {
		return s, false
	}
	return strings.TrimLeft(s[i+1:], " "), true
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// summarize fills h from the fields of the message's own header.
func (h *Summary) summarize(v *values) {
	h.Subject = truncate(clean(DecodeHeader(v[fieldSubject])), maxSubject)
	h.BaseSubject, h.IsReply = baseSubject(h.Subject)
	h.Date = ParseDate(v[fieldDate])
	h.From = ParseAddresses(v[fieldFrom])
	h.To = ParseAddresses(v[fieldTo])
	h.Cc = ParseAddresses(v[fieldCc])
	h.Sender = ParseAddresses(v[fieldSender])
	h.ReplyTo = ParseAddresses(v[fieldReplyTo])
	if ids := messageIDs(v[fieldMessageID], 1); len(ids) == 1 {
		h.MessageID = ids[0]
	}
	h.References = messageIDs(v[fieldReferences], MaxReferences)
	if len(h.References) == 0 {
		h.References = messageIDs(v[fieldInReplyTo], 1) // RFC 5256 §3: the first valid one
	}
	h.ListID = listID(v[fieldListID])
}

// messageIDs reads "<id> <id> …", leniently: what stands between "<" and ">" and has no white space. Beyond limit the first and the newest are kept.
func messageIDs(s string, limit int) []string {
	if s == "" {
		return nil
	}
	ids := make([]string, 0, min(strings.Count(s, "<"), limit))
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		s = s[i+1:]
		end := strings.IndexByte(s, '>')
		if end < 0 {
			break
		}
		id := strings.TrimSpace(s[:end])
		s = s[end+1:]
		if id == "" || strings.ContainsAny(id, " \t<") {
			continue
		}
		id = rawText(id)
		switch {
		case len(ids) < limit:
			ids = append(ids, id)
		case limit == 1:
			return ids
		default:
			copy(ids[1:], ids[2:])
			ids[limit-1] = id
		}
	}
	return ids
}

// listID is what stands in angle brackets, else all of it. RFC 2919 §2.
func listID(s string) string {
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		s, _, _ = strings.Cut(s[i+1:], ">")
	}
	return truncate(rawText(strings.TrimSpace(s)), maxName)
}
