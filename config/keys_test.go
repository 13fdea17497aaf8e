package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// keyCase is what one key takes and refuses. Values are written as in the file.
type keyCase struct {
	good   string   // another value than the default
	bad    []string // of the right type, but not allowed
	wrong  []string // of the wrong type
	hint   string   // part of what is said to wrong ones
	reason string   // part of what is said to bad ones
}

func texts(good string, reason string, bad ...string) keyCase {
	return keyCase{good: good, bad: bad, wrong: []string{"7", "true", "[]", "1.5", "{ a = 1 }"}, hint: "want a text in quotes", reason: reason}
}

func addresses(good string, bad ...string) keyCase {
	return keyCase{good: good, bad: append(bad, `["25"]`, `["name:25"]`, `[":0"]`, `[":65536"]`, `[":-1"]`, `["::1:25"]`),
		wrong: []string{`":25"`, "25", "[25]", "true", "[[]]"}, hint: "want a list of texts"} // several reasons
}

func sizes(good string, bad ...string) keyCase {
	return keyCase{good: good, bad: bad, wrong: []string{"true", "[]", `"many"`, `"5 apples"`, `""`}, hint: "is no size", reason: "want"}
}

func times(good string, bad ...string) keyCase {
	return keyCase{good: good, bad: bad, wrong: []string{`"2 days"`, "true", "[]", `""`}, hint: "want a duration in quotes", reason: "h0m0s to"}
}

func points(good string) keyCase {
	return keyCase{good: good, bad: []string{"-1", "101"}, wrong: []string{`"7"`, "7.5", "true", "[]"}, hint: "want a whole number", reason: "want 0 to 100"}
}

