package directory

import (
	"crypto/rand"
	"crypto/sha1" // {SSHA} of imported accounts is SHA-1; verified only
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"schulhof/store/fault"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/text/unicode/norm"
)

// HashParams are the costs of argon2id. The zero value means DefaultHashParams.
type HashParams struct {
	MemoryKiB, Time uint32
	Threads         uint8
}

// DefaultHashParams is the minimum that OWASP's password storage sheet names for argon2id.
func DefaultHashParams() HashParams { return HashParams{MemoryKiB: 19 << 10, Time: 2, Threads: 1} }

const (
	saltBytes = 16
	keyBytes  = 32
)

// hashKind is how a stored hash was made.
type hashKind uint8

const (
	argon2idHash hashKind = iota
	bcryptHash
	sshaHash
	sha512CryptHash
)

// storedHash is a parsed password hash.
type storedHash struct {
	kind   hashKind
	params HashParams // argon2id
	salt   []byte     // argon2id, {SSHA}, SHA-512-crypt
	sum    []byte     // what must come out
	text   string     // bcrypt: the whole hash
	rounds int        // SHA-512-crypt
}

var errHash = errors.New("not a password hash of a known kind")

// parseHash reads argon2id PHC strings, bcrypt ($2a$ $2b$ $2y$), {SSHA} and SHA-512-crypt ($6$), the latter
// two also behind {CRYPT}. Costs that would make one login an attack are refused.
func parseHash(s string) (storedHash, error) {
	if len(s) > maxHashBytes {
		return storedHash{}, fmt.Errorf("%d bytes: %w", len(s), errHash)
	}
	if i := strings.IndexByte(s, '}'); i > 0 && s[0] == '{' {
		switch scheme := strings.ToUpper(s[1:i]); scheme {
		case "SSHA":
			return parseSSHA(s[i+1:])
		case "CRYPT", "BLF-CRYPT", "SHA512-CRYPT", "ARGON2ID":
			s = s[i+1:]
		default:
			return storedHash{}, fmt.Errorf("scheme: %w", errHash)
		}
	}
	switch {
	case strings.HasPrefix(s, "$argon2id$"):
		return parsePHC(s)
	case strings.HasPrefix(s, "$2a$"), strings.HasPrefix(s, "$2b$"), strings.HasPrefix(s, "$2y$"):
		cost, err := bcrypt.Cost([]byte(s))
		if err != nil || cost > maxBcryptCost || len(s) != 60 {
			return storedHash{}, fmt.Errorf("bcrypt: %w", errHash)
		}
		return storedHash{kind: bcryptHash, text: s}, nil
	case strings.HasPrefix(s, "$6$"):
		return parseSHA512Crypt(s)
	}
	return storedHash{}, errHash
}

// parsePHC reads $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH.
func parsePHC(s string) (storedHash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[2] != "v=19" {
		return storedHash{}, fmt.Errorf("argon2id: %w", errHash)
	}
	h := storedHash{kind: argon2idHash}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return storedHash{}, fmt.Errorf("argon2id costs: %w", errHash)
	}
	var n [3]uint64
	for i, limit := range []uint64{maxArgonMemoryKiB, maxArgonTime, maxArgonThreads} {
		value, ok := strings.CutPrefix(costs[i], string("mtp"[i])+"=")
		v, err := strconv.ParseUint(value, 10, 32)
		if !ok || err != nil || v < 1 || v > limit {
			return storedHash{}, fmt.Errorf("argon2id costs: %w", errHash)
		}
		n[i] = v
	}
	h.params = HashParams{MemoryKiB: uint32(n[0]), Time: uint32(n[1]), Threads: uint8(n[2])}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.sum, err2 = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err := errors.Join(err1, err2); err != nil || len(h.salt) < 8 || len(h.sum) < 16 || len(h.sum) > 64 {
		return storedHash{}, fmt.Errorf("argon2id salt or sum: %w", errHash)
	}
	return h, nil
}

