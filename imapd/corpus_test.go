package imapd_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"schulhof/mailbox/message"
)

// Every mail of the corpus comes back byte for byte, whole and part by part.
func TestCorpusRoundTrip(t *testing.T) {
	dir := os.Getenv("SCHULHOF_CORPUS")
	if dir == "" {
		t.Skip("SCHULHOF_CORPUS names no folder of mails")
	}
	files, err := filepath.Glob(filepath.Join(dir, "mail", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no mails in %s: %v", dir, err)
	}
	c := loginClient(t, startServer(t).addr, "c", testUser, testPassword)
	c.ok("ENABLE UTF8=ACCEPT")
	c.ok("SELECT INBOX")
	stored := 0
	for _, file := range files {
		mail, err := os.ReadFile(file)
		if err != nil || len(mail) == 0 {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			c.t = t
			stored++
			if _, tagged := c.append("INBOX", "", string(mail)); tagged.name != "OK" {
				t.Fatalf("APPEND: %s %s", tagged.name, tagged.text)
			}
			checkMail(t, c, stored, mail)
		})
	}
}

// checkMail reads message number n in every way and compares it with its bytes.
func checkMail(t *testing.T, c *client, n int, mail []byte) {
	index, err := message.Parse(bytes.NewReader(mail), int64(len(mail)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{
		"BODY[]":       mail,
		"BODY[HEADER]": mail[index.Root.Header:index.Root.Body],
		"BODY[TEXT]":   mail[index.Root.Body:index.Root.End],
	}
	for path, part := range parts(index.Root, nil) {
		if len(want) < 60 {
			want["BODY["+path+"]"] = mail[part.Body:part.End]
			want["BODY["+path+".MIME]"] = mail[part.Header:part.Body]
		}
	}
	var items []string
	for item := range want {
		items = append(items, strings.Replace(item, "BODY[", "BODY.PEEK[", 1))
	}
	data := fetchOne(t, c, fmt.Sprintf("FETCH %d (RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE PREVIEW %s)", n, strings.Join(items, " ")))
	if size := number(data["RFC822.SIZE"]); size != uint64(len(mail)) {
		t.Errorf("RFC822.SIZE is %d, want %d", size, len(mail))
	}
	for item, bytes := range want {
		if got, ok := data[item].(text); !ok || string(got) != string(bytes) {
			t.Errorf("%s is %.100q, want %.100q", item, data[item], bytes)
		}
	}
	if envelope, _ := data["ENVELOPE"].(list); len(envelope) != 10 {
		t.Errorf("ENVELOPE has %d fields: %v", len(envelope), envelope)
	}
	for _, item := range []string{"BODY", "BODYSTRUCTURE"} {
		if s, _ := data[item].(list); len(s) < 2 {
			t.Errorf("%s is %v", item, data[item])
		}
	}
}

// fetchOne runs a FETCH of one message and returns its data by name.
func fetchOne(t *testing.T, c *client, command string) map[string]any {
	t.Helper()
	for _, a := range c.ok(command) {
		if a.name == "FETCH" {
			return a.fetched()
		}
	}
	t.Fatalf("no answer to %.100s", command)
	return nil
}

// parts lists the section numbers of a message's parts with the part that each names. RFC 9051 §6.4.5.1.
func parts(p *message.Part, path []string) map[string]*message.Part {
	out := map[string]*message.Part{}
	if len(p.Children) == 0 || p.Type == "message" {
		name := strings.Join(append(path, "1"), ".")
		if len(path) > 0 {
			name = strings.Join(path, ".")
		}
		out[name] = p
		if p.Type != "message" || len(p.Children) == 0 || len(path) == 0 {
			return out
		}
		p = p.Children[0] // the embedded message has its own numbers
		if len(p.Children) == 0 {
			out[name+".1"] = p
			return out
		}
	} else if len(path) > 0 {
		out[strings.Join(path, ".")] = p
	}
	for i, child := range p.Children {
		for name, part := range parts(child, append(path[:len(path):len(path)], fmt.Sprint(i+1))) {
			out[name] = part
		}
	}
	return out
}
