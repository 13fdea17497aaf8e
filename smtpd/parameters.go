package smtpd

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"schulhof/mailbox/message"

	"github.com/emersion/go-smtp"
)

// senderParameters reads the parameters of MAIL. protected: REQUIRETLS is offered. okDone: all are valid.
func senderParameters(s string, maxSize int64, protected bool) (o smtp.MailOptions, r reply) {
	var seen []string
	for strings.TrimLeft(s, " ") != "" {
		key, value, rest, ok := nextParameter(s)
		if !ok || slices.Contains(seen, key) {
			return o, badSyntax
		}
		s, seen = rest, append(seen, key)
		if r := senderParameter(&o, key, value, maxSize, protected); !r.ok() {
			return o, r
		}
	}
	if o.RequireTLS && o.Return == smtp.DSNReturnFull { // what is protected does not come back whole; RFC 8689 §5
		o.Return = smtp.DSNReturnHeaders
	}
	return o, okDone
}

func senderParameter(o *smtp.MailOptions, key, value string, maxSize int64, protected bool) reply {
	switch key {
	case "SIZE": // RFC 1870 §6: up to 20 digits
		size, err := strconv.ParseUint(value, 10, 64)
		if err != nil || len(value) > 20 {
			return badSyntax
		}
		if size > uint64(maxSize) {
			return badTooLarge
		}
		o.Size = int64(size)
	case "BODY": // RFC 6152 §2
		switch body := smtp.BodyType(strings.ToUpper(value)); body {
		case smtp.Body7Bit, smtp.Body8BitMIME:
			o.Body = body
		case smtp.BodyBinaryMIME:
			return badParameter
		default:
			return badSyntax
		}
	case "SMTPUTF8": // RFC 6531 §3.4
		if value != "" {
			return badSyntax
		}
		o.UTF8 = true
	case "REQUIRETLS": // RFC 8689 §2
		if !protected {
			return badParameter
		}
		if value != "" {
			return badSyntax
		}
		o.RequireTLS = true
	case "RET": // RFC 3461 §4.3
		switch ret := smtp.DSNReturn(strings.ToUpper(value)); ret {
		case smtp.DSNReturnFull, smtp.DSNReturnHeaders:
			o.Return = ret
		default:
			return badSyntax
		}
	case "ENVID": // RFC 3461 §4.4
		id, ok := decodeXtext(value)
		if !ok || id == "" || len(id) > maxEnvID || !isPrintable(id) {
			return badSyntax
		}
		o.EnvelopeID = id
	case "AUTH": // RFC 4954 §5: read; we vouch for nobody but the one who logged in
		who, ok := decodeXtext(value)
		if !ok || who == "" {
			return badSyntax
		}
		if who == "<>" {
			who = ""
		} else if _, rest, ok := parseMailbox(who); !ok || rest != "" {
			return badSyntax
		}
		o.Auth = &who
	default:
		return badParameter
	}
	return okDone
}

// recipientParameters reads the parameters of RCPT: RFC 3461 §4.1, §4.2, RFC 6533 §3.
func recipientParameters(s string, utf8ok bool) (o smtp.RcptOptions, r reply) {
	var seen []string
	for strings.TrimLeft(s, " ") != "" {
		key, value, rest, ok := nextParameter(s)
		if !ok || slices.Contains(seen, key) {
			return o, badSyntax
		}
		s, seen = rest, append(seen, key)
		switch key {
		case "NOTIFY":
			if o.Notify, ok = parseNotify(value); !ok {
				return o, badSyntax
			}
		case "ORCPT":
			kind, address, found := strings.Cut(value, ";")
			o.OriginalRecipientType = smtp.DSNAddressType(strings.ToUpper(kind))
			switch o.OriginalRecipientType {
			case smtp.DSNAddressTypeRFC822:
				o.OriginalRecipient, ok = decodeXtext(address)
				ok = ok && isPrintable(o.OriginalRecipient)
			case smtp.DSNAddressTypeUTF8:
				o.OriginalRecipient, ok = decodeUTF8Xtext(address)
				ok = ok && (utf8ok || message.IsASCII(address))
			default:
				ok = false
			}
			if !found || !ok || o.OriginalRecipient == "" || len(o.OriginalRecipient) > maxORCPT {
				return o, badSyntax
			}
		default:
			return o, badParameter
		}
	}
	return o, okDone
}

// parseNotify reads NEVER, or a list of SUCCESS, FAILURE and DELAY without repetition.
func parseNotify(value string) (list []smtp.DSNNotify, ok bool) {
	for word := range strings.SplitSeq(strings.ToUpper(value), ",") {
		n := smtp.DSNNotify(word)
		switch n {
		case smtp.DSNNotifyNever, smtp.DSNNotifySuccess, smtp.DSNNotifyFailure, smtp.DSNNotifyDelayed:
		default:
			return nil, false
		}
		if slices.Contains(list, n) {
			return nil, false
		}
		list = append(list, n)
	}
	return list, len(list) == 1 || !slices.Contains(list, smtp.DSNNotifyNever)
}

// decodeXtext undoes RFC 3461 §4's +HH form.
func decodeXtext(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			if i+2 >= len(s) || s[i+1:i+3] != strings.ToUpper(s[i+1:i+3]) {
				return "", false
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(n))
			i += 2
		case c < '!' || c > '~':
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// decodeUTF8Xtext undoes \x{HEX} of RFC 6533 §3; UTF-8 stands for itself.
func decodeUTF8Xtext(s string) (string, bool) {
	var b strings.Builder
	for len(s) > 0 {
		if !strings.HasPrefix(s, `\x{`) {
			if c := s[0]; c <= ' ' || c == '\\' || c == '+' || c == '=' || c == 0x7f {
				return "", false
			}
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		hex, rest, found := strings.Cut(s[3:], "}")
		n, err := strconv.ParseUint(hex, 16, 32)
		if !found || err != nil || len(hex) < 2 || len(hex) > 6 || hex != strings.ToUpper(hex) || !utf8.ValidRune(rune(n)) || n < ' ' || n == 0x7f {
			return "", false
		}
		b.WriteRune(rune(n))
		s = rest
	}
	return b.String(), utf8.ValidString(b.String())
}

// isPrintable reports whether s is printable ASCII.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
