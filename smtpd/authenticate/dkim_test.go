package authenticate

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// vectors are messages that RFCs print with their keys.
func vectors(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\n", "\r\n")
}

const rfc6376Key = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v" +
	"/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"

const rfc8463Key = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR" +
	"+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"

func rfcZone() *zone {
	return &zone{txt: map[string][]string{
		"brisbane._domainkey.example.com":          {rfc6376Key},
		"test._domainkey.football.example.com":     {rfc8463Key},
		"brisbane._domainkey.football.example.com": {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
	}}
}

func verify(t testing.TB, r Resolver, message string) []DKIM {
	t.Helper()
	h, body, err := splitMessage(strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	results, _, err := newTestChecker(t, r).signatures(context.Background(), r, h, body)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// verifyAll is verify of a message that has n signatures.
func verifyAll(t testing.TB, r Resolver, message string, n int) []DKIM {
	t.Helper()
	results := verify(t, r, message)
	if len(results) != n {
		t.Fatalf("%d signatures, want %d: %+v", len(results), n, results)
	}
	return results
}

func TestSignaturesOfTheRFCs(t *testing.T) {
	for _, tt := range []struct {
		file string
		want []DKIM
	}{
		{"rfc6376.eml", []DKIM{{Result: Pass, Reason: "weak key", Domain: "example.com", Selector: "brisbane", Identity: "joe@football.example.com",
			Algorithm: "rsa", Bits: 1024, Signature: "AuUoFEfD"}}},
		{"rfc8463.eml", []DKIM{
			{Result: Pass, Domain: "football.example.com", Selector: "brisbane", Identity: "@football.example.com", Algorithm: "ed25519", Bits: 256, Signature: "/gCrinpc"},
			{Result: Pass, Reason: "weak key", Domain: "football.example.com", Selector: "test", Identity: "@football.example.com", Algorithm: "rsa", Bits: 1024, Signature: "F45dVWDf"},
		}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			message := vectors(t, tt.file)
			got := verifyAll(t, rfcZone(), message, len(tt.want))
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("result %d:\n got %+v\nwant %+v", i, got[i], tt.want[i])
				}
			}
			for name, change := range map[string][2]string{
				"body": {"We lost the game", "We won the game"}, "subject": {"Is dinner ready?", "Is dinner cold?"},
			} {
				for _, d := range verifyAll(t, rfcZone(), strings.Replace(message, change[0], change[1], 1), len(tt.want)) {
					if d.Result != Fail {
						t.Errorf("another %s: %s, want fail", name, d.Result)
					}
				}
			}
		})
	}
}

// signedWith is a message whose signature has been changed: old is replaced by new within it.
func signedWith(t testing.TB, old, new string) string {
	t.Helper()
	message := vectors(t, "rfc6376.eml")
	changed := strings.Replace(message, old, new, 1)
	if changed == message {
		t.Fatalf("%q is not in the message", old)
	}
	return changed
}

