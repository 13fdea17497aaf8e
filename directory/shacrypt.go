package directory

import (
	"crypto/sha512"
	"fmt"
	"strconv"
	"strings"
)

// SHA-512-crypt, Ulrich Drepper's scheme of 2007 (https://www.akkadia.org/drepper/SHA-crypt.txt), for
// hashes that come from /etc/shadow, LDAP or other school servers. Verified only, never made.

const (
	cryptAlphabet      = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	cryptDefaultRounds = 5000
	cryptMinRounds     = 1000
	cryptSaltMax       = 16
	cryptSumChars      = 86
)

// parseSHA512Crypt reads $6$[rounds=N$]SALT$SUM.
func parseSHA512Crypt(s string) (storedHash, error) {
	h := storedHash{kind: sha512CryptHash, rounds: cryptDefaultRounds}
	rest := strings.TrimPrefix(s, "$6$")
	if after, ok := strings.CutPrefix(rest, "rounds="); ok {
		number, tail, ok := strings.Cut(after, "$")
		n, err := strconv.ParseUint(number, 10, 32)
		if !ok || err != nil || n > maxCryptRounds {
			return storedHash{}, fmt.Errorf("SHA-512-crypt rounds: %w", errHash)
		}
		h.rounds, rest = max(int(n), cryptMinRounds), tail
	}
	salt, sum, ok := strings.Cut(rest, "$")
	if !ok || len(sum) != cryptSumChars {
		return storedHash{}, fmt.Errorf("SHA-512-crypt: %w", errHash)
	}
	h.salt, h.sum = []byte(salt[:min(len(salt), cryptSaltMax)]), []byte(sum)
	return h, nil
}

// sha512Crypt returns the 86 characters of the sum. The letters are the steps of the specification.
func sha512Crypt(secret, salt []byte, rounds int) []byte {
	alt := sha512.New() // B
	alt.Write(secret)
	alt.Write(salt)
	alt.Write(secret)
	b := alt.Sum(nil)

	main := sha512.New() // A
	main.Write(secret)
	main.Write(salt)
	main.Write(repeatTo(b, len(secret)))
	for n := len(secret); n > 0; n >>= 1 {
		if n&1 != 0 {
			main.Write(b)
		} else {
			main.Write(secret)
		}
	}
	a := main.Sum(nil)

	dp := sha512.New()
	for range secret {
		dp.Write(secret)
	}
	p := repeatTo(dp.Sum(nil), len(secret))
	ds := sha512.New()
	for range 16 + int(a[0]) {
		ds.Write(salt)
	}
	s := repeatTo(ds.Sum(nil), len(salt))
	return cryptBase64(cryptRounds(a, p, s, rounds))
}

func cryptRounds(c, p, s []byte, rounds int) []byte {
	round := sha512.New()
	for i := range rounds {
		round.Reset()
		if i&1 != 0 {
			round.Write(p)
		} else {
			round.Write(c)
		}
		if i%3 != 0 {
			round.Write(s)
		}
		if i%7 != 0 {
			round.Write(p)
		}
		if i&1 != 0 {
			round.Write(c)
		} else {
			round.Write(p)
		}
		c = round.Sum(c[:0])
	}
	return c
}

// repeatTo repeats b until it has n bytes.
func repeatTo(b []byte, n int) []byte {
	out := make([]byte, 0, n)
	for len(out) < n {
		out = append(out, b[:min(len(b), n-len(out))]...)
	}
	return out
}

// cryptBase64 encodes 64 bytes in the scheme's order: bytes i, i+21, i+42 rotate their places from group to group.
func cryptBase64(c []byte) []byte {
	out := make([]byte, 0, cryptSumChars)
	put := func(v uint32, n int) {
		for range n {
			out = append(out, cryptAlphabet[v&63])
			v >>= 6
		}
	}
	for i, at := 0, [3]int{0, 21, 42}; i < 21; i++ {
		put(uint32(c[at[0]])<<16|uint32(c[at[1]])<<8|uint32(c[at[2]]), 4)
		at = [3]int{at[1] + 1, at[2] + 1, at[0] + 1}
	}
	put(uint32(c[63]), 2)
	return out
}
