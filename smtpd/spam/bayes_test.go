package spam

import (
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"schulhof/directory"

	"pgregory.net/rapid"
)

// chi2 against the closed forms of small n, and a value of the tables.
func TestChi2(t *testing.T) {
	t.Parallel()
	for _, x := range []float64{0, 0.5, 3, 20, 800, 5000} {
		m := x / 2
		for n, want := range map[int]float64{2: math.Exp(-m), 4: math.Exp(-m) * (1 + m), 6: math.Exp(-m) * (1 + m + m*m/2)} {
			if got := chi2(x, n); math.Abs(got-want) > 1e-12 {
				t.Errorf("chi2(%v, %d) = %v, want %v", x, n, got, want)
			}
		}
	}
	if got := chi2(18.307, 10); math.Abs(got-0.05) > 1e-5 {
		t.Errorf("chi2(18.307, 10) = %v, want 0.05", got)
	}
}

func TestProbability(t *testing.T) {
	t.Parallel()
	taught := counts{spam: 20, ham: 10}
	for _, tt := range []struct {
		name string
		word counts
		want float64
	}{
		{"never seen", counts{}, 0.5},
		{"in all of both", counts{20, 10}, 0.5},
		{"only unwanted", counts{10, 0}, 0.9785},
		{"only unwanted, once", counts{1, 0}, 0.8448},
		{"only wanted", counts{0, 5}, 0.0413},
		{"twice as often, of twice as many", counts{4, 2}, 0.5},
		{"forgotten and taken back", counts{-1, 0}, 0.5},
	} {
		if got := probability(tt.word, taught); math.Abs(got-tt.want) > 1e-4 {
			t.Errorf("%s: %.4f, want %.4f", tt.name, got, tt.want)
		}
	}
}

func TestCombine(t *testing.T) {
	t.Parallel()
	many := func(n int, p float64) []float64 { return slices.Repeat([]float64{p}, n) }
	for _, tt := range []struct {
		name  string
		words []float64
		low   float64
		high  float64
	}{
		{"nothing", nil, 0.5, 0.5},
		{"words that say nothing", many(200, 0.55), 0.5, 0.5},
		{"one word", many(1, 0.9), 0.6, 0.95},
		{"unwanted", many(10, 0.95), 0.99, 1},
		{"wanted", many(10, 0.05), 0, 0.01},
		{"much for both", slices.Concat(many(20, 0.95), many(20, 0.05)), 0.49, 0.51},
		{"the words that say most count", slices.Concat(many(400, 0.35), many(maxTelling, 0.999)), 0.99, 1},
		{"very many, very sure", many(maxTelling, 1), 1, 1},
	} {
		if got := combine(slices.Clone(tt.words)); got < tt.low || got > tt.high {
			t.Errorf("%s: %v, want %v to %v", tt.name, got, tt.low, tt.high)
		}
	}
}

// TestCombineIsFair: the index is one, its mirror image is the mirror of the words', and a word that is more suspicious never makes it smaller.
func TestCombineIsFair(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 60).Draw(t, "words")
		index := combine(slices.Clone(words))
		mirror := make([]float64, len(words))
		for i, p := range words {
			mirror[i] = 1 - p
		}
		if index < 0 || index > 1 || math.Abs(combine(mirror)-(1-index)) > 1e-6 {
			t.Fatalf("index %v, of the mirror %v", index, combine(mirror))
		}
		i := rapid.IntRange(0, len(words)-1).Draw(t, "which")
		if words[i] > 0.5+minStrength {
			words[i] = rapid.Float64Range(words[i], 1).Draw(t, "worse")
			if worse := combine(slices.Clone(words)); worse < index-1e-9 {
				t.Fatalf("more suspicious, but %v after %v", worse, index)
			}
		}
	})
}

func TestPoints(t *testing.T) {
	t.Parallel()
	for index, want := range map[float64]float64{0: -4, 0.01: -4, 0.05: -2, 0.3: 0, 0.5: 0, 0.89: 0, 0.9: 3.5, 0.99: 7.5, 1: 7.5} {
		if got := points(index); got != want {
			t.Errorf("points(%v) = %v, want %v", index, got, want)
		}
	}
}

