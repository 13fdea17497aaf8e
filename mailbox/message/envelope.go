package message

// Envelope is the message's ENVELOPE, complete and well formed: "(…)". utf8OK false: 7-bit, RFC 2047 forms kept as they came and raw 8-bit
// encoded; true: for UTF8=ACCEPT (RFC 6855) or IMAP4rev2. Literals are never used: quoted strings or NIL only. RFC 9051 §7.5.2.
func (x *Index) Envelope(utf8OK bool) []byte {
	return x.Root.mail.appendEnvelope(make([]byte, 0, 512), utf8OK)
}

func (v *values) appendEnvelope(dst []byte, utf8OK bool) []byte {
	dst = append(dst, '(')
	dst = appendNString(dst, v[fieldDate], utf8OK)
	dst = append(dst, ' ')
	dst = appendNString(dst, v[fieldSubject], utf8OK)
	start := len(dst)
	dst = appendAddresses(append(dst, ' '), v[fieldFrom], utf8OK)
	from := dst[start:]
	for _, f := range [...]field{fieldSender, fieldReplyTo} {
		mark := len(dst)
		dst = appendAddresses(append(dst, ' '), v[f], utf8OK)
		if string(dst[mark:]) == " NIL" { // missing or empty: the same as From
			dst = append(dst[:mark], from...)
		}
	}
	for _, f := range [...]field{fieldTo, fieldCc, fieldBcc} {
		dst = appendAddresses(append(dst, ' '), v[f], utf8OK)
	}
	dst = appendNString(append(dst, ' '), v[fieldInReplyTo], utf8OK)
	dst = appendNString(append(dst, ' '), v[fieldMessageID], utf8OK)
	return append(dst, ')')
}

// appendAddresses appends an address list, or NIL. A group is (NIL NIL "name" NIL) … (NIL NIL NIL NIL); a mailbox without domain has
// the host "", since NIL means a group.
func appendAddresses(dst []byte, value string, utf8OK bool) []byte {
	mark := len(dst)
	var word, phrase [128]byte
	l := addressList{s: value, word: word[:0], phrase: phrase[:0]}
	n := 0
	for ; n < MaxAddresses; n++ {
		a, ok := l.next()
		if !ok {
			break
		}
		if n == 0 {
			dst = append(dst, '(')
		}
		switch a.kind {
		case groupStart:
			dst = appendString(append(dst, "(NIL NIL "...), a.name, utf8OK)
			dst = append(dst, " NIL)"...)
		case groupEnd:
			dst = append(dst, "(NIL NIL NIL NIL)"...)
		default:
			dst = a.appendTo(dst, utf8OK)
		}
	}
	if n == 0 {
		return append(dst[:mark], "NIL"...)
	}
	if n == MaxAddresses && l.inGroup {
		dst = append(dst, "(NIL NIL NIL NIL)"...)
	}
	return append(dst, ')')
}

func (a *rawAddress) appendTo(dst []byte, utf8OK bool) []byte {
	dst = appendNString(append(dst, '('), a.name, utf8OK)
	dst = appendNString(append(dst, ' '), a.route, utf8OK)
	dst = appendString(append(dst, ' '), a.local, utf8OK)
	domain := a.domain
	if !utf8OK && !IsASCII(domain) {
		if ascii, ok := ASCIIDomain(rawText(domain)); ok {
			domain = ascii
		}
	}
	dst = appendString(append(dst, ' '), domain, utf8OK)
	return append(dst, ')')
}
