package smtpd

import (
	"bytes"
	"io"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/mailbox/message"
)

// author is who submits a message: what header.go's counterpart for submission needs to know.
type author struct {
	account  directory.Account
	sender   string // MAIL FROM, "" for <>
	hostname string
	id       string // trace id, also the left side of a new Message-ID
	now      time.Time
	owns     func(address string) (bool, error)
}

// completeSubmission makes a client's header one that may leave the house: RFC 6409 §8 and the rule that
// everyone writes in their own name. Bcc and Resent-Bcc go, as does what only the receiving server writes;
// From, Date and Message-ID come in when they are missing. The rest stays byte for byte.
// An error is the directory's.
func completeSubmission(head []byte, a author) ([]byte, reply, error) {
	if len(head) > 0 && fieldName(head[:lineEnd(head, 0)]) == nil {
		// It begins with text: there is no header, and none of it may become one.
		out, r, err := completeSubmission(nil, a)
		return append(append(out, crlf...), head...), r, err
	}
	out := make([]byte, 0, len(head)+256)
	var from, date, id, sender int
	var authors []string
	for f := range fields(head) {
		switch {
		case f.name == nil: // some readers take it for the header's end, others do not
			return nil, noContent, nil
		case f.is("Bcc"), f.is("Resent-Bcc"), f.is("Return-Path"), f.is("Delivered-To"):
			continue
		case f.is("Authentication-Results") && strings.EqualFold(authServID(unfold(f.value())), a.hostname):
			continue
		case f.is("Date") && unfold(f.value()) != "":
			date++
		case f.is("Message-ID") && unfold(f.value()) != "":
			id++
		case f.is("Date"), f.is("Message-ID"):
			continue // empty: replaced below
		case f.is("From"), f.is("Sender"), f.is("Resent-From"), f.is("Resent-Sender"):
			addresses, ok := strictAddresses(f.value())
			if !ok {
				return nil, badFrom, nil
			}
			if r, err := a.mayWriteAs(addresses); err != nil || !r.ok() {
				return nil, r, err
			}
			if f.is("From") {
				from++
				authors = addresses
			}
			if f.is("Sender") {
				sender++
			}
		}
		out = append(out, f.raw...)
	}
	if from > 1 || sender > 1 {
		return nil, badTwoFrom, nil
	}
	if len(out) > 0 && !bytes.HasSuffix(out, crlf) {
		out = append(out, crlf...)
	}
	if from == 0 {
		out = a.appendFrom(out, "From: ")
	}
	if len(authors) > 1 && sender == 0 { // RFC 5322 §3.6.2
		out = a.appendFrom(out, "Sender: ")
	}
	if date == 0 {
		out = append(a.now.AppendFormat(append(out, "Date: "...), dateFormat), crlf...)
	}
	if id == 0 {
		_, domain, _ := message.CutAddress(a.account.Address)
		out = append(append(append(out, "Message-ID: <"...), a.id...), '@')
		out = append(append(out, domain...), ">\r\n"...)
	}
	return out, okDone, nil
}

// dateFormat is RFC 5322 §3.3.
const dateFormat = "Mon, 02 Jan 2006 15:04:05 -0700"

// mayWriteAs demands that all addresses belong to the account.
func (a author) mayWriteAs(addresses []string) (reply, error) {
	for _, address := range addresses {
		if strings.EqualFold(address, a.account.Address) {
			continue
		}
		ok, err := a.owns(address)
		if err != nil {
			return noInternal, err
		}
		if !ok {
			return notYourFrom, nil
		}
	}
	return okDone, nil
}

// appendFrom writes a field with the account's name and the address it sends from.
func (a author) appendFrom(dst []byte, field string) []byte {
	address := mail.Address{Name: a.account.Name, Address: a.sender}
	if a.sender == "" {
		address.Address = a.account.Address
	}
	return append(append(append(dst, field...), address.String()...), crlf...)
}

// strictAddresses reads an address list as RFC 5322 has it. What another program might read in a second way
// is refused, because From is what people trust.
func strictAddresses(value []byte) (addresses []string, ok bool) {
	if len(value) > maxFromBytes {
		return nil, false
	}
	parser := mail.AddressParser{WordDecoder: &mime.WordDecoder{
		CharsetReader: func(_ string, r io.Reader) (io.Reader, error) { return r, nil }, // only the address counts
	}}
	list, err := parser.ParseList(unfold(value))
	if err != nil || len(list) == 0 {
		return nil, false
	}
	for _, a := range list {
		at := strings.LastIndexByte(a.Address, '@')
		if at < 0 {
			return nil, false
		}
		local, rest, valid := parseLocalPart(quoteLocal(a.Address[:at]))
		if !valid || rest != "" || !validDomain(a.Address[at+1:]) {
			return nil, false
		}
		if address := local + a.Address[at:]; !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	return addresses, true
}

// signerOf is the domain in whose name a submission leaves: that of its first author, else of its sender. It is one of ours, because everyone
// writes in their own name.
func signerOf(head []byte, sender string) string {
	for f := range fields(head) {
		if !f.is("From") {
			continue
		}
		if list, ok := strictAddresses(f.value()); ok {
			sender = list[0]
		}
		break
	}
	_, domain, _ := message.CutAddress(sender)
	return domain
}
