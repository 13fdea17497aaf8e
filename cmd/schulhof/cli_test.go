package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"schulhof/config"

	"github.com/google/go-cmp/cmp"
)

// console is where an administrator types: a folder, and a server's settings.
type console struct {
	dir string
	c   *config.Config
}

// newConsole makes a school; with served a server's control socket answers for it, otherwise commands open the data themselves.
func newConsole(t *testing.T, served bool) *console {
	t.Helper()
	k := &console{dir: t.TempDir(), c: newSchool(t)}
	if served {
		k.serve(t)
	}
	return k
}

// serve answers commands as a running server does, until the test ends.
func (k *console) serve(t *testing.T) {
	t.Helper()
	c, err := config.Load(k.c.Path)
	if err != nil {
		t.Fatal(err)
	}
	r := openSchool(t, c)
	ln, err := listenControl(k.c.Server.Data)
	if err != nil {
		t.Fatal(err)
	}
	server := &control{rooms: r, version: "1", commands: commands(), slots: make(chan struct{}, controlCommands)}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- server.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("control socket: %v", err)
		}
	})
}

// run types a command line and returns what happened. The streams are files, because a server gets them as such.
func (k *console) run(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	streams := make([]*os.File, 3)
	for i := range streams {
		f, err := os.CreateTemp(t.TempDir(), "stream")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		streams[i] = f
	}
	if _, err := streams[0].WriteString(stdin); err != nil {
		t.Fatal(err)
	}
	if _, err := streams[0].Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	a := &app{
		stdin: streams[0], stdout: streams[1], stderr: streams[2], directory: k.dir, files: localFiles{k.dir}, program: "schulhof",
		args: append(args, "--config", k.c.Path), version: "1", commands: commands(), hash: cheapHash(),
	}
	status = a.execute(t.Context())
	var texts [2]string
	for i := range texts {
		b, err := os.ReadFile(streams[i+1].Name())
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(b)
	}
	return status, texts[0], texts[1]
}

// step is one command of the administrators' contract: its exit status, and the keys of what --json writes ("[] " before them: a list
// of such). A refused or wrong one has a part of its reason instead; one that looks for faults and finds some has both.
type step struct {
	args, stdin string
	status      int
	keys        string
	reason      string
}

const (
	accountKeys  = "address created family given id login name quota_bytes quota_own role state"
	groupKeys    = "address archive id kind login name post title to_sender"
	memberKeys   = accountKeys + " bounces external owner"
	resourceKeys = "address id kind login name title"
	ruleKeys     = "decision from per_hour quiet to"
)

const grantKeys = "identifier mailbox rights"

const scriptKeys = "active changed name size"