// keyCases has a row for every key of the file; TestEveryKeyHasACase sees to that.
func keyCases() map[string]keyCase {
	loopback := func(good string) keyCase {
		return addresses(good, `[":24"]`, `["192.0.2.1:24"]`, `["[2001:db8::1]:24"]`)
	}
	return map[string]keyCase{
		"server.data":                   texts(`"/srv/mail"`, "want a folder", `""`),
		"server.hostname":               texts(`"mail.school.test"`, "is no host name", `""`, `"a b"`, `"-a.test"`, `"a-.test"`, `"a..test"`, `"ä.test"`, `"a_b.test"`, `"`+strings.Repeat("a", 64)+`.test"`, `"`+strings.Repeat("abc.", 64)+`x"`),
		"server.time_zone":              texts(`"America/New_York"`, "is no time zone", `""`, `"Local"`, `"Europe/Berln"`),
		"server.language":               texts(`"en"`, "want one of de, en", `""`, `"fr"`, `"DE"`, `"de-AT"`, `"deutsch"`),
		"server.database":               texts(`"postgres://u:p@h/d"`, "postgres://", `"mysql://h/d"`, `"h"`, `"postgres:// /x"`),
		"listen.smtp":                   addresses(`["192.0.2.1:25", "[::1]:2525"]`),
		"listen.lmtp":                   loopback(`["127.0.0.9:24", "[::1]:24", "localhost:25"]`),
		"listen.submissions":            addresses(`[]`),
		"listen.submission":             addresses(`["localhost:587"]`),
		"listen.imap":                   addresses(`[":1143"]`),
		"listen.imaps":                  addresses(`[":1993"]`),
		"listen.managesieve":            addresses(`["127.0.0.1:4190"]`),
		"listen.http":                   addresses(`["127.0.0.1:80"]`),
		"listen.https":                  addresses(`["[::]:443"]`),
		"listen.metrics":                loopback(`["127.0.0.1:9191"]`),
		"tls.certificate":               texts(`"/etc/cert.pem"`, "want a file", `""`),
		"tls.key":                       texts(`"/etc/key.pem"`, "want a file", `""`),
		"tls.min_version":               texts(`"1.3"`, "want one of 1.2, 1.3", `"1.1"`, `"TLS1.2"`, `""`),
		"security.allow_plaintext_auth": texts(`"loopback"`, "want one of never, loopback", `"always"`, `"Never"`, `""`),
		"security.allowlist": {good: `["192.0.2.0/24", "2001:db8::/32"]`, bad: []string{`["192.0.2.1"]`, `["192.0.2.0/33"]`, `["school"]`, `["/24"]`},
			wrong: []string{`"192.0.2.0/24"`, "7", "[7]"}, hint: "want a list of texts", reason: "is no network"},
		"mail.max_size":        sizes(`"25MB"`, `"1023KiB"`, `"1025MiB"`, "0"),
		"mail.max_mailboxes":   {good: "77", bad: []string{"9", "1000001", "0", "-5"}, wrong: []string{`"77"`, "7.5", "true", "[]"}, hint: "want a whole number", reason: "want 10 to 1000000"},
		"mail.visible_outside": {good: "7", bad: []string{"-1", "1001"}, wrong: []string{`"7"`, "7.5", "true", "[]"}, hint: "want a whole number", reason: "want 0 to 1000"},
		"mail.visible_action":  texts(`"warn"`, "want one of refuse, warn", `"off"`, `"Refuse"`, `""`),
		"mail.view_memory":     sizes(`"2GiB"`, `"1023KiB"`, `"5TiB"`),
		"outgoing.networks": {good: `["10.0.0.0/8"]`, bad: []string{`["10.0.0.1"]`, `["school"]`},
			wrong: []string{`"10.0.0.0/8"`, "7", "[7]"}, hint: "want a list of texts", reason: "is no network"},
		"outgoing.port":   {good: "2525", bad: []string{"0", "65536", "-25"}, wrong: []string{`"25"`, "2.5", "true", "[]"}, hint: "want a whole number", reason: "want 1 to 65535"},
		"acme.directory":  texts(`"https://ca.test/directory"`, "starts with https://", `"http://ca.test/directory"`, `"https://"`, `"letsencrypt"`),
		"acme.contact":    texts(`"it@school.test"`, "is no mail address", `"it"`, `"@school.test"`),
		"acme.roots":      {good: `"/etc/ca.pem"`, wrong: []string{"7", "true", "[]"}, hint: "want a text in quotes"},
		"mta_sts.mode":    texts(`"enforce"`, "want one of off, none, testing, enforce", `"on"`, `"Enforce"`, `""`),
		"mta_sts.max_age": times(`"720h"`, `"23h"`, `"8767h"`, `"0s"`, `"-24h"`),
		"dns.servers": {good: `["192.0.2.53", "[::1]:5353", "2001:db8::53"]`, bad: []string{`["dns.example"]`, `["192.0.2.53:0"]`, `["a:53"]`, `["::1", "::2", "::3", "::4", "::5", "::6", "::7", "::8", "::9"]`},
			wrong: []string{`"192.0.2.53"`, "53", "[53]"}, hint: "want a list of texts"}, // several reasons
		"dns.trust_ad":    texts(`"always"`, "want one of loopback, always, never", `"yes"`, `""`),
		"origin.dmarc":    texts(`"report"`, "want one of reject, quarantine, report", `"none"`, `"Reject"`, `""`),
		"origin.new_keys": texts(`"age"`, "want one of published, age", `"now"`, `""`),
		"origin.loopback": texts(`"check"`, "want one of trust, check", `"never"`, `""`),
		"origin.trusted_sealers": {good: `["lists.example.org"]`, bad: []string{`["org"]`, `["-x.test"]`},
			wrong: []string{`"lists.example.org"`, "7", "[7]"}, hint: "want a list of texts", reason: "is no domain"},
		"spam.junk":               points("7"),
		"spam.reject":             points("0"),
		"spam.greylist":           points("3"),
		"spam.personal":           texts(`"off"`, "want one of on, off", `"yes"`, `""`),
		"spam.rspamd":             texts(`"http://127.0.0.1:11333"`, "is no address such as", `"127.0.0.1:11333"`, `"http://"`, `"ftp://a/"`, `"unix:a"`, `"http://a/?b"`, `"http://a b/"`),
		"spam.rspamd_error":       texts(`"defer"`, "want one of builtin, defer", `"deliver"`, `""`),
		"spam.rspamd_submissions": texts(`"on"`, "want one of on, off", `"yes"`, `""`),
		"virus.clamd":             texts(`"unix:/run/clamav/clamd.ctl"`, "virus.clamd", `"clamd"`, `"unix:clamd.ctl"`, `":3310"`, `"127.0.0.1:0"`, `"127.0.0.1:clam"`),
		"virus.on_error":          texts(`"deliver"`, "want one of deliver, defer", `"builtin"`, `""`),
		"spam.greylist_delay":     {good: `"10m"`, bad: []string{`"59s"`, `"7h"`, `"0s"`, `"-5m"`}, wrong: []string{`"2 days"`, "true", "[]", `""`}, hint: "want a duration in quotes", reason: "want"},
		"spam.blocklists": {good: `["zen.spamhaus.org", "bl.example"]`, bad: []string{`["zen"]`, `["-x.test"]`, `["a b.test"]`, `["a.test","b.test","c.test","d.test","e.test","f.test","g.test","h.test","i.test"]`},
			wrong: []string{`"zen.spamhaus.org"`, "7", "[7]"}, hint: "want a list of texts"}, // several reasons
		"reports.send": {good: `["tls"]`, bad: []string{`["spam"]`, `["TLS"]`}, wrong: []string{`"tls"`, "7", "[7]"},
			hint: "want a list of texts", reason: "want one of dmarc, tls"},
		"reports.keep":       times(`"720h"`, `"23h"`, `"8767h"`, `"0s"`),
		"queue.lifetime":     times(`"48h"`, `"59m"`, `"721h"`, `"0s"`),
		"queue.delay_notice": times(`"2h"`, `"59m"`, `"721h"`, `"-1h"`),
		"queue.undo": {good: `"10s"`, bad: []string{`"31s"`, `"-1s"`, `"1500ms"`}, wrong: []string{`"2 days"`, "true", "[]", `""`},
			hint: "want a duration in quotes", reason: "want"},
		"queue.connections":     {good: "7", bad: []string{"0", "1001", "-5"}, wrong: []string{`"7"`, "7.5", "true", "[]"}, hint: "want a whole number", reason: "want 1 to 1000"},
		"queue.per_destination": {good: "7", bad: []string{"0", "101", "-5"}, wrong: []string{`"7"`, "7.5", "true", "[]"}, hint: "want a whole number", reason: "want 1 to 100"},
		"quota.student":         sizes(`"0B"`),
		"quota.teacher":         sizes(`"7GiB"`),
		"quota.parent":          sizes(`"1MiB"`),
		"quota.staff":           sizes(`"7GB"`),
		"quota.admin":           sizes(`12345`),
		"store.grace":           times(`"48h"`, `"59m"`, `"0s"`, `"-24h"`, `"100000h"`),
		"store.min_free":        sizes(`"1GiB"`, `"1025TiB"`),
		"filters.redirect_outside": {good: `["staff"]`, bad: []string{`["pope"]`, `["Staff"]`}, wrong: []string{`"staff"`, "7", "[7]"},
			hint: "want a list of texts", reason: "want one of student, teacher"},
		"filters.redirect_sender":    texts(`"owner"`, "want one of return, owner", `"srs"`, `""`),
		"filters.redirects":          {good: "77", bad: []string{"0", "-1", "10001"}, wrong: []string{`"77"`, "7.5", "true", "[]"}, hint: "want a whole number", reason: "want 1 to 10000"},
		"filters.answers":            {good: "77", bad: []string{"0", "-1", "10001"}, wrong: []string{`"77"`, "7.5", "true", "[]"}, hint: "want a whole number", reason: "want 1 to 10000"},
		"files.max_size":             sizes(`"2GiB"`, `"1023KiB"`, `"1025GiB"`),
		"files.keep":                 times(`"48h"`, `"59m"`, `"-1h"`, `"100000h"`),
		"files.group_quota":          sizes(`"3GiB"`, `"1025TiB"`),
		"retention.deleted_accounts": times(`"48h"`, `"23h"`, `"-24h"`, `"100000h"`),
		"retention.migration_copies": times(`"48h"`, `"59m"`, `"0s"`, `"100000h"`),
		"log.level":                  texts(`"debug"`, "want one of debug, info, warn, error", `"trace"`, `"INFO"`, `""`),
		"log.format":                 texts(`"json"`, "want one of text, json", `"xml"`, `""`),
	}
}

