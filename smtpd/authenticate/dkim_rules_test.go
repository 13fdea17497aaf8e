package authenticate

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"
)

// signed is a DKIM-Signature of example.org by k: of the header text covered and the body, both in the canonical form that tags name. The field
// has one space where it may have any, so that its own canonical form is plain.
func signed(t testing.TB, k testKey, tags, covered, body string) string {
	t.Helper()
	algorithm, hash := "rsa", crypto.SHA256
	if _, ok := k.private.(ed25519.PrivateKey); ok {
		algorithm, hash = "ed25519", 0
	}
	sum := sha256.Sum256([]byte(body))
	field := "DKIM-Signature: v=1; a=" + algorithm + "-sha256; s=" + k.selector + "; " + tags + "; bh=" + base64.StdEncoding.EncodeToString(sum[:]) + "; b="
	own := field
	if strings.Contains(tags, "c=relaxed") {
		own = "dkim-signature:" + strings.TrimPrefix(field, "DKIM-Signature: ")
	}
	sum = sha256.Sum256([]byte(covered + own))
	value, err := k.private.Sign(rand.Reader, sum[:], hash)
	if err != nil {
		t.Fatal(err)
	}
	return field + base64.StdEncoding.EncodeToString(value) + "\r\n"
}

// TestWhatSignaturesCover: each text is written here as a signer of the form would have it. RFC 6376 §3.4, §3.5, §3.7 and §5.4.
func TestWhatSignaturesCover(t *testing.T) {
	t.Parallel()
	const fold = "From: Lena\r\n\t <lena@example.org>\r\nSubject:  Aus \t flug \r\n\r\n"
	const twoTo = "To: a@x.test\r\nFrom: lena@example.org\r\nTo: b@x.test\r\n\r\nHi\r\n"
	tests := []struct {
		name, tags, covered, body, message string
		want                               Result
	}{
		{"simple", "d=example.org; c=simple/simple; h=from:subject", "From: Lena\r\n\t <lena@example.org>\r\nSubject:  Aus \t flug \r\n", " Hi \t there \r\n", fold + " Hi \t there \r\n", Pass},
		{"simple, a space more in the header", "d=example.org; c=simple/simple; h=from:subject", "From: Lena\r\n\t <lena@example.org>\r\nSubject: Aus \t flug \r\n", " Hi\r\n", fold + " Hi\r\n", Fail},
		{"simple, another case of the name", "d=example.org; c=simple/simple; h=from", "from: lena@example.org\r\n", "Hi\r\n", "From: lena@example.org\r\n\r\nHi\r\n", Fail},
		{"relaxed", "d=example.org; c=relaxed/relaxed; h=from:subject", "from:Lena <lena@example.org>\r\nsubject:Aus flug\r\n", " Hi there\r\n", fold + " Hi \t there \r\n", Pass},
		{"relaxed, a space less", "d=example.org; c=relaxed/relaxed; h=from:subject", "from:Lena <lena@example.org>\r\nsubject:Ausflug\r\n", " Hi\r\n", fold + " Hi\r\n", Fail},
		{"relaxed body, leading space gone", "d=example.org; c=relaxed/relaxed; h=from", "from:Lena <lena@example.org>\r\n", "Hi\r\n", fold + " Hi\r\n", Fail},
		{"relaxed header only", "d=example.org; c=relaxed; h=from", "from:Lena <lena@example.org>\r\n", " Hi \r\n", fold + " Hi \r\n", Pass},
		{"relaxed header, simple body", "d=example.org; c=relaxed/simple; h=from", "from:Lena <lena@example.org>\r\n", " Hi  \r\n", fold + " Hi  \r\n", Pass},
		{"simple header, relaxed body", "d=example.org; c=simple/relaxed; h=from", "From: Lena\r\n\t <lena@example.org>\r\n", " Hi\r\n", fold + " Hi  \r\n", Pass},
		{"no form", "d=example.org; h=from", "From: Lena\r\n\t <lena@example.org>\r\n", " Hi  \r\n", fold + " Hi  \r\n", Pass},
		{"a blank before the colon", "d=example.org; c=relaxed; h=from:subject", "from:lena@example.org\r\nsubject:Hi\r\n", "x\r\n", "From: lena@example.org\r\nSUBJECT \t: Hi\r\n\r\nx\r\n", Pass},
		{"an empty field", "d=example.org; c=relaxed; h=from:subject", "from:lena@example.org\r\nsubject:\r\n", "x\r\n", "From: lena@example.org\r\nSubject: \t\r\n\r\nx\r\n", Pass},
		{"bytes outside of ASCII", "d=example.org; c=relaxed/relaxed; h=from", "from:J\u00fcrgen\u00a0 <lena@example.org>\r\n", "gr\u00fcn\u00a0\r\n", "From: J\u00fcrgen\u00a0 \t<lena@example.org>\r\n\r\ngr\u00fcn\u00a0 \r\n", Pass},
		{"no body, simple", "d=example.org; c=simple/simple; h=from", "From: lena@example.org\r\n", "\r\n", "From: lena@example.org\r\n\r\n", Pass},
		{"no body, relaxed", "d=example.org; c=simple/relaxed; h=from", "From: lena@example.org\r\n", "", "From: lena@example.org\r\n\r\n", Pass},
		{"not even a blank line", "d=example.org; c=simple/relaxed; h=from", "From: lena@example.org\r\n", "", "From: lena@example.org\r\n", Pass},
		{"blank lines at the end", "d=example.org; c=simple/simple; h=from", "From: lena@example.org\r\n", "Hi\r\n", "From: lena@example.org\r\n\r\nHi\r\n\r\n\r\n", Pass},
		{"blanks in the last lines, simple", "d=example.org; c=simple/simple; h=from", "From: lena@example.org\r\n", "Hi\r\n", "From: lena@example.org\r\n\r\nHi\r\n \r\n", Fail},
		{"blanks in the last lines, relaxed", "d=example.org; c=simple/relaxed; h=from", "From: lena@example.org\r\n", "Hi\r\n", "From: lena@example.org\r\n\r\nHi\r\n \r\n\t\r\n", Pass},
		{"a blank line in front", "d=example.org; c=simple/relaxed; h=from", "From: lena@example.org\r\n", "Hi\r\n", "From: lena@example.org\r\n\r\n\r\nHi\r\n", Fail},
		{"no line end", "d=example.org; c=simple/simple; h=from", "From: lena@example.org\r\n", "Hi\r\n", "From: lena@example.org\r\n\r\nHi", Pass},
		{"repeated fields, from the bottom", "d=example.org; c=simple; h=to:from:to", "To: b@x.test\r\nFrom: lena@example.org\r\nTo: a@x.test\r\n", "Hi\r\n", twoTo, Pass},
		{"repeated fields, from the top", "d=example.org; c=simple; h=to:from:to", "To: a@x.test\r\nFrom: lena@example.org\r\nTo: b@x.test\r\n", "Hi\r\n", twoTo, Fail},
		{"one of two", "d=example.org; c=simple; h=from:to", "From: lena@example.org\r\nTo: b@x.test\r\n", "Hi\r\n", twoTo, Pass},
		{"one more than there are", "d=example.org; c=simple; h=from:from:to:to:to:cc", "From: lena@example.org\r\nTo: b@x.test\r\nTo: a@x.test\r\n", "Hi\r\n", twoTo, Pass},
		{"one was added", "d=example.org; c=simple; h=from:to:to:to", "From: lena@example.org\r\nTo: b@x.test\r\nTo: a@x.test\r\n", "Hi\r\n", "To: c@x.test\r\n" + twoTo, Fail},
		{"one was added that nobody counted", "d=example.org; c=simple; h=from:to:to", "From: lena@example.org\r\nTo: b@x.test\r\nTo: a@x.test\r\n", "Hi\r\n", "To: c@x.test\r\n" + twoTo, Pass},
		{"names in capitals and with blanks", "d=example.org; c=simple; h= FROM : To", "From: lena@example.org\r\nTo: b@x.test\r\n", "Hi\r\n", twoTo, Pass},
		{"names in another order", "d=example.org; c=simple; h=to:from", "From: lena@example.org\r\nTo: b@x.test\r\n", "Hi\r\n", twoTo, Fail},
		{"unknown tags are covered", "d=example.org; c=simple; h=from; zz=1; z=From:x", "From: lena@example.org\r\n", "Hi\r\n", twoTo, Pass},
		{"the domain in capitals", "d=Example.ORG; c=simple; h=from", "From: lena@example.org\r\n", "Hi\r\n", twoTo, Pass},
		{"an identity", "d=example.org; i=@example.org; c=simple; h=from", "From: lena@example.org\r\n", "Hi\r\n", twoTo, Pass},
		{"an identity in capitals beneath", "d=example.org; i=Lena@Sub.Example.ORG; c=simple; h=from", "From: lena@example.org\r\n", "Hi\r\n", twoTo, Pass},
		{"an identity above", "d=example.org; i=lena@org; c=simple; h=from", "From: lena@example.org\r\n", "Hi\r\n", twoTo, Neutral},
		{"an identity with two @", "d=example.org; i=a@example.org@evil.test; c=simple; h=from", "From: lena@example.org\r\n", "Hi\r\n", twoTo, Neutral},
		{"queries, one of them ours", "d=example.org; q=http/post:dns/txt; c=simple; h=from", "From: lena@example.org\r\n", "Hi\r\n", twoTo, Pass},
		{"a length, though it is right", "d=example.org; l=4; c=simple; h=from", "From: lena@example.org\r\n", "Hi\r\n", twoTo, Fail},
		{"a length of nothing", "d=example.org; l=0; c=simple; h=from", "From: lena@example.org\r\n", "", twoTo, Fail},
		{"no name", "d=example.org; c=simple; h=", "", "Hi\r\n", twoTo, Neutral},
	}
	for _, tt := range tests {
		for _, k := range testKeys() {
			got := verify(t, newZone(), signed(t, k, tt.tags, tt.covered, tt.body)+tt.message)
			if len(got) != 1 || got[0].Result != tt.want || got[0].Domain != "example.org" {
				t.Errorf("%s, %s: %+v, want %s", tt.name, k.selector, got, tt.want)
			}
		}
	}
}

