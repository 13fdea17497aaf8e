package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestBoundsFromBothSides: the first value outside each range is refused, with the key, the value and both bounds; the ones next to it are
// taken, in the file as on the command line.
func TestBoundsFromBothSides(t *testing.T) {
	const sizes, times, counts = `"1MiB"`, `"1h"`, "1"
	tests := []struct{ key, below, low, high, above, want string }{ // "": there is no such value
		{"mail.max_size", "1048575", "1048576", `"1GiB"`, "1073741825", "want 1MiB to 1GiB"},
		{"mail.view_memory", `"1023KiB"`, `"1024KiB"`, `"4096GiB"`, `"4097GiB"`, "want 1MiB to 4TiB"},
		{"mail.max_mailboxes", "9", "10", "1000000", "1000001", "want 10 to 1000000"},
		{"mail.visible_outside", "-1", "0", "1000", "1001", "want 0 to 1000"},
		{"outgoing.port", "0", "1", "65535", "65536", "want 1 to 65535"},
		{"mta_sts.max_age", `"23h59m59s"`, `"24h"`, `"8766h"`, `"8766h0m1s"`, "want 24h0m0s to 8766h0m0s"},
		{"spam.junk", "-1", "0", "100", "101", "want 0 to 100"},
		{"spam.reject", "-1", "0", "100", "101", "want 0 to 100"},
		{"spam.greylist", "-1", "0", "100", "101", "want 0 to 100"},
		{"spam.greylist_delay", `"59s"`, `"60s"`, `"6h"`, `"6h0m0.001s"`, "want 1m0s to 6h0m0s"},
		{"reports.keep", `"23h"`, `"1440m"`, `"8766h"`, `"8767h"`, "want 24h0m0s to 8766h0m0s"},
		{"queue.lifetime", `"3599s"`, `"3600s"`, `"720h"`, `"721h"`, "want 1h0m0s to 720h0m0s"},
		{"queue.delay_notice", `"59m"`, `"1h"`, `"720h"`, `"720h1s"`, "want 1h0m0s to 720h0m0s"},
		{"queue.undo", `"-1s"`, `"0s"`, `"30s"`, `"31s"`, "want 0s to 30s"},
		{"queue.connections", "0", "1", "1000", "1001", "want 1 to 1000"},
		{"queue.per_destination", "0", "1", "100", "101", "want 1 to 100"},
		{"filters.redirects", "0", "1", "10000", "10001", "want 1 to 10000"},
		{"filters.answers", "0", "1", "10000", "10001", "want 1 to 10000"},
		{"files.max_size", "1048575", `"1MiB"`, `"1TiB"`, `"1025GiB"`, "want 1MiB to 1TiB"},
		{"files.keep", `"59m59s"`, `"1h"`, `"87600h"`, `"87600h1s"`, "want 1h0m0s to 87600h0m0s"},
		{"files.group_quota", "", "0", `"1024TiB"`, `"1025TiB"`, "want 0B to 1024TiB"},
		{"store.grace", `"59m59s"`, `"1h"`, `"87600h"`, `"87601h"`, "want 1h0m0s to 87600h0m0s"},
		{"store.min_free", "", `"0B"`, `"1024TiB"`, `"1025TiB"`, "want 0B to 1024TiB"},
		{"retention.deleted_accounts", `"23h59m"`, `"24h"`, `"87600h"`, `"87601h"`, "want 24h0m0s to 87600h0m0s"},
		{"retention.migration_copies", `"0s"`, `"1h"`, `"87600h"`, `"87601h"`, "want 1h0m0s to 87600h0m0s"},
	}
	ranged := map[string]bool{}
	for _, tt := range tests {
		ranged[tt.key] = true
		for _, value := range []string{tt.below, tt.above} {
			if value == "" {
				continue
			}
			for where, parse := range map[string]func() (*Config, error){
				"in the file":         func() (*Config, error) { return Parse(file(tt.key, value)) },
				"on the command line": func() (*Config, error) { return Parse("", tt.key+"="+value) },
			} {
				if _, err := parse(); err == nil || !strings.HasPrefix(err.Error(), tt.key+": ") || !strings.HasSuffix(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s = %s %s: %v, want one line with the key and %q", tt.key, value, where, err, tt.want)
				}
			}
		}
		for _, value := range []string{tt.low, tt.high} {
			inFile, err := Parse(file(tt.key, value))
			set, err2 := Parse("", tt.key+"="+value)
			if err != nil || err2 != nil || !cmp.Equal(inFile, set) {
				t.Errorf("%s = %s: %v in the file, %v on the command line", tt.key, value, err, err2)
			}
		}
	}
	for _, path := range allKeys() { // what is a number, a size or a time is in the table
		if section, _, _ := strings.Cut(path, "."); section == "quota" || ranged[path] {
			continue
		}
		for _, value := range []string{sizes, times, counts} {
			if _, err := Parse(file(path, value)); err == nil && !strings.Contains(keyCases()[path].hint, "text") {
				t.Errorf("%s takes %s and has no row", path, value)
			}
		}
	}
}

