package smtpd

import (
	"errors"
	"strings"
	"testing"

	"schulhof/store/fault"
)

func TestEveryFaultHasAnAnswer(t *testing.T) {
	want := map[fault.Kind]string{
		fault.Internal: "451 4.3.0", fault.NotFound: "550 5.1.1", fault.AlreadyExists: "550 5.3.0", fault.Forbidden: "550 5.7.1",
		fault.Refused: "550 5.7.1", fault.Unauthenticated: "535 5.7.8", fault.Throttled: "450 4.7.1", fault.Invalid: "554 5.6.0",
		fault.TooLarge: "552 5.3.4", fault.Limit: "452 4.5.3", fault.OverQuota: "452 4.2.2", fault.Conflict: "451 4.3.0",
		fault.InUse: "451 4.3.0", fault.Unavailable: "452 4.3.1", fault.Expired: "550 5.3.0",
	}
	for _, kind := range fault.Kinds() {
		r := answer(fault.Wrap(kind, errors.New("secret detail"), "shown"))
		line := string(r.appendTo(nil, ""))
		if !strings.HasPrefix(line, want[kind]+" ") || want[kind] == "" {
			t.Errorf("%v is answered %q, want %q", kind, line, want[kind])
		}
		if strings.Contains(line, "secret") || strings.Contains(line, "shown") != (kind == fault.Refused) {
			t.Errorf("%v shows %q", kind, line)
		}
	}
	if r := answer(errors.New("secret detail")); r != noInternal {
		t.Errorf("an error without a kind is answered %+v", r)
	}
}

func TestRuleTextCannotBreakTheReply(t *testing.T) {
	r := withText(noRight, "Schüler dürfen\r\n250 OK"+strings.Repeat("x", 1000))
	line := string(r.appendTo(nil, ""))
	if strings.Count(line, "\r\n") != 1 || len(line) > 512 {
		t.Errorf("reply %q", line)
	}
	if r := withText(noRight, ""); r.text != noRight.text {
		t.Errorf("an empty text replaced %q", noRight.text)
	}
}

func TestEveryReplyIsWellFormed(t *testing.T) {
	for _, r := range []reply{okDone, okSender, okRecipient, okBye, okTLS, okAuth, okVerify, okHelp, noStopping, noTimeout, noTooSlow, noCrowd,
		noBadCommands, noAuthBudget, noRcptBudget, noMoreMail, noSession, noPeer, noPanic, noUnknownRate, noInternal, noSpace, noQuota, noTooMany,
		noThrottled, noAuthLater, noAuthBroken, badLine, badLineEnd, badControl, badCommand, badSyntax, badHello, badSender, badRecipient, badBase64,
		badCancelled, badOff, badSequence, badMechanism, badParameter, badRecipients, badLineEnds, badTooLarge, badHeaderSize, badHops, badTwoFrom,
		badFrom, badUTF8, noLogin, noTLS, noCredentials, noClearAuth, noUser, noMembers, noRelay, noOutside, noRight, noSuch, noContent, notYourSender, notYourFrom} {
		if int(r.enhanced[0]-'0') != r.code/100 || strings.Count(r.enhanced, ".") != 2 || r.text == "" || !isPrintable(r.text) {
			t.Errorf("%+v: RFC 3463 §2 wants the class of the code", r)
		}
		if r.code == 421 && !r.close {
			t.Errorf("%+v does not close the connection", r)
		}
	}
}

// answerable is an error that is answered with r.
func answerable(r reply) error {
	for _, kind := range fault.Kinds() {
		if err := fault.New(kind, ""); answer(err) == r {
			return err
		}
	}
	panic("no such answer")
}