// file writes one key as a settings file; its value stands on line 2.
func file(path, value string) string {
	section, key, _ := strings.Cut(path, ".")
	return fmt.Sprintf("[%s]\n%s = %s\n", section, key, value)
}

// allKeys lists section.key of every setting.
func allKeys() (keys []string) {
	for section, list := range Default(".").Map() {
		for key := range list {
			keys = append(keys, section+"."+key)
		}
	}
	slices.Sort(keys)
	return keys
}

// TestEveryKeyHasACase: a new setting needs a row above, with what it takes and what it refuses.
func TestEveryKeyHasACase(t *testing.T) {
	if diff := cmp.Diff(slices.Sorted(maps.Keys(keyCases())), allKeys()); diff != "" {
		t.Errorf("keys (-with a case +in the file):\n%s", diff)
	}
}

// TestEveryKeyIsTaken: each key changes its own value and no other, the same way from the file and from the command line.
func TestEveryKeyIsTaken(t *testing.T) {
	for path, tt := range keyCases() {
		c, err := Parse(file(path, tt.good))
		if err != nil {
			t.Errorf("%s = %s: %v", path, tt.good, err)
			continue
		}
		var changed []string
		before := Default(".").Map()
		for section, list := range c.Map() {
			for key, value := range list {
				if !reflect.DeepEqual(value, before[section][key]) {
					changed = append(changed, section+"."+key)
				}
			}
		}
		if !slices.Equal(changed, []string{path}) {
			t.Errorf("%s = %s changes %q", path, tt.good, changed)
		}
		set := Default(".")
		if err := set.Set(path + "=" + tt.good); err != nil {
			t.Errorf("Set(%s=%s) = %v", path, tt.good, err)
		}
		if diff := cmp.Diff(c, set); diff != "" {
			t.Errorf("%s = %s (-in the file +on the command line):\n%s", path, tt.good, diff)
		}
	}
}

