package message

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// RFC 5256 §2.1 step by step.
func TestBaseSubjectSteps(t *testing.T) {
	tests := []struct {
		name, in, want string
		reply          bool
	}{
		{"1: white space becomes one space", "a\t b\r\n  c", "a b c", false},
		{"2: a trailer", "a (fwd)", "a", true},
		{"2: trailers", "a (fwd) (FWD)  ", "a", true},
		{"2: only at the end", "a (fwd) b", "a (fwd) b", false},
		{"3: white space in front", " a", "a", false},
		{"3: re", "Re: a", "a", true},
		{"3: fw and fwd", "FW: Fwd: a", "a", true},
		{"3: a space before the colon", "Re : a", "a", true},
		{"3: a blob before the colon", "Re[2]: a", "a", true},
		{"3: a blob with a space", "Re [2]: a", "a", true},
		{"3: blobs in front", "[7b] [Eltern] Re: a", "a", true},
		{"3: two blobs before the colon are none", "Re[1][2]: a", "Re[1][2]: a", false},
		{"3: no colon, no reply", "Regen", "Regen", false},
		{"3: a word that begins so", "Reise: nach Rom", "Reise: nach Rom", false},
		{"4: a blob in front goes", "[7b] a", "a", false},
		{"4: blobs in front go", "[7b][x] a", "a", false},
		{"4: not the last of all", "[7b]", "[7b]", false},
		{"4: no blob in a blob", "[[7b]] a", "[[7b]] a", false},
		{"4: an open blob", "[7b a", "[7b a", false},
		{"5: again and again", "Re: [7b] Fwd: [x] Re: a", "a", true},
		{"6: forwarded as a whole", "[Fwd: a]", "a", true},
		{"6: and what is in it", "[Fwd: Re: [7b] a (fwd)]", "a", true},
		{"6: within each other", "[fwd: [FWD: a]]", "a", true},
		{"6: no end", "[Fwd: a", "[Fwd: a", false},
		{"nothing is left", "Re:", "", true},
		{"nothing at all", "", "", false},
		{"German", "AW: WG: a", "a", true},
		{"German with a blob", "[7b] AW[3]: a", "a", true},
		{"umlauts", "Re: Übung", "Übung", true},
	}
	for _, tt := range tests {
		got, reply := baseSubject(tt.in)
		if got != tt.want || reply != tt.reply {
			t.Errorf("%s: baseSubject(%q) = %q, %v, want %q, %v", tt.name, tt.in, got, reply, tt.want, tt.reply)
		}
	}
}

// What is a base subject stays one, and whatever is put around it when people answer comes off again.
func TestBaseSubjectUndoesAnswers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		subject := rapid.StringOf(rapid.SampledFrom([]rune("ab :[]()refwdRW7ü "))).Draw(rt, "subject")
		base, _ := baseSubject(subject)
		if again, reply := baseSubject(base); again != base || reply {
			rt.Fatalf("baseSubject(%q) = %q, and of that %q, %v", subject, base, again, reply)
		}
		if base == "" {
			rt.Skip("nothing to answer")
		}
		wrapped := base
		answered := false
		for range rapid.IntRange(0, 4).Draw(rt, "times") {
			form := rapid.SampledFrom([]string{"Re: %", "RE : %", "Fwd: %", "AW: %", "[7b] Re: %", "Re[2]: %", "% (fwd)", "[Fwd: %]"}).Draw(rt, "form")
			wrapped = strings.Replace(form, "%", wrapped, 1)
			answered = true
		}
		got, reply := baseSubject(wrapped)
		if !strings.ContainsAny(base, "[]") && (got != base || answered != reply) {
			rt.Fatalf("baseSubject(%q) = %q, %v, want %q, %v", wrapped, got, reply, base, answered)
		}
	})
}

func FuzzBaseSubject(f *testing.F) {
	for _, seed := range []string{"Re: [7b] Fwd: x (fwd)", "[Fwd: [Fwd: a]]", "[]", "Re[", "re:re:re:", "(fwd)(fwd)", "[fwd:]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, subject string) {
		base, reply := baseSubject(subject)
		if len(base) > len(subject) {
			t.Fatalf("baseSubject(%q) = %q is longer", subject, base)
		}
		if again, _ := baseSubject(base); again != base {
			t.Fatalf("baseSubject(%q) = %q, and of that %q", subject, base, again)
		}
		if !reply && base != subject && base != joinSpace(subject) && !strings.Contains(subject, "[") && strings.TrimSpace(subject) == subject {
			t.Fatalf("baseSubject(%q) = %q took something off, but it is no answer", subject, base)
		}
	})
}

