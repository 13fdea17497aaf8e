package webmail

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestLanguageOf(t *testing.T) {
	for _, tt := range []struct {
		header string
		want   language
	}{
		{"de", german}, {"de-AT,de;q=0.8,en;q=0.5", german}, {"en-US,en;q=0.9,de;q=0.8", english}, {"", english}, {"fr", english}, {"fr,de;q=0.4", german},
		{"*", english}, {"de;q=0", english}, {"x;y;z", english}, {strings.Repeat("de,", 200), english}, {"gsw", german},
	} {
		if got := languageOf(tt.header); got != tt.want {
			t.Errorf("languageOf(%.40q) = %s, want %s", tt.header, got.tag(), tt.want.tag())
		}
	}
}

// TestCatalogue: every sentence is there in both languages with the same arguments, none is missing and none is left over.
func TestCatalogue(t *testing.T) {
	verbs := regexp.MustCompile(`%(\[\d\])?[a-z%]`)
	for key, entry := range catalogue {
		if entry[german] == "" || entry[english] == "" {
			t.Errorf("%s is not there in both languages", key)
		}
		if de, en := verbs.FindAllString(entry[german], -1), verbs.FindAllString(entry[english], -1); !slices.Equal(de, en) {
			t.Errorf("%s has the arguments %v and %v", key, de, en)
		}
	}
	used := map[string]bool{}
	for _, pattern := range []string{"*.go", "pages/*.html"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", pattern, names, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || name == "catalogue.go" {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`\.[Tt](?:ext)?\(? ?"([a-z.]+)"|"((?:error|[a-z]+)\.[a-z]+)"`).FindAllStringSubmatch(string(text), -1) {
				key := m[1] + m[2]
				if _, there := catalogue[key]; there {
					used[key] = true
				} else if m[1] != "" {
					t.Errorf("%s wants %s, which is not in the catalogue", name, key)
				}
			}
		}
	}
	for key := range catalogue {
		if !used[key] {
			t.Errorf("%s is not used", key)
		}
	}
}