func TestSignaturesThatDoNotCount(t *testing.T) {
	shortKey, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&shortKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	other := "v=DKIM1; p=" + base64.StdEncoding.EncodeToString(der)
	const name = "brisbane._domainkey.example.com"
	tests := []struct {
		name     string
		old, new string
		key      string // another key record
		want     Result
		reason   string
	}{
		{"l=", "c=simple/simple;", "c=simple/simple; l=10;", "", Fail, "l= leaves"},
		{"rsa-sha1", "a=rsa-sha256", "a=rsa-sha1", "", Fail, "too weak"},
		{"unknown algorithm", "a=rsa-sha256", "a=rsa-sha3", "", Neutral, "unknown"},
		{"version", "v=1;", "v=2;", "", Neutral, "version"},
		{"no version", "v=1;", "", "", Neutral, "version"},
		{"no domain", " d=example.com;", "", "", Neutral, "d= is missing"},
		{"From not signed", "h=Received : From", "h=Received : Sender", "", Neutral, "From is not signed"},
		{"identity elsewhere", "i=joe@football.example.com", "i=joe@example.net", "", Neutral, "i= is not"},
		{"identity looks like it", "i=joe@football.example.com", "i=joe@badexample.com", "", Neutral, "i= is not"},
		{"not base64", "bh=2jUS", "bh=!!!!", "", Neutral, "base64"},
		{"tag twice", "v=1;", "v=1; v=1;", "", Neutral, "cannot be read"},
		{"unknown form", "c=simple/simple", "c=simple/nofws", "", Neutral, "form"},
		{"key elsewhere", "q=dns/txt", "q=http/post", "", Neutral, "DNS"},
		{"expired", "q=dns/txt;", "q=dns/txt; x=1000;", "", Fail, "expired"},
		{"of the future", "q=dns/txt;", "q=dns/txt; t=99999999999;", "", Fail, "future"},
		{"ends before it begins", "q=dns/txt;", "q=dns/txt; t=1000; x=999;", "", Neutral, "before"},
		{"no time", "q=dns/txt;", "q=dns/txt; t=soon;", "", Neutral, "no time"},
		{"bad name", "d=example.com", "d=exa mple..com", "", Neutral, "no domain name"},
		{"changed tag", "q=dns/txt;", "q=dns/txt; z=x;", "", Fail, "did not verify"},
		{"another key", "", "", other, Fail, "did not verify"},
		{"revoked", "", "", "v=DKIM1; p=", PermError, "revoked"},
		{"key of another version", "", "", "v=DKIM2; p=AAAA", PermError, "version"},
		{"key of another kind", "", "", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", PermError, "another kind"},
		{"unknown kind of key", "", "", "k=dsa; p=AAAA", PermError, "unknown kind"},
		{"no key in it", "", "", "hello", PermError, "cannot be read"},
		{"key not for mail", "", "", rfc6376Key + "; s=tlsrpt", PermError, "not for mail"},
		{"key for sha1", "", "", rfc6376Key + "; h=sha1", PermError, "sha256"},
		{"key not for subdomains", "", "", rfc6376Key + "; t=y:s", PermError, "subdomains"},
		{"wrong size", "", "", "k=ed25519; p=AAAA", PermError, "size"},
		{"no RSA", "", "", "p=AAAA", PermError, "no RSA"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			message := vectors(t, "rfc6376.eml")
			if tt.old != "" {
				message = signedWith(t, tt.old, tt.new)
			}
			z := rfcZone()
			if tt.key != "" {
				z.txt[name] = []string{tt.key}
			}
			got := verify(t, z, message)
			if len(got) != 1 || got[0].Result != tt.want || !strings.Contains(got[0].Reason, tt.reason) {
				t.Errorf("%+v, want %s for %q", got, tt.want, tt.reason)
			}
		})
	}
	z := rfcZone()
	z.broken = map[string]bool{name: true}
	if got := verify(t, z, vectors(t, "rfc6376.eml")); got[0].Result != TempError {
		t.Errorf("no answer for the key: %+v, want temperror", got)
	}
	z = rfcZone()
	z.txt[name] = []string{rfc6376Key, rfc6376Key}
	if got := verify(t, z, vectors(t, "rfc6376.eml")); got[0].Result != PermError {
		t.Errorf("two keys: %+v, want permerror", got)
	}
	delete(z.txt, name)
	if got := verify(t, z, vectors(t, "rfc6376.eml")); got[0].Result != PermError || got[0].Reason != "no key for signature" {
		t.Errorf("no key: %+v, want permerror", got)
	}
}

// Keys of 512 bits were once common, and can be computed by anyone. RFC 8301 §3.2.
func TestShortKeyFails(t *testing.T) {
	z := rfcZone()
	z.txt["brisbane._domainkey.example.com"] = []string{"p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALRiMLAh9iimur8VA7qVvdqxevEuUkW4K+2KdMXmnQbG9Aa7k7eBjK1S+0LYmVjPKlJGNXHDGuy5Fw/dHI7jvT0CAwEAAQ=="}
	got := verify(t, z, vectors(t, "rfc6376.eml"))
	if got[0].Result != Fail || got[0].Bits != 512 {
		t.Errorf("%+v, want fail", got[0])
	}
}

// Only so many signatures are looked at, and each costs at most one question.
func TestSignaturesAreBounded(t *testing.T) {
	message := vectors(t, "rfc6376.eml")
	one := message[:strings.Index(message, "Received: ")]
	z := rfcZone()
	got := verify(t, z, strings.Repeat(one, 40)+message)
	if len(got) != maxSignatures+1 || !strings.HasPrefix(got[maxSignatures].Reason, "36 more") {
		t.Errorf("%d results, the last %+v", len(got), got[len(got)-1])
	}
	if len(z.asked) != maxSignatures {
		t.Errorf("%d questions, want %d", len(z.asked), maxSignatures)
	}
	many := signedWith(t, "h=Received :", "h="+strings.Repeat("x:", maxSigned)+"Received :")
	if got := verify(t, rfcZone(), many); got[0].Result != Neutral || !strings.Contains(got[0].Reason, "too many") {
		t.Errorf("many signed fields: %+v", got[0])
	}
}

func TestExpiryAllowsForClocks(t *testing.T) {
	for seconds, want := range map[int64]bool{-1: true, -int64(clockSkew/time.Second) - 1: false} {
		var s signature
		bad := s.times(map[string]string{"x": strconv.FormatInt(now.Unix()+seconds, 10)}, now)
		if got := bad == nil; got != want {
			t.Errorf("ended %d s ago: valid %v, want %v", -seconds, got, want)
		}
	}
}