// TestEveryKeyRefusesOtherTypes: a value of a wrong type is told with its line, its key and what it should be.
func TestEveryKeyRefusesOtherTypes(t *testing.T) {
	for path, tt := range keyCases() {
		for _, value := range tt.wrong {
			_, err := Parse(file(path, value))
			if err == nil {
				t.Errorf("%s = %s is taken", path, value)
				continue
			}
			first, _, _ := strings.Cut(err.Error(), "\n")
			if !strings.HasPrefix(first, "line 2: "+path+": ") || !strings.Contains(first, tt.hint) {
				t.Errorf("%s = %s: %s, want line 2, the key and %q", path, value, first, tt.hint)
			}
		}
	}
}

// TestEveryKeyRefusesBadValues: a value out of bounds is told with its key and the bounds, and so on the command line.
func TestEveryKeyRefusesBadValues(t *testing.T) {
	for path, tt := range keyCases() {
		for _, value := range tt.bad {
			_, err := Parse(file(path, value))
			if err == nil {
				t.Errorf("%s = %s is taken", path, value)
				continue
			}
			if text := err.Error(); !strings.Contains(text, path+": ") || !strings.Contains(text, tt.reason) {
				t.Errorf("%s = %s: %s, want the key and %q", path, value, text, tt.reason)
			}
			if _, err := Parse("", path+"="+value); err == nil {
				t.Errorf("--set %s=%s is taken", path, value)
			}
		}
	}
}

