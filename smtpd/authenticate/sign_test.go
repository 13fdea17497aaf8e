package authenticate

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/store/fault"

	"github.com/emersion/go-msgauth/dkim"
)

// oneRing is a keyring of example.org and list.test, made once: RSA keys take long.
var oneRing = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "keyring")
	if err != nil {
		panic(err)
	}
	k := NewKeyring(dir, func() time.Time { return now })
	for _, domain := range []string{"example.org", "list.test"} {
		if _, err := k.Rotate(domain); err != nil {
			panic(err)
		}
	}
	return dir
})

func TestMain(m *testing.M) {
	status := m.Run()
	os.RemoveAll(oneRing())
	os.Exit(status)
}

// ring is a keyring with those keys, which tests may change, at a time of their own.
func ring(t testing.TB, at *time.Time) *Keyring {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(oneRing())); err != nil {
		t.Fatal(err)
	}
	return NewKeyring(dir, func() time.Time { return *at })
}

// published is a DNS that has the records of all keys.
func published(t testing.TB, k *Keyring, domains ...string) *zone {
	t.Helper()
	z := newZone()
	for _, domain := range domains {
		keys, err := k.Keys(domain)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			z.txt[key.Name()] = []string{key.Record()}
		}
	}
	return z
}

const letter = "From: Lena <lena@example.org>\r\nTo: anna@school.test,\r\n ben@school.test\r\nSubject: Ausflug\r\nDate: Wed, 25 Nov 2026 10:00:00 +0000\r\n" +
	"Message-ID: <1@example.org>\r\nContent-Type: text/plain\r\n\r\nWir  fahren \r\nins Museum.\r\n\r\n\r\n"

func sign(t testing.TB, k *Keyring, domain, message string) string {
	t.Helper()
	fields, err := k.Sign(context.Background(), domain, strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	return string(fields) + message
}

func TestSign(t *testing.T) {
	at := now
	k := ring(t, &at)
	signed := sign(t, k, "Example.ORG", letter)
	z := published(t, k, "example.org")
	results := verify(t, z, signed)
	if len(results) != 2 || results[0].Result != Pass || results[1].Result != Pass {
		t.Fatalf("%+v, want two that pass", results)
	}
	for _, line := range strings.Split(signed, "\r\n") {
		if len(line) > 100 {
			t.Errorf("line of %d octets: %s", len(line), line)
		}
	}
	at = time.Now() // the other verifier has no clock but the machine's
	signed = sign(t, k, "example.org", letter)
	independent, err := dkim.VerifyWithOptions(strings.NewReader(signed), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		return z.LookupTXT(context.Background(), name)
	}})
	if err != nil || len(independent) != 2 {
		t.Fatalf("another verifier: %v, %v", independent, err)
	}
	for _, v := range independent {
		if v.Err != nil || v.Domain != "example.org" || v.Expiration.Sub(v.Time) != SignatureLife {
			t.Errorf("another verifier: %+v", v)
		}
	}
	if got := sign(t, k, "unknown.test", letter); got != letter {
		t.Errorf("signed without keys: %q", got)
	}
}

// Another field of a name that was signed breaks the signature, also where there was none. RFC 6376 §8.15.
func TestSignaturesLeaveNoRoom(t *testing.T) {
	at := now
	k := ring(t, &at)
	z := published(t, k, "example.org")
	signed := sign(t, k, "example.org", letter)
	for _, name := range signedFields {
		added := strings.Replace(signed, "\r\nSubject:", "\r\n"+name+": other\r\nSubject:", 1)
		for _, d := range verifyAll(t, z, added, 2) {
			if d.Result != Fail {
				t.Errorf("another %s: %s, want fail", name, d.Result)
			}
		}
	}
	for _, d := range verifyAll(t, z, strings.Replace(signed, "\r\nSubject:", "\r\nX-Mailer: x\r\nSubject:", 1), 2) {
		if d.Result != Pass {
			t.Errorf("a field that nobody shows: %s, want pass", d.Result)
		}
	}
}