// TestChoices: each word of a choice is taken, as it is written; every other one is refused with all of them named, and the comment that people
// read in the file names them too.
func TestChoices(t *testing.T) {
	sample, err := Sample(Default("."))
	if err != nil {
		t.Fatal(err)
	}
	for key, words := range map[string]string{
		"server.language": "de, en", "security.allow_plaintext_auth": "never, loopback", "tls.min_version": "1.2, 1.3", "mail.visible_action": "refuse, warn",
		"mta_sts.mode": "off, none, testing, enforce", "dns.trust_ad": "loopback, always, never", "origin.dmarc": "reject, quarantine, report",
		"origin.loopback": "trust, check", "origin.new_keys": "published, age", "spam.personal": "on, off", "spam.rspamd_error": "builtin, defer",
		"spam.rspamd_submissions": "on, off", "virus.on_error": "deliver, defer", "filters.redirect_sender": "return, owner",
		"log.level": "debug, info, warn, error", "log.format": "text, json",
	} {
		section, name, _ := strings.Cut(key, ".")
		_, comment, _ := strings.Cut(sample, "["+section+"]\n")
		comment, _, _ = strings.Cut(comment, "\n"+name+" = ")
		comment = comment[strings.LastIndex(comment, "\n\n")+1:]
		for word := range strings.SplitSeq(words, ", ") {
			if _, err := Parse(file(key, `"`+word+`"`)); err != nil {
				t.Errorf("%s = %q: %v", key, word, err)
			}
			if !strings.Contains(comment, `"`+word+`"`) {
				t.Errorf("the comment of %s does not name %q:\n%s", key, word, comment)
			}
			for _, wrong := range []string{" " + word, word + "x", "", "\u00a0", word + ",", strings.ToUpper(word) + "X"} {
				want := fmt.Sprintf("%s: %q, want one of %s", key, wrong, words)
				if _, err := Parse(file(key, `"`+wrong+`"`)); err == nil || err.Error() != want {
					t.Errorf("%s = %q: %v, want %s", key, wrong, err, want)
				}
			}
		}
	}
}

// TestUnits: what units of sizes and times mean, how they may be written, and the largest there are.
func TestUnits(t *testing.T) {
	for text, want := range map[string]Size{
		"1KiB": 1024, "1kB": 1000, "1KB": 1000, "1MB": 1e6, "1MiB": 1 << 20, "1GB": 1e9, "1TB": 1e12, "1 TiB": 1 << 40, "0.5KiB": 512, "1e3": 1000, "0B": 0,
		"8388607TiB": 8388607 << 40, "9223372036854775807": 1<<63 - 1, "1.9999B": 1,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"8388608TiB", "9223372036854775808", "-0.5KiB", "1mib", "1 M", "1MiBs", "1,5GB", "0x10", "１MB", "1e30", "Inf", "--1", "MiB 1"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d", text, got)
		}
	}
	for text, want := range map[string]time.Duration{
		"24h": 24 * time.Hour, "1h30m": 90 * time.Minute, "1.5h": 90 * time.Minute, "90m": 90 * time.Minute, "5400s": 90 * time.Minute, "5400000ms": 90 * time.Minute,
	} {
		c, err := Parse(file("store.grace", `"`+text+`"`))
		set, err2 := Parse("", "store.grace="+text)
		if err != nil || err2 != nil || c.Store.Grace != want || set.Store.Grace != want {
			t.Errorf("store.grace = %q: %v, %v", text, err, err2)
		}
	}
	for _, text := range []string{"1d", "2 h", "24", "1h 30m", "1H", "h", "24hours", "9999999h"} {
		if c, err := Parse(file("store.grace", `"`+text+`"`)); err == nil {
			t.Errorf("store.grace = %q is %s", text, c.Store.Grace)
		}
		if c, err := Parse("", "store.grace="+text); err == nil {
			t.Errorf("--set store.grace=%s is %s", text, c.Store.Grace)
		}
	}
}

