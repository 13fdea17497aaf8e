package lists

import (
	"io"
	"strings"

	"schulhof/mailbox/message"
)

// answers are the words that an owner may answer with.
var answers = map[string]bool{
	"ja": true, "yes": true, "ok": true, "freigeben": true, "senden": true, "approve": true, "accept": true,
	"nein": false, "no": false, "ablehnen": false, "verwerfen": false, "reject": false, "discard": false,
}

// Answer reads what an answer to a notice says: its subject if that is one of the words, as the notice's links make it, else the first word
// of its text. ok is false when neither says it: a mere "Re:" with an old text below decides nothing.
func Answer(r io.ReaderAt, size int64) (approve, ok bool) {
	x, err := message.Parse(r, size)
	if err != nil {
		return false, false
	}
	if approve, ok = answers[strings.ToLower(strings.TrimSpace(x.Headers.Subject))]; ok {
		return approve, true
	}
	part := textPart(x.Root)
	if part == nil {
		return false, false
	}
	b := make([]byte, min(part.End-part.Body, maxAnswer))
	n, err := r.ReadAt(b, part.Body)
	if err != nil && n == 0 {
		return false, false
	}
	for line := range strings.Lines(string(b[:n])) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		word := strings.ToLower(strings.Trim(strings.Fields(line)[0], ".,;:!"))
		approve, ok = answers[word]
		return approve, ok
	}
	return false, false
}

// textPart is the first text/plain part that people's programs write: with no encoding that would hide a word of ASCII.
func textPart(p *message.Part) *message.Part {
	if p == nil {
		return nil
	}
	if p.Type == "text" && p.Subtype == "plain" && p.Encoding != "base64" {
		return p
	}
	if p.Multipart() {
		for _, c := range p.Children {
			if found := textPart(c); found != nil {
				return found
			}
		}
	}
	return nil
}