// What a list says of itself is covered, RFC 8058 §4, but lists that come later may add theirs.
func TestSignaturesOfLists(t *testing.T) {
	at := now
	k := ring(t, &at)
	z := published(t, k, "example.org")
	const own = "List-Unsubscribe: <https://mail.example.org/leave/x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-Id: <7b.example.org>\r\n"
	signed := sign(t, k, "example.org", own+letter)
	for _, tt := range []struct{ name, text, want string }{
		{"as it left", signed, "pass"},
		{"leading elsewhere", strings.Replace(signed, "/leave/x", "/leave/y", 1), "fail"},
		{"without the post", strings.Replace(signed, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", "", 1), "fail"},
		{"through another list", "List-Id: <other.test>\r\nList-Unsubscribe: <mailto:x@other.test>\r\n" + signed, "pass"},
	} {
		for _, d := range verifyAll(t, z, tt.text, 2) {
			if string(d.Result) != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, d.Result, tt.want)
			}
		}
	}
	for _, d := range verifyAll(t, z, "List-Id: <other.test>\r\n"+sign(t, k, "example.org", letter), 2) {
		if d.Result != Pass {
			t.Errorf("a letter to another list: %s, want pass", d.Result)
		}
	}
}

// python verifies what we sign with another program: Debian's python3-dkim, which knows Ed25519 by python3-nacl.
func TestPythonVerifiesOurSignatures(t *testing.T) {
	const python = "/usr/bin/python3"
	if out, err := exec.Command(python, "-c", "import dkim, nacl").CombinedOutput(); err != nil {
		t.Skipf("python3-dkim and python3-nacl are not installed: %v %s", err, out)
	}
	at := time.Now()
	k := ring(t, &at)
	z := published(t, k, "example.org", "list.test")
	records, err := json.Marshal(z.txt)
	if err != nil {
		t.Fatal(err)
	}
	signed := sign(t, k, "example.org", letter)
	received := "Authentication-Results: mx.list.test; arc=none; dmarc=pass header.from=example.org\r\n" + signed
	seal, err := k.Seal(context.Background(), "list.test", "mx.list.test", strings.NewReader(received))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"dns.json": string(records), "message": string(seal) + received, "check.py": `
import dkim, json, sys
zone = json.load(open(sys.argv[1]))
def txt(name, timeout=5):
    name = (name.decode() if isinstance(name, bytes) else name).rstrip(".")
    return zone.get(name, [""])[0].encode() or None
message = open(sys.argv[2], "rb").read()
d = dkim.DKIM(message)
for i in range(2):
    print("dkim", d.verify(idx=i, dnsfunc=txt))
print("arc", dkim.ARC(message).verify(dnsfunc=txt)[0].decode())
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(python, filepath.Join(dir, "check.py"), filepath.Join(dir, "dns.json"), filepath.Join(dir, "message")).CombinedOutput()
	if want := "dkim True\ndkim True\narc pass\n"; err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant %s", err, out, want)
	}
}

func selectors(t testing.TB, k *Keyring, domain string) string {
	t.Helper()
	keys, err := k.Keys(domain)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, key := range keys {
		list = append(list, key.Selector+"="+string(key.State))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// The life of keys, and that a restart in between changes nothing.
func TestRotate(t *testing.T) {
	at := now
	k := ring(t, &at)
	step := func(what, want string, do func() error) {
		t.Helper()
		if err := do(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := selectors(t, k, "example.org"); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
		if got := selectors(t, NewKeyring(k.dir, k.now), "example.org"); got != want {
			t.Errorf("%s, after a restart: %s, want %s", what, got, want)
		}
	}
	rotate := func() error { _, err := k.Rotate("example.org"); return err }
	activate := func() error { return k.Activate("example.org") }
	retire := func() error { _, err := k.Retire("example.org"); return err }
	before := sign(t, k, "example.org", letter)
	step("the first", "20261125ed=active 20261125rsa=active", func() error { return nil })
	step("the next, on the same day", "20261125bed=next 20261125brsa=next 20261125ed=active 20261125rsa=active", rotate)
	step("again", "20261125bed=next 20261125brsa=next 20261125ed=active 20261125rsa=active", rotate)
	if got := sign(t, k, "example.org", letter); !strings.Contains(got, "s=20261125rsa;") || strings.Contains(got, "s=20261125b") {
		t.Errorf("keys that wait sign: %s", got)
	}
	at = at.Add(48 * time.Hour)
	step("published", "20261125bed=active 20261125brsa=active 20261125ed=old 20261125rsa=old", activate)
	if got := sign(t, k, "example.org", letter); !strings.Contains(got, "s=20261125brsa;") || strings.Contains(got, "s=20261125rsa;") {
		t.Errorf("old keys sign: %s", got)
	}
	for _, d := range verifyAll(t, published(t, k, "example.org"), before, 2) {
		if d.Result != Pass {
			t.Errorf("mail on its way: %+v", d)
		}
	}
	at = at.Add(SignatureLife)
	step("not yet", "20261125bed=active 20261125brsa=active 20261125ed=old 20261125rsa=old", retire)
	at = at.Add(time.Second)
	step("gone", "20261125bed=active 20261125brsa=active", retire)
	if err := activate(); !fault.Is(err, fault.NotFound) {
		t.Errorf("nothing to activate: %v", err)
	}
	if files, _ := filepath.Glob(filepath.Join(k.dir, "example.org", "*.key")); len(files) != 2 {
		t.Errorf("files left: %q", files)
	}
}

// A retirement that breaks off, here because keys.json cannot be replaced, never brings a key back that had retired.
func TestRetirementBreaksOff(t *testing.T) {
	at := now
	k := ring(t, &at)
	if _, err := k.Rotate("example.org"); err != nil {
		t.Fatal(err)
	}
	if err := k.Activate("example.org"); err != nil {
		t.Fatal(err)
	}
	at = at.Add(SignatureLife + time.Second)
	states := filepath.Join(k.dir, "example.org", statesFile)
	aside := states + ".aside"
	for _, err := range []error{os.Rename(states, aside), os.Mkdir(states, 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.Retire("example.org"); err == nil {
		t.Fatal("keys.json is a folder, but that was no error")
	}
	for _, err := range []error{os.Remove(states), os.Rename(aside, states)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const want = "20261125bed=active 20261125brsa=active"
	if got := selectors(t, NewKeyring(k.dir, k.now), "example.org"); got != want {
		t.Errorf("after a restart: %s, want %s", got, want)
	}
	if gone, err := k.Retire("example.org"); err != nil || len(gone) != 2 {
		t.Errorf("again: %v, %v", gone, err)
	}
	if got := selectors(t, k, "example.org"); got != want {
		t.Errorf("in the end: %s, want %s", got, want)
	}
}

func TestKeyringOfOddFolders(t *testing.T) {
	at := now
	k := ring(t, &at)
	folder := filepath.Join(k.dir, "example.org")
	if err := os.Remove(filepath.Join(folder, statesFile)); err != nil {
		t.Fatal(err)
	}
	if got := selectors(t, k, "example.org"); got != "20261125ed=active 20261125rsa=active" {
		t.Errorf("keys of before: %s", got)
	}
	other := filepath.Join(k.dir, "list.test")
	text, err := os.ReadFile(filepath.Join(folder, "20261125rsa.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "mine.key"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := selectors(t, k, "list.test"); !strings.Contains(got, "mine=next") {
		t.Errorf("a key that somebody put there: %s", got)
	}
	for name, content := range map[string]string{"x.key": "no key", statesFile: "[{"} {
		dir := t.TempDir()
		os.Mkdir(filepath.Join(dir, "a.test"), 0o700)
		os.WriteFile(filepath.Join(dir, "a.test", name), []byte(content), 0o600)
		if _, err := NewKeyring(dir, nil).Keys("a.test"); err == nil {
			t.Errorf("%s with %q is taken", name, content)
		}
	}
	if _, err := k.Rotate("no domain"); !fault.Is(err, fault.Invalid) {
		t.Errorf("no domain: %v", err)
	}
	if keys, err := k.Keys("../../etc"); err != nil || len(keys) != 0 {
		t.Errorf("keys of a path: %v, %v", keys, err)
	}
}