// TestIdentitiesOfStrictKeys: with t=s a key speaks for its own domain only. RFC 6376 §3.6.1.
func TestIdentitiesOfStrictKeys(t *testing.T) {
	t.Parallel()
	k := testKeys()[1]
	z := newZone()
	z.txt[k.selector+"._domainkey.example.org"] = []string{k.record + "; t=s"}
	for identity, want := range map[string]Result{"": Pass, "i=@example.org; ": Pass, "i=Lena@EXAMPLE.org; ": Pass, "i=lena@sub.example.org; ": PermError} {
		message := signed(t, k, "d=example.org; "+identity+"c=simple; h=from", "From: lena@example.org\r\n", "Hi\r\n") + "From: lena@example.org\r\n\r\nHi\r\n"
		if got := verify(t, z, message); got[0].Result != want {
			t.Errorf("%q: %+v, want %s", identity, got, want)
		}
	}
}

// TestWhenSignaturesHold: to the second, with what clocks may differ by. RFC 6376 §3.5.
func TestWhenSignaturesHold(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	for _, tt := range []struct {
		name, t, x string
		want       string // part of the reason, "" if it holds
	}{
		{"no times", "-", "-", ""},
		{"of now", at(0), at(0), ""},
		{"as far ahead as clocks are", at(clockSkew), "-", ""},
		{"a second further", at(clockSkew + time.Second), "-", "future"},
		{"as long ago as clocks are", "-", at(-clockSkew), ""},
		{"a second longer", "-", at(-clockSkew - time.Second), "expired"},
		{"of the future, and never valid", at(time.Hour), at(0), "future"},
		{"over before it begins", at(-time.Minute), at(-2 * time.Minute), "before"},
		{"from the beginning", "0", "-", ""},
		{"12 digits", "-", "999999999999", ""},
		{"13 digits", "-", "9999999999999", "x= is no time"},
		{"negative", "-1", "-", "t= is no time"},
		{"empty", "-", "", "x= is no time"},
		{"a fraction", "-", "1.5", "x= is no time"},
		{"hexadecimal", "0x10", "-", "t= is no time"},
	} {
		tags := map[string]string{}
		for name, text := range map[string]string{"t": tt.t, "x": tt.x} {
			if text != "-" {
				tags[name] = text
			}
		}
		var s signature
		bad := s.times(tags, now)
		if (bad == nil) != (tt.want == "") || bad != nil && !strings.Contains(bad.reason, tt.want) {
			t.Errorf("%s: %+v, want %q", tt.name, bad, tt.want)
		}
	}
}

