package tally

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// Pack compresses a report as it is sent.
func Pack(report []byte) ([]byte, error) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(report); err != nil {
		return nil, fmt.Errorf("pack report: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack report: %w", err)
	}
	return packed.Bytes(), nil
}

// Mail is the mail around a report, in the form that both kinds have. RFC 7489 §7.2.1.1, RFC 8460 §5.3.
type Mail struct {
	Kind   string // a word for the Message-ID, and the boundary between the parts
	By     *Reporter
	To     []string // as Mailto has them
	Date   time.Time
	Day    Day
	ID     string   // of the report
	Type   string   // of the whole, with its parameters but for the boundary
	Fields []string // lines of the header that only this kind has
	Text   string   // a line for people, in ASCII
	File   string   // the type of the report itself
	Suffix string   // of the name of its file
	Packed []byte
}

// Message writes the mail. No line is longer than others take, however long names are. RFC 5322 §2.1.1.
func (m *Mail) Message() []byte {
	domain, ours := m.Day.Domain, m.By.Domain()
	begin, end := m.Day.Begin().Unix(), m.Day.End().Unix()
	boundary := "=_" + m.Kind + "_report" // "=_" stands in no line of base64, and in no line of ours
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("From: <%s>", m.By.From)
	line("To: %s", "<"+strings.Join(m.To, ">,\r\n <")+">")
	line("Date: %s", m.Date.Format(time.RFC1123Z))
	line("Message-ID: <%s-%d-%s@%s>", m.Kind, begin, domain, ours)
	line("Subject: Report Domain: %s\r\n Submitter: %s\r\n Report-ID: <%s>", domain, ours, m.ID)
	for _, field := range m.Fields {
		line("%s", field)
	}
	line("Auto-Submitted: auto-generated")
	line("MIME-Version: 1.0")
	line("Content-Type: %s;\r\n boundary=\"%s\"\r\n", m.Type, boundary)
	line("--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n%s", boundary, m.Text)
	line("--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64", boundary, m.File)
	line("Content-Disposition: attachment;\r\n filename=\"%s!%s!%d!%d%s\"\r\n", ours, domain, begin, end, m.Suffix)
	for rest := m.Packed; len(rest) > 0; rest = rest[min(lineBytes, len(rest)):] {
		line("%s", base64.StdEncoding.EncodeToString(rest[:min(lineBytes, len(rest))]))
	}
	line("--%s--", boundary)
	return b.Bytes()
}