// TestEveryMisspelledKeyIsHelped: a slip of the finger is answered with the key that was meant.
func TestEveryMisspelledKeyIsHelped(t *testing.T) {
	for _, path := range allKeys() {
		section, key, _ := strings.Cut(path, ".")
		want := "did you mean " + key + "?"
		if _, err := Parse(file(section+".x"+key, "1")); err == nil || !strings.Contains(err.Error(), "line 2: unknown key "+section+".x"+key) ||
			!strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s.x%s in the file: %v, want %q", section, key, err, want)
		}
		if err := Default(".").Set(section + ".x" + key + "=1"); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s.x%s on the command line: %v, want %q", section, key, err, want)
		}
		if err := Default(".").Set("x" + path + "=1"); err == nil || !strings.HasSuffix(err.Error(), "did you mean "+section+"?") {
			t.Errorf("x%s on the command line: %v, want the section", path, err)
		}
	}
	long := strings.Repeat("x", 1<<20) // no hint, and no quadratic work
	if err := Default(".").Set("log." + long + "=1"); err == nil || strings.Contains(err.Error(), "did you mean") {
		t.Error("a key of a mebibyte resembles one of ours")
	}
}

// TestBoundsAreTaken: the lowest and the highest value of each range belong to it.
func TestBoundsAreTaken(t *testing.T) {
	for path, values := range map[string][]string{
		"mail.max_size":              {`"1MiB"`, `"1GiB"`, "1048576"},
		"mail.visible_outside":       {"0", "1000"},
		"mail.max_mailboxes":         {"10", "1000000"},
		"mail.view_memory":           {`"1MiB"`, `"4TiB"`},
		"store.grace":                {`"1h"`, `"87600h"`, `"60m"`},
		"filters.redirect_outside":   {`[]`, `["student", "admin"]`},
		"filters.redirects":          {"1", "10000"},
		"filters.answers":            {"1", "10000"},
		"files.max_size":             {`"1MiB"`, `"1TiB"`},
		"files.keep":                 {`"1h"`, `"87600h"`},
		"retention.deleted_accounts": {`"0s"`, `"24h"`, `"87600h"`},
		"reports.send":               {`[]`, `["dmarc", "tls"]`},
		"reports.keep":               {`"24h"`, `"8766h"`},
		"queue.lifetime":             {`"1h"`, `"720h"`},
		"queue.delay_notice":         {`"0s"`, `"1h"`, `"720h"`},
		"queue.undo":                 {`"0s"`, `"30s"`},
		"queue.connections":          {"1", "1000"},
		"queue.per_destination":      {"1", "100"},
		"store.min_free":             {"0", `"0B"`, `"1024TiB"`},
		"listen.smtp":                {`[":1"]`, `[":65535"]`},
		"server.hostname":            {`"a"`, `"1.2.3"`, `"xn--mnchen-3ya.test"`, `"` + strings.Repeat("a", 63) + `.test"`},
		"security.allowlist":         {`["0.0.0.0/0"]`, `["192.0.2.1/32"]`, `["::/0"]`},
	} {
		for _, value := range values {
			if _, err := Parse(file(path, value)); err != nil {
				t.Errorf("%s = %s: %v", path, value, err)
			}
		}
	}
}