func parseSSHA(s string) (storedHash, error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw) <= sha1.Size {
		return storedHash{}, fmt.Errorf("{SSHA}: %w", errHash)
	}
	return storedHash{kind: sshaHash, sum: raw[:sha1.Size], salt: raw[sha1.Size:]}, nil
}

// verify reports whether secret made h. It costs what the hash's kind costs.
func (h storedHash) verify(secret string) bool {
	switch h.kind {
	case argon2idHash:
		sum := argon2.IDKey([]byte(secret), h.salt, h.params.Time, h.params.MemoryKiB, h.params.Threads, uint32(len(h.sum)))
		return subtle.ConstantTimeCompare(sum, h.sum) == 1
	case bcryptHash:
		return bcrypt.CompareHashAndPassword([]byte(h.text), []byte(secret)) == nil
	case sshaHash:
		sum := sha1.Sum(append([]byte(secret), h.salt...))
		return subtle.ConstantTimeCompare(sum[:], h.sum) == 1
	case sha512CryptHash:
		return subtle.ConstantTimeCompare(sha512Crypt([]byte(secret), h.salt, h.rounds), h.sum) == 1
	}
	return false
}

// outdated reports whether the hash should be made anew with want at the next login.
func (h storedHash) outdated(want HashParams) bool {
	return h.kind != argon2idHash || h.params.MemoryKiB < want.MemoryKiB || h.params.Time < want.Time
}

// makeHash hashes secret with a fresh salt into a PHC string.
func makeHash(secret string, p HashParams) string {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails (crypto/rand ends the program instead)
	return formatPHC(p, salt, argon2.IDKey([]byte(secret), salt, p.Time, p.MemoryKiB, p.Threads, keyBytes))
}

func formatPHC(p HashParams, salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.MemoryKiB, p.Time, p.Threads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// newDummy is a hash that costs what p says to compare with and that no secret is known for: its sum is random, and never was computed.
func newDummy(p HashParams) (storedHash, error) {
	random := make([]byte, saltBytes+keyBytes)
	rand.Read(random)
	return parseHash(formatPHC(p, random[:saltBytes], random[saltBytes:]))
}

// normalizeSecret brings what people type to one form: some systems send ü as u and a mark (RFC 8265 §4.2, OpaqueString).
func normalizeSecret(s string) string {
	if isASCII(s) {
		return s
	}
	return norm.NFC.String(s)
}

// checkPassword refuses new passwords that are too short, too long, or the first that anyone tries. names are the login and the person's names.
func checkPassword(secret string, names ...string) error {
	n := utf8.RuneCountInString(secret)
	if n < MinPassword || n > MaxPassword || !utf8.ValidString(secret) {
		return fault.New(fault.Invalid, "a password has %d to %d characters", MinPassword, MaxPassword)
	}
	if strings.ContainsFunc(secret, unicode.IsControl) {
		return fault.New(fault.Invalid, "a password has no control characters")
	}
	folded := FoldName(secret)
	for _, name := range names {
		if name != "" && strings.Trim(folded, "0123456789!?.") == FoldName(name) {
			return fault.New(fault.Invalid, "the password is the person's name")
		}
	}
	if isCommon(folded) {
		return fault.New(fault.Invalid, "the password is one of the first that anyone tries")
	}
	return nil
}

// passwordAlphabet leaves out what looks alike in print.
const passwordAlphabet = "abcdefghjkmnpqrstuvwxyz23456789"

// GeneratePassword makes a password that can be read out and typed: three groups of five, 74 bits.
func GeneratePassword() string { return randomGroups(3, 5) }

// randomGroups draws groups of characters of passwordAlphabet, joined by hyphens.
func randomGroups(groups, size int) string {
	out := make([]byte, 0, groups*(size+1))
	for len(out) < groups*(size+1) {
		var buf [64]byte
		rand.Read(buf[:])
		for _, c := range buf {
			if c >= 248 || len(out) == groups*(size+1) { // 248 = 8 × 31: no character is likelier
				continue
			}
			out = append(out, passwordAlphabet[c%31])
			if len(out)%(size+1) == size {
				out = append(out, '-')
			}
		}
	}
	return string(out[:len(out)-1])
}