// TestKeyRecords: tags of a key. RFC 6376 §3.6.1, RFC 8301 §3.2, RFC 8463 §4.
func TestKeyRecords(t *testing.T) {
	t.Parallel()
	const ed = "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
	sized := func(bits int) string {
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		return "p=" + base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}))
	}
	spki, err := x509.MarshalPKIXPublicKey(testKeys()[1].private.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		record string
		want   string // part of the fault, "" if the key is good
	}{
		{"k=ed25519; " + ed, ""}, {"v=DKIM1; k=ed25519; " + ed + ";", ""}, {"v=DKIM1 ; k = ed25519 ; " + ed + " ; ", ""}, {"v=DKIM1;k=ed25519;" + ed + ";n=a note;g=*;zz=", ""},
		{"k=ed25519; p=11qYAYKxCrfVS/7Ty\r\n\t WQHOg7hcvPapiMlrwIaaPcHURo =", ""},
		{"k=ed25519; h=sha256; " + ed, ""}, {"k=ed25519; h=sha1:sha256; " + ed, ""}, {"k=ed25519; h= sha512 : sha256 ; " + ed, ""}, {"k=ed25519; h=sha1; " + ed, "not for sha256"},
		{"k=ed25519; h=sha2567; " + ed, "not for sha256"}, {"k=ed25519; h=; " + ed, "not for sha256"},
		{"k=ed25519; s=*; " + ed, ""}, {"k=ed25519; s=email; " + ed, ""}, {"k=ed25519; s=tlsrpt : email; " + ed, ""}, {"k=ed25519; s=tlsrpt; " + ed, "not for mail"}, {"k=ed25519; s=emails; " + ed, "not for mail"},
		{"k=ed25519; t=y; " + ed, ""}, {"k=ed25519; t=zz:y; " + ed, ""},
		{"v=DKIM2; k=ed25519; " + ed, "another version"}, {"v=dkim1; k=ed25519; " + ed, "another version"}, {"v=; k=ed25519; " + ed, "another version"},
		{"k=ed25519; p=", "revoked"}, {"k=ed25519; p= \t ", "revoked"}, {"k=ed25519", "revoked"}, {"k=ed25519; P=x", "revoked"}, {"", "revoked"},
		{"k=ed25519; p=????", "not base64"}, {"k=ed25519; p=11qY", "wrong size"}, {"k=ed25519; p=" + base64.StdEncoding.EncodeToString(spki), "wrong size"},
		{"k=ed25519; " + ed + "; " + ed, "cannot be read"}, {"k=ed25519; k=ed25519; " + ed, "cannot be read"}, {"k=ed25519;; " + ed, "cannot be read"}, {"just text", "cannot be read"},
		{"k=ed448; " + ed, "unknown kind"}, {ed, "no RSA key"}, {"k=rsa; p=" + base64.StdEncoding.EncodeToString(spki), "no RSA key"},
		{sized(minKeyBits), ""}, {sized(minKeyBits - 1), "1023 bits is too short"}, {sized(512), "512 bits is too short"}, {"k=rsa; " + sized(2048), ""},
		{sized(maxKeyBits), ""}, {sized(maxKeyBits + 1), "8193 bits is too long"},
	} {
		k, err := parseKey(tt.record)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.80q: %+v, %v, want %q", tt.record, k, err, tt.want)
		}
	}
	for flags, exact := range map[string]bool{"s": true, "y:s": true, " s : y ": true, "y": false, "": false, "S": false, "ss": false} {
		if k, err := parseKey("k=ed25519; t=" + flags + "; " + ed); err != nil || k.exact != exact {
			t.Errorf("t=%s: %v, %v, want %v", flags, k.exact, err, exact)
		}
	}
}

