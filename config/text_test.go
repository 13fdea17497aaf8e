package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDurationsReadWell: a duration is shown as people write it, and reads as the same one.
func TestDurationsReadWell(t *testing.T) {
	tests := []struct {
		in   time.Duration
		want string
	}{
		{0, "0s"}, {time.Second, "1s"}, {time.Minute, "1m"}, {time.Hour, "1h"}, {24 * time.Hour, "24h"}, {90 * time.Minute, "1h30m"},
		{time.Hour + time.Second, "1h0m1s"}, {10 * time.Minute, "10m"}, {20 * time.Hour, "20h"}, {1500 * time.Millisecond, "1.5s"},
		{100*time.Hour + 10*time.Minute, "100h10m"},
	}
	for _, tt := range tests {
		got := plain(tt.in)
		if again, err := time.ParseDuration(got); got != tt.want || err != nil || again != tt.in {
			t.Errorf("plain(%v) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestHideSecretsInEveryForm(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"no database", "", ""},
		{"no user", "postgres://db/schulhof", "postgres://db/schulhof"},
		{"no password", "postgres://u@db/schulhof", "postgres://u@db/schulhof"},
		{"an empty password", "postgres://u:@db/schulhof", "postgres://u@db/schulhof"},
		{"a password", "postgres://u:geheim@db/schulhof?sslmode=disable", "postgres://u@db/schulhof?sslmode=disable"},
		{"a password with strange characters", "postgres://u:ge%40he%3Aim@db/x", "postgres://u@db/x"},
	}
	for _, tt := range tests {
		c := Default(".")
		c.Server.Database = tt.in
		c.HideSecrets()
		if c.Server.Database != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, c.Server.Database, tt.want)
		}
		text, err := Sample(c)
		if err != nil || strings.Contains(text, "geheim") || strings.Contains(text, "he%3Aim") {
			t.Errorf("%s: the sample shows the password, %v", tt.name, err)
		}
	}
}

// TestNoFaultRepeatsThePassword: a wrong database address may hold a password; complaints go to logs and screens.
func TestNoFaultRepeatsThePassword(t *testing.T) {
	for _, address := range []string{"mysql://u:geheim@h/d", "postgres://u:geheim@h:port/d", "u:geheim@h", "postgres://u:geheim%zz@h/d"} {
		_, err := Parse("[server]\ndatabase = \"" + address + "\"\n")
		if err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v, want a fault without the password", address, err)
		}
	}
}

// TestSampleIsForPeople: every key once, below its description, no line longer than a terminal's plus a value.
func TestSampleIsForPeople(t *testing.T) {
	text, err := Sample(Default("."))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text, "\n")
	for _, path := range allKeys() {
		section, key, _ := strings.Cut(path, ".")
		head := slices.Index(lines, "["+section+"]")
		if head < 1 || !strings.HasPrefix(lines[head-1], "# ") {
			t.Errorf("section %s has no description above it", section)
			continue
		}
		at := -1
		for i := head + 1; i < len(lines) && !strings.HasPrefix(lines[i], "["); i++ {
			if strings.HasPrefix(lines[i], key+" = ") {
				at = i
			}
		}
		if at < 0 || !strings.HasPrefix(lines[at-1], "# ") {
			t.Errorf("%s stands at line %d of the sample, without a description above it", path, at)
		}
	}
	for i, line := range lines {
		if strings.HasPrefix(line, "#") && len(line) > 102 {
			t.Errorf("line %d has %d bytes: %s", i+1, len(line), line)
		}
	}
}

// TestQuote: control characters, quotes and backslashes cannot break out of a value.
func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"": `""`, "a": `"a"`, `a"b`: `"a\"b"`, `a\b`: `"a\\b"`, "a\nb": `"a\u000Ab"`, "\x00\x7f": `"\u0000\u007F"`, "ä": `"ä"`,
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestNetworks(t *testing.T) {
	s := Security{Allowlist: []string{"192.0.2.77/24", "2001:db8::1/32", "nonsense"}}
	want := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	if got := s.Networks(); !slices.Equal(got, want) {
		t.Errorf("Networks = %v, want %v, masked", got, want)
	}
	if got := (&Security{}).Networks(); len(got) != 0 {
		t.Errorf("Networks of an empty list = %v", got)
	}
}

