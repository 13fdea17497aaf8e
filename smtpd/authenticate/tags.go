package authenticate

import (
	"bytes"
	"errors"
	"strings"
)

// errTags stands for a text that is no tag list.
var errTags = errors.New("no valid tag list")

// parseTags reads a list of name=value; RFC 6376 §3.2. Names are compared with their case, and none comes twice.
func parseTags(s string) (map[string]string, error) {
	tags := map[string]string{}
	parts := strings.Split(s, ";")
	if last := len(parts) - 1; strings.Trim(parts[last], " \t\r\n") == "" {
		parts = parts[:last] // the list may end with a semicolon
	}
	if len(parts) > maxTags {
		return nil, errTags
	}
	for _, part := range parts {
		name, value, ok := strings.Cut(part, "=")
		name = strings.Trim(name, " \t\r\n")
		if !ok || !isTagName(name) {
			return nil, errTags
		}
		if _, twice := tags[name]; twice {
			return nil, errTags
		}
		tags[name] = strings.Trim(value, " \t\r\n")
	}
	return tags, nil
}

func isTagName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

// compact is s without white space, as base64 and lists are compared.
func compact(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n':
			return -1
		}
		return r
	}, s)
}

// withoutSignature is a raw signature field with the value of its tag b= taken out: what the signature itself covers. RFC 6376 §3.7.
func withoutSignature(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	colon := bytes.IndexByte(raw, ':') + 1
	out = append(out, raw[:colon]...)
	for rest := raw[colon:]; ; {
		tag, after, more := bytes.Cut(rest, []byte(";"))
		name, _, _ := bytes.Cut(tag, []byte("="))
		if string(bytes.Trim(name, " \t\r\n")) == "b" && len(name) < len(tag) {
			tag = tag[:len(name)+1]
		}
		out = append(out, tag...)
		if !more {
			return out
		}
		out = append(out, ';')
		rest = after
	}
}
