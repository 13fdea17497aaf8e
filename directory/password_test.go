package directory

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// Hashes that other programs made: OpenSSL, Perl's crypt, the argon2 reference, and sums computed by hand.
var foreignHashes = []struct{ name, secret, hash string }{
	{"SHA-512-crypt", "Hello world!", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"},
	{"SHA-512-crypt with rounds", "Hello world!", "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."},
	{"a salt that is cut at 16", "Hello world!", "$6$rounds=10000$saltstringsaltstring$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."},
	{"a long secret", "a very much longer text to encrypt.  This one even stretches over morethan one line.",
		"$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1"},
	{"fewer than 1,000 rounds count as 1,000", "the minimum number is still observed",
		"$6$rounds=10$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX."},
	{"UTF-8", "grüße", "$6$x$sCiDbTW13WG7g3O38DOHAULYvnfQGVSRbiEY4nOSyPmMSaqLBcgiaKIqeSUdKW7z48F01Rn8Tqh3uvl53opLU."},
	{"behind {CRYPT}", "grüße", "{CRYPT}$6$x$sCiDbTW13WG7g3O38DOHAULYvnfQGVSRbiEY4nOSyPmMSaqLBcgiaKIqeSUdKW7z48F01Rn8Tqh3uvl53opLU."},
	{"bcrypt", "geheim-7b", "$2b$04$abcdefghijklmnopqrstuueCDstI5Dh0zUVPdbpQyIUNzQmcxTyGe"},
	{"bcrypt as PHP writes it", "geheim-7b", "$2y$04$abcdefghijklmnopqrstuueCDstI5Dh0zUVPdbpQyIUNzQmcxTyGe"},
	{"bcrypt behind {CRYPT}", "geheim-7b", "{CRYPT}$2a$04$abcdefghijklmnopqrstuueCDstI5Dh0zUVPdbpQyIUNzQmcxTyGe"},
	{"salted SHA-1", "geheim-7b", "{SSHA}XCinXPUZgu/vo/Z8B8fYm9Bc/MhzYWx0c2FsdA=="},
	{"salted SHA-1, scheme in lower case", "geheim-7b", "{ssha}XCinXPUZgu/vo/Z8B8fYm9Bc/MhzYWx0c2FsdA=="},
}

func TestForeignHashes(t *testing.T) {
	for _, tt := range foreignHashes {
		t.Run(tt.name, func(t *testing.T) {
			h, err := parseHash(tt.hash)
			must(t, err)
			if !h.verify(tt.secret) {
				t.Errorf("%q does not match %s", tt.secret, tt.hash)
			}
			if h.verify(tt.secret + "x") {
				t.Errorf("%q matches too", tt.secret+"x")
			}
			if !h.outdated(cheap()) {
				t.Error("an imported hash is to be replaced at the next login")
			}
		})
	}
}

func TestArgon2idReference(t *testing.T) {
	h, err := parseHash("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	must(t, err)
	if !h.verify("password") || h.verify("passwords") {
		t.Error("the reference implementation's hash does not verify")
	}
	if h.outdated(DefaultHashParams()) {
		t.Error("a hash that costs more than ours is kept")
	}
}

func TestMakeHash(t *testing.T) {
	one, two := makeHash("secret-test-1", cheap()), makeHash("secret-test-1", cheap())
	if one == two {
		t.Error("two hashes of one password are equal: no salt")
	}
	h, err := parseHash(one)
	must(t, err)
	if !h.verify("secret-test-1") || h.verify("secret-test-2") || h.outdated(cheap()) || !h.outdated(DefaultHashParams()) {
		t.Errorf("%s does not work as made", one)
	}
}

// What an unknown login is compared with costs as much as a hash that was made, and nothing matches it.
func TestDummy(t *testing.T) {
	one, err := newDummy(cheap())
	must(t, err)
	two, err := newDummy(cheap())
	must(t, err)
	made, err := parseHash(makeHash("secret-test-1", cheap()))
	must(t, err)
	if one.kind != made.kind || one.params != made.params || len(one.salt) != len(made.salt) || len(one.sum) != len(made.sum) {
		t.Errorf("the dummy %+v is of another kind than %+v", one, made)
	}
	if bytes.Equal(one.sum, two.sum) || bytes.Equal(one.salt, two.salt) || one.verify("") || one.verify("secret-test-1") {
		t.Error("the dummy can be known")
	}
	if _, err := newDummy(HashParams{MemoryKiB: maxArgonMemoryKiB + 1, Time: 1, Threads: 1}); err == nil {
		t.Error("costs beyond the limits were taken")
	}
}

func TestParseHashRefuses(t *testing.T) {
	tests := []struct{ name, in string }{
		{"nothing", ""},
		{"plain text", "secret-test-1"},
		{"an unknown scheme", "{MD5}rL0Y20zC+Fzt72VPzMSk2A=="},
		{"MD5-crypt", "$1$abc$def"},
		{"another version", "$argon2id$v=16$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
		{"argon2i", "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
		{"memory for an attack", "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
		{"time for an attack", "$argon2id$v=19$m=8,t=4000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
		{"no time", "$argon2id$v=19$m=8,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
		{"256 threads", "$argon2id$v=19$m=8,t=1,p=256$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
		{"costs in another order", "$argon2id$v=19$t=1,m=8,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
		{"an empty sum matches everything", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$"},
		{"SSHA without salt", "{SSHA}XCinXPUZgu/vo/Z8B8fYm9Bc/Mg="},
		{"bcrypt that would take minutes", "$2b$20$abcdefghijklmnopqrstuueCDstI5Dh0zUVPdbpQyIUNzQmcxTyGe"},
		{"bcrypt cut short", "$2b$04$abcdefghijklmnopqrstuueCDstI5Dh0zUV"},
		{"SHA-512-crypt for an attack", "$6$rounds=999999999$x$" + strings.Repeat("a", 86)},
		{"SHA-512-crypt cut short", "$6$x$abc"},
		{"endless", "{SSHA}" + strings.Repeat("a", 100000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if h, err := parseHash(tt.in); err == nil {
				t.Errorf("parseHash(%.60q) = %+v, want an error", tt.in, h)
			}
		})
	}
}

func TestCheckPassword(t *testing.T) {
	tests := []struct {
		name, secret string
		ok           bool
	}{
		{"a good one", "correct horse", true},
		{"umlauts count as one character each", "äöüäöüäß", true},
		{"too short", "short-1", false},
		{"too long", strings.Repeat("ab", 65), false},
		{"the login", "annaschmidt", false},
		{"the login with a year", "AnnaSchmidt2027!", false},
		{"the name", "Anna Schmidt", false},
		{"one character again and again", "aaaaaaaaaa", false},
		{"one that everyone tries", "Passwort123", false},
		{"a word and a year", "Sommer2027!", false},
		{"a word and a class", "schule-7b", true},
		{"a word in figures", "P@ssw0rt", false},
		{"figures and a number", "pa55w0rd99", false},
		{"a word twice", "hallohallo", false},
		{"a word twice with numbers", "1testtest1", false},
		{"a row of keys", "1qay2wsx", false},
		{"umlauts", "Frühling26", false},
		{"capitals", "SCHALKE04", false},
		{"a run upwards", "34567890", false},
		{"a run downwards", "9876543210", false},
		{"a pattern", "121212121212", false},
		{"a birthday", "24122011", false},
		{"a birthday, year first", "20111224", false},
		{"a birthday with marks", "24122011!", false},
		{"digits without a pattern", "84739162", true},
		{"a common word within others", "mein Hund heißt Bello", true},
		{"two common words", "hund-katze", true},
		{"a sentence of common words", "hallo schule test", true},
		{"a control character", "secret\x00test", false},
		{"invalid UTF-8", "secret-\xff-test", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := checkPassword(tt.secret, "annaschmidt", "Anna Schmidt"); (err == nil) != tt.ok {
				t.Errorf("checkPassword(%q) = %v, want ok %v", tt.secret, err, tt.ok)
			}
		})
	}
}

func TestGeneratedSecrets(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		p := GeneratePassword()
		if seen[p] || !regexp.MustCompile(`^[a-hjkmnp-z2-9]{5}-[a-hjkmnp-z2-9]{5}-[a-hjkmnp-z2-9]{5}$`).MatchString(p) {
			t.Fatalf("generated %q", p)
		}
		seen[p] = true
		must(t, checkPassword(p))
	}
}

func TestAppSecret(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"as shown", "abcde-fghjk-mnpqr-stuvw-xyz23", "abcdefghjkmnpqrstuvwxyz23"},
		{"without hyphens", "abcdefghjkmnpqrstuvwxyz23", "abcdefghjkmnpqrstuvwxyz23"},
		{"with spaces and capitals, as phones write", "Abcde fghjk mnpqr stuvw xyz23 ", "abcdefghjkmnpqrstuvwxyz23"},
		{"a character that none has", "abcde-fghjk-mnpqr-stuvw-xyz01", ""},
		{"one too few", "abcde-fghjk-mnpqr-stuvw-xyz2", ""},
		{"one too many", "abcde-fghjk-mnpqr-stuvw-xyz234", ""},
		{"a person's password", "secret-test-1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := appSecret(tt.in)
			if ok != (tt.want != "") || ok && got != tt.want {
				t.Errorf("appSecret(%q) = %q, %v; want %q", tt.in, got, ok, tt.want)
			}
		})
	}
}

func TestMemTotal(t *testing.T) {
	if got := memTotal("MemFree: 1 kB\nMemTotal:       25165824 kB\n"); got != 24<<30 {
		t.Errorf("memTotal = %d", got)
	}
	if got := memTotal("nothing of the kind"); got != 0 {
		t.Errorf("memTotal = %d, want 0: unknown", got)
	}
	for _, tt := range []struct {
		cores  int
		memory int64
		want   int
	}{{2, 24 << 30, 2}, {64, 1 << 30, 16}, {4, 32 << 20, 1}, {4, 0, 4}} {
		if got := hashSlots(tt.cores, tt.memory); got != tt.want {
			t.Errorf("hashSlots(%d, %d) = %d, want %d", tt.cores, tt.memory, got, tt.want)
		}
	}
}

// FuzzParseHash: no hash string makes the parser panic, and none is accepted whose costs are beyond the bounds.
func FuzzParseHash(f *testing.F) {
	for _, h := range foreignHashes {
		f.Add(h.hash)
	}
	f.Add(makeHash("x", cheap()))
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseHash(s)
		if err != nil {
			return
		}
		if h.params.MemoryKiB > maxArgonMemoryKiB || h.params.Time > maxArgonTime || h.rounds > maxCryptRounds {
			t.Fatalf("parseHash(%q) accepts %+v", s, h)
		}
		if h.kind != bcryptHash && len(h.sum) < 16 {
			t.Fatalf("parseHash(%q) has a sum of %d bytes", s, len(h.sum))
		}
		if cost, err := bcrypt.Cost([]byte(h.text)); h.kind == bcryptHash && (err != nil || cost > maxBcryptCost) {
			t.Fatalf("parseHash(%q) accepts cost %d, %v", s, cost, err)
		}
	})
}
