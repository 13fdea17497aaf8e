package lists

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"strconv"
	"strings"

	"schulhof/directory"
	"schulhof/store/fault"
)

// form says what a list makes of a header.
type form struct {
	list    directory.Group
	outside bool          // for members elsewhere: without what only our own mailboxes need
	author  *mail.Address // not nil: From becomes the list's, because the author's domain would have the message refused elsewhere
}

// apply returns head as the list's members get it: its fields stand before the first Received field, above what came with the message; an
// earlier list's are gone (RFC 2369 §4). The rest stays byte for byte. head ends before the blank line.
func (f *form) apply(head []byte) []byte {
	out := make([]byte, 0, len(head)+512)
	placed := false
	var from []byte
	replyTo := false
	for field := range fields(head) {
		name := strings.ToLower(fieldName(field))
		if !placed && name != "return-path" && name != "delivered-to" {
			out = f.appendFields(out)
			placed = true
		}
		switch {
		case strings.HasPrefix(name, "list-"), name == "precedence", f.outside && (name == "return-path" || name == "delivered-to"):
			continue
		case name == "delivered-to" && strings.EqualFold(fieldValue(field), f.list.Address):
			continue // appendFields writes it
		case name == "from" && f.author != nil:
			from = field
			out = append(out, f.from()...)
			continue
		case name == "reply-to":
			replyTo = true
		}
		out = append(out, field...)
	}
	if !placed {
		out = f.appendFields(out)
	}
	if from != nil {
		out = append(append(out, "X-Original-"...), from...)
		if !replyTo {
			_, value, _ := bytes.Cut(from, []byte(":")) // there may be a blank before it
			out = append(append(out, "Reply-To:"...), value...)
		}
	}
	return out
}

// appendFields writes what names the list. RFC 2919, RFC 2369 §3.4; X-Loop stays in whatever way the message comes back.
func (f *form) appendFields(out []byte) []byte {
	post := "<mailto:" + f.list.Address + ">"
	if f.list.Posting() == directory.PostStaff {
		post = "NO" // RFC 2369 §3.4: not open to whoever reads it
	}
	if !f.outside {
		out = append(out, "Delivered-To: "+f.list.Address+"\r\n"...)
	}
	for _, line := range []string{
		"List-Id: " + phrase(f.list.Title) + "<" + ListID(f.list) + ">", "List-Post: " + post,
		"Precedence: list", "X-Loop: " + f.list.Address,
	} {
		out = append(append(out, line...), "\r\n"...)
	}
	return out
}

// from is the list's own From field, which names the author.
func (f *form) from() string {
	name := f.author.Name
	if name == "" {
		name, _, _ = strings.Cut(f.author.Address, "@")
	}
	title := f.list.Title
	if title == "" {
		title = f.list.Name
	}
	shown := mail.Address{Name: name + " (" + title + ")", Address: f.list.Address}
	return "From: " + shown.String() + "\r\n"
}

// phrase is a title as it may stand before an identifier; "" if there is none.
func phrase(title string) string {
	if title == "" {
		return ""
	}
	if strings.IndexFunc(title, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		return mime.BEncoding.Encode("utf-8", title) + " " // a phrase takes few characters of the other encoding; RFC 2047 §5
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(title) + `" ` // RFC 5322 §3.2.4
}

// ListID is the identifier of a list, in the name space of its domain. RFC 2919 §2.
func ListID(g directory.Group) string {
	at := strings.LastIndexByte(g.Address, '@')
	local, domain := g.Address[:at], g.Address[at+1:]
	if strings.IndexFunc(local, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}) >= 0 {
		local = "group-" + strconv.FormatInt(int64(g.ID), 10) // letters that an identifier cannot have
	}
	return local + "." + domain
}

// ErrLoop is that a message has been through a list before.
var ErrLoop = errors.New("the message has been through this list before")

// Check refuses what no list may send on: ErrLoop for a message that went round, fault.Refused for what a program answers by itself.
func (l *Lists) Check(message io.ReaderAt, size int64, groups []directory.ID) error {
	head, err := readHead(message, size)
	if err != nil {
		return err
	}
	for _, id := range groups {
		g, err := l.dir.GroupByID(id)
		if err != nil {
			return err
		}
		if hasPassed(head, g) {
			return fmt.Errorf("list %s: %w", g.Address, ErrLoop)
		}
	}
	if len(groups) > 0 && isAnswer(head) {
		return fault.New(fault.Refused, "a list takes no automatic answers / Eine Liste nimmt keine automatischen Antworten")
	}
	return nil
}

// hasPassed reports whether a message has been through the list before: it would go round for ever.
func hasPassed(head []byte, g directory.Group) bool {
	id := "<" + ListID(g) + ">"
	for field := range fields(head) {
		switch strings.ToLower(fieldName(field)) {
		case "x-loop":
			if strings.EqualFold(fieldValue(field), g.Address) {
				return true
			}
		case "list-id":
			if strings.HasSuffix(strings.ToLower(fieldValue(field)), id) {
				return true
			}
		}
	}
	return false
}

// isAnswer reports whether a message was sent by a program in answer to another one: a list is no place for it. RFC 3834 §5.
func isAnswer(head []byte) bool {
	for field := range fields(head) {
		if strings.EqualFold(fieldName(field), "auto-submitted") {
			words := strings.FieldsFunc(fieldValue(field), func(r rune) bool { return r == ' ' || r == '\t' || r == ';' || r == '(' })
			return len(words) > 0 && strings.EqualFold(words[0], "auto-replied")
		}
	}
	return false
}

// authorOf is the one address in From; nil if there is none or several, or it cannot be read.
func authorOf(head []byte) *mail.Address {
	if list := authorsOf(head); len(list) == 1 {
		return list[0]
	}
	return nil
}

// authorsOf are all addresses in From; none if it cannot be read.
func authorsOf(head []byte) []*mail.Address {
	for field := range fields(head) {
		if !strings.EqualFold(fieldName(field), "from") {
			continue
		}
		list, err := mail.ParseAddressList(fieldValue(field))
		if err != nil {
			return nil
		}
		return list
	}
	return nil
}

// domainOf is what stands behind the last @ of an address.
func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// fields iterates over the fields of a header, each with its folded lines and their ends, in one pass.
func fields(head []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(head) > 0 {
			end := lineEnd(head, 0)
			for end < len(head) && (head[end] == ' ' || head[end] == '\t') {
				end = lineEnd(head, end)
			}
			if !yield(head[:end]) {
				return
			}
			head = head[end:]
		}
	}
}

func lineEnd(b []byte, from int) int {
	if i := bytes.IndexByte(b[from:], '\n'); i >= 0 {
		return from + i + 1
	}
	return len(b)
}

// fieldName is what stands before the colon; "" for a line that is no field.
func fieldName(field []byte) string {
	i := bytes.IndexByte(field, ':')
	if i < 0 {
		return ""
	}
	return string(bytes.TrimRight(field[:i], " \t"))
}

// fieldValue is what stands behind it, on one line.
func fieldValue(field []byte) string {
	_, value, _ := bytes.Cut(field, []byte(":"))
	return strings.TrimSpace(strings.NewReplacer("\r\n", "", "\n", "").Replace(string(value)))
}
