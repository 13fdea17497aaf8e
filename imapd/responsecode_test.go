package imapd

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// responseCodes are all that the IANA registry "IMAP Response Codes" has, with the transcript that shows each, or the
// reason why this server has no occasion for it.
var responseCodes = []struct{ code, rfc, transcript, never string }{
	{"ALERT", "9051 §7.1", "", "whoever has to be told something gets a mail: an alert would interrupt a whole class"},
	{"ALREADYEXISTS", "5530", "create", ""},
	{"ANNOTATE", "5257", "", "ANNOTATE-EXPERIMENT-1 is not offered"},
	{"ANNOTATIONS", "5257", "", "ANNOTATE-EXPERIMENT-1 is not offered"},
	{"APPENDUID", "4315", "append", ""},
	{"AUTHENTICATIONFAILED", "5530", "login", ""},
	{"AUTHORIZATIONFAILED", "5530", "authenticate", ""},
	{"BADCHARSET", "9051 §7.1", "search", ""},
	{"BADCOMPARATOR", "5255", "", "I18NLEVEL is not offered"},
	{"BADEVENT", "5465", "notify", ""},
	{"BADURL", "4469", "", "CATENATE is not offered"},
	{"CANNOT", "5530", "authenticate", ""},
	{"CAPABILITY", "9051 §7.1", "login", ""},
	{"CLIENTBUG", "5530", "", "what a client must not do is BAD or NO with a code that says what it was"},
	{"CLOSED", "7162", "select", ""},
	{"COMPRESSIONACTIVE", "4978", "compress", ""},
	{"CONTACTADMIN", "5530", "", "a disabled account looks like a wrong password: anything else would tell a guesser that the password is right"},
	{"COPYUID", "4315", "copy", ""},
	{"CORRUPTION", "5530", "corruption", ""},
	{"EXPIRED", "5530", "", "passwords do not expire; an account that has ended looks like a wrong password, as with CONTACTADMIN"},
	{"EXPUNGEISSUED", "5530", "expunge-elsewhere", ""},
	{"HASCHILDREN", "9051 §7.1", "delete", ""},
	{"HIGHESTMODSEQ", "7162", "select", ""},
	{"INPROGRESS", "9585", "", "the index answers a search before a progress could be told"},
	{"INUSE", "5530", "", "no command needs a mailbox for itself"},
	{"LIMIT", "5530", "limit", ""},
	{"MAILBOXID", "8474", "create", ""},
	{"MAXCONVERTMESSAGES", "5259", "", "CONVERT is not offered"},
	{"MAXCONVERTPARTS", "5259", "", "CONVERT is not offered"},
	{"MESSAGELIMIT", "9738", "", "a command may name any number of messages"},
	{"METADATA", "5464", "metadata", ""},
	{"MODIFIED", "7162", "store-condstore", ""},
	{"NEWNAME", "2060", "", "obsolete"},
	{"NOMODSEQ", "7162", "", "every mailbox keeps modseqs"},
	{"NONEXISTENT", "5530", "select", ""},
	{"NOPERM", "5530", "quota", ""},
	{"NOTIFICATIONOVERFLOW", "5465", "notify-overflow", ""},
	{"NOTSAVED", "5182", "", "every result can be saved: it is a list of UIDs in memory"},
	{"NOUPDATE", "5267", "", "CONTEXT=SEARCH is not offered"},
	{"OVERQUOTA", "5530", "overquota", ""},
	{"PARSE", "9051 §7.1", "", "a message that is no good mail is answered all the same, as far as it can be understood"},
	{"PERMANENTFLAGS", "9051 §7.1", "select", ""},
	{"PRIVACYREQUIRED", "5530", "starttls", ""},
	{"READ-ONLY", "9051 §7.1", "select", ""},
	{"READ-WRITE", "9051 §7.1", "select", ""},
	{"REFERRAL", "2221", "", "one server has it all"},
	{"SERVERBUG", "5530", "serverbug", ""},
	{"TEMPFAIL", "5259", "", "CONVERT is not offered"},
	{"TOOBIG", "4469", "append", ""},
	{"TRYCREATE", "9051 §7.1", "append", ""},
	{"UIDNEXT", "9051 §7.1", "select", ""},
	{"UIDNOTSTICKY", "4315", "", "UIDs are kept in every mailbox"},
	{"UIDREQUIRED", "9586", "", "UIDONLY is not offered"},
	{"UIDVALIDITY", "9051 §7.1", "select", ""},
	{"UNAVAILABLE", "5530", "unavailable", ""},
	{"UNDEFINED-FILTER", "5466", "", "FILTERS is not offered"},
	{"UNKNOWN-CTE", "3516", "fetch-parts", ""},
	{"UNSEEN", "3501 §7.1", "select", ""},
	{"URLMECH", "4467", "", "URLAUTH is not offered"},
	{"USEATTR", "6154", "create", ""},
}

