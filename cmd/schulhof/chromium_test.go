package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestWebmailInChromium uses the pages of the real server in a real browser, as wide as a small telephone: the policy of the pages lets their
// style sheet and forms work, the cookie holds, and forms arrive.
func TestWebmailInChromium(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("no browser: %v (apt-get install chromium)", err)
	}
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna", "ben")
	l.serve(t)
	defer l.stop(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("accept-lang", "de"), chromedp.UserDataDir(t.TempDir()))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	defer stop()
	ctx, cancel := chromedp.NewContext(allocator)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(360, 740)); err != nil { // it starts the browser
		t.Fatal(err)
	}
	do := func(what string, actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		patience, stop := context.WithTimeout(ctx, storyPatience)
		defer stop()
		if err := chromedp.Do(patience, actions...); err != nil {
			page, _ := chromedp.Run(ctx, chromedp.Text(`main`)) // as far as there is one
			t.Fatalf("%s: %v; the page says %q", what, err, page)
		}
	}
	read := func(what string, action chromedp.Action[string]) string {
		t.Helper()
		patience, stop := context.WithTimeout(ctx, storyPatience)
		defer stop()
		text, err := chromedp.Run(patience, action)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return text
	}
	base := "https://" + l.ports["https"]
	fits := func(what string) {
		t.Helper()
		got := read(what, chromedp.Evaluate[string](`[document.documentElement.scrollWidth <= 360, document.documentElement.lang,
			getComputedStyle(document.querySelector("header")).backgroundColor != "rgba(0, 0, 0, 0)"].join(" ")`))
		if got != "true de true" {
			t.Errorf("%s: it fits, its language, it has its style: %s", what, got)
		}
	}
	said := func(what, want string) {
		t.Helper()
		do(what, chromedp.WaitVisible(`.done`))
		if text := read(what, chromedp.Text(`main`)); !strings.Contains(text, want) {
			t.Errorf("%s: the page says %q, want %q", what, text, want)
		}
		fits(what)
	}
	do("open", chromedp.Navigate(base+"/"), chromedp.WaitVisible(`#login`))
	fits("signing in")
	do("sign in", chromedp.SendKeys(`#login`, "anna"), chromedp.SendKeys(`#password`, storyPassword), chromedp.Click(`main button`), chromedp.WaitVisible(`nav`))
	fits("the outbox")
	do("write", chromedp.Click(`nav a[href="/write"]`), chromedp.WaitVisible(`#to`))
	fits("writing")
	do("a mistake", chromedp.SendKeys(`#to`, "ben"), chromedp.SendKeys(`#subject`, "Ausflug"), chromedp.SendKeys(`#text`, "Grüße\naus Köln"),
		chromedp.Click(`button[value=send]`), chromedp.WaitVisible(`#to-problem`))
	fits("the form with a problem")
	when := time.Now().AddDate(0, 0, 2).Format("2006-01-02T15:04")
	do("send later", chromedp.SetValue(`#to`, "ben@school.test"), chromedp.SetValue(`#when`, when), chromedp.Click(`button[value=later]`))
	said("sent later", "wartet bis zu ihrem Zeitpunkt")
	do("take back", chromedp.Click(`form[action$="/back"] button`), chromedp.WaitVisible(`main a[href^="/write?draft="]`))
	said("taken back", "Niemand hat die Nachricht bekommen")
	do("the draft", chromedp.Click(`main a[href^="/write?draft="]`), chromedp.WaitVisible(`#text`))
	if text := read("the draft", chromedp.Value(`#text`)); text != "Grüße\naus Köln" {
		t.Errorf("the draft has %q", text)
	}
	do("send the draft", chromedp.Click(`button[value=send]`))
	said("the draft is sent", "Gesendet.")
	if !patiently(func() bool { return l.subjects(t, "ben", "INBOX")["Ausflug"] == 1 }) {
		t.Error("ben never got it")
	}
	if drafts, sent := l.subjects(t, "anna", "Drafts"), l.subjects(t, "anna", "Sent"); len(drafts) > 0 || sent["Ausflug"] != 1 {
		t.Errorf("drafts %v, sent %v", drafts, sent)
	}
	do("sign out", chromedp.Click(`header form button`), chromedp.WaitVisible(`#login`), chromedp.Navigate(base+"/outbox"), chromedp.WaitVisible(`#login`))
}
