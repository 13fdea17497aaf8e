package main

import (
	"fmt"
	"html"
	"strings"
	"time"
)

// demoLetter is one mail of the made-up school.
type demoLetter struct {
	id       string // for answers and Message-ID
	answers  string // the id of the letter that this one answers
	day      int    // days ago
	at       string // time of day
	from     string // local part
	to, cc   string // local parts, separated by spaces
	subject  string
	text     string
	html     string   // "" : none
	attached []string // "elternbrief.pdf" …: demo_files.go makes them
	inline   string   // an image that html shows by cid:
}

// demoMail writes the mail of the past weeks, the oldest first.
func demoMail(now time.Time) []demoLetter {
	letters := append([]demoLetter{}, demoCorrespondence...)
	for day := 20; day >= 1; day-- {
		tomorrow := now.AddDate(0, 0, 1-day) // seen from the evening on which the plan is sent
		if d := tomorrow.Weekday(); d != time.Saturday && d != time.Sunday {
			letters = append(letters, substitutions(tomorrow, day))
		}
	}
	return letters
}

// substitutions is the plan of the next day that the school office sends every evening.
func substitutions(date time.Time, day int) demoLetter {
	classes, teachers := []string{"5a", "7b", "10c"}, []string{"Krüger", "Schäfer", "Petersen", "Marchand", "Lüdemann"}
	subjects, rooms := []string{"Mathematik", "Deutsch", "Sport", "Französisch", "Biologie", "Musik"}, []string{"A 104", "B 012", "Aula", "Halle 2", "C 210"}
	var text, rows strings.Builder
	for i := range 3 + day%3 {
		n := day*7 + i*5
		row := []string{fmt.Sprintf("%d.", 1+n%6), classes[n%3], subjects[n%6], teachers[n%5], rooms[(n+i)%5]}
		fmt.Fprintf(&text, "%-4s %-4s %-12s %-10s %s\n", row[0], row[1], row[2], row[3], row[4])
		fmt.Fprintf(&rows, "<tr><td>%s</td></tr>\n", strings.Join(row, "</td><td>"))
	}
	title := "Vertretungsplan für den " + date.Format("02.01.2006")
	return demoLetter{
		id: fmt.Sprintf("plan-%d", day), day: day, at: "17:30", from: "gisela.koehler", to: "lehrerzimmer 7b 10c 5a", subject: title,
		text: title + "\n\nStd. Kl.  Fach         Vertretung Raum\n" + text.String() + "\nÄnderungen vorbehalten.\nG. Köhler, Sekretariat\n",
		html: "<h2>" + html.EscapeString(title) + "</h2>\n<table border=\"1\" cellpadding=\"4\">\n<tr><th>Std.</th><th>Klasse</th><th>Fach</th>" +
			"<th>Vertretung</th><th>Raum</th></tr>\n" + rows.String() + "</table>\n<p>Änderungen vorbehalten.<br>G. Köhler, Sekretariat</p>",
	}
}