// transcriptText maps each transcript's name to its lines.
func transcriptText(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("testdata/transcript/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	out := map[string][]string{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".txt")] = strings.Split(string(b), "\n")
	}
	return out
}

var statusCode = regexp.MustCompile(`^S[0-9]*: \S+ (?:OK|NO|BAD|BYE) \[([A-Z0-9-]+)`)

// shownCodes maps each response code of a status response to the transcripts that have one.
func shownCodes(t *testing.T) map[string][]string {
	t.Helper()
	shown := map[string][]string{}
	for name, lines := range transcriptText(t) {
		for _, line := range lines {
			if m := statusCode.FindStringSubmatch(line); m != nil && !slices.Contains(shown[m[1]], name) {
				shown[m[1]] = append(shown[m[1]], name)
			}
		}
	}
	return shown
}

// Every response code of the registry is either shown by a transcript or has a reason not to be sent.
func TestEveryResponseCode(t *testing.T) {
	shown := shownCodes(t)
	for _, row := range responseCodes {
		switch {
		case (row.transcript == "") == (row.never == ""):
			t.Errorf("%s: want either a transcript or a reason", row.code)
		case row.transcript != "" && !slices.Contains(shown[row.code], row.transcript):
			t.Errorf("%s (RFC %s): the transcript %s does not show it; these do: %v", row.code, row.rfc, row.transcript, shown[row.code])
		case row.never != "" && len(shown[row.code]) > 0:
			t.Errorf("%s (RFC %s) is never sent, since %s; but %v show it", row.code, row.rfc, row.never, shown[row.code])
		}
		delete(shown, row.code)
	}
	for code, names := range shown {
		t.Errorf("%v show %s, which is in no registry", names, code)
	}
}

// A reason that an extension is not offered holds only as long as it is not.
func TestExtensionsThatHaveOtherCodes(t *testing.T) {
	var names []string
	for _, c := range capabilities {
		names = append(names, c.name)
	}
	for _, row := range responseCodes {
		extension, _, ok := strings.Cut(row.never, " is not offered")
		if ok && slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, extension) }) {
			t.Errorf("%s: %s is offered", row.code, extension)
		}
	}
}

// Every command has a transcript that runs it to OK, and one in which it is BAD or NO; those that have a UID form, in both forms.
func TestEveryCommandHasATranscript(t *testing.T) {
	good, bad := map[string]bool{}, map[string]bool{}
	for _, lines := range transcriptText(t) {
		names := map[string]string{} // by tag
		for _, line := range lines {
			m := sides.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			words := strings.Fields(strings.ToUpper(m[3]))
			if len(words) < 2 {
				continue
			}
			tag := m[2] + words[0]
			if m[1] == "C" {
				if names[tag] = words[1]; words[1] == "UID" && len(words) > 2 {
					names[tag] += " " + words[2]
				}
				continue
			}
			switch words[1] {
			case "OK":
				good[names[tag]] = true
			case "NO", "BAD":
				bad[names[tag]] = true
			}
		}
	}
	onlyBad := []string{"SETQUOTA"} // quotas are the administrator's
	onlyGood := []string{"NOOP", "CHECK", "UID REPLACE", "UID SORT", "UID THREAD", "UID SEARCH", "UID EXPUNGE", "UID MOVE", "UID COPY", "UID STORE", "UID FETCH"}
	for name, row := range commands {
		forms := []string{name}
		if row.uid {
			forms = append(forms, "UID "+name)
		}
		for _, form := range forms {
			if !good[form] && !slices.Contains(onlyBad, form) {
				t.Errorf("no transcript shows %s succeed", form)
			}
			if !bad[form] && !slices.Contains(onlyGood, form) {
				t.Errorf("no transcript shows %s fail", form)
			}
		}
	}
}
