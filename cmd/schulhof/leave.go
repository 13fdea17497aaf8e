package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"schulhof/config"
)

const (
	leavePath = "/leave/" // and the token of a member elsewhere of a group
	maxLeave  = 4 << 10   // bytes of what is posted there
)

// leaveAt is where members elsewhere leave a group by one click; "" without HTTPS.
func leaveAt(c *config.Config) string {
	base, ok := webBase(c)
	if !ok {
		return ""
	}
	return base + leavePath
}

const leavePage = `<!doctype html>
<html lang="de">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Abmelden · Unsubscribe</title>
%s
</html>
`

const leaveAsk = `<h1>Keine Nachrichten mehr von dieser Gruppe?</h1>
<p lang="en">No more messages from this group?</p>
<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click"><button>Abmelden · Unsubscribe</button></form>`

const leaveDone = `<h1>Abgemeldet</h1>
<p>An diese Adresse kommen keine Nachrichten der Gruppe mehr.</p>
<p lang="en">Unsubscribed: no more messages from the group come to this address.</p>`

// leaver takes members elsewhere off a group: a mail program posts List-Unsubscribe=One-Click (RFC 8058 §3.1), a person who follows the link
// is asked first, because programs that look for malware follow links too. Nobody learns from it which tokens there are.
type leaver struct {
	leave func(ctx context.Context, token string) error
	log   *slog.Logger
}

func (l leaver) register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+leavePath+"{token}", func(w http.ResponseWriter, _ *http.Request) { l.page(w, leaveAsk) })
	mux.HandleFunc("POST "+leavePath+"{token}", l.post)
}

func (l leaver) page(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	fmt.Fprintf(w, leavePage, body)
}

func (l leaver) post(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLeave)
	err := r.ParseForm()
	if err == nil { // both forms of RFC 8058 §3.2
		err = r.ParseMultipartForm(maxLeave)
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
	case err != nil && !errors.Is(err, http.ErrNotMultipart), r.PostFormValue("List-Unsubscribe") != "One-Click":
		http.Error(w, "want List-Unsubscribe=One-Click", http.StatusBadRequest)
	default:
		if err := l.leave(r.Context(), strings.ToLower(r.PathValue("token"))); err != nil {
			l.log.Error("member elsewhere could not leave", "err", err)
			http.Error(w, "please try again later", http.StatusServiceUnavailable)
			return
		}
		l.page(w, leaveDone)
	}
}
