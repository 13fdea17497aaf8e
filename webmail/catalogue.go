package webmail

// catalogue has every sentence of the pages: German, English.
var catalogue = map[string][2]string{
	"name":     {"Schulhof", "Schulhof"},
	"skip":     {"Zum Inhalt", "Skip to content"},
	"nav":      {"Bereiche", "Sections"},
	"signout":  {"Abmelden", "Sign out"},
	"signedin": {"Angemeldet als %s", "Signed in as %s"},

	"signin.title":    {"Anmelden", "Sign in"},
	"signin.login":    {"Anmeldename oder Mailadresse", "Login name or mail address"},
	"signin.password": {"Passwort", "Password"},
	"signin.button":   {"Anmelden", "Sign in"},
	"signin.wrong":    {"Anmeldename oder Passwort stimmt nicht.", "The login name or the password is wrong."},
	"signin.later":    {"Zu viele Versuche. Bitte in ein paar Minuten noch einmal.", "Too many tries. Please try again in a few minutes."},
	"signin.hint": {"Es gilt das eigene Passwort, nicht eines für ein Gerät. An gemeinsamen Rechnern bitte am Ende abmelden.",
		"Use the account's own password, not one for a device. On shared computers please sign out at the end."},

	"settings.title":   {"Einstellungen", "Settings"},
	"settings.undo":    {"Gesendetes zurücknehmen", "Take back what was sent"},
	"settings.never":   {"nicht: sofort senden", "not at all: send at once"},
	"settings.seconds": {"%d Sekunden lang", "for %d seconds"},
	"settings.hint": {"So lange wartet jede Nachricht, die hier geschrieben wird. Aus einem Mailprogramm warten die an Empfänger außerhalb der Schule.",
		"Every message that is written here waits for so long. From a mail program those to recipients outside of the school wait."},
	"settings.save":  {"Speichern", "Save"},
	"settings.saved": {"Gespeichert.", "Saved."},

	"error.title":       {"Das geht nicht", "This does not work"},
	"error.back":        {"Zur ersten Seite", "To the first page"},
	"error.method":      {"So lässt sich diese Seite nicht aufrufen.", "This page cannot be asked for that way."},
	"error.notfound":    {"Das gibt es hier nicht.", "There is no such thing here."},
	"error.forbidden":   {"Das ist nicht erlaubt.", "This is not allowed."},
	"error.signin":      {"Bitte zuerst anmelden.", "Please sign in first."},
	"error.later":       {"Das ist gerade zu viel. Bitte später noch einmal.", "That is too much at once. Please try again later."},
	"error.invalid":     {"Die Angaben lassen sich nicht lesen.", "What was entered cannot be read."},
	"error.toolarge":    {"Das ist zu groß.", "This is too large."},
	"error.limit":       {"Das sind zu viele.", "These are too many."},
	"error.quota":       {"Das Postfach ist voll.", "The mailbox is full."},
	"error.conflict":    {"Inzwischen hat sich etwas geändert. Bitte noch einmal ansehen.", "Something has changed meanwhile. Please look again."},
	"error.unavailable": {"Der Server kann gerade nichts speichern. Bitte später noch einmal.", "The server cannot store anything now. Please try again later."},
	"error.internal":    {"Auf dem Server ist etwas schiefgegangen. Bitte später noch einmal.", "Something went wrong on the server. Please try again later."},
}