// TestEd25519OfTheRFC: the keys of RFC 8032 §7.1, which RFC 8463 takes its own from, sign what we compute for them.
func TestEd25519OfTheRFC(t *testing.T) {
	t.Parallel()
	seed, err := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	if err != nil {
		t.Fatal(err)
	}
	k := testKey{"brisbane", ed25519.NewKeyFromSeed(seed), ""}
	z := rfcZone()
	z.txt["brisbane._domainkey.example.org"] = z.txt["brisbane._domainkey.football.example.com"]
	message := signed(t, k, "d=example.org; c=relaxed/relaxed; h=from", "from:lena@example.org\r\n", "Hi\r\n") + "From: lena@example.org\r\n\r\nHi\r\n"
	if got := verify(t, z, message); got[0].Result != Pass || got[0].Algorithm != "ed25519" || got[0].Bits != 256 || got[0].Reason != "" {
		t.Errorf("%+v", got)
	}
	i := strings.Index(message, " b=") + len(" b=")
	for name, value := range map[string]string{
		"nothing": "", "half": message[i : i+44], "zeros": base64.StdEncoding.EncodeToString(make([]byte, ed25519.SignatureSize)), "of RSA's size": base64.StdEncoding.EncodeToString(make([]byte, 256)),
	} {
		end := i + strings.Index(message[i:], "\r\n")
		if got := verify(t, z, message[:i]+value+message[end:]); got[0].Result == Pass {
			t.Errorf("%s for a signature: %+v", name, got)
		}
	}
}

// TestTagLists: what is a list of tags, and what is none. RFC 6376 §3.2.
func TestTagLists(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a=1": "1", "a=1;": "1", " a = 1 ; \r\n\t": "1", "b=2;a=1": "1", "a==1": "=1", "a=": "", "A=2; a=1": "1", "a=1\r\n 2": "1\r\n 2", "a_1=x; a=y": "y",
		"": "none", ";": "error", "a": "error", "=1": "error", "a=1;;b=2": "error", "a=1; a=1": "error", "1a=1": "error", "_a=1": "error", "a b=1": "error", "\u00e4=1": "error", "a=1; b": "error",
		"b=b=": "none", "a=1" + manyTags(maxTags-1): "1", "a=1" + manyTags(maxTags): "error",
	} {
		tags, err := parseTags(in)
		got, ok := tags["a"]
		switch {
		case err != nil:
			got = "error"
		case !ok:
			got = "none"
		}
		if got != want {
			t.Errorf("parseTags(%.40q) has a=%q, want %q", in, got, want)
		}
	}
}

// manyTags are n more tags.
func manyTags(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("; t" + strconv.Itoa(i) + "=x")
	}
	return b.String()
}
