package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// davClient asks a server as one person, a request at a time.
type davClient struct {
	base, name, password string
	http                 *http.Client
}

// davAnswer is an answer that was read to its end.
type davAnswer struct {
	status int
	header http.Header
	text   string
}

// do sends a request; headers are names and values in turn. An error means that the answer did not come whole.
func (c *davClient) do(method, path, body string, headers ...string) (davAnswer, error) {
	r, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		return davAnswer{}, err
	}
	r.SetBasicAuth(c.name, c.password)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return davAnswer{}, err
	}
	text, err := io.ReadAll(answer.Body)
	return davAnswer{answer.StatusCode, answer.Header, string(text)}, errors.Join(err, answer.Body.Close())
}

// want sends a request that must be answered with status.
func (c *davClient) want(t *testing.T, status int, method, path, body string, headers ...string) davAnswer {
	t.Helper()
	answer, err := c.do(method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s: %s %s: %v", c.name, method, path, err)
	}
	if answer.status != status {
		t.Errorf("%s: %s %s is %d, want %d\n%s", c.name, method, path, answer.status, status, answer.text)
	}
	return answer
}

// multistatus is what the tests need of one. RFC 4918 §13.
type multistatus struct {
	Responses []struct {
		Href   string `xml:"DAV: href"`
		Status string `xml:"DAV: status"`
		ETag   string `xml:"DAV: propstat>prop>getetag"`
	} `xml:"DAV: response"`
	Token string `xml:"DAV: sync-token"`
}

func (c *davClient) multistatus(t *testing.T, method, path, body, depth string) (m multistatus) {
	t.Helper()
	answer := c.want(t, http.StatusMultiStatus, method, path, body, "Depth", depth)
	if err := xml.Unmarshal([]byte(answer.text), &m); err != nil {
		t.Fatalf("%s %s: %v\n%s", method, path, err, answer.text)
	}
	return m
}

// list is what a collection has: hrefs and ETags, without the collection.
func (c *davClient) list(t *testing.T, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, r := range c.multistatus(t, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`, "1").Responses {
		if all[r.Href] != "" {
			t.Errorf("%s lists %s twice", path, r.Href)
		}
		if r.Href != path {
			all[r.Href] = r.ETag
		}
	}
	return all
}

// replica is a collection as a client keeps it that asks for changes only. RFC 6578.
type replica struct {
	client  *davClient
	path    string
	token   string
	members map[string]string // ETags by href
}

// sync asks for what is new and returns the hrefs in question, sorted.
func (r *replica) sync(t *testing.T) (news []string) {
	t.Helper()
	if r.members == nil {
		r.members = map[string]string{}
	}
	body := fmt.Sprintf(`<sync-collection xmlns="DAV:"><sync-token>%s</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`, r.token)
	m := r.client.multistatus(t, "REPORT", r.path, body, "0")
	for _, one := range m.Responses {
		news = append(news, one.Href)
		if strings.Contains(one.Status, " 404 ") {
			delete(r.members, one.Href)
		} else {
			r.members[one.Href] = one.ETag
		}
	}
	r.token = m.Token
	slices.Sort(news)
	return news
}

// check wants the replica to be what a listing has.
func (r *replica) check(t *testing.T) {
	t.Helper()
	if want := r.client.list(t, r.path); !maps.Equal(r.members, want) {
		t.Errorf("%s: changes lead to %v, a listing to %v", r.path, r.members, want)
	}
}