// A subject of nothing but markers ends at once, not after a time that grows with its square.
func TestLongSubjects(t *testing.T) {
	for name, piece := range map[string]string{"answers": "Re: ", "blobs": "[a]", "forwards": "[Fwd: ", "trailers": "(fwd)", "brackets": "[", "closed": "]"} {
		text := strings.Repeat(piece, maxSubject/len(piece))
		if base, _ := baseSubject(text); len(base) > len(text) {
			t.Errorf("%s: %d bytes became %d", name, len(text), len(base))
		}
		x := parse(t, "Subject: "+strings.Repeat(piece, MaxField/len(piece))+"\r\n\r\n")
		if len(x.Headers.Subject) > maxSubject || len(x.Headers.BaseSubject) > maxSubject {
			t.Errorf("%s: a subject of %d bytes", name, len(x.Headers.Subject))
		}
	}
}

// References: which ids make the thread. RFC 5256 §3, RFC 5322 §3.6.4.
func TestReferences(t *testing.T) {
	many := func(from, to int) (list []string) {
		for i := from; i < to; i++ {
			list = append(list, "<"+strconv.Itoa(i)+"@x>")
		}
		return list
	}
	bare := func(list []string) []string {
		out := make([]string, len(list))
		for i, id := range list {
			out[i] = strings.Trim(id, "<>")
		}
		return out
	}
	tests := []struct {
		name, header string
		want         []string
	}{
		{"none", "Subject: x", nil},
		{"References", "References: <a@x> <b@x>", []string{"a@x", "b@x"}},
		{"no space between", "References: <a@x><b@x>", []string{"a@x", "b@x"}},
		{"commas", "References: <a@x>, <b@x>", []string{"a@x", "b@x"}},
		{"folded", "References: <a@x>\n <b@x>", []string{"a@x", "b@x"}},
		{"text between", "References: your mail <a@x> of today", []string{"a@x"}},
		{"In-Reply-To only without References", "References: <a@x>\nIn-Reply-To: <b@x>", []string{"a@x"}},
		{"the first of In-Reply-To", "In-Reply-To: <a@x> <b@x>", []string{"a@x"}},
		{"In-Reply-To when References is rubbish", "References: none\nIn-Reply-To: <a@x>", []string{"a@x"}},
		{"no brackets", "References: a@x b@x", nil},
		{"an id with white space is none", "References: <a b@x> <c@x>", []string{"c@x"}},
		{"an open id", "References: <a@x> <b", []string{"a@x"}},
		{"an empty id", "References: <> <a@x>", []string{"a@x"}},
		{"a bracket within", "References: <<a@x>", nil},
		{"two fields", "References: <a@x>\nReferences: <b@x>", []string{"a@x", "b@x"}},
		{"as many as are kept", "References: " + strings.Join(many(0, MaxReferences), " "), bare(many(0, MaxReferences))},
		{"more: the root and the newest", "References: " + strings.Join(many(0, MaxReferences+50), "\n "), append([]string{"0@x"}, bare(many(51, MaxReferences+50))...)},
	}
	for _, tt := range tests {
		if got := parse(t, crlf(tt.header+"\n\n")).Headers.References; !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Message-ID and List-Id, the first of each. RFC 5322 §3.6.4, RFC 2919.
func TestIdentifiers(t *testing.T) {
	tests := []struct{ name, header, id, list string }{
		{"the usual", "Message-ID: <a@x>\nList-Id: Klasse 7b <7b.school.test>", "a@x", "7b.school.test"},
		{"any case", "MESSAGE-id: <a@x>\nlist-ID: <7b.school.test>", "a@x", "7b.school.test"},
		{"white space within the brackets", "Message-ID: < a@x >", "a@x", ""},
		{"no brackets", "Message-ID: a@x\nList-Id: 7b.school.test", "", "7b.school.test"},
		{"two: the first counts", "Message-ID: <a@x>\nMessage-ID: <b@x>\nList-Id: <c>\nList-Id: <d>", "a@x", "c"},
		{"two in one", "Message-ID: <a@x> <b@x>", "a@x", ""},
		{"8-bit", "Message-ID: <\xfc@x>", "ü@x", ""},
	}
	for _, tt := range tests {
		h := parse(t, crlf(tt.header+"\n\n")).Headers
		if h.MessageID != tt.id || h.ListID != tt.list {
			t.Errorf("%s: %q and %q, want %q and %q", tt.name, h.MessageID, h.ListID, tt.id, tt.list)
		}
	}
}
