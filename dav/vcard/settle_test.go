package vcard

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// once are the properties of which a card has one, whatever they are called in a version.
var once = map[string]string{"BDAY": "BDAY", "GEO": "GEO", "TZ": "TZ", "REV": "REV", "KIND": "KIND", "X-ADDRESSBOOKSERVER-KIND": "KIND", "X-ABSHOWAS": "KIND",
	"GENDER": "GENDER", "X-GENDER": "GENDER", "ANNIVERSARY": "ANNIVERSARY", "X-ABDATE": "ANNIVERSARY"}

// drawCard draws a card of a version from lines that programs write, in any order; groups of lines stay together.
func drawCard(t *rapid.T, version string) []byte {
	var parts []string
	for _, c := range conversions {
		part := c.v3
		if version == Version4 {
			part = c.v4
		}
		if !c.ofPerson && part != "" && !(version == Version3 && c.only == "3") {
			parts = append(parts, part)
		}
	}
	lines := []string{"VERSION:" + version, "UID:1", "FN:Anna Schmidt", "N:Schmidt;Anna;;;"}
	seen := map[string]bool{}
	for i, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(parts)-1), 0, 6, rapid.ID).Draw(t, "parts") {
		part := strings.Split(strings.ReplaceAll(parts[n], "item", fmt.Sprint("item", i)), "\n") // no two parts share a group
		name := strings.ToUpper(part[0][:strings.IndexAny(part[0], ":;")])
		name = name[strings.IndexByte(name, '.')+1:]
		if single := once[name]; single != "" {
			if seen[single] {
				continue
			}
			seen[single] = true
		}
		lines = append(lines, part...)
	}
	return object(lines...)
}

// TestConversionsSettle: a card that a client took in one version and sends back in it has lost nothing that the other version could say: the
// way there, back and there again ends where it was.
func TestConversionsSettle(t *testing.T) {
	for _, way := range [][2]string{{Version3, Version4}, {Version4, Version3}} {
		t.Run("from "+way[0], func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				stored := drawCard(t, way[0])
				there := mustRead(t, stored).Convert(way[1])
				back := mustRead(t, there).Convert(way[0])
				again := mustRead(t, back).Convert(way[1])
				if renumbered(there) != renumbered(again) {
					t.Fatalf("stored\n%s\nthere\n%s\nback\n%s\nand there again\n%s", stored, there, back, again)
				}
				if before, after := mustRead(t, stored).Members(), mustRead(t, back).Members(); !slices.Equal(before, after) {
					t.Fatalf("the members %q came back as %q", before, after)
				}
			})
		})
	}
}

var itemNumber = regexp.MustCompile(`(?m)^item\d+\.`)

// renumbered names the groups of Apple's pairs of lines by their order: which number a group has says nothing.
func renumbered(card []byte) string {
	names := map[string]string{}
	return itemNumber.ReplaceAllStringFunc(string(card), func(old string) string {
		if names[old] == "" {
			names[old] = fmt.Sprintf("item%d.", len(names)+1)
		}
		return names[old]
	})
}

func mustRead(t *rapid.T, b []byte) *Card {
	c, err := Parse(b)
	if err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
	return c
}