// TestFaultsHaveTheirLines: however the file writes a key, its fault is found at the right line.
func TestFaultsHaveTheirLines(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"behind comments", "# one\n\n[log]\n# level\nlevel = 7 # seven\n", "line 5: log.level"},
		{"lines of Windows", "[log]\r\nlevel = 7\r\n", "line 2: log.level"},
		{"a dotted key", "\nlog.level = 7\n", "line 2: log.level"},
		{"a key in quotes", "[log]\n\"level\" = 7\n", "line 2: log.level"},
		{"a section with spaces", "[ log ]\nlevel = 7\n", "line 2: log.level"},
		{"an inline table, whose line is not sought", "log = { level = 7 }\n", "log.level: want a text"},
		{"a section within a section", "[log.level]\nx = 1\n", "log.level: want a text"},
		{"an unknown section within a section", "[log.more]\nx = 1\n", "unknown key log.more"},
		{"a list of sections", "[[log]]\nlevel = \"info\"\n", "line 1: log: want a section [log]"},
		{"a key above all sections", "\nlevel = \"info\"\n", "line 2: unknown section [level]"},
		{"a key of the same name in another section", "[server]\nkey = \"x\"\n[tls]\nkey = 7\n", "line 4: tls.key"},
		{"a key twice", "[log]\nlevel = \"info\"\nlevel = \"warn\"\n", "line 3"},
		{"no value", "[log]\nlevel =\n", "line 2"},
		{"an open quote", "[log]\nlevel = \"info\n", "line 2"},
		{"bytes that are no UTF-8", "[log]\nlevel = \"\xff\"\n", "line 2"},
	}
	for _, tt := range tests {
		if _, err := Parse(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestAllFaultsAtOnce: a file that is wrong everywhere names every key, those with lines in their order.
func TestAllFaultsAtOnce(t *testing.T) {
	var text strings.Builder
	sections := map[string][]string{}
	for _, path := range allKeys() {
		section, key, _ := strings.Cut(path, ".")
		sections[section] = append(sections[section], key)
	}
	for _, section := range slices.Sorted(maps.Keys(sections)) {
		fmt.Fprintf(&text, "[%s]\n", section)
		for _, key := range sections[section] {
			fmt.Fprintf(&text, "%s = %s\n", key, keyCases()[section+"."+key].wrong[0])
		}
	}
	_, err := Parse(text.String())
	if err == nil {
		t.Fatal("a file that is wrong everywhere is taken")
	}
	last := 0
	for _, path := range allKeys() {
		if n := strings.Count(err.Error(), path+": "); n != 1 {
			t.Errorf("%s is named %d times, want once", path, n)
		}
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		var at int
		if n, _ := fmt.Sscanf(line, "line %d:", &at); n == 1 {
			if at <= last {
				t.Errorf("line %d is told after line %d", at, last)
			}
			last = at
		}
	}
}

// TestSettingsComeBack: whatever the settings are, written as a file and read again they are the same.
func TestSettingsComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := Default(".")
		c.Server.Data = rapid.StringOfN(rapid.Rune(), 1, 20, -1).Draw(rt, "data")
		c.TLS.Key = rapid.StringMatching(`["'\\\n\t#=\[\] ä-]{1,12}`).Draw(rt, "key")
		c.Listen.SMTP = rapid.SliceOfDistinct(rapid.SampledFrom([]string{":1", "[::1]:2", "127.0.0.1:3"}), rapid.ID).Draw(rt, "smtp")
		c.Mail.MaxSize = Size(rapid.Int64Range(1<<20, 1<<30).Draw(rt, "size"))
		c.Mail.MaxMailboxes = rapid.IntRange(10, 1_000_000).Draw(rt, "mailboxes")
		c.Quota.Student = Size(rapid.Int64Range(0, 1<<50).Draw(rt, "quota"))
		c.Store.Grace = time.Duration(rapid.Int64Range(int64(time.Hour), int64(9000*time.Hour)).Draw(rt, "grace"))
		text, err := Sample(c)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := Parse(text)
		if err != nil {
			rt.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			rt.Fatalf("differs (-want +got):\n%s\n%s", diff, text)
		}
	})
}

// TestSizesComeBack: a size is written in a form that reads as the same number.
func TestSizesComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := Size(rapid.OneOf(rapid.Int64Range(0, 1<<62), rapid.Map(rapid.IntRange(0, 62), func(n int) int64 { return 1 << n })).Draw(rt, "size"))
		if again, err := ParseSize(size.String()); err != nil || again != size {
			rt.Fatalf("ParseSize(%q) = %d, %v, want %d", size.String(), again, err, size)
		}
	})
}

// FuzzSet: no assignment of a command line is too broken to be answered, and one that is taken is in the file that is written.
func FuzzSet(f *testing.F) {
	for path, tt := range keyCases() {
		f.Add(path + "=" + tt.good)
	}
	f.Add("log.level")
	f.Add("=.=")
	f.Add("tls.certificate=\x92")
	f.Add("listen.smtp=[::1]:25")
	f.Fuzz(func(t *testing.T, assignment string) {
		c := Default(".")
		if err := c.Set(assignment); err != nil || c.Validate() != nil {
			return
		}
		text, err := Sample(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text)
		if err != nil {
			t.Fatalf("Set(%q), written and read: %v\n%s", assignment, err, text)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("Set(%q), written and read (-want +got):\n%s", assignment, diff)
		}
	})
}
