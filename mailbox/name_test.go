package mailbox

import (
	"slices"
	"strings"
	"testing"

	"schulhof/store/fault"
)

func TestCleanName(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "Klasse/7b", "Klasse/7b"},
		{"INBOX in any case", "inBox", "INBOX"},
		{"below INBOX", "inbox/Rechnungen", "INBOX/Rechnungen"},
		{"merely begins like INBOX", "inboxes", "inboxes"},
		{"INBOX further down is a name", "a/inbox", "a/inbox"},
		{"composed", "Mu\u0308ller", "Müller"},
		{"blanks and wildcards are characters", "a b/100%*", "a b/100%*"},
		{"emoji", "🎒", "🎒"},
	}
	for _, tt := range tests {
		if got, err := CleanName(tt.in); err != nil || got != tt.want {
			t.Errorf("%s: CleanName(%q) = %q, %v, want %q", tt.name, tt.in, got, err, tt.want)
		}
	}
}

func TestCleanNameRefuses(t *testing.T) {
	tests := []struct{ name, in, text string }{
		{"nothing", "", "empty level"},
		{"only a delimiter", "/", "empty level"},
		{"leading delimiter", "/a", "empty level"},
		{"trailing delimiter", "a/", "empty level"},
		{"empty level inside", "a//b", "empty level"},
		{"NUL", "a\x00b", "control"},
		{"line feed", "a\nb", "control"},
		{"DEL", "a\x7f", "control"},
		{"C1 control", "a\u0085b", "control"},
		{"line separator", "a\u2028b", "control"},
		{"not UTF-8", "a\xff", "UTF-8"},
		{"long level", strings.Repeat("x", MaxLevelBytes+1), "level"},
		{"long name", strings.Repeat("x/", MaxNameBytes/2) + "xx", "longer"},
		{"deep", strings.Repeat("a/", MaxNameLevels) + "a", "levels"},
	}
	for _, tt := range tests {
		_, err := CleanName(tt.in)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.TextOf(err), tt.text) {
			t.Errorf("%s: CleanName(%q) gives %v, want fault.Invalid with %q", tt.name, tt.in, err, tt.text)
		}
	}
}

func TestParents(t *testing.T) {
	if got := parents("a/b/c"); !slices.Equal(got, []string{"a", "a/b"}) {
		t.Error(got)
	}
	if got := parents("a"); got != nil {
		t.Error(got)
	}
	if !isBelow("a/b", "a") || isBelow("ab", "a") || isBelow("a", "a") {
		t.Error("isBelow")
	}
}

func TestListOrder(t *testing.T) {
	list := []Mailbox{{Name: "a"}, {Name: "INBOX/x"}, {Name: "Z"}, {Name: "INBOX"}, {Name: "A/b"}, {Name: "A"}}
	slices.SortFunc(list, byName)
	var got []string
	for _, b := range list {
		got = append(got, b.Name)
	}
	if want := []string{"INBOX", "A", "A/b", "INBOX/x", "Z", "a"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestFoldNameIgnoresCase(t *testing.T) {
	for _, pair := range [][2]string{{"Mathe", "mathe"}, {"MÜLL", "müll"}, {"Straße", "STRASSE"}} {
		if foldName(pair[0]) != foldName(pair[1]) {
			t.Errorf("%q and %q fold apart", pair[0], pair[1])
		}
	}
}
