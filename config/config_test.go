package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseReportsEveryFault(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string // lines of the error, in order
	}{
		{"an empty file has defaults", "", nil},
		{"an unknown key with its line and the meant one", "[smtp]\n\n[listen]\nimpa = [\":143\"]\n",
			[]string{"line 1: unknown section [smtp]", "line 4: unknown key listen.impa, did you mean imap?"}},
		{"an unknown key that resembles nothing", "[log]\nxylophone = 1\n", []string{"line 2: unknown key log.xylophone"}},
		{"a dotted key", "log.levle = \"info\"\n", []string{"line 1: unknown key log.levle, did you mean level?"}},
		{"wrong types, all of them", "[mail]\nmax_mailboxes = \"many\"\nmax_size = \"50 apples\"\n[listen]\nsmtp = 25\n", []string{
			"line 2: mail.max_mailboxes: want a whole number",
			`line 3: mail.max_size: "50 apples" is no size: want a number with B, KiB, MiB, GiB, TiB, KB, MB, GB or TB`,
			"line 5: listen.smtp: want a list of texts",
		}},
		{"values out of bounds, all of them", "[server]\nhostname = \"a b\"\ndatabase = \"mysql://x\"\ntime_zone = \"Europe/Berln\"\n[security]\nallow_plaintext_auth = \"yes\"\n[store]\ngrace = \"5m\"\n[mail]\nmax_size = 1\n[files]\nmax_size = 5\nkeep = \"1m\"\n", []string{
			`server.hostname: "a b" is no host name (letters, digits, hyphens and dots; xn-- for others)`,
			"server.database: want nothing or an address that starts with postgres://",
			`server.time_zone: "Europe/Berln" is no time zone such as Europe/Berlin`,
			`security.allow_plaintext_auth: "yes", want one of never, loopback`,
			"mail.max_size: 1B, want 1MiB to 1GiB",
			"files.max_size: 5B, want 1MiB to 1TiB",
			"files.keep: 1m0s, want 1h0m0s to 87600h0m0s",
			"store.grace: 5m0s, want 1h0m0s to 87600h0m0s",
		}},
		{"retention out of bounds", "[retention]\ndeleted_accounts = \"1h\"\nmigration_copies = \"0s\"\n", []string{
			"retention.migration_copies: 0s, want 1h0m0s to 87600h0m0s",
			"retention.deleted_accounts: 1h0m0s, want 24h0m0s to 87600h0m0s",
		}},
		{"deleted accounts are kept until someone removes them", "[retention]\ndeleted_accounts = \"0s\"\n", nil},
		{"faults of form and of value together", "[log]\nlevle = 1\nformat = \"xml\"\n", []string{
			"line 2: unknown key log.levle, did you mean level?", `log.format: "xml", want one of text, json`}},
		{"no TOML at all", "[log\n", []string{"line 2: expected '.' or ']' to end table name, but got '\\n' instead"}},
		{"a key where a section belongs", "log = 3\n", []string{"line 1: log: want a section [log]"}},
		{"addresses", "[listen]\nsmtp = [\"25\", \"host:25\", \":0\", \":99999\"]\nlmtp = [\":24\"]\nimap = [\":143\"]\nimaps = [\":143\"]\n", []string{
			`listen.smtp: "25": want ADDRESS:PORT, an IPv6 address in brackets`,
			`listen.smtp: "host:25": "host" is no IP address`,
			`listen.smtp: ":0": want a port from 1 to 65535`,
			`listen.smtp: ":99999": want a port from 1 to 65535`,
			`listen.lmtp: ":24": only loopback addresses are allowed here`,
			`listen.imaps: ":143" is also in listen.imap`,
		}},
		{"an authority's certificate has nowhere to go", "[listen]\nhttp = []\n[tls]\ncertificate = \"a.pem\"\nkey = \"a.pem\"\n[acme]\ndirectory = \"https://ca.test/\"\n", []string{
			"acme.directory: the authority asks at port 80, but listen.http is empty",
			"acme.directory: the certificates that it gives would replace the key in the same file, but tls.certificate is tls.key",
		}},
		{"one file of our own for certificate and key", "[tls]\ncertificate = \"a.pem\"\nkey = \"a.pem\"\n", nil},
		{"networks", "[security]\nallowlist = [\"192.0.2.1\", \"192.0.2.0/24\"]\n", []string{
			`security.allowlist: "192.0.2.1" is no network such as 192.0.2.0/24`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.text)
			var got []string
			if err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Parse(%q): faults differ (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestParseReadsEveryKind(t *testing.T) {
	c, err := Parse("[server]\nhostname = \"mail.school.test\"\n[listen]\nsmtp = []\n[mail]\nmax_size = \"25MB\"\nmax_mailboxes = 12\nview_memory = 2097152\n[store]\ngrace = \"48h\"\n")
	if err != nil {
		t.Fatal(err)
	}
	want := Default(".")
	want.Server.Hostname, want.Listen.SMTP = "mail.school.test", []string{}
	want.Mail = Mail{MaxSize: 25_000_000, MaxMailboxes: 12, VisibleOutside: 20, VisibleAction: VisibleRefuse, ViewMemory: 2 << 20}
	want.Store.Grace = 48 * time.Hour
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("Parse: settings differ (-want +got):\n%s", diff)
	}
}

func TestSet(t *testing.T) {
	tests := []struct {
		assignment, err string
		got             func(c *Config) any
		want            any
	}{
		{"log.level=debug", "", func(c *Config) any { return c.Log.Level }, "debug"},
		{`server.hostname="mail.x"`, "", func(c *Config) any { return c.Server.Hostname }, "mail.x"},
		{"mail.max_size=1GiB", "", func(c *Config) any { return c.Mail.MaxSize }, Size(1 << 30)},
		{"mail.max_mailboxes=77", "", func(c *Config) any { return c.Mail.MaxMailboxes }, 77},
		{"store.grace=3h", "", func(c *Config) any { return c.Store.Grace }, 3 * time.Hour},
		{"listen.smtp=127.0.0.1:25,[::1]:25", "", func(c *Config) any { return c.Listen.SMTP }, []string{"127.0.0.1:25", "[::1]:25"}},
		{"listen.smtp=[::1]:25, 127.0.0.1:25", "", func(c *Config) any { return c.Listen.SMTP }, []string{"[::1]:25", "127.0.0.1:25"}},
		{`listen.smtp=["[::1]:25", ":26"]`, "", func(c *Config) any { return c.Listen.SMTP }, []string{"[::1]:25", ":26"}},
		{"listen.smtp=[]", "", func(c *Config) any { return c.Listen.SMTP }, []string{}},
		{"listen.smtp=", "", func(c *Config) any { return c.Listen.SMTP }, []string{}},
		{"log.level", `"log.level": want section.key=value`, nil, nil},
		{"lok.level=info", `no section "lok", did you mean log?`, nil, nil},
		{"log.levle=info", `no key "levle" in section log, did you mean level?`, nil, nil},
		{"mail.max_mailboxes=1x", `mail.max_mailboxes: "1x" is no whole number`, nil, nil},
		{"mail.max_size=big", "mail.max_size: \"big\" is no size: want a number with B, KiB, MiB, GiB, TiB, KB, MB, GB or TB", nil, nil},
		{"store.grace=soon", `store.grace: "soon" is no duration such as 24h`, nil, nil},
	}
	for _, tt := range tests {
		c := Default(".")
		err := c.Set(tt.assignment)
		if tt.err != "" || err != nil {
			if err == nil || err.Error() != tt.err {
				t.Errorf("Set(%q) = %v, want %s", tt.assignment, err, tt.err)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, tt.got(c)); diff != "" {
			t.Errorf("Set(%q): value differs (-want +got):\n%s", tt.assignment, diff)
		}
	}
}

func TestSampleIsWhatItCameFrom(t *testing.T) {
	c := Default(".")
	c.Server.Database = "postgres://u:pass%22@h/db?a=\"\\"
	if err := c.SetListeners("127.0.0.1", 10000); err != nil {
		t.Fatal(err)
	}
	text, err := Sample(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(Sample) = %v\n%s", err, text)
	}
	if diff := cmp.Diff(c, again); diff != "" {
		t.Errorf("Parse(Sample(c)) differs from c (-want +got):\n%s", diff)
	}
}

func TestEverySettingIsDescribed(t *testing.T) {
	sections, err := describe(Default("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sections {
		if s.doc == "" {
			t.Errorf("section %s has no comment", s.key)
		}
		for _, k := range s.keys {
			if k.doc == "" || k.key == "" {
				t.Errorf("%s.%s has no comment", s.key, k.key)
			}
		}
	}
	reference, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	if committed, err := os.ReadFile("../docs/config.md"); err != nil || string(committed) != reference {
		t.Errorf("docs/config.md is not what the comments say (%v): run make docs", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "data", "schulhof.toml")
	if err := os.Mkdir(filepath.Dir(real), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(real, []byte("[server]\ndata = \".\"\n[tls]\nkey = \"/etc/key.pem\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.toml")
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	c, err := Load(link, "log.level=debug")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.Path, c.Server.Data, c.TLS.Certificate, c.TLS.Key, c.Log.Level}
	want := []string{real, filepath.Dir(real), filepath.Join(dir, "data/tls/server.pem"), "/etc/key.pem", "debug"}
	if !slices.Equal(got, want) {
		t.Errorf("Load by a symbolic link = %q, want %q", got, want)
	}
	if _, err := Load(filepath.Join(dir, "none")); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("Load of no file = %v, want fs.ErrNotExist within", err)
	}
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = u.Unwrap()
	}
}

func TestSetListeners(t *testing.T) {
	tests := []struct {
		name, address string
		base          int
		smtp, lmtp    string
		err           string
	}{
		{"all addresses", "", 0, ":25", "127.0.0.1:24", ""},
		{"one address", "192.0.2.7", 0, "192.0.2.7:25", "127.0.0.1:24", ""},
		{"loopback, other ports", "127.0.0.2", 10000, "127.0.0.2:10025", "127.0.0.2:10024", ""},
		{"IPv6", "::1", 1, "[::1]:26", "[::1]:25", ""},
		{"a name", "localhost", 0, "", "", `listen address "localhost": want an IP address`},
		{"too high", "", 60000, "", "", "port base 60000: want 0 to 56445"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Default(".")
			err := c.SetListeners(tt.address, tt.base)
			if tt.err != "" || err != nil {
				if err == nil || err.Error() != tt.err {
					t.Errorf("SetListeners = %v, want %s", err, tt.err)
				}
				return
			}
			if c.Listen.SMTP[0] != tt.smtp || c.Listen.LMTP[0] != tt.lmtp {
				t.Errorf("SetListeners: smtp %q, lmtp %q, want %q, %q", c.Listen.SMTP, c.Listen.LMTP, tt.smtp, tt.lmtp)
			}
			if err := c.Validate(); err != nil {
				t.Errorf("Validate afterwards = %v", err)
			}
		})
	}
}

func TestParseSize(t *testing.T) {
	tests := []struct {
		in   string
		want Size
		err  string
	}{
		{"0", 0, ""}, {"512", 512, ""}, {"512B", 512, ""}, {"50MiB", 50 << 20, ""}, {" 2 GiB ", 2 << 30, ""}, {"1.5KiB", 1536, ""},
		{"2GB", 2e9, ""}, {"1TiB", 1 << 40, ""}, {"3kB", 3000, ""},
		{"-1", 0, "out of range"}, {"-1.5GB", 0, "out of range"}, {"9999999TiB", 0, "out of range"}, {"9223372036854775807B", 1<<63 - 1, ""},
		{"", 0, "is no size"}, {"MiB", 0, "is no size"}, {"NaN", 0, "is no size"}, {"5 apples", 0, "is no size"},
	}
	for _, tt := range tests {
		got, err := ParseSize(tt.in)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("ParseSize(%q) = %d, %v, want %d, %q", tt.in, got, err, tt.want, tt.err)
		}
		if again, err2 := ParseSize(got.String()); err == nil && (again != got || err2 != nil) {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", got.String(), again, err2, got)
		}
	}
}

func TestHideSecrets(t *testing.T) {
	c := Default(".")
	c.Server.Database = "postgres://schulhof:geheim@db/schulhof"
	c.HideSecrets()
	if got := c.Map()["server"]["database"]; got != "postgres://schulhof@db/schulhof" {
		t.Errorf("database shown as %q", got)
	}
	if got := c.Map()["store"]["grace"]; got != "24h" {
		t.Errorf("store.grace shown as %v, want 24h", got)
	}
	if got := c.Map()["mail"]["max_size"]; got != "50MiB" {
		t.Errorf("mail.max_size shown as %v, want a text", got)
	}
}

// FuzzParse: no text is too broken to be answered, and settings that pass are settings that can be written and read again.
func FuzzParse(f *testing.F) {
	sample, err := Sample(Default("."))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Add("[listen]\nsmtp = [\":25\", 1]\n[mail]\nmax_size = 1e9\n")
	f.Add("log.level = \"debug\"\n[[mail]]\n")
	f.Add("[server]\ndatabase = \"postgres://u:p@h/d\"\nhostname = \"ä\"")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		written, err := Sample(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("Parse(Sample) = %v\n%s", err, written)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("written and read again, the settings differ (-want +got):\n%s", diff)
		}
	})
}
