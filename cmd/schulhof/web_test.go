package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

var webMarkup = regexp.MustCompile(`(?s)<head>.*?</head>|<[^>]*>`)

// cmdWeb is somebody with a browser.
func cmdWeb(ts *testscript.TestScript, neg bool, args []string) {
	client, err := browserOf(ts, args[0])
	ts.Check(err)
	text, err := webPage(client, "http://127.0.0.1:"+ts.Getenv("PORT_HTTP")+args[1], args[2:])
	fmt.Fprintln(ts.Stdout(), text)
	answered(ts, neg, err)
}

// browserOf is the browser of login, who has signed in.
func browserOf(ts *testscript.TestScript, login string) (*http.Client, error) {
	s := storyOf(ts)
	client := &http.Client{Timeout: storyPatience, Jar: s.jars[login]}
	if client.Jar != nil {
		return client, nil
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	client.Jar = jar
	_, err = webPage(client, "http://127.0.0.1:"+ts.Getenv("PORT_HTTP")+"/signin", []string{"login=" + login, "password=" + storyPassword})
	if s.jars == nil {
		s.jars = map[string]http.CookieJar{}
	}
	s.jars[login] = jar
	return client, err
}

// webPage asks for a page, or posts fields, and returns its text.
func webPage(client *http.Client, address string, fields []string) (string, error) {
	form := url.Values{}
	for _, field := range fields {
		if name, value, ok := strings.Cut(field, "="); ok {
			form.Set(name, value)
		}
	}
	var response *http.Response
	var err error
	if len(fields) > 0 {
		response, err = client.PostForm(address, form)
	} else {
		response, err = client.Get(address)
	}
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	text := response.Status + "\n" + strings.Join(strings.Fields(webMarkup.ReplaceAllString(string(b), " ")), " ")
	for _, link := range regexp.MustCompile(`/write\?draft=[0-9.]+`).FindAllString(string(b), -1) {
		text += "\n" + link
	}
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s", text)
	}
	return text, err
}