// TestTheReferenceIsTheDefault: the values of the reference, put into a file, are the settings of an empty file; and each is one that its key
// takes by itself.
func TestTheReferenceIsTheDefault(t *testing.T) {
	reference, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	rows, section := 0, ""
	for line := range strings.Lines(reference) {
		if head, ok := strings.CutPrefix(line, "## ["); ok {
			section, _, _ = strings.Cut(head, "]")
			fmt.Fprintf(&text, "[%s]\n", section)
			continue
		}
		cells := strings.SplitN(line, "`", 5)
		if len(cells) < 5 || cells[0] != "| " {
			continue
		}
		rows++
		fmt.Fprintf(&text, "%s = %s\n", cells[1], cells[3])
		if _, err := Parse(file(section+"."+cells[1], cells[3])); err != nil {
			t.Errorf("%s.%s = %s: %v", section, cells[1], cells[3], err)
		}
	}
	if want := len(allKeys()); rows != want {
		t.Errorf("the reference has %d keys, want %d", rows, want)
	}
	empty, err := Parse("")
	if err != nil {
		t.Fatal(err)
	}
	written, err := Parse(text.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	if diff := cmp.Diff(empty, written); diff != "" {
		t.Errorf("the reference differs from the defaults (-default +reference):\n%s", diff)
	}
	if diff := cmp.Diff(Default("."), empty); diff != "" {
		t.Errorf("an empty file differs from the defaults (-default +empty):\n%s", diff)
	}
}

// TestDefaultsAreTheirOwn: two settings share no list, so that who changes one does not change what others begin with.
func TestDefaultsAreTheirOwn(t *testing.T) {
	changed := Default(".")
	for _, s := range changed.Listen.Services() {
		(*s.Addresses)[0] = "changed"
	}
	changed.Filters.RedirectOutside[0], changed.Reports.Send[0] = "changed", "changed"
	if text := fmt.Sprint(Default(".")); strings.Contains(text, "changed") {
		t.Errorf("the defaults have changed: %s", text)
	}
}

// nearest are the words with the fewest slips from name, at most two, counted by trying everything.
func nearest(name string, words []string) (list []string) {
	var within func(a, b string, slips int) bool
	within = func(a, b string, slips int) bool {
		switch {
		case slips < 0:
			return false
		case a == "" || b == "":
			return len(a)+len(b) <= slips
		}
		return a[0] == b[0] && within(a[1:], b[1:], slips) || within(a[1:], b, slips-1) || within(a, b[1:], slips-1) || within(a[1:], b[1:], slips-1)
	}
	for slips := 0; slips <= 2 && list == nil; slips++ {
		for _, w := range words {
			if within(name, w, slips) {
				list = append(list, w)
			}
		}
	}
	return list
}

// TestTheNearestKeyIsMeant: of all keys of a section one of those with the fewest slips is proposed, whatever the slip was.
func TestTheNearestKeyIsMeant(t *testing.T) {
	bySection := map[string][]string{}
	for _, path := range allKeys() {
		section, key, _ := strings.Cut(path, ".")
		bySection[section] = append(bySection[section], key)
	}
	sections := slices.Sorted(maps.Keys(bySection))
	rapid.Check(t, func(rt *rapid.T) {
		section := rapid.SampledFrom(sections).Draw(rt, "section")
		key := rapid.SampledFrom(bySection[section]).Draw(rt, "key")
		at := rapid.IntRange(0, len(key)-1).Draw(rt, "place")
		letter := rapid.StringMatching(`[a-z_]`).Draw(rt, "letter")
		typed := rapid.SampledFrom([]string{key[:at] + key[at+1:], key[:at] + letter + key[at:], key[:at] + letter + key[at+1:]}).Draw(rt, "typed")
		if len(typed) < 3 || slices.Contains(bySection[section], typed) {
			return
		}
		_, err := Parse(file(section+"."+typed, "1"))
		if err == nil {
			rt.Fatalf("%s.%s is taken", section, typed)
		}
		meant := nearest(typed, bySection[section])
		_, proposed, _ := strings.Cut(err.Error(), ", did you mean ")
		proposed = strings.TrimSuffix(proposed, "?")
		if !strings.HasPrefix(err.Error(), "line 2: unknown key "+section+"."+typed) || !slices.Contains(meant, proposed) {
			rt.Fatalf("%s.%s: %v, want one of %q to be meant", section, typed, err, meant)
		}
	})
}

// TestWhatCountsLast: the file comes before the defaults, the command line before the file, the last of several before the others; and a
// file that cannot be used leaves no settings half read.
func TestWhatCountsLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "schulhof.toml")
	if err := os.WriteFile(path, []byte("[log]\nlevel = \"warn\"\n[listen]\nsmtp = [\":2525\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		set         []string
		level, smtp string
		refused     string
	}{
		{nil, "warn", "[:2525]", ""},
		{[]string{"log.level=debug"}, "debug", "[:2525]", ""},
		{[]string{"log.level=debug", "log.level=error", "listen.smtp="}, "error", "[]", ""},
		{[]string{"listen.smtp=:1,:2", "listen.smtp=:3"}, "warn", "[:3]", ""},
		{[]string{"log.level=loud", "log.level=info"}, "info", "[:2525]", ""}, // what is in force counts
		{[]string{"log.level=info", "log.level=loud"}, "", "", `log.level: "loud", want one of debug, info, warn, error`},
		{[]string{"log.levle=info", "log.level=info"}, "", "", `no key "levle" in section log, did you mean level?`},
		{[]string{"listen.imap=:2525"}, "", "", `listen.imap: ":2525" is also in listen.smtp`},
	} {
		c, err := Load(path, tt.set...)
		if tt.refused != "" {
			if c != nil || err == nil || !strings.Contains(err.Error(), "schulhof.toml:\n"+tt.refused) {
				t.Errorf("%q: %v, %v, want no settings, the file's name and %s", tt.set, c, err, tt.refused)
			}
			continue
		}
		if err != nil || c.Log.Level != tt.level || fmt.Sprint(c.Listen.SMTP) != tt.smtp {
			t.Errorf("%q: %+v, %v, want level %s and %s", tt.set, c, err, tt.level, tt.smtp)
		}
	}
}