// TestServices: each listener has a row, its standard port is that of the defaults, and moved to other ports none meets another.
func TestServices(t *testing.T) {
	c := Default(".")
	services := c.Listen.Services()
	if len(services) != len(c.Map()["listen"]) {
		t.Errorf("%d services, the section has %d keys", len(services), len(c.Map()["listen"]))
	}
	ports := map[int]string{}
	for _, s := range services {
		if other := ports[s.Port]; other != "" {
			t.Errorf("%s and %s share port %d", s.Name, other, s.Port)
		}
		ports[s.Port] = s.Name
		if _, ok := c.Map()["listen"][s.Name]; !ok {
			t.Errorf("there is no key listen.%s", s.Name)
		}
		again := Default(".")
		if err := again.Set("listen." + s.Name + "="); err != nil {
			t.Error(err)
		}
		for _, o := range again.Listen.Services() {
			if off := len(*o.Addresses) == 0; off != (o.Name == s.Name) {
				t.Errorf("listen.%s = nothing turns %s off = %t", s.Name, o.Name, off)
			}
		}
	}
	for _, address := range []string{"", "127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"} {
		for _, base := range []int{0, 1, 20000, 65535 - 9090} {
			c := Default(".")
			if err := c.SetListeners(address, base); err != nil {
				t.Errorf("SetListeners(%q, %d) = %v", address, base, err)
			}
			if err := c.Validate(); err != nil {
				t.Errorf("after SetListeners(%q, %d): %v", address, base, err)
			}
		}
	}
	if err := c.SetListeners("", -1); err == nil {
		t.Error("a negative port base is taken")
	}
}

// TestLoadErrors: what cannot be read is told with its path and the cause.
func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop.toml")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(dir, "wrong.toml")
	if err := os.WriteFile(wrong, []byte("[log]\nlevel = \"loud\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	right := filepath.Join(dir, "right.toml")
	if err := os.WriteFile(right, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		overrides  []string
		want       string
		is         error
	}{
		{"no file", filepath.Join(dir, "none.toml"), nil, "none.toml", fs.ErrNotExist},
		{"a folder", dir, nil, "settings file", nil},
		{"a link to itself", loop, nil, "too many links", nil},
		{"a wrong value", wrong, nil, wrong + ":\n" + `log.level: "loud", want one of`, nil},
		{"a wrong override", right, []string{"log.level=loud"}, `log.level: "loud"`, nil},
		{"an override without a value", right, []string{"log.level"}, "want section.key=value", nil},
		{"two wrong overrides", right, []string{"log.level=loud", "mail.max_mailboxes=x"}, "is no whole number", nil},
	}
	for _, tt := range tests {
		c, err := Load(tt.path, tt.overrides...)
		if err == nil || c != nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: %v, %v, want %q", tt.name, c, err, tt.want)
		}
	}
	if c, err := Load(wrong, "log.level=warn"); err != nil || c.Log.Level != "warn" {
		t.Errorf("an override that mends the file: %v", err)
	}
	t.Chdir(dir)
	c, err := Load("right.toml")
	if err != nil || c.Server.Data != mustEval(t, dir) || c.Path != filepath.Join(mustEval(t, dir), "right.toml") {
		t.Errorf("Load of a relative path: %+v, %v", c, err)
	}
}

func mustEval(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMapIsWhole: the JSON form has every key of every section, sizes and durations as texts.
func TestMapIsWhole(t *testing.T) {
	m := Default("/data").Map()
	sections, err := describe(Default("/data"))
	if err != nil {
		t.Fatal(err)
	}
	if len(m) != len(sections) {
		t.Errorf("%d sections, want %d", len(m), len(sections))
	}
	for _, s := range sections {
		if len(m[s.key]) != len(s.keys) {
			t.Errorf("section %s has %d keys, want %d", s.key, len(m[s.key]), len(s.keys))
		}
		for _, k := range s.keys {
			switch value := m[s.key][k.key].(type) {
			case string:
				if quote(value) != k.value {
					t.Errorf("%s.%s = %q, the sample says %s", s.key, k.key, value, k.value)
				}
			case int, []string:
			default:
				t.Errorf("%s.%s is of type %T", s.key, k.key, value)
			}
		}
	}
}

// BenchmarkParse reads a settings file with every key, as each start and each check does.
func BenchmarkParse(b *testing.B) {
	text, err := Sample(Default("."))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAnUnknownSectionIsHelped: a misspelled section is told with the one that was meant, and its keys are not complained of too.
func TestAnUnknownSectionIsHelped(t *testing.T) {
	for section := range Default(".").Map() {
		_, err := Parse("\n[x" + section + "]\nnothing = 1\nmore = 2\n")
		want := "line 2: unknown section [x" + section + "], did you mean " + section + "?"
		if err == nil || err.Error() != want {
			t.Errorf("[x%s]: %v, want %q", section, err, want)
		}
	}
}
