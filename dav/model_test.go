package dav

import (
	"encoding/xml"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"schulhof/store"
	"schulhof/store/storetest"
)

// TestClientsAgreeWithAModel lets four clients work at random on one folder, beside a model in memory. It protects: each
// answer is what the model expects, an ETag changes exactly when the bytes do, a write under If-Match never undoes another,
// and a sync from any token turns what a client knew into what is there. SCHULHOF_E2E=1: 20,000 steps instead of 400.
func TestClientsAgreeWithAModel(t *testing.T) {
	steps := 400
	if os.Getenv("SCHULHOF_E2E") != "" {
		steps = 20000
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		m := newModel(newSchoolIn(t, s), seed)
		for m.step = 0; m.step < steps && !t.Failed(); m.step++ {
			m.act()
		}
		for i := range m.clients {
			m.sync(i)
		}
	})
}

// model is what the folder must hold.
type model struct {
	*school
	rng     *rand.Rand
	step    int
	files   map[string]string // name → content
	tags    map[string]string // content → ETag
	clients [4]modelClient
}

// modelClient knows the folder as of a token.
type modelClient struct {
	token string
	known map[string]string // name → ETag
}

func newModel(w *school, seed uint64) *model {
	m := &model{school: w, rng: rand.New(rand.NewPCG(seed, 1)), files: map[string]string{}, tags: map[string]string{}}
	for i := range m.clients {
		m.clients[i].known = map[string]string{}
	}
	w.want(201, "anna", "MKCOL", "/webdav/Files/m/", "")
	return m
}

const modelFolder = "/webdav/Files/m/"

// ask is do without a network.
func (m *model) ask(method, path, body string, headers ...string) answer {
	m.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:5"
	r.SetBasicAuth("anna", testPassword)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	out := httptest.NewRecorder()
	m.srv.Handler().ServeHTTP(out, r)
	return answer{out.Code, out.Header(), out.Body.String()}
}

func (m *model) name() string { return string(rune('a' + m.rng.IntN(8))) }

func (m *model) expect(got answer, status int, what string) {
	m.Helper()
	if got.status != status {
		m.Errorf("step %d: %s = %d, want %d\n%s", m.step, what, got.status, status, got.body)
	}
}

func (m *model) act() {
	switch m.rng.IntN(10) {
	case 0, 1, 2:
		m.put()
	case 3:
		m.remove()
	case 4:
		m.transfer("MOVE")
	case 5:
		m.transfer("COPY")
	case 6:
		m.get()
	case 7:
		name := m.name()
		status := 404
		if _, ok := m.files[name]; ok {
			status = 207
		}
		m.expect(m.ask("PROPPATCH", modelFolder+name, fmt.Sprintf(
			`<propertyupdate xmlns="DAV:"><set><prop><p xmlns="u">%d</p></prop></set></propertyupdate>`, m.step)), status, "PROPPATCH "+name)
	default:
		m.sync(m.rng.IntN(len(m.clients)))
	}
}

// tagOf is the ETag of a content that was stored before; a made-up one otherwise.
func (m *model) tagOf(content string) string {
	if tag, ok := m.tags[content]; ok {
		return tag
	}
	return `"never-there"`
}

// put writes with no condition, with the tag of what is there, or with another one.
func (m *model) put() {
	name, content := m.name(), fmt.Sprint("content ", m.rng.IntN(12))
	old, exists := m.files[name]
	var headers []string
	holds := true
	switch m.rng.IntN(4) {
	case 0:
		guess := fmt.Sprint("content ", m.rng.IntN(12))
		headers, holds = []string{"If-Match", m.tagOf(guess)}, exists && guess == old
	case 1:
		headers, holds = []string{"If-None-Match", "*"}, !exists
	case 2:
		if exists {
			headers = []string{"If-Match", m.tagOf(old)}
		}
	}
	got := m.ask("PUT", modelFolder+name, content, headers...)
	what := fmt.Sprintf("PUT %s %q", name, headers)
	switch {
	case !holds:
		m.expect(got, 412, what)
		return
	case exists:
		m.expect(got, 204, what)
	default:
		m.expect(got, 201, what)
	}
	m.files[name] = content
	tag := got.header.Get("ETag")
	for other, known := range m.tags {
		if (known == tag) != (other == content) {
			m.Errorf("step %d: %q has the tag %s, and %q has %s", m.step, content, tag, other, known)
		}
	}
	m.tags[content] = tag
}