// theContract walks through every command that works on the data.
var theContract = []step{
	{"user list", "", 0, "[]", ""},
	{"user add anna --role student --name Anna", "", 0, accountKeys + " password", ""},
	{"user add ben@school.test --role teacher --password-stdin", "sesam-oeffne-dich\n", 0, accountKeys, ""},
	{"user add Anna --role student", "", 1, "", "anna@school.test is taken"},
	{"user add zoe@elsewhere.test --role student", "", 1, "", "not one of ours"},
	{"user add zoe --role student --password-stdin", "kurz\n", 1, "", "8 to 128 characters"},
	{"user add zoe --role student --password-stdin", "", 1, "", "no password"},
	{"user add zoe --role pope", "", 2, "", "want one of student"},
	{"user add zoe", "", 2, "", "--role is missing"},
	{"user add --stdin", "carla;student;Carla;Weiß;\ndora;student;Dora;Ö;sesam;oeffne;dich\n", 0, "[] " + accountKeys + " password", ""},
	{"user add --stdin", "emil;student;Emil;E;\nfritz;king;F;F;\n", 1, "", `line 2: "king" is no role`},
	{"user add --stdin emil", "", 2, "", "--stdin takes no address"},
	{"user list", "", 0, "[] " + accountKeys, ""},
	{"user list --role teacher", "", 0, "[] " + accountKeys, ""},
	{"user list --role parent", "", 0, "[]", ""},
	{"user list --role king", "", 2, "", "want one of"},
	{"user show anna", "", 0, accountKeys + " aliases app_passwords groups used_bytes used_messages", ""},
	{"user show nobody", "", 1, "", "nobody"},
	{"user set anna --quota 2GiB --family Groß --role staff", "", 0, accountKeys, ""},
	{"user set anna --quota default", "", 0, accountKeys, ""},
	{"user set anna", "", 2, "", "nothing to change"},
	{"user set anna --quota much", "", 2, "", "much"},
	{"user set nobody --name X", "", 1, "", "nobody"},
	{"user passwd anna", "", 0, "address login password", ""},
	{"user passwd anna --password-stdin", "sesam-oeffne-dich\n", 0, "address login", ""},
	{"user passwd anna --password-stdin", "anna\n", 1, "", "a password has"},
	{"user disable anna ben", "", 0, "[] " + accountKeys, ""},
	{"user disable anna nobody", "", 1, "", "nobody"},
	{"user disable", "", 2, "", "requires at least 1 arg"},
	{"user enable anna ben", "", 0, "[] " + accountKeys, ""},
	{"user delete carla", "", 0, "[] " + accountKeys, ""},
	{"user list --deleted", "", 0, "[] " + accountKeys, ""},
	{"user add carla --role student", "", 1, "", "deleted but is still kept"},
	{"user enable carla", "", 0, "[] " + accountKeys, ""},
	{"user delete carla --purge", "", 0, "[] " + accountKeys, ""},
	{"user delete carla", "", 1, "", "carla"},

	{"mailbox acl list anna", "", 0, "[] " + grantKeys, ""},
	{"mailbox acl set anna ben work", "", 0, "[] " + grantKeys, ""},
	{"mailbox acl set anna anyone lr --mailbox Archive", "", 0, "[] " + grantKeys, ""},
	{"mailbox acl set anna ben lrq", "", 1, "", "'q' is no right"},
	{"mailbox acl set anna nobody read", "", 1, "", "no account or group is called that"},
	{"mailbox acl set anna ben", "", 2, "", "accepts 3 arg"},
	{"mailbox acl list anna --mailbox Nirgends", "", 1, "", "no such mailbox"},
	{"mailbox acl list nobody", "", 1, "", "nobody"},
	{"mailbox acl delete anna anyone --mailbox Archive", "", 0, "[] " + grantKeys, ""},
	{"mailbox acl delete anna ben", "", 0, "[] " + grantKeys, ""},

	{"sieve list anna", "", 0, "[]", ""},
	{"sieve put anna main --activate", "keep;\n", 0, scriptKeys + " warnings", ""},
	{"sieve put anna main", "fly;\n", 1, "", "line 1, column 1: there is no command"},
	{"sieve put anna other", "stop; keep;", 0, scriptKeys + " warnings", ""},
	{"sieve put anna", "", 2, "", "accepts 2 arg"},
	{"sieve list anna", "", 0, "[] " + scriptKeys, ""},
	{"sieve list nobody", "", 1, "", "nobody"},
	{"sieve show anna main", "", 0, scriptKeys + " text", ""},
	{"sieve show anna none", "", 1, "", "there is no script"},
	{"sieve activate anna other", "", 0, "[] " + scriptKeys, ""},
	{"sieve activate anna none", "", 1, "", "there is no script"},
	{"sieve delete anna other", "", 1, "", "is active"},
	{"sieve deactivate anna", "", 0, "[] " + scriptKeys, ""},
	{"sieve delete anna other", "", 0, "[] " + scriptKeys, ""},

	{"user app-password list anna", "", 0, "[]", ""},
	{"user app-password add anna --name Phone --scope mail,send", "", 0, "created id last_used name password scope", ""},
	{"user app-password add anna --name Phone --scope everything", "", 2, "", "everything"},
	{"user app-password add anna", "", 2, "", "name"},
	{"user app-password list anna", "", 0, "[] created id last_used name scope", ""},
	{"user app-password revoke anna one", "", 2, "", "no ID"},
	{"user app-password revoke anna 99", "", 1, "", "99"},
	{"user app-password revoke anna 1", "", 0, "address id", ""},

	{"group list", "", 0, "[]", ""},
	{"group add 7b --kind class --title Klasse", "", 0, groupKeys, ""},
	{"group add anna --kind club", "", 1, "", "anna"},
	{"group add 8c --kind gang", "", 2, "", "want one of"},
	{"group add 8c", "", 2, "", "kind"},
	{"group list --kind class", "", 0, "[] " + groupKeys, ""},
	{"group member add 7b anna ben --role owner", "", 0, "[] " + memberKeys, ""},
	{"group member add 7b dora", "", 0, "[] " + memberKeys, ""},
	{"group member add 7b nobody", "", 1, "", "nobody"},
	{"group member add 9z anna", "", 1, "", "9z"},
	{"group member add 7b", "", 2, "", "requires at least 2 arg"},
	{"group member list 7b", "", 0, "[] " + memberKeys, ""},
	{"group member remove 7b dora", "", 0, "[] " + memberKeys, ""},
	{"group show 7b", "", 0, groupKeys + " files quota used members", ""},
	{"group show 9z", "", 1, "", "9z"},
	{"group set 7b --title 7b --to-sender=false", "", 0, groupKeys, ""},
	{"group set 7b", "", 2, "", "nothing to change"},
	{"group set 7b --post moderated --archive on", "", 0, groupKeys, ""},
	{"group set 7b --post nobody", "", 2, "", "want one of members, staff, anyone, moderated, default"},
	{"group set 7b --post default --archive off", "", 0, groupKeys, ""},
	{"group member add 7b oma@example.org", "", 0, "[] " + memberKeys, ""},
	{"group member add 7b oma@example.org --role owner", "", 2, "", "cannot be an owner"},
	{"group member resume 7b oma@example.org", "", 0, "[] " + memberKeys, ""},
	{"group member resume 7b opa@example.org", "", 1, "", "opa@example.org is not a member"},
	{"group member remove 7b oma@example.org", "", 0, "[] " + memberKeys, ""},
	{"list pending", "", 0, "[]", ""},
	{"list pending --all", "", 0, "[]", ""},
	{"list approve 7", "", 1, "", "no such held message"},
	{"list reject 7", "", 1, "", "no such held message"},
	{"list approve seven", "", 2, "", "no ID of a held message"},
	{"list reject", "", 2, "", "requires at least 1 arg"},

	{"resource add aula --kind place --title Aula", "", 0, resourceKeys, ""},
	{"resource add anna --kind device", "", 1, "", "anna@school.test is taken"},
	{"resource add ball --kind toy", "", 2, "", "want one of"},
	{"resource list", "", 0, "[] " + resourceKeys, ""},
	{"resource delete aula", "", 0, resourceKeys, ""},
	{"resource delete aula", "", 1, "", "aula"},

	{"alias list", "", 0, "[]", ""},
	{"alias add office anna 7b", "", 0, "address targets", ""},
	{"alias add office ben", "", 1, "", "office"},
	{"alias add nowhere nobody", "", 1, "", "nobody"},
	{"alias add office", "", 2, "", "requires at least 2 arg"},
	{"alias list", "", 0, "[] address targets", ""},
	{"alias remove office", "", 0, "address targets", ""},
	{"alias remove office", "", 1, "", "office"},

	{"policy list", "", 0, "[] " + ruleKeys, ""},
	{"policy set student external --refuse", "", 0, ruleKeys, ""},
	{"policy set anna 7b --quiet mon-fri --allow", "", 2, "", "no window of quiet hours"},
	{"policy set anna 7b --quiet none", "", 1, "", "says nothing"},
	{"policy set anna anyone --limit 200", "", 0, ruleKeys, ""},
	{"policy set anna 7b --limit 200", "", 1, "", "a limit counts"},
	{"policy set anna anyone --limit many", "", 2, "", "no number of recipients"},
	{"policy set anna anyone", "", 2, "", "nothing to set"},
	{"policy set anna", "", 2, "", "want FROM and TO"},
	{"policy set anna anyone --allow --refuse", "", 2, "", "none of the others can be"},
	{"policy set anna nobody --allow", "", 1, "", "nobody is neither"},
	{"policy test anna lena@example.org --at 2026-11-25T10:00", "", 0, "allowed at from limits reason rule to", ""},
	{"policy test lena@example.org 7b --at 2026-11-25T10:00", "", 0, "allowed at from limits reason rule to", ""},
	{"policy test 7b anna", "", 1, "", "not one account"},
	{"policy test anna ben --at soon", "", 1, "", "soon"},
	{"policy test anna nobody", "", 1, "", "nobody"},
	{"policy test anna", "", 2, "", "accepts 2 arg(s)"},
	{"policy remove anna anyone", "", 0, "from to", ""},
	{"policy remove anna anyone", "", 1, "", "no such rule"},
	{"policy remove anna", "", 2, "", "accepts 2 arg(s)"},

	{"import mail --user ben box.mbox", "", 0, "failed imported present", ""},
	{"import mail --user nobody box.mbox", "", 1, "", "nobody"},
	{"import mail box.mbox", "", 2, "", "user"},
	{"import mail --user ben imaps://ben:secret@old.test", "", 2, "", "no password in the address"},
	{"import mail --user ben imaps://ben@old.test", "", 1, "", "no password on standard input"},
	{"export --user ben out", "", 0, "export mailboxes messages objects", ""},
	{"file trash ben", "", 0, "[]", ""},
	{"file trash 9z", "", 1, "", "9z"},
	{"file versions ben none.txt", "", 1, "", "nothing of that name"},
	{"file versions ben", "", 2, "", "accepts 2 arg(s)"},
	{"file restore ben none.txt", "", 1, "", "nothing that was deleted"},
	{"file restore ben none.txt --version 1 --to x", "", 2, "", "not with --version"},
	{"group set 7b --files read --quota 1GiB", "", 0, groupKeys, ""},
	{"export --user ben out", "", 1, "", "not empty"},
	{"export --user ben --format pst other", "", 2, "", "maildir or mbox"},
	{"backup saved", "", 0, "backup", ""},
	{"backup saved", "", 1, "", "not empty"},
	{"check", "", 0, "problems", ""},
	{"check --repair", "", 0, "problems", ""},
	{"reindex", "", 0, "done", ""},

	{"reports list", "", 0, "[]", ""},
	{"reports list --kind tls --failed", "", 0, "[]", ""},
	{"reports list --kind spam", "", 2, "", "want dmarc or tls"},
	{"reports show 1", "", 1, "", "there is no report 1"},
	{"reports show one", "", 2, "", "is no ID"},
	{"reports", "", 2, "", "a command is missing"},

	{"queue list", "", 0, "[]", ""},
	{"queue list --state held --sender @school.test --recipient a@b.test --domain b.test --older 4h", "", 0, "[]", ""},
	{"queue list --state dead", "", 2, "", "want one of new"},
	{"queue show 1", "", 1, "", "no message 1"},
	{"queue show nothing", "", 1, "", "no message nothing"},
	{"queue retry 1", "", 1, "", "no message 1"},
	{"queue retry --domain example.org", "", 0, "count ids", ""},
	{"queue retry", "", 2, "", "want IDs, or flags"},
	{"queue hold --sender ben@school.test --reason Probe", "", 0, "count ids", ""},
	{"queue hold 1 --until tomorrow", "", 2, "", "is no time"},
	{"queue release --state held", "", 0, "count ids", ""},
	{"queue drop 1 --state held", "", 2, "", "want IDs, or flags"},
	{"queue drop 1", "", 1, "", "no message 1"},
	{"queue drop --sender ben@school.test", "", 0, "count ids", ""},
	{"queue undo ben 20", "", 0, "address seconds", ""},
	{"queue undo ben 31", "", 1, "", "want 0 to 30s"},
	{"queue undo ben soon", "", 2, "", "no number of seconds"},
	{"queue undo ben default", "", 0, "address seconds", ""},
	{"queue undo nobody", "", 1, "", "nobody"},
	{"route list", "", 0, "[]", ""},
	{"route add * smtp.example.org:587 --user school --password-stdin", "geheim-wort\n", 0, "domain host port tls user", ""},
	{"route add * smtp.example.org:587 --user school", "", 2, "", "go together"},
	{"route add a.test smtp.example.org:587 --user school --password-stdin --tls opportunistic", "geheim-wort\n", 1, "", "tls require only"},
	{"route add a.test smtp.example.org", "", 2, "", "want HOST:PORT"},
	{"route add a.test smtp.example.org:0", "", 1, "", "no port"},
	{"route add a@b smtp.example.org:25", "", 1, "", "no domain"},
	{"route add a.test smtp.example.org:25 --tls much", "", 2, "", "want one of require"},
	{"route list", "", 0, "[] domain host port tls user", ""},
	{"route remove *", "", 0, "domain", ""},
	{"route remove *", "", 1, "", "no route"},

	{"domain list", "", 0, "[] main name unicode", ""},
	{"domain add grundschule-münchen.test", "", 0, "main name unicode", ""},
	{"domain add grundschule-münchen.test", "", 1, "", "is here already"},
	{"domain add a_b", "", 1, "", "a_b"},
	{"domain add", "", 2, "", "accepts 1 arg"},
	{"user add zoe --role student", "", 1, "", "say at which domain"}, // there are two now
	{"dns show", "", 0, "[] name purpose type value", ""},
	{"dns show grundschule-münchen.test", "", 0, "[] name purpose type value", ""},
	{"dkim list", "", 0, "[] algorithm bits created domain name since selector state type value", ""},
	{"dkim list elsewhere.test", "", 1, "", "no domain of ours"},
	{"dkim rotate school.test", "", 0, "[] algorithm bits created domain name since selector state type value", ""},
	{"dkim rotate school.test --now", "", 0, "[] algorithm bits created domain name since selector state type value", ""},
	{"dkim rotate elsewhere.test", "", 1, "", "no domain of ours"},
	{"dkim rotate a b", "", 2, "", "accepts at most 1 arg"},
	{"dns check", "", 1, "[] fix found name ok purpose reason type value", "records are not as they should be"},
	{"dns check elsewhere.test", "", 1, "", "no domain of ours"},
	{"dns show elsewhere.test", "", 1, "", "no domain of ours"},
	{"dns show a b", "", 2, "", "accepts at most 1 arg"},

	{"group delete 7b", "", 0, groupKeys, ""},
	{"group delete 7b", "", 1, "", "7b"},
	{"domain remove school.test", "", 1, "", "school.test"},
	{"domain remove grundschule-münchen.test", "", 0, "main name unicode", ""},
	{"domain remove grundschule-münchen.test", "", 1, "", "grundschule-münchen.test"},
}

