package smtpd

import (
	"errors"
	"strconv"
	"strings"

	"schulhof/directory"
	"schulhof/smtpd/lists"
	"schulhof/store/fault"
)

// reply is one answer to a command: RFC 5321 §4.2 with RFC 3463's enhanced code. All texts are fixed;
// what went wrong in detail is in the log only.
type reply struct {
	code     int
	enhanced string // "" where RFC 2034 has none (220, 334, 354)
	text     string
	close    bool // the connection ends after this reply
}

// ok reports whether the command succeeded.
func (r reply) ok() bool { return r.code < 400 }

// temporary reports whether trying again later makes sense.
func (r reply) temporary() bool { return r.code/100 == 4 }

// ending is r with the connection closed afterwards.
func (r reply) ending() reply {
	r.close = true
	return r
}

// The replies. The variables are never written.
var (
	okDone      = reply{code: 250, enhanced: "2.0.0", text: "OK"}
	okSender    = reply{code: 250, enhanced: "2.1.0", text: "Sender OK"}
	okRecipient = reply{code: 250, enhanced: "2.1.5", text: "Recipient OK"}
	okBye       = reply{code: 221, enhanced: "2.0.0", text: "Bye", close: true}
	okTLS       = reply{code: 220, enhanced: "2.0.0", text: "Ready to start TLS"}
	okAuth      = reply{code: 235, enhanced: "2.7.0", text: "Authentication succeeded"}
	okVerify    = reply{code: 252, enhanced: "2.5.0", text: "Cannot verify, send some mail and see"}
	okHelp      = reply{code: 214, enhanced: "2.0.0", text: "See RFC 5321"}
	goAhead     = reply{code: 354, text: "End data with <CR><LF>.<CR><LF>"}

	noStopping    = reply{code: 421, enhanced: "4.3.2", text: "Server is stopping, try again later", close: true}
	noTimeout     = reply{code: 421, enhanced: "4.4.2", text: "Timeout, closing connection", close: true}
	noTooSlow     = reply{code: 421, enhanced: "4.4.2", text: "Data came too slowly, closing connection", close: true}
	noCrowd       = reply{code: 421, enhanced: "4.7.0", text: "Too many connections, try again later", close: true}
	noBadCommands = reply{code: 421, enhanced: "4.7.0", text: "Too many errors, closing connection", close: true}
	noAuthBudget  = reply{code: 421, enhanced: "4.7.0", text: "Too many failed logins, closing connection", close: true}
	noRcptBudget  = reply{code: 421, enhanced: "4.7.0", text: "Too many unknown recipients, closing connection", close: true}
	noMoreMail    = reply{code: 421, enhanced: "4.7.0", text: "Too many messages in one connection, connect again", close: true}
	noSession     = reply{code: 421, enhanced: "4.7.0", text: "Login is no longer valid, closing connection", close: true}
	noPeer        = reply{code: 421, enhanced: "4.7.1", text: "Not for your network", close: true}
	noPanic       = reply{code: 421, enhanced: "4.3.0", text: "Internal error, closing connection", close: true}
	noUnknownRate = reply{code: 450, enhanced: "4.7.1", text: "Too many unknown recipients from your network, try again later"}
	noInternal    = reply{code: 451, enhanced: "4.3.0", text: "Internal error, try again later"}
	noOrigin      = reply{code: 451, enhanced: "4.7.1", text: "Where the message comes from cannot be checked now, try again later"}
	noSpace       = reply{code: 452, enhanced: "4.3.1", text: "Storage cannot take mail now, try again later"}
	noQuota       = reply{code: 452, enhanced: "4.2.2", text: "Mailbox is full"}
	noTooMany     = reply{code: 452, enhanced: "4.5.3", text: "Too many recipients"}
	noThrottled   = reply{code: 450, enhanced: "4.7.1", text: "Too much at once, try again later"}
	noMoreNow     = reply{code: 452, enhanced: "4.7.1", text: "Sending limit reached, try again later"}
	noAuthLater   = reply{code: 454, enhanced: "4.7.0", text: "Too many failed logins, try again later"}
	noAuthBroken  = reply{code: 454, enhanced: "4.7.0", text: "Temporary authentication failure"}

	badLine       = reply{code: 500, enhanced: "5.5.2", text: "Line too long", close: true}
	badLineEnd    = reply{code: 500, enhanced: "5.5.2", text: "Command lines end with CRLF"}
	badControl    = reply{code: 500, enhanced: "5.5.2", text: "Control character in command"}
	badCommand    = reply{code: 500, enhanced: "5.5.1", text: "Command unknown"}
	badSyntax     = reply{code: 501, enhanced: "5.5.4", text: "Syntax error in arguments"}
	badHello      = reply{code: 501, enhanced: "5.5.4", text: "Host name or address literal expected"}
	badSender     = reply{code: 501, enhanced: "5.1.7", text: "Sender address has no valid form"}
	badRecipient  = reply{code: 501, enhanced: "5.1.3", text: "Recipient address has no valid form"}
	badBase64     = reply{code: 501, enhanced: "5.5.2", text: "Invalid base64"}
	badCancelled  = reply{code: 501, enhanced: "5.7.0", text: "Authentication cancelled"}
	badOff        = reply{code: 502, enhanced: "5.5.1", text: "Command not implemented"}
	badSequence   = reply{code: 503, enhanced: "5.5.1", text: "Bad sequence of commands"}
	badMechanism  = reply{code: 504, enhanced: "5.5.4", text: "Unknown authentication mechanism"}
	badParameter  = reply{code: 555, enhanced: "5.5.4", text: "Parameter not recognised or not implemented"}
	badRecipients = reply{code: 554, enhanced: "5.5.1", text: "No valid recipients"}
	badLineEnds   = reply{code: 550, enhanced: "5.6.11", text: "Bare CR, bare LF or NUL in message", close: true}
	badTooLarge   = reply{code: 552, enhanced: "5.3.4", text: "Message too large"}
	badHeaderSize = reply{code: 552, enhanced: "5.3.4", text: "Message header too large"}
	badHops       = reply{code: 554, enhanced: "5.4.6", text: "Too many hops, mail loop"}
	badTwoFrom    = reply{code: 550, enhanced: "5.6.0", text: "Message has more than one From field"}
	badFrom       = reply{code: 550, enhanced: "5.6.0", text: "From, Sender or Resent field cannot be read"}
	badUTF8       = reply{code: 553, enhanced: "5.6.7", text: "Address needs SMTPUTF8"}
	noLogin       = reply{code: 530, enhanced: "5.7.0", text: "Authentication required"}
	noTLS         = reply{code: 530, enhanced: "5.7.0", text: "Must issue a STARTTLS command first"}
	noCredentials = reply{code: 535, enhanced: "5.7.8", text: "Authentication credentials invalid"}
	noClearAuth   = reply{code: 538, enhanced: "5.7.11", text: "Encryption required for authentication"}
	badOrigin     = reply{code: 550, enhanced: "5.7.1", text: "The message does not come from where it claims"}
	noUser        = reply{code: 550, enhanced: "5.1.1", text: "No such recipient here"}
	noMembers     = reply{code: 550, enhanced: "5.2.4", text: "This address leads to nobody"}
	noRelay       = reply{code: 550, enhanced: "5.7.1", text: "Relaying denied, not our recipient"}
	noReturn      = reply{code: 550, enhanced: "5.1.1", text: "This address leads back to nobody"}
	noOutside     = reply{code: 550, enhanced: "5.7.1", text: "This server does not send mail to other servers yet"}
	noRight       = reply{code: 550, enhanced: "5.7.1", text: "Not allowed"}
	noSuch        = reply{code: 550, enhanced: "5.3.0", text: "Refused"}
	noContent     = reply{code: 554, enhanced: "5.6.0", text: "Message has no valid form"}
	notYourSender = reply{code: 553, enhanced: "5.7.1", text: "Sender address does not belong to your account"}
	notYourFrom   = reply{code: 553, enhanced: "5.7.1", text: "From or Sender address does not belong to your account"}
)

