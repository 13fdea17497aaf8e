package imapd

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// literalOf sends a FETCH of one item and returns the literal that answers it; nil for NIL.
func (c *client) literalOf(command string) ([]byte, string) {
	c.Helper()
	c.send("lit " + command + "\r\n")
	line := c.line()
	i := strings.LastIndexByte(line, '{')
	if i < 0 {
		c.want(c.until("lit"), "lit ")
		return nil, line
	}
	var n int
	if _, err := fmt.Sscanf(line[i:], "{%d}", &n); err != nil {
		c.Fatalf("%q: %v", line, err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.r, b); err != nil {
		c.Fatal(err)
	}
	if rest := c.line(); rest != ")" {
		c.Fatalf("behind the literal: %q", rest)
	}
	c.want(c.until("lit"), "lit OK")
	return b, line
}

// BINARY gives what was encoded, whole and in any partial, and BINARY.SIZE its length. RFC 3516 §4.2, §4.3.
func TestBinaryRoundTrip(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "content")
		text := base64.StdEncoding.EncodeToString(want)
		c.appends("INBOX", "|Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"+text+"\r\n")
		n++
		got, line := c.literalOf(fmt.Sprintf("FETCH %d BINARY.PEEK[1]", n))
		if !bytes.Equal(got, want) {
			rt.Fatalf("BINARY[1] = %q, want %q", got, want)
		}
		if isEight := strings.Contains(line, " ~{"); isEight != (bytes.IndexByte(want, 0) >= 0) {
			rt.Fatalf("literal8: %v, for %q", isEight, want)
		}
		from, count := rapid.IntRange(0, 320).Draw(rt, "from"), rapid.IntRange(1, 320).Draw(rt, "count")
		part, line := c.literalOf(fmt.Sprintf("FETCH %d BINARY.PEEK[1]<%d.%d>", n, from, count))
		if w := want[min(from, len(want)):min(from+count, len(want))]; !bytes.Equal(part, w) || !strings.Contains(line, fmt.Sprintf("BINARY[1]<%d>", from)) {
			rt.Fatalf("BINARY[1]<%d.%d> of %d bytes = %q in %q, want %q", from, count, len(want), part, line, w)
		}
		c.expect(fmt.Sprintf("s FETCH %d BINARY.SIZE[1]", n), fmt.Sprintf("* %d FETCH (BINARY.SIZE[1] %d)", n, len(want)), "s OK Done")
	})
}

// Which sections BINARY takes and what it says of parts that are not there or cannot be decoded. RFC 3516 §4.2, §4.4.
func TestBinarySections(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened("|Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db\r\n--b\r\nContent-Transfer-Encoding: x-unknown\r\n\r\nc\r\n--b\r\n" +
		"Content-Type: message/rfc822\r\n\r\nContent-Transfer-Encoding: base64\r\n\r\nZA==\r\n--b--\r\n")
	for section, want := range map[string]string{"1": "a=b", "3.1": "d"} {
		if got, _ := c.literalOf("FETCH 1 BINARY.PEEK[" + section + "]"); string(got) != want {
			t.Errorf("BINARY[%s] = %q, want %q", section, got, want)
		}
	}
	whole, _ := c.literalOf("FETCH 1 BODY.PEEK[]")
	if got, _ := c.literalOf("FETCH 1 BINARY.PEEK[]"); !bytes.Equal(got, whole) {
		t.Errorf("BINARY[] is %q", got)
	}
	c.expect("a FETCH 1 BINARY.PEEK[2]", "* 1 FETCH (BINARY[2] NIL)", "a NO [UNKNOWN-CTE] …")
	c.expect("a FETCH 1 (UID BINARY.SIZE[2])", "* 1 FETCH (UID 1 BINARY.SIZE[2] 0)", "a NO [UNKNOWN-CTE] …")
	c.expect("b FETCH 1 BINARY.PEEK[9]", "* 1 FETCH (BINARY[9] NIL)", "b OK Done")
	c.expect("b FETCH 1 BINARY.SIZE[9]", "* 1 FETCH (BINARY.SIZE[9] 0)", "b OK Done")
	c.expect("c FETCH 1 BINARY.SIZE[]", fmt.Sprintf("* 1 FETCH (BINARY.SIZE[] %d)", len(whole)), "c OK Done")
	for _, bad := range []string{"BINARY", "BINARY[1.MIME]", "BINARY[HEADER]", "BINARY[TEXT]", "BINARY.SIZE[1]<0.5>", "BINARY.SIZE", "BINARY.PEEK", "BINARY[1", "BINARY[0]", "BINARY[1]<1>", "BINARY[1]<0.0>"} {
		c.want(c.do("d FETCH 1 "+bad), "d BAD")
	}
	c.want(c.do("e FETCH 1 FLAGS"), "e OK") // nothing so far has set \Seen
	c.expect("f FETCH 1 FLAGS", "* 1 FETCH (FLAGS ())", "f OK Done")
	c.want(c.do("g FETCH 1 BINARY[1]"), "g OK")
	c.expect("h FETCH 1 FLAGS", `* 1 FETCH (FLAGS (\Seen))`, "h OK Done")
}

// Every partial of a body is the same piece of it that a plain cut gives. RFC 9051 §6.4.5.
func TestPartialsAgainstAPlainCut(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened("|Subject: x\r\nX-Long: " + strings.Repeat("y", 50) + "\r\n\r\n" + strings.Repeat("0123456789\r\n", 20))
	for _, item := range []string{"", "TEXT", "HEADER", "1", "HEADER.FIELDS (Subject)", "1.MIME"} {
		whole, _ := c.literalOf("FETCH 1 BODY.PEEK[" + item + "]")
		rapid.Check(t, func(rt *rapid.T) {
			from, count := rapid.IntRange(0, len(whole)+5).Draw(rt, "from"), rapid.IntRange(1, len(whole)+5).Draw(rt, "count")
			got, line := c.literalOf(fmt.Sprintf("FETCH 1 BODY.PEEK[%s]<%d.%d>", item, from, count))
			if want := whole[min(from, len(whole)):min(from+count, len(whole))]; !bytes.Equal(got, want) || !strings.Contains(line, fmt.Sprintf("]<%d>", from)) {
				rt.Fatalf("BODY[%s]<%d.%d> = %q in %q, want %q", item, from, count, got, line, want)
			}
		})
		for _, huge := range []string{"<0.9223372036854775807>", "<9223372036854775807.1>", "<9223372036854775807.9223372036854775807>"} {
			got, _ := c.literalOf("FETCH 1 BODY.PEEK[" + item + "]" + huge)
			if want := map[bool][]byte{true: whole, false: {}}[strings.HasPrefix(huge, "<0.")]; !bytes.Equal(got, want) {
				t.Errorf("BODY[%s]%s has %d bytes, want %d", item, huge, len(got), len(want))
			}
		}
	}
}