// quiet opens rooms without a log.
func quiet() outside { return outside{log: slog.New(slog.DiscardHandler), hash: cheapHash()} }

const oneLetter = "From a@b Mon Jan  5 08:00:00 2026\nSubject: x\n\ntext\n"

// walk plays the contract and returns what each step wrote, without what chance makes.
func walk(t *testing.T, served, asJSON bool) (all []string) {
	k := newConsole(t, served)
	if err := os.WriteFile(filepath.Join(k.dir, "box.mbox"), []byte(oneLetter), 0o600); err != nil {
		t.Fatal(err)
	}
	chance := regexp.MustCompile(`[a-z2-9]{5}(-[a-z2-9]{5}){2,4}|\d{4}-\d\d-\d\dT[\d:]+Z|p=[\w+/=]{40,}|[\w+/=]{64,}`)
	for _, s := range theContract {
		args := strings.Fields(s.args)
		if asJSON {
			args = append(args, "--json")
		}
		status, stdout, stderr := k.run(t, s.stdin, args...)
		if status != s.status || !strings.Contains(stderr, s.reason) || (stderr == "") != (status == 0) {
			t.Errorf("%s = %d, want %d; stderr %q, want %q", s.args, status, s.status, stderr, s.reason)
		}
		if (stdout != "") != (s.keys != "") {
			t.Errorf("%s = %d wrote %q", s.args, status, stdout)
		}
		if status == exitUsage && !strings.Contains(stderr, "Usage: schulhof ") {
			t.Errorf("%s: wrong usage without a hint: %q", s.args, stderr)
		}
		if asJSON && s.keys != "" {
			if got := jsonKeys(t, stdout); got != sortedWords(s.keys) {
				t.Errorf("%s has the keys %q, want %q", s.args, got, sortedWords(s.keys))
			}
		}
		all = append(all, s.args+": "+strings.ReplaceAll(chance.ReplaceAllString(stdout+stderr, "…"), k.dir, "DIR"))
	}
	return all
}

