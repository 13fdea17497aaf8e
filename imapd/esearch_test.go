package imapd

import (
	"strings"
	"testing"
)

// What RETURN options give, alone and together. RFC 4731 §3.1, RFC 9051 §6.4.4.
func TestReturnOptions(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(5)...)
	c.want(c.do(`a STORE 2,4:5 +FLAGS.SILENT (\Seen)`), "a OK")
	tests := []struct{ options, key, want string }{
		{"()", "SEEN", " ALL 2,4:5"}, {"(ALL)", "SEEN", " ALL 2,4:5"}, {"(MIN)", "SEEN", " MIN 2"}, {"(MAX)", "SEEN", " MAX 5"}, {"(COUNT)", "SEEN", " COUNT 3"},
		{"(COUNT MAX MIN)", "SEEN", " MIN 2 MAX 5 COUNT 3"}, {"(min all)", "SEEN", " MIN 2 ALL 2,4:5"}, {"(MIN MIN)", "SEEN", " MIN 2"},
		{"()", "FLAGGED", ""}, {"(MIN MAX ALL)", "FLAGGED", ""}, {"(COUNT)", "FLAGGED", " COUNT 0"}, {"(MIN COUNT)", "FLAGGED", " COUNT 0"},
	}
	for _, tt := range tests {
		c.expect("b SEARCH RETURN "+tt.options+" "+tt.key, `* ESEARCH (TAG "b")`+tt.want, "b OK Done")
		c.expect("b UID SEARCH RETURN "+tt.options+" "+tt.key, `* ESEARCH (TAG "b") UID`+tt.want, "b OK Done")
	}
	for _, bad := range []string{"SEARCH RETURN ALL", "SEARCH RETURN (NONE) ALL", "SEARCH RETURN (MIN", "SEARCH RETURN (MIN)", "SEARCH RETURN(MIN) ALL", "SEARCH RETURN (MIN) RETURN (MAX) ALL", "SEARCH ALL RETURN (MIN)"} {
		c.want(c.do("d "+bad), "d BAD")
	}
	// a key that begins like the word is a key
	c.want(c.do("e SEARCH RETURNING"), `e BAD unknown search key "RETURNING"`)
	// with IMAP4rev2 the plain form is answered in the extended one, too
	c.want(c.do("f ENABLE IMAP4rev2"), "f OK")
	c.expect("g SEARCH SEEN", `* ESEARCH (TAG "g") ALL 2,4:5`, "g OK Done")
	c.expect("h UID SEARCH FLAGGED", `* ESEARCH (TAG "h") UID`, "h OK Done")
}

// The tag that is told is the command's own, whatever it looks like. RFC 4466 §2.6.1.
func TestESearchNamesItsTag(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(1)...)
	for _, tag := range []string{"a]b", "1", "x~y", "TAG"} {
		c.expect(tag+" SEARCH RETURN (COUNT) ALL", `* ESEARCH (TAG "`+tag+`") COUNT 1`, tag+" OK Done")
	}
}

// $ is the last saved result, in every command that takes a set. RFC 5182 §2.1.
func TestSavedResult(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(6)...)
	c.expect("a SEARCH $", "* SEARCH", "a OK Done") // nothing saved yet
	c.expect("b SEARCH RETURN (SAVE) 2:4", "b OK Done")
	c.expect("c FETCH $ UID", "* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)", "* 4 FETCH (UID 4)", "c OK Done")
	c.expect("d UID SEARCH UID $ NOT 3", "* SEARCH 2 4", "d OK Done")
	c.expect(`e STORE $ +FLAGS.SILENT (\Seen)`, "e OK Done")
	c.expect("f SEARCH RETURN (SAVE COUNT) $ NOT 4", `* ESEARCH (TAG "f") COUNT 2`, "f OK Done")
	c.expect("g UID COPY $ Archive", "g OK [COPYUID … 2:3 1:2] COPY completed")
	c.expect("h SORT (REVERSE SIZE) UTF-8 $", "* SORT 2 3", "h OK Done")
	c.expect("i UID MOVE $ Archive", "* OK [COPYUID … 2:3 3:4] Moved", "* 3 EXPUNGE", "* 2 EXPUNGE", "i OK Done")
	c.expect("j SEARCH $", "* SEARCH", "j OK Done") // what is gone drops out
	c.expect("k UID SEARCH RETURN (SAVE) ALL", "k OK Done")
	c.want(c.do(`l STORE 1 +FLAGS.SILENT (\Deleted)`), "l OK")
	c.want(c.do("l EXPUNGE"), "l OK")
	c.expect("m FETCH $ UID", "* 1 FETCH (UID 4)", "* 2 FETCH (UID 5)", "* 3 FETCH (UID 6)", "m OK Done")
	for _, bad := range []string{"FETCH $,1 UID", "FETCH $:* UID", "FETCH 1,$ UID", "FETCH $$ UID", "SELECT INBOX (QRESYNC (1 1 $))"} {
		c.want(c.do("n "+bad), "n BAD")
	}
	c.want(c.do("o SELECT INBOX"), "o OK")
	c.expect("p SEARCH $", "* SEARCH", "p OK Done") // another mailbox, another $
}

