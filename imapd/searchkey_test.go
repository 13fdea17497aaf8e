package imapd

import (
	"fmt"
	"strings"
	"testing"

	"schulhof/mailbox"
)

// describe writes a search program in a compact form.
func describe(c *mailbox.Criteria) string {
	var inner []string
	for _, child := range c.Children {
		inner = append(inner, describe(child))
	}
	args := strings.Join(inner, " ")
	switch c.Op {
	case mailbox.And:
		return "and(" + args + ")"
	case mailbox.Or:
		return "or(" + args + ")"
	case mailbox.Not:
		return "not(" + args + ")"
	case mailbox.UIDSet:
		return "set"
	case mailbox.HasFlags:
		return fmt.Sprintf("flags(%d)", c.Flags)
	case mailbox.Header:
		return fmt.Sprintf("header(%s=%s)", c.Header, c.Text)
	case mailbox.Body, mailbox.Text:
		return fmt.Sprintf("text%d(%s)", c.Op-mailbox.Body, c.Text)
	case mailbox.EmailIDIs, mailbox.ThreadIDIs:
		return fmt.Sprintf("id(%d)", c.ID)
	}
	if !c.Date.IsZero() {
		return fmt.Sprintf("op%d(%s)", c.Op, c.Date.Format("2006-01-02"))
	}
	return fmt.Sprintf("op%d(%d)", c.Op, c.Number)
}

func TestSearchPrograms(t *testing.T) {
	deep := strings.Repeat("(", 60) + "ALL" + strings.Repeat(")", 60)
	for _, test := range []struct {
		name, in, want string
		err            string
	}{
		{"everything", "ALL", "and()", ""},
		{"a flag", "SEEN", "flags(1)", ""},
		{"a flag that is not set", "UNFLAGGED", "not(flags(4))", ""},
		{"keys are joined by and", "SEEN DELETED", "and(flags(1) flags(8))", ""},
		{"or takes two keys", "OR SEEN DRAFT", "or(flags(1) flags(16))", ""},
		{"or of groups", "OR (SEEN DRAFT) NOT ANSWERED", "or(and(flags(1) flags(16)) not(flags(2)))", ""},
		{"not of a group", "NOT (SEEN DELETED)", "not(and(flags(1) flags(8)))", ""},
		{"a sequence set", "1:5,9", "set", ""},
		{"a UID set", "UID 1:*", "set", ""},
		{"the saved result", "$", "set", ""},
		{"nothing is recent", "NEW", "not(and())", ""},
		{"so everything is old", "OLD", "and()", ""},
		{"a subject", "SUBJECT Klassenfahrt", "header(Subject=Klassenfahrt)", ""},
		{"a subject with spaces and umlauts", `SUBJECT "Fahrt nach Köln"`, "header(Subject=Fahrt nach Köln)", ""},
		{"people", "FROM a TO b CC c BCC d", "and(header(From=a) header(To=b) header(Cc=c) header(Bcc=d))", ""},
		{"any header", `HEADER Message-ID "<1@x>"`, "header(Message-ID=<1@x>)", ""},
		{"a header that is there", `HEADER X-Spam ""`, "header(X-Spam=)", ""},
		{"body and text", "BODY x TEXT y", "and(text0(x) text1(y))", ""},
		{"arrival dates", "SINCE 1-Feb-2026 BEFORE \"02-Feb-2026\" ON 3-Mar-2026",
			fmt.Sprintf("and(op%d(2026-02-01) op%d(2026-02-02) op%d(2026-03-03))", mailbox.Since, mailbox.Before, mailbox.On), ""},
		{"saved dates", "SAVEDSINCE 1-Feb-2026", fmt.Sprintf("op%d(2026-02-01)", mailbox.SavedSince), ""},
		{"sizes", "LARGER 5 SMALLER 9", fmt.Sprintf("and(op%d(5) op%d(9))", mailbox.Larger, mailbox.Smaller), ""},
		{"ages", "OLDER 60 YOUNGER 3600", fmt.Sprintf("and(op%d(60) op%d(3600))", mailbox.Older, mailbox.Younger), ""},
		{"a modseq", "MODSEQ 620162338", fmt.Sprintf("op%d(620162338)", mailbox.ModSeqAtLeast), ""},
		{"a modseq of one flag", `MODSEQ "/flags/\\Draft" all 620162338`, fmt.Sprintf("op%d(620162338)", mailbox.ModSeqAtLeast), ""},
		{"an email id", "EMAILID M1f", "id(31)", ""},
		{"a thread id", "THREADID T10", "id(16)", ""},
		{"an id of another kind matches nothing", "EMAILID T10", "not(and())", ""},
		{"saved dates are supported", "SAVEDATESUPPORTED", "and()", ""},
		{"names in any case", "or seen unSeen", "or(flags(1) not(flags(1)))", ""},
		{"no unknown key", "COLOUR", "", `unknown search key "COLOUR"`},
		{"no key without its argument", "SUBJECT", "", ""},
		{"no or with one key", "OR SEEN", "", ""},
		{"no group left open", "(SEEN", "", ""},
		{"no group closed twice", "SEEN)", "", ""},
		{"no empty group", "()", "", ""},
		{"no date that does not exist", "ON 31-Feb-2026", "", ""},
		{"no endless nesting", deep, "", "nested deeper"},
		{"no endless negation", strings.Repeat("NOT ", 60) + "SEEN", "", "nested deeper"},
		{"no endless program", strings.Repeat("SEEN ", 5000) + "SEEN", "", "more than"},
		{"no age of zero", "OLDER 0", "", "above zero"},
		{"no invalid UTF-8", "SUBJECT \"\xff\"", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := parserOf(t, test.in)
			keys := searchKeys{c: &conn{}, p: p}
			got := describe(keys.program())
			err := p.end()
			if test.want == "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("program(%.60q) = %.100s, %v; want an error with %q", test.in, got, err, test.err)
				}
				return
			}
			if err != nil || got != test.want {
				t.Errorf("program(%q) = %s, %v; want %s", test.in, got, err, test.want)
			}
		})
	}
}