// tokens are those of a text that comes in pieces of n bytes.
func tokens(text string, n int) []uint64 {
	t := newTokenizer()
	for len(text) > 0 {
		k := min(n, len(text))
		io.WriteString(t, text[:k])
		text = text[k:]
	}
	return t.done()
}

func TestTokens(t *testing.T) {
	t.Parallel()
	word := func(list ...string) (want []uint64) {
		for _, w := range list {
			prefix, rest, ok := strings.Cut(w, ":")
			if ok {
				prefix += ":"
			} else {
				prefix, rest = "", w
			}
			want = append(want, hash(hash(offset, prefix), rest))
		}
		return want
	}
	for _, tt := range []struct {
		name, text string
		want       []uint64
	}{
		{"nothing", "", nil},
		{"a body", "\nKlasse 7b FÄHRT am Montag,am montag!\n", word("klasse", "fährt", "montag")},
		{"a subject counts apart", "Subject: Win win prize\n\nprize\n", word("s:win", "s:prize", "prize")},
		{"who writes", "From: Lena K. <Lena.K@Mail.example.org>\nReply-To: x@y.example\n\n", word("f:lena", "f:lena.k@mail.example.org", "f:mail.example.org", "f:x@y.example", "f:y.example")},
		{"the way does not count", "Received: by mail\nX-Spam-Status: Yes\nTo: anna@school.test\n\n", nil},
		{"the end is missing", "Subject: prize", word("s:prize")},
		{"short and long", "\nab abc " + strings.Repeat("x", maxWordBytes) + " " + strings.Repeat("y", maxWordBytes+1) + " zoo", word("abc", strings.Repeat("x", maxWordBytes), "zoo")},
		{"signs at the ends", "\n--'tis-- '' ... $100", word("tis", "$100")},
	} {
		for n := range 40 {
			if got := tokens(tt.text, n+1); !slices.Equal(got, tt.want) {
				t.Errorf("%s in pieces of %d: %x, want %x", tt.name, n+1, got, tt.want)
			}
		}
	}
	var many strings.Builder
	for i := range 2 * maxTokens {
		many.WriteString("\nword" + strings.Repeat("z", i%20) + string(rune('a'+i/20%26)) + string(rune('a'+i/520)))
	}
	if n := len(tokens(many.String(), 100)); n != maxTokens {
		t.Errorf("%d tokens of a long text, want %d", n, maxTokens)
	}
}

// The same word is another number for everybody, and never negative: the columns are signed.
func TestPersonalTokens(t *testing.T) {
	t.Parallel()
	seen := map[int64]bool{}
	for owner := range directory.ID(100) {
		for word := range 100 {
			token := hash(offset, strings.Repeat("x", word))
			p := personal(token, owner)
			if p < 0 || seen[p] {
				t.Fatalf("word %d of %d: %d", word, owner, p)
			}
			seen[p] = true
		}
	}
}

// FuzzTokens: tokens are bounded, unique, and the same in whatever pieces the text comes.
func FuzzTokens(f *testing.F) {
	f.Add("Subject: a\r\nFrom: <a@b>\n\nHallo Welt", 3)
	f.Add("\n\xff\xfe ÄÖÜ "+strings.Repeat("x", 100), 1)
	f.Add("list-id: <7b.school.test>\n", 7)
	f.Add(strings.Repeat("From: ", 1000)+"\n\n"+strings.Repeat("ab ", 9), 4096)
	f.Fuzz(func(t *testing.T, text string, n int) {
		whole := tokens(text, len(text)+1)
		sorted := slices.Clone(whole)
		slices.Sort(sorted)
		if len(whole) > maxTokens || len(slices.Compact(sorted)) != len(whole) {
			t.Fatalf("%d tokens", len(whole))
		}
		if pieces := tokens(text, max(1, n%97)); !slices.Equal(whole, pieces) {
			t.Fatalf("%x in pieces, %x at once (valid UTF-8: %v)", pieces, whole, utf8.ValidString(text))
		}
	})
}