// With MIN and MAX alone only those are saved; with ALL or COUNT beside them, everything. RFC 5182 §2.1.
func TestWhatIsSaved(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(6)...)
	for options, want := range map[string]string{
		"SAVE": "2 3 4 5", "SAVE MIN": "2", "SAVE MAX": "5", "SAVE MIN MAX": "2 5", "SAVE ALL": "2 3 4 5", "SAVE COUNT": "2 3 4 5", "SAVE MIN ALL": "2 3 4 5", "MAX COUNT SAVE": "2 3 4 5",
	} {
		c.want(c.do("a SEARCH RETURN (SAVE) 1"), "a OK")
		c.want(c.do("b SEARCH RETURN ("+options+") 2:5"), "b OK")
		c.expect("c SEARCH $", "* SEARCH "+want, "c OK Done")
	}
	c.want(c.do("d SEARCH RETURN (SAVE MIN MAX) 3"), "d OK")
	c.expect("e SEARCH $", "* SEARCH 3", "e OK Done")
	c.want(c.do("f SEARCH RETURN (SAVE MIN) FLAGGED"), "f OK")
	c.expect("g SEARCH $", "* SEARCH", "g OK Done")
	// SORT saves the same messages; "first" and "last" are those of its order
	c.want(c.do("h SORT RETURN (SAVE MIN) (REVERSE ARRIVAL DATE) UTF-8 2:4"), "h OK")
	if got := c.do("i SEARCH $")[0]; len(strings.Fields(got)) != 3 {
		t.Errorf("SORT saved %q", got)
	}
}

// A search that fails empties $ when it should have saved, a BAD one leaves it. RFC 5182 §2.1.
func TestFailedSearchAndTheSavedResult(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(3)...)
	c.want(c.do("a SEARCH RETURN (SAVE) 2"), "a OK")
	c.want(c.do("b SEARCH RETURN (SAVE) NONSENSE"), "b BAD")
	c.want(c.do("b SEARCH RETURN (COUNT) CHARSET X-NONE ALL"), "b NO [BADCHARSET")
	c.expect("c SEARCH $", "* SEARCH 2", "c OK Done")
	c.want(c.do("d SEARCH RETURN (SAVE) CHARSET X-NONE ALL"), "d NO [BADCHARSET")
	c.expect("e SEARCH $", "* SEARCH", "e OK Done")
}

// Commands sent at once see $ as the one before left it. RFC 5182 §2.2.
func TestSavedResultInAPipeline(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(4)...)
	c.send("a SEARCH RETURN (SAVE) 2:3\r\nb UID FETCH $ UID\r\nc SEARCH RETURN (SAVE) $ NOT 2\r\nd FETCH $ UID\r\n")
	c.want(c.until("a"), "a OK")
	if got := strings.Join(c.until("b"), "|"); got != "* 2 FETCH (UID 2)|* 3 FETCH (UID 3)|b OK Done" {
		t.Errorf("b: %s", got)
	}
	c.want(c.until("c"), "c OK")
	if got := strings.Join(c.until("d"), "|"); got != "* 3 FETCH (UID 3)|d OK Done" {
		t.Errorf("d: %s", got)
	}
}
