package message

import (
	"bytes"
	"strings"
)

// field names a header field that the index reads. Those up to mailFields make the envelope and the summary.
type field uint8

const (
	fieldDate field = iota
	fieldSubject
	fieldFrom
	fieldSender
	fieldReplyTo
	fieldTo
	fieldCc
	fieldBcc
	fieldInReplyTo
	fieldMessageID
	fieldReferences
	fieldListID
	mailFields

	fieldContentType field = iota - 1
	fieldEncoding
	fieldContentID
	fieldDescription
	fieldDisposition
	fieldLanguage
	fieldLocation
	fieldMD5
	allFields
	fieldOther = allFields
)

// values are the unfolded bodies of a message's own fields, not decoded.
type values [mailFields]string

// fieldOf finds the field that name (any case) stands for.
func fieldOf(name []byte) field {
	var buf [27]byte
	if len(name) > len(buf) {
		return fieldOther
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	switch string(buf[:len(name)]) {
	case "date":
		return fieldDate
	case "subject":
		return fieldSubject
	case "from":
		return fieldFrom
	case "sender":
		return fieldSender
	case "reply-to":
		return fieldReplyTo
	case "to":
		return fieldTo
	case "cc":
		return fieldCc
	case "bcc":
		return fieldBcc
	case "in-reply-to":
		return fieldInReplyTo
	case "message-id":
		return fieldMessageID
	case "references":
		return fieldReferences
	case "list-id":
		return fieldListID
	}
	return contentFieldOf(string(buf[:len(name)]))
}

func contentFieldOf(name string) field {
	switch name {
	case "content-type":
		return fieldContentType
	case "content-transfer-encoding":
		return fieldEncoding
	case "content-id":
		return fieldContentID
	case "content-description":
		return fieldDescription
	case "content-disposition":
		return fieldDisposition
	case "content-language":
		return fieldLanguage
	case "content-location":
		return fieldLocation
	case "content-md5":
		return fieldMD5
	}
	return fieldOther
}

// several reports whether more than one field of this name counts: their lists are joined, which is what senders of several To fields mean.
func (f field) several() bool {
	return f >= fieldFrom && f <= fieldBcc || f == fieldReferences || f == fieldInReplyTo
}

// nextField splits the first field off header. name is empty for a line that is no field (it counts as one, so that nothing is lost).
// body is folded as it came, with its last line end.
func nextField(header []byte) (name, body, rest []byte) {
	end := bytes.IndexByte(header, '\n') + 1
	if end == 0 {
		end = len(header)
	}
	line := header[:end]
	for end < len(header) && (header[end] == ' ' || header[end] == '\t') {
		i := bytes.IndexByte(header[end:], '\n') + 1
		if i == 0 {
			i = len(header) - end
		}
		end += i
	}
	rest = header[end:]
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return nil, header[:end], rest
	}
	name = bytes.TrimRight(line[:colon], " \t") // the white space is obsolete syntax: RFC 5322 §4.5
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return nil, header[:end], rest
		}
	}
	return name, header[colon+1 : end], rest
}

// Fields iterates over a raw header block (unfolding is the caller's): name as it is spelled, and the raw field incl. name and line ends.
// What is no field comes with the name "". The blank line that ends the block is left out.
func Fields(header []byte) func(yield func(name string, raw []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for len(header) > 0 && blankLine(header) == 0 {
			name, _, rest := nextField(header)
			if !yield(string(name), header[:len(header)-len(rest)]) {
				return
			}
			header = rest
		}
	}
}

// appendUnfolded appends body without line ends and NULs and without white space at its ends. RFC 5322 §2.2.3.
func appendUnfolded(dst, body []byte) []byte {
	body = bytes.Trim(body, " \t\r\n")
	if len(body) > MaxField {
		body = body[:MaxField]
	}
	for len(body) > 0 {
		i := bytes.IndexAny(body, "\r\n\x00")
		if i < 0 {
			return append(dst, body...)
		}
		dst = append(dst, body[:i]...)
		body = body[i+1:]
	}
	return dst
}