func (m *model) remove() {
	name := m.name()
	status := 404
	if _, ok := m.files[name]; ok {
		status = 204
	}
	m.expect(m.ask("DELETE", modelFolder+name, ""), status, "DELETE "+name)
	delete(m.files, name)
}

func (m *model) transfer(method string) {
	from, to := m.name(), m.name()
	overwrite := []string{"T", "F"}[m.rng.IntN(2)]
	content, exists := m.files[from]
	_, taken := m.files[to]
	got := m.ask(method, modelFolder+from, "", "Destination", modelFolder+to, "Overwrite", overwrite)
	what := fmt.Sprintf("%s %s %s %s", method, from, to, overwrite)
	switch {
	case !exists:
		m.expect(got, 404, what)
		return
	case from == to:
		m.expect(got, 403, what)
		return
	case taken && overwrite == "F":
		m.expect(got, 412, what)
		return
	case taken:
		m.expect(got, 204, what)
	default:
		m.expect(got, 201, what)
	}
	m.files[to] = content
	if method == "MOVE" {
		delete(m.files, from)
	}
}

func (m *model) get() {
	name := m.name()
	got := m.ask("GET", modelFolder+name, "")
	content, ok := m.files[name]
	if !ok {
		m.expect(got, 404, "GET "+name)
		return
	}
	m.expect(got, 200, "GET "+name)
	if got.body != content || got.header.Get("ETag") != m.tags[content] {
		m.Errorf("step %d: GET %s = %q %s, want %q %s", m.step, name, got.body, got.header.Get("ETag"), content, m.tags[content])
	}
}

// synced is a sync-collection's answer.
type synced struct {
	Token     string `xml:"DAV: sync-token"`
	Responses []struct {
		Href   string `xml:"DAV: href"`
		Status string `xml:"DAV: status"`
		ETag   string `xml:"DAV: propstat>prop>getetag"`
	} `xml:"DAV: response"`
}

// sync brings a client up to date, in one answer or in pages, and compares what it knows then with the model.
func (m *model) sync(client int) {
	c := &m.clients[client]
	limit := ""
	if m.rng.IntN(2) == 0 {
		limit = "<limit><nresults>2</nresults></limit>"
	}
	for more := true; more; {
		got := m.ask("REPORT", modelFolder, `<sync-collection xmlns="DAV:"><sync-token>`+c.token+`</sync-token><sync-level>1</sync-level>`+
			limit+`<prop><getetag/></prop></sync-collection>`)
		m.expect(got, 207, "sync-collection")
		var answer synced
		if err := xml.Unmarshal([]byte(got.body), &answer); err != nil {
			m.Fatalf("step %d: %v in %s", m.step, err, got.body)
		}
		more = false
		for _, r := range answer.Responses {
			name := strings.TrimPrefix(r.Href, modelFolder)
			switch {
			case strings.Contains(r.Status, "507"):
				more = true
			case strings.Contains(r.Status, "404"):
				delete(c.known, name)
			default:
				c.known[name] = r.ETag
			}
		}
		c.token = answer.Token
	}
	want := map[string]string{}
	for name, content := range m.files {
		want[name] = m.tags[content]
	}
	if !maps.Equal(c.known, want) {
		m.Errorf("step %d: client %d knows %v after a sync, want %v", m.step, client, c.known, want)
	}
}
