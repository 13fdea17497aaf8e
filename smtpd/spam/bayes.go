package spam

import (
	"cmp"
	"math"
	"slices"
)

// counts is how many messages a person has taught, or in how many of them a word stood.
type counts struct{ spam, ham int64 }

// enough reports whether what a person taught says anything: a few messages of each kind at least.
func (c counts) enough() bool { return c.spam >= minTaught && c.ham >= minTaught }

// probability is how likely a message with this word is unwanted: Robinson's f(w), which believes a word the more the oftener it was seen.
// G. Robinson, "A statistical approach to the spam problem", Linux Journal, 2003.
func probability(word, taught counts) float64 {
	const strength, unknown = 0.45, 0.5 // what a word that was never seen is worth, and how much
	spam := float64(max(word.spam, 0)) / float64(max(taught.spam, 1))
	ham := float64(max(word.ham, 0)) / float64(max(taught.ham, 1))
	n := float64(max(word.spam, 0) + max(word.ham, 0))
	if n == 0 || spam+ham == 0 {
		return unknown
	}
	return (strength*unknown + n*spam/(spam+ham)) / (strength + n)
}

// combine makes one number of the words' probabilities by Fisher's method: near 1 for unwanted, near 0 for wanted, about a half when there
// is nothing to go by or much for both. Only the words that say most count.
func combine(words []float64) float64 {
	words = slices.DeleteFunc(words, func(p float64) bool { return math.Abs(p-0.5) < minStrength })
	if len(words) == 0 {
		return 0.5
	}
	if len(words) > maxTelling {
		slices.SortFunc(words, func(a, b float64) int { return cmp.Compare(math.Abs(b-0.5), math.Abs(a-0.5)) })
		words = words[:maxTelling]
	}
	var wanted, unwanted float64
	for _, p := range words {
		p = min(max(p, leastProbability), 1-leastProbability)
		unwanted -= 2 * math.Log(1-p)
		wanted -= 2 * math.Log(p)
	}
	n := 2 * len(words)
	return (1 + chi2(wanted, n) - chi2(unwanted, n)) / 2
}

// chi2 is the probability that a sum of n squares of normal values is at least x; n is even.
func chi2(x float64, n int) float64 {
	m := x / 2
	term := math.Exp(-m)
	sum := term
	for i := 1; i < n/2; i++ {
		term *= m / float64(i)
		sum += term
	}
	return min(sum, 1)
}

// points is what a person's judgement adds to the score. One who has taught enough gets what they taught: it alone sends a message to Junk,
// or keeps one out of there that is not much above the threshold.
func points(index float64) float64 {
	switch {
	case index >= 0.99:
		return 7.5
	case index >= 0.9:
		return 3.5
	case index <= 0.01:
		return -4
	case index <= 0.1:
		return -2
	}
	return 0
}