func TestObjectIDs(t *testing.T) {
	for in, want := range map[string]int64{"M1": 1, "Mff": 255, "M": 0, "": 0, "T1": 0, "MG": 0, "M-1": 0, "M7fffffffffffffff": 1<<63 - 1, "Mffffffffffffffff": 0, "M10000000000000000": 0} {
		got, ok := parseObjectID(in, 'M')
		if ok != (want > 0) || ok && got != want {
			t.Errorf("parseObjectID(%q) = %d, %v, want %d", in, got, ok, want)
		}
	}
}

func TestFormatUIDs(t *testing.T) {
	for want, in := range map[string][]mailbox.UID{"": nil, "7": {7}, "1:3": {1, 2, 3}, "1,3": {1, 3}, "1:2,4:6,9": {1, 2, 4, 5, 6, 9}, "4294967294:4294967295": {1<<32 - 2, 1<<32 - 1}} {
		if got := formatUIDs(in); got != want {
			t.Errorf("formatUIDs(%v) = %s, want %s", in, got, want)
		}
	}
}

func FuzzSearchProgram(f *testing.F) {
	for _, seed := range []string{"ALL", "OR (SEEN 1:5) NOT UID 7:*", `SUBJECT "x y" MODSEQ "/flags/x" all 5`, "SINCE 1-Feb-2026 LARGER 5", "((((ALL))))", "HEADER a {3}\r\nabc", "$ EMAILID M1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p := parserOf(t, in)
		keys := searchKeys{c: &conn{}, p: p}
		if c := keys.program(); c == nil || keys.depth != 0 {
			t.Errorf("program(%q) = %v, depth %d", in, c, keys.depth)
		}
		p.end()
	})
}

func FuzzFetchItems(f *testing.F) {
	for _, seed := range []string{"ALL", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (To From)]<0.10>)", "BINARY.SIZE[1.2]", "PREVIEW (LAZY)", "(BODY[1.MIME] RFC822.TEXT)", `BODY[HEADER.FIELDS.NOT ("a" "b\"")]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var plan fetchPlan
		p := parserOf(t, in)
		p.fetchItems(&plan)
		p.fetchModifiers(&plan)
		if p.end() == nil && len(plan.items) == 0 {
			t.Errorf("fetchItems(%q) was accepted and fetches nothing", in)
		}
	})
}

// What a section is called in an answer is read back as the same section.
func FuzzSection(f *testing.F) {
	for _, seed := range []string{"[]", "[1.2.HEADER]", "[HEADER.FIELDS (a b)]<1.2>", "[1.MIME]", "[TEXT]<0.1>", `[HEADER.FIELDS ("(")]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p := parserOf(t, in)
		s := p.section("", false, true)
		if p.end() != nil {
			return
		}
		label := s.label
		if s.partial {
			label = strings.TrimSuffix(label, ">") + ".1>"
		}
		again := parserOf(t, label)
		if got := again.section("", false, true); again.end() != nil || got.label != s.label {
			t.Errorf("section(%q) is called %q, which reads back as %q, %v", in, s.label, got.label, again.end())
		}
	})
}