// answer maps an error of a domain room to what the peer may know: every fault kind once.
func answer(err error) reply {
	if limit := new(directory.SendingLimit); errors.As(err, &limit) {
		return withText(noMoreNow, fault.TextOf(err))
	}
	if errors.Is(err, lists.ErrLoop) {
		return badHops
	}
	switch fault.KindOf(err) {
	case fault.NotFound:
		return noUser
	case fault.Forbidden:
		return noRight
	case fault.Refused:
		return withText(noRight, fault.TextOf(err))
	case fault.Unauthenticated:
		return noCredentials
	case fault.Throttled:
		return noThrottled
	case fault.Invalid:
		return noContent
	case fault.TooLarge:
		return badTooLarge
	case fault.Limit:
		return noTooMany
	case fault.OverQuota:
		return noQuota
	case fault.Unavailable:
		return noSpace
	case fault.AlreadyExists, fault.Expired:
		return noSuch
	case fault.Conflict, fault.InUse, fault.Internal:
		return noInternal
	}
	return noInternal
}

// withText is r with a rule's own sentence, which its fault declares safe to show.
func withText(r reply, text string) reply {
	clean := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?' // replies are ASCII unless SMTPUTF8 was asked for; RFC 6531 §3.7.4.1
		}
		return c
	}, text)
	if clean == "" {
		return r
	}
	const room = 400 // a reply line has 512 octets; RFC 5321 §4.5.3.1.5
	if len(clean) > room {
		clean = clean[:room]
	}
	r.text = clean
	return r
}

// appendTo writes the reply as one line. prefix stands before the text (LMTP names the recipient); it may be "".
func (r reply) appendTo(dst []byte, prefix string) []byte {
	dst = strconv.AppendInt(dst, int64(r.code), 10)
	dst = append(dst, ' ')
	if r.enhanced != "" {
		dst = append(append(dst, r.enhanced...), ' ')
	}
	dst = append(dst, prefix...)
	dst = append(dst, r.text...)
	return append(dst, '\r', '\n')
}
