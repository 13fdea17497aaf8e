package webmail

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed pages/*.html
var files embed.FS

//go:embed pages/style.css
var sheet []byte

const (
	stylePath = "/webmail.css"
	layout    = "pages/layout.html"
)

// frame is what every template is given.
type frame struct {
	Lang    language
	Account string // who is signed in; "" for nobody
	Path    string
	Style   string // the style sheet's address, with its version
	Data    any
}

// T is a sentence in the page's language.
func (f frame) T(key string, args ...any) string { return f.Lang.text(key, args...) }

// Tag is the page's language in HTML.
func (f frame) Tag() string { return f.Lang.tag() }

// When is a time in the page's language.
func (f frame) When(t time.Time) string { return f.Lang.when(t) }

// section is a page that every page leads to.
type section struct{ Path, Key string }

// Sections lists them.
func (f frame) Sections() []section {
	return []section{{"/write", "write.title"}, {"/outbox", "outbox.title"}, {"/settings", "settings.title"}}
}

// parsePages reads every template, each with the layout around it.
func parsePages() (map[string]*template.Template, error) {
	entries, err := files.ReadDir("pages")
	if err != nil {
		return nil, fmt.Errorf("webmail: pages: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, e := range entries {
		if e.Name() == path.Base(layout) {
			continue
		}
		name := strings.TrimSuffix(e.Name(), ".html")
		if pages[name], err = template.ParseFS(files, layout, "pages/"+e.Name()); err != nil {
			return nil, fmt.Errorf("webmail: page %s: %w", name, err)
		}
	}
	return pages, nil
}

// page answers with a page. It is made whole before the first byte goes out.
func (x *exchange) page(status int, name string, data any) {
	f := frame{Lang: x.lang, Path: x.r.URL.Path, Style: styleAddress(), Data: data}
	if x.who != nil {
		f.Account = x.who.Account.Address
	}
	var b bytes.Buffer
	if err := x.srv.pages[name].ExecuteTemplate(&b, path.Base(layout), f); err != nil {
		x.srv.log.Error("make a page", "page", name, "err", err)
		http.Error(x.w, x.lang.text("error.internal"), http.StatusInternalServerError)
		return
	}
	h := x.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", x.lang.tag())
	x.began = true
	x.w.WriteHeader(status)
	x.w.Write(b.Bytes()) // an error is the browser that has gone
}

// style answers with the style sheet, the only thing here that may be kept.
func (x *exchange) style() error {
	h := x.w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=86400")
	h.Del("Vary")
	x.began = true
	x.w.Write(sheet) // likewise
	return nil
}

// styleAddress changes with the style sheet, so that a kept one is not used for other pages.
func styleAddress() string {
	sum := sha256.Sum256(sheet)
	return stylePath + "?v=" + hex.EncodeToString(sum[:6])
}
