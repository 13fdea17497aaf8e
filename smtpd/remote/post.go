package remote

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// postAddress is the HTTPS address in a rua value; nil if it is none, or not a server with a name at the usual port.
func postAddress(uri string) *url.URL {
	u, err := url.Parse(uri)
	if err != nil || !strings.EqualFold(u.Scheme, "https") || u.User != nil || u.Port() != "" && u.Port() != "443" || len(uri) > maxURI {
		return nil
	}
	if host := strings.ToLower(u.Hostname()); !isHost(host) || !strings.Contains(host, ".") || host[strings.LastIndexByte(host, '.')+1] <= '9' {
		return nil
	}
	return u
}

// post gives a report to an HTTPS server: no redirects, no proxy, no private addresses, and whatever the certificate is, because it may be
// what the report is about. RFC 8460 §3, §5.4.
func (c *Client) post(ctx context.Context, to *url.URL, packed []byte) error {
	ctx, stop := context.WithTimeout(ctx, policyTime)
	defer stop()
	host := strings.ToLower(to.Hostname())
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return c.policies.connect(ctx, host) },
		TLSClientConfig:   &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true},
		DisableKeepAlives: true, MaxResponseHeaderBytes: maxPolicy, ResponseHeaderTimeout: policyTime,
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(packed))
	if err != nil {
		return fmt.Errorf("post report: %w", err)
	}
	request.Header.Set("Content-Type", "application/tlsrpt+gzip")
	request.Header.Set("User-Agent", "Schulhof")
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("post report: %w", err)
	}
	response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("post report: status %d", response.StatusCode)
	}
	return nil
}