func sortedWords(s string) string {
	words := strings.Fields(s)
	slices.Sort(words)
	return strings.Join(words, " ")
}

// jsonKeys are the keys of a document, or "[]" and those of a list's elements together.
func jsonKeys(t *testing.T, text string) string {
	t.Helper()
	var list []map[string]any
	var keys []string
	if strings.HasPrefix(text, "[") {
		keys = append(keys, "[]")
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	} else {
		list = make([]map[string]any, 1)
		if err := json.Unmarshal([]byte(text), &list[0]); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, doc := range list {
		for key := range doc {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

// TestCommandsKeepTheContract: every command, its exit statuses and JSON keys, and the same with and without a running server.
func TestCommandsKeepTheContract(t *testing.T) {
	t.Parallel()
	var written [2][]string
	t.Run("commands", func(t *testing.T) {
		for i, way := range []string{"on the data themselves", "in the server"} {
			t.Run(way, func(t *testing.T) {
				t.Parallel()
				written[i] = walk(t, i == 1, true)
			})
		}
		t.Run("as text", func(t *testing.T) {
			t.Parallel()
			walk(t, true, false)
		})
	})
	for i := range min(len(written[0]), len(written[1])) {
		if diff := cmp.Diff(written[0][i], written[1][i]); diff != "" {
			t.Errorf("without a server and with one: %s", diff)
		}
	}
}

// No command of the program is missing in the walk above, but for those that have tests of their own.
func TestTheContractIsWhole(t *testing.T) {
	elsewhere := strings.Fields("init serve demo restore config version doctor man completion help")
	walked := " "
	for _, s := range theContract {
		walked += s.args + " \n "
	}
	for _, cmd := range newRootCommand(&app{commands: commands()}).Commands() {
		if slices.Contains(elsewhere, cmd.Name()) {
			continue
		}
		for _, verb := range append(cmd.Commands(), cmd) {
			path := strings.TrimPrefix(verb.CommandPath(), "schulhof ")
			if verb == cmd && len(cmd.Commands()) > 0 {
				continue
			}
			if !strings.Contains(walked, " "+path+" ") {
				t.Errorf("nobody walks %q", path)
			}
		}
	}
}

// otherDocuments are the keys of commands that need no rooms to be opened, but for doctorKeys: its status is that of the machine that tests.
var otherDocuments = map[string]string{
	"config show":  "acme dns files filters listen log mail mta_sts origin outgoing queue quota reports retention security server spam store tls virus",
	"config check": "file ok",
	"version":      "go platform version",
}

const doctorKeys = "checks findings ok"

func TestDocumentsOfOtherCommands(t *testing.T) {
	t.Parallel()
	for _, served := range []bool{false, true} {
		k := newConsole(t, served)
		if status, out, stderr := k.run(t, "", "user", "add", "head", "--role", "admin"); status != 0 {
			t.Fatalf("user add = %d %s%s", status, out, stderr)
		}
		for args, keys := range otherDocuments {
			status, stdout, stderr := k.run(t, "", append(strings.Fields(args), "--json")...)
			if got := jsonKeys(t, stdout); status != 0 || got != keys {
				t.Errorf("%s = %d, keys %q, want %q; %s", args, status, got, keys, stderr)
			}
		}
		_, stdout, _ := k.run(t, "", "doctor", "--json")
		var doc struct {
			OK       bool      `json:"ok"`
			Checks   int       `json:"checks"`
			Findings []finding `json:"findings"`
		}
		if err := json.Unmarshal([]byte(stdout), &doc); err != nil || doc.Checks < 8 || doc.Findings == nil {
			t.Errorf("doctor, served %t: %v, %s", served, err, stdout)
		}
		if keys := jsonKeys(t, stdout); keys != doctorKeys {
			t.Errorf("doctor has the keys %q", keys)
		}
	}
}

// A password in server.database is never shown.
func TestConfigShowHidesSecrets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.toml")
	if err := os.WriteFile(path, []byte("[server]\ndatabase = \"postgres://schulhof:geheim@db.school.test/mail\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &console{dir: dir, c: &config.Config{Path: path}}
	for _, args := range [][]string{{"config", "show"}, {"config", "show", "--json"}} {
		status, stdout, stderr := k.run(t, "", args...)
		if status != 0 || strings.Contains(stdout+stderr, "geheim") || !strings.Contains(stdout, "schulhof@db.school.test") {
			t.Errorf("%q = %d: %s%s", args, status, stdout, stderr)
		}
	}
}

// Two commands at once, each opening the data themselves: the second waits for the first, and both are done.
func TestCommandsAtOnce(t *testing.T) {
	k := newConsole(t, false)
	names := []string{"anna", "ben", "carla", "dora"}
	ended := make(chan string)
	for _, name := range names {
		go func() {
			a := &app{configPath: k.c.Path, stderr: &strings.Builder{}, version: "1", hash: cheapHash()}
			err := a.inServerOrHere(t.Context(), func(ctx context.Context, r *rooms) error {
				return r.Directory.AddDomain(ctx, name+".test")
			})
			if err != nil {
				ended <- err.Error()
				return
			}
			ended <- ""
		}()
	}
	for range names {
		if text := <-ended; text != "" {
			t.Error(text)
		}
	}
	r, err := openRooms(t.Context(), k.c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if domains, err := r.Directory.Domains(t.Context()); err != nil || len(domains) != 1+len(names) {
		t.Errorf("domains %q, %v", domains, err)
	}
}