var demoCorrespondence = []demoLetter{
	{id: "start", day: 27, at: "07:45", from: "soeren.luedemann", to: "alle", subject: "Willkommen im neuen Halbjahr",
		text: "Liebe Schülerinnen und Schüler, liebe Eltern, liebe Kolleginnen und Kollegen,\n\nab heute hat jede und jeder von uns eine Schuladresse. Sie funktioniert mit jedem\nMailprogramm, zu Hause und auf dem Telefon.\n\nDas Kennwort bitte nicht weitergeben.\n\nHerzliche Grüße\nSören Lüdemann, Schulleiter\n",
		html: "<p>Liebe Schülerinnen und Schüler, liebe Eltern, liebe Kolleginnen und Kollegen,</p><p>ab heute hat <b>jede und jeder</b> von uns eine Schuladresse. Sie funktioniert mit jedem Mailprogramm, zu Hause und auf dem Telefon.</p><p>Das Kennwort bitte <u>nicht</u> weitergeben.</p><p>Herzliche Grüße<br>Sören Lüdemann, Schulleiter</p>"},
	{id: "ausflug", day: 24, at: "13:10", from: "katharina.boehm", to: "7b eltern-7b", subject: "Wandertag der 7b: Elternbrief und Packliste",
		text:     "Liebe 7b, liebe Eltern,\n\nam Freitag in zwei Wochen geht es an den Plöner See. Treffpunkt ist um 7:50 Uhr\nam Bahnsteig 3. Den Elternbrief (PDF) bitte unterschrieben bis Mittwoch abgeben.\n\nMitbringen: Regenjacke, Brotdose, 8 € in bar.\n\nViele Grüße\nKatharina Böhm\n",
		attached: []string{"Elternbrief Wandertag.pdf"}},
	{id: "ausflug-1", answers: "ausflug", day: 24, at: "18:42", from: "renate.zoellner", to: "katharina.boehm", subject: "Re: Wandertag der 7b: Elternbrief und Packliste",
		text: "Liebe Frau Böhm,\n\nHannah darf mit. Sie hat eine Nussallergie, das Notfallset ist im Rucksack.\nIch kann auch als Begleitung mitkommen, falls noch jemand fehlt.\n\nRenate Zöllner\n"},
	{id: "ausflug-2", answers: "ausflug-1", day: 23, at: "07:20", from: "katharina.boehm", to: "renate.zoellner", subject: "Re: Wandertag der 7b: Elternbrief und Packliste",
		text: "Liebe Frau Zöllner,\n\ndanke für den Hinweis, und ja: sehr gern! Wir sind dann zu dritt.\n\n> Ich kann auch als Begleitung mitkommen, falls noch jemand fehlt.\n\nKatharina Böhm\n"},
	{id: "ausflug-3", answers: "ausflug", day: 23, at: "16:05", from: "jonas.mueller", to: "katharina.boehm", cc: "stefan.mueller", subject: "Re: Wandertag der 7b: Elternbrief und Packliste",
		text: "Hallo Frau Böhm,\n\ndarf man Fahrräder mitnehmen? Björn und ich würden lieber fahren 🚲\n\nJonas\n"},
	{id: "ausflug-4", answers: "ausflug-3", day: 22, at: "09:55", from: "katharina.boehm", to: "jonas.mueller", cc: "stefan.mueller bjoern.soerensen", subject: "Re: Wandertag der 7b: Elternbrief und Packliste",
		text: "Hallo Jonas,\n\nleider nein, wir bleiben als Gruppe zusammen. Aber am See kann man Tretboote leihen!\n\nK. Böhm\n"},
	{id: "konferenz", day: 19, at: "11:30", from: "soeren.luedemann", to: "lehrerzimmer", subject: "Zeugniskonferenz: Zeiten und Räume",
		text: "Liebes Kollegium,\n\ndie Zeugniskonferenzen finden in der vorletzten Schulwoche statt:\n\n  5a   Montag    14:00  B 012\n  7b   Montag    14:45  B 012\n  10c  Dienstag  14:00  A 104\n\nNoten bitte bis Freitag davor eintragen.\n\nS. Lüdemann\n"},
	{id: "konferenz-1", answers: "konferenz", day: 19, at: "12:01", from: "olaf.petersen", to: "soeren.luedemann", cc: "lehrerzimmer", subject: "Re: Zeugniskonferenz: Zeiten und Räume",
		text: "Moin,\n\ndienstags um 14 Uhr hat die Schach-AG den Raum A 104. Geht auch C 210?\n\nOlaf\n"},
	{id: "konferenz-2", answers: "konferenz-1", day: 18, at: "08:15", from: "soeren.luedemann", to: "lehrerzimmer", subject: "Re: Zeugniskonferenz: Zeiten und Räume",
		text: "Gut gesehen – die 10c tagt in C 210.\n\nS. L.\n"},
	{id: "schach", day: 17, at: "15:00", from: "juergen.grossmann", to: "schach-ag", subject: "Schach-AG: Turnier gegen die Gesamtschule",
		text:     "Hallo zusammen,\n\nunsere Aufstellung hängt an. Bitte schaut euch die Eröffnung aus der letzten Stunde\nnoch einmal an (1. e4 c5!).\n\nJ. Großmann\n",
		attached: []string{"Aufstellung.csv"}},
	{id: "schach-1", answers: "schach", day: 17, at: "19:22", from: "emre.demir", to: "juergen.grossmann", cc: "schach-ag", subject: "AW: Schach-AG: Turnier gegen die Gesamtschule",
		text: "Ich kann leider erst ab 15:30, vorher ist Training.\nEmre\n"},
	{id: "mathe", day: 15, at: "14:20", from: "katharina.boehm", to: "mathe-10c", subject: "Übungsaufgaben zur Klassenarbeit",
		text:     "Liebe 10c,\n\nim Anhang findet ihr die Übungsaufgaben zu quadratischen Funktionen. Die Lösungen\nbesprechen wir am Donnerstag.\n\nK. Böhm\n",
		attached: []string{"Übungsblatt 4.pdf", "Parabel.png"}},
	{id: "mathe-1", answers: "mathe", day: 14, at: "20:47", from: "clara.fuchs", to: "katharina.boehm", subject: "Re: Übungsaufgaben zur Klassenarbeit",
		text: "Guten Abend Frau Böhm,\n\nbei Aufgabe 3b bekomme ich x₁ = 2 und x₂ = −5 heraus, aber das passt nicht zur Skizze.\nHabe ich einen Vorzeichenfehler?\n\nViele Grüße\nClara\n"},
	{id: "mathe-2", answers: "mathe-1", day: 14, at: "21:10", from: "katharina.boehm", to: "clara.fuchs", subject: "Re: Übungsaufgaben zur Klassenarbeit",
		text: "Hallo Clara,\n\nfast: Die Normalform ist x² + 3x − 10 = 0, also p = +3. Rechne noch einmal mit −p/2.\n\nBis morgen\nK. Böhm\n"},
	{id: "foto", day: 11, at: "10:05", from: "ayse.yildiz", to: "10c", subject: "Fotos vom Sportfest",
		text:   "Liebe 10c,\n\nhier das erste Bild vom Sportfest, die übrigen folgen.\n\nA. Yıldız\n",
		html:   "<p>Liebe 10c,</p><p>hier das erste Bild vom Sportfest, die übrigen folgen.</p><p><img src=\"cid:sportfest\" alt=\"Sportplatz im Sonnenschein\" width=\"320\"></p><p>A. Yıldız</p>",
		inline: "sportfest"},
	{id: "krank", day: 8, at: "06:58", from: "cornelia.weiss", to: "sekretariat juergen.grossmann", subject: "Krankmeldung Mia Weiß, 5a",
		text: "Guten Morgen,\n\nMia hat Fieber und kommt heute und morgen nicht zur Schule.\n\nCornelia Weiß\n"},
	{id: "krank-1", answers: "krank", day: 8, at: "07:31", from: "gisela.koehler", to: "cornelia.weiss", cc: "juergen.grossmann", subject: "Re: Krankmeldung Mia Weiß, 5a",
		text: "Guten Morgen Frau Weiß,\n\nist eingetragen. Gute Besserung an Mia!\n\nG. Köhler\n"},
	{id: "fachschaft", day: 7, at: "16:40", from: "matthias.krueger", to: "fachschaft-mathe", subject: "Taschenrechner: Sammelbestellung",
		text: "Liebe Fachschaft,\n\nes fehlen noch die Zahlen aus den achten Klassen. Stand bisher:\n\n  7a  24\n  7b  26\n  7c  25\n\nBitte bis Ende der Woche.\n\nM. Krüger\n"},
	{id: "heizung", day: 5, at: "09:12", from: "uwe.jaeger", to: "lehrerzimmer", subject: "Heizung im B-Trakt",
		text: "Moin,\n\ndie Heizung im B-Trakt wird am Donnerstag ab 13 Uhr abgestellt. Räume B 001 bis B 020\nbleiben kalt, bitte umziehen.\n\nUwe Jäger, Hausmeister\n"},
	{id: "referat", day: 4, at: "18:03", from: "jonas.mueller", to: "lea.mueller bjoern.soerensen", subject: "Referat Wale",
		text: "Hi,\n\nich mache die Einleitung und die Bartenwale. Lea: Zahnwale? Björn: Walfang?\nTreffen wir uns Mittwoch in der Bücherei?\n\nJonas\n"},
	{id: "referat-1", answers: "referat", day: 4, at: "18:40", from: "lea.mueller", to: "jonas.mueller bjoern.soerensen", subject: "Re: Referat Wale",
		text: "Mittwoch passt! Ich bringe das Plakat mit.\n\nLea\n"},
	{id: "referat-2", answers: "referat-1", day: 3, at: "07:15", from: "bjoern.soerensen", to: "lea.mueller jonas.mueller", subject: "Re: Referat Wale",
		text: "ok, aber ich muss um vier weg\n"},
	{id: "elternabend", day: 3, at: "12:00", from: "katharina.boehm", to: "eltern-7b", subject: "Einladung zum Elternabend",
		text:     "Liebe Eltern,\n\nherzliche Einladung zum Elternabend der 7b am Dienstag um 19:30 Uhr in B 012.\n\n1. Wahl der Elternvertretung\n2. Klassenfahrt\n3. Verschiedenes\n\nMit freundlichen Grüßen\nKatharina Böhm\n",
		html:     "<p>Liebe Eltern,</p><p>herzliche Einladung zum Elternabend der 7b am <b>Dienstag um 19:30 Uhr</b> in B&nbsp;012.</p><ol><li>Wahl der Elternvertretung</li><li>Klassenfahrt</li><li>Verschiedenes</li></ol><p>Mit freundlichen Grüßen<br>Katharina Böhm</p>",
		attached: []string{"Tagesordnung.pdf"}},
	{id: "elternabend-1", answers: "elternabend", day: 2, at: "20:20", from: "mehmet.oeztuerk", to: "katharina.boehm", subject: "Re: Einladung zum Elternabend",
		text: "Sehr geehrte Frau Böhm,\n\nwir kommen zu zweit.\n\nMehmet Öztürk\n"},
	{id: "test", day: 1, at: "08:30", from: "ayse.yildiz", to: "katharina.boehm", subject: "Tausch der Pausenaufsicht?",
		text: "Liebe Katharina,\n\nkönntest du morgen meine Aufsicht in der ersten großen Pause übernehmen?\nIch nehme dafür deine am Freitag.\n\nAyşe\n"},
}
