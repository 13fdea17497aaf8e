package imapd_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
)

// manyBodies fills INBOX with messages of very different sizes.
func manyBodies(t *testing.T, c *client, n int) []string {
	rng := rand.New(rand.NewPCG(1, 2))
	var mails []string
	for i := range n {
		size := []int{10, 3000, 60_000, 120}[i%4]
		if i == n/2 {
			size = 200_000
		}
		var b strings.Builder
		fmt.Fprintf(&b, "Subject: %d\r\n\r\n", i)
		for b.Len() < size {
			fmt.Fprintf(&b, "%x\r\n", rng.Uint64())
		}
		mails = append(mails, b.String())
	}
	for i := 0; i < n; i += 50 {
		if _, tagged := c.append("INBOX", "", mails[i:min(n, i+50)]...); tagged.name != "OK" {
			t.Fatalf("APPEND: %s %s", tagged.name, tagged.text)
		}
	}
	return mails
}

// A page that several goroutines answer comes in order, whole, and with the right flags.
func TestManyBodiesComeInOrder(t *testing.T) {
	c := loginClient(t, startServer(t).addr, "c", testUser, testPassword)
	mails := manyBodies(t, c, 600)
	c.ok("SELECT INBOX")
	for _, item := range []string{"BODY.PEEK[]", "BODY[]", "BODY.PEEK[TEXT]"} {
		n := 0
		for _, a := range c.ok("UID FETCH 1:* (FLAGS " + item + ")") {
			if a.name != "FETCH" {
				t.Fatalf("%s: unexpected %s", item, a.name)
			}
			data := a.fetched()
			want := mails[n]
			if strings.Contains(item, "TEXT") {
				_, want, _ = strings.Cut(want, "\r\n\r\n")
			}
			got, _ := data[strings.Replace(item, ".PEEK", "", 1)].(text)
			if int(a.num) != n+1 || number(data["UID"]) != uint64(n+1) || string(got) != want {
				t.Fatalf("%s: answer %d is %d, UID %v, %d bytes, want %d", item, n+1, a.num, data["UID"], len(got), len(want))
			}
			if seen := fmt.Sprint(flagNames(data["FLAGS"])); (seen == `[\Seen]`) != (item != "BODY.PEEK[]") {
				t.Fatalf("%s: flags %s", item, seen)
			}
			n++
		}
		if n != len(mails) {
			t.Fatalf("%s: %d answers of %d", item, n, len(mails))
		}
	}
}

// A client that goes away in the middle of a large answer leaves nothing behind that the server would wait for.
func TestClientLeavesDuringManyBodies(t *testing.T) {
	s := startServer(t)
	c := loginClient(t, s.addr, "c", testUser, testPassword)
	manyBodies(t, c, 300)
	for range 5 {
		gone := loginClient(t, s.addr, "g", testUser, testPassword)
		gone.ok("SELECT INBOX")
		gone.send("FETCH 1:* BODY.PEEK[]")
		if _, err := gone.r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		gone.nc.(*net.TCPConn).SetLinger(0) // reset instead of waiting
		gone.nc.Close()
	}
	c.ok("NOOP") // and startServer's end waits for every connection
}

// Messages above 256 KiB are streamed, in whole and in parts.
func TestLargeMessagesAreStreamed(t *testing.T) {
	c := loginClient(t, startServer(t).addr, "c", testUser, testPassword)
	line := strings.Repeat("0123456789abcdef", 4) + "\r\n"
	mail := "Subject: gro\x00\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + strings.Repeat(line, 150_000) +
		"\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("QUJDRA==\r\n", 50_000) + "\r\n--b--\r\n"
	if _, tagged := c.append("INBOX", "", "Subject: small\r\n\r\n", mail); tagged.name != "OK" {
		t.Fatalf("APPEND: %s %s", tagged.name, tagged.text)
	}
	c.ok("SELECT INBOX")
	data := fetchOne(t, c, "FETCH 2 (RFC822.SIZE BODY.PEEK[] BODY.PEEK[1] BODY.PEEK[1]<66000.70000> BODY.PEEK[HEADER] BINARY.SIZE[2] BINARY.PEEK[2]<4.8> BINARY.PEEK[]<13.3>)")
	for item, want := range map[string]string{
		"BODY[]":         mail,
		"BODY[1]":        strings.Repeat(line, 150_000),
		"BODY[1]<66000>": strings.Repeat(line, 5_000)[66000:136000],
		"BODY[HEADER]":   mail[:strings.Index(mail, "--b")],
		"BINARY[2]<4>":   "ABCDABCD",
		"BINARY[]<13>":   "\r\nC",
		"NOT THERE":      "",
	} {
		if got, _ := data[item].(text); string(got) != want {
			t.Errorf("%s has %d bytes, want %d: %.60q, want %.60q", item, len(got), len(want), got, want)
		}
	}
	if size := number(data["BINARY.SIZE[2]"]); size != 200_000 {
		t.Errorf("BINARY.SIZE[2] is %d", size)
	}
	all := c.ok("FETCH 1:2 BODY.PEEK[]")
	if len(all) != 2 || string(all[1].fetched()["BODY[]"].(text)) != mail {
		t.Errorf("a large message after a small one: %d answers", len(all))
	}
}