// readFields interprets the scratch header for part and returns the boundary of a multipart.
func (p *parser) readFields(part *Part, digest bool) (boundary string) {
	var spans [64]span
	found := p.collect(spans[:0], part.mail != nil)
	p.kept += int64(len(p.values))
	if p.kept > maxKept {
		p.index.Flawed = true
		p.values, found = p.values[:0], nil
	}
	text := string(p.values)
	var v [allFields]string
	for _, s := range found {
		value := text[s.from:s.to]
		switch {
		case v[s.field] == "":
			v[s.field] = value
		case s.field.several() && len(v[s.field]) < MaxField:
			v[s.field] += ", " + value
		}
	}
	if part.mail != nil {
		copy(part.mail[:], v[:mailFields])
	}
	return part.setContent(&v, digest)
}

// span is where a field's body lies in parser.values.
type span struct {
	field    field
	from, to int
}

// collect unfolds the fields that are wanted into p.values.
func (p *parser) collect(found []span, mail bool) []span {
	p.values = p.values[:0]
	header := p.header
	for n := 0; len(header) > 0 && blankLine(header) == 0; n++ {
		if n == MaxFields {
			p.index.Flawed = true
			break
		}
		name, body, rest := nextField(header)
		header = rest
		f := fieldOf(name)
		if len(name) == 0 || f == fieldOther || (f < mailFields && !mail) {
			continue
		}
		from := len(p.values)
		p.values = appendUnfolded(p.values, body)
		if len(p.values)-from == MaxField {
			p.index.Flawed = true
		}
		found = append(found, span{f, from, len(p.values)})
	}
	return found
}

// setContent sets what the content fields say. It returns the boundary of a multipart.
func (part *Part) setContent(v *[allFields]string, digest bool) (boundary string) {
	m := part.mime
	m.description, m.location, m.md5 = v[fieldDescription], v[fieldLocation], v[fieldMD5]
	part.ID = v[fieldContentID]
	part.Description = DecodeHeader(v[fieldDescription])
	part.Encoding = encodingName(v[fieldEncoding])
	part.setType(v[fieldContentType], digest)
	if v[fieldDisposition] != "" {
		name, rest := token(v[fieldDisposition])
		part.Disposition = lower(name)
		if part.Disposition == "" {
			part.Disposition = "attachment" // RFC 2183 §2.8: unknown ones are attachments; a broken one is unknown
		}
		m.dispositionParams = parseParams(m.dispositionParams[:0], rest)
		part.Filename = cleanName(decodedParam(m.dispositionParams, "filename"))
	}
	if part.Filename == "" {
		part.Filename = cleanName(decodedParam(m.params, "name"))
	}
	m.language = languages(v[fieldLanguage])
	if part.Multipart() {
		boundary = decodedParam(m.params, "boundary")
		boundary = strings.TrimRight(boundary, " \t")
		if boundary == "" || len(boundary) > maxBoundary {
			part.toPlain()
			return ""
		}
	}
	return boundary
}

// setType sets type, subtype and parameters. RFC 2045 §5.
func (part *Part) setType(value string, digest bool) {
	major, rest := token(value)
	minor := ""
	if strings.HasPrefix(rest, "/") {
		minor, rest = token(rest[1:])
	}
	switch {
	case value == "" && digest:
		part.Type, part.Subtype = "message", "rfc822"
	case major == "" || minor == "":
		part.toPlain()
	default:
		part.Type, part.Subtype = lower(major), lower(minor)
		part.mime.params = parseParams(part.mime.params[:0], rest)
		part.Charset = lower(decodedParam(part.mime.params, "charset"))
	}
	if part.Encoding == "" {
		part.Encoding = "7bit"
	}
}

// encodingName reads a Content-Transfer-Encoding: a token, in lower case, whatever follows it. Empty if there is none.
func encodingName(value string) string {
	name, _ := token(value)
	return lower(name)
}

// languages reads a Content-Language. RFC 3282 §2.
func languages(value string) []string {
	if value == "" {
		return nil
	}
	var list []string
	for tag := range strings.SplitSeq(value, ",") {
		if tag = strings.TrimSpace(tag); tag != "" && len(list) < MaxLanguages {
			list = append(list, tag)
		}
	}
	return list
}

// lower is strings.ToLower without a copy for what a part usually says.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' || c >= 0x80 {
			return strings.ToLower(s)
		}
	}
	return s
}
