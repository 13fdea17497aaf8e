package message

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// i;unicode-casemap (RFC 5051): what people take for the same is found, what they take for different is not.
func TestFoldFinds(t *testing.T) {
	same := [][2]string{
		{"Müller", "MÜLLER"}, {"mu\u0308ller", "müller"}, {"Ångström", "A\u030angstro\u0308m"}, {"ΑΘΉΝΑ", "αθήνα"}, {"ПРИВЕТ", "привет"},
		{"①", "1"}, {"ｆｕｌｌ", "FULL"}, {"a\u00a0b", "a b"}, {"Ǆ", "ǆ"}, {"각", "\u1100\u1161\u11a8"}, {"é\u0323", "e\u0323\u0301"},
	}
	for _, pair := range same {
		if a, b := Fold(pair[0]), Fold(pair[1]); a != b {
			t.Errorf("%q and %q fold to %q and %q", pair[0], pair[1], a, b)
		}
	}
	for _, pair := range [][2]string{{"Muller", "Müller"}, {"a", "b"}, {"und", "ünd"}, {"1", "l"},
		{"ﬁnden", "FINDEN"}, // RFC 5051 §2 takes the capital before it takes a ligature apart
	} {
		if Fold(pair[0]) == Fold(pair[1]) {
			t.Errorf("%q and %q are the same", pair[0], pair[1])
		}
	}
}

var foldRunes = []rune("aZ09 .äÄßéÅ\u0308\u0301\u0323ﬁǆ日本각ΣςσıİıØ😀ı①")

// A text that is folded in pieces, cut where an ASCII character begins, is the same as in one piece: the index relies on it.
func TestFoldInPieces(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom(foldRunes)).Draw(rt, "text")
		whole := Fold(text)
		if !utf8.ValidString(whole) || string(AppendFold([]byte("x"), text)) != "x"+whole || SortKey(text) != whole {
			rt.Fatalf("Fold(%q) = %q", text, whole)
		}
		for i := range len(text) {
			if text[i] < utf8.RuneSelf && Fold(text[:i])+Fold(text[i:]) != whole {
				rt.Fatalf("Fold(%q) is not Fold(%q) and Fold(%q)", text, text[:i], text[i:])
			}
		}
	})
}

// Folding does not depend on the case or the composition that a text arrives in, and a part of a text folds to a part of it.
func TestFoldIgnoresCase(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("aZ09 .äÄéÅßПриветαθή日本"))).Draw(rt, "text")
		if a, b := Fold(text), Fold(strings.ToLower(text)); a != b {
			rt.Fatalf("Fold(%q) = %q, in lower case %q", text, a, b)
		}
		if again := Fold(Fold(text)); again != Fold(text) {
			rt.Fatalf("Fold(%q) = %q, and that folds to %q", text, Fold(text), again)
		}
		runes := []rune(text)
		from := rapid.IntRange(0, len(runes)).Draw(rt, "from")
		to := rapid.IntRange(from, len(runes)).Draw(rt, "to")
		if part := string(runes[from:to]); !strings.Contains(Fold(text), Fold(part)) {
			rt.Fatalf("Fold(%q) does not contain Fold(%q)", text, part)
		}
	})
}

// ASCII in capitals is given back without a copy.
func TestFoldOfCapitalsCostsNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Fold("WANDERTAG 7B") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
