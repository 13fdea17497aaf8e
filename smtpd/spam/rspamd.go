package spam

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
)

// rspamd asks a server of that name over HTTP. https://docs.rspamd.com/developers/protocol/
type rspamd struct {
	url    string
	client *http.Client
}

// newRspamd makes a client for the server at base, "http://127.0.0.1:11333" or "unix:/path"; nil for "".
func newRspamd(base string) *rspamd {
	if base == "" {
		return nil
	}
	transport := &http.Transport{MaxIdleConnsPerHost: rspamdIdle, DisableCompression: true}
	if path, ok := strings.CutPrefix(base, "unix:"); ok {
		base = "http://rspamd"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	return &rspamd{url: strings.TrimSuffix(base, "/") + "/checkv2", client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// rspamdReply is what we read of an answer.
type rspamdReply struct {
	Score      float64
	Action     string
	Thresholds map[string]float64
	Symbols    map[string]struct{ Score float64 }
	Error      string
}

var (
	errRspamd       = errors.New("rspamd reports an error")
	errRspamdStatus = errors.New("rspamd answers with a status that is no success")
	errRspamdAnswer = errors.New("rspamd's answer is too long or has no known form")
)

// check streams a message to rspamd.
func (r *rspamd) check(ctx context.Context, m *Message) (*rspamdReply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, m.reader())
	if err != nil {
		return nil, fmt.Errorf("ask rspamd: %w", err)
	}
	req.ContentLength = m.Size
	if m.Size == 0 {
		req.Body = http.NoBody
	}
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(m.reader()), nil }
	r.describe(req.Header, m)
	answer, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask rspamd: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxRspamdAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read rspamd's answer: %w", err)
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: %d", errRspamdStatus, answer.StatusCode)
	case len(text) > maxRspamdAnswer:
		return nil, errRspamdAnswer
	}
	return parseRspamd(text)
}

// describe writes what rspamd wants to know of the connection.
func (r *rspamd) describe(h http.Header, m *Message) {
	set := func(name, value string) {
		if value != "" {
			h.Set(name, headerValue(value))
		}
	}
	set("From", m.Sender)
	if m.Login == "" { // where our own people sit is nobody's business
		set("IP", m.Client.Unmap().WithZone("").String())
		set("Helo", m.Hello)
	}
	set("User", m.Login)
	set("Queue-Id", m.TraceID)
	for _, to := range m.Recipients {
		h.Add("Rcpt", headerValue(to))
	}
	if len(m.Recipients) == 1 {
		set("Deliver-To", m.Recipients[0])
	}
}

// headerValue is s without what HTTP does not carry.
func headerValue(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return '?'
		}
		return c
	}, s)
}

// parseRspamd reads an answer.
func parseRspamd(text []byte) (*rspamdReply, error) {
	var reply rspamdReply
	if err := json.Unmarshal(text, &reply); err != nil {
		return nil, fmt.Errorf("%w: %w", errRspamdAnswer, err)
	}
	switch {
	case reply.Error != "":
		return nil, fmt.Errorf("%w: %.200q", errRspamd, reply.Error)
	case reply.Action == "":
		return nil, errRspamdAnswer
	}
	return &reply, nil
}

// symbols are rspamd's, those that weigh most first, by names that may stand in a header.
func (r *rspamdReply) symbols() []Symbol {
	list := make([]Symbol, 0, min(len(r.Symbols), 4*maxSymbols))
	for name, s := range r.Symbols {
		if s.Score != 0 && len(name) <= maxSymbolName {
			list = append(list, Symbol{strings.Map(symbolRune, name), s.Score})
		}
	}
	slices.SortFunc(list, func(a, b Symbol) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Score), math.Abs(a.Score)), strings.Compare(a.Name, b.Name))
	})
	return list[:min(len(list), maxSymbols)]
}

func symbolRune(c rune) rune {
	if c == '_' || c == '-' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
		return c
	}
	return '_'
}

// The actions of rspamd that we know. "rewrite subject" is "add header" without changing what people wrote.
const (
	rspamdReject     = "reject"
	rspamdDiscard    = "discard"
	rspamdSoftReject = "soft reject"
	rspamdGreylist   = "greylist"
	rspamdHeader     = "add header"
	rspamdSubject    = "rewrite subject"
	rspamdQuarantine = "quarantine"
)
