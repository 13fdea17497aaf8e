package directory

import (
	"slices"
	"strings"
)

// isCommon reports whether a password, folded, is one of the first that anyone tries: a common word, also twice or with digits and marks
// around it and figures for letters; a row of keys; a run of digits or a date.
func isCommon(folded string) bool {
	if strings.Count(folded, folded[:1]) == len(folded) || hasWord(commonExact, folded) {
		return true
	}
	core := strings.Trim(folded, "0123456789!?.,-_*+#$@%&=:; ")
	if core == "" {
		return isRunOrDate(strings.Trim(folded, "!?.,-_*+#$@%&=:; "))
	}
	for _, word := range []string{core, spelledOut.Replace(folded), strings.Trim(spelledOut.Replace(core), "0123456789")} {
		if half := len(word) / 2; len(word)%2 == 0 && word[:half] == word[half:] {
			word = word[:half]
		}
		if hasWord(commonWords, word) {
			return true
		}
	}
	return false
}

// hasWord looks for a whole word in a list.
func hasWord(list, word string) bool { return slices.Contains(strings.Fields(list), word) }

// isRunOrDate reports whether digits are a run such as 23456789 or 98765432, a short pattern again and again, or a birthday: DDMMYYYY,
// YYYYMMDD or MMDDYYYY of the last hundred years.
func isRunOrDate(digits string) bool {
	up, down := true, true
	for i := 1; i < len(digits); i++ {
		up = up && (digits[i]-digits[i-1]+10)%10 == 1
		down = down && (digits[i-1]-digits[i]+10)%10 == 1
	}
	if up || down {
		return true
	}
	for size := 1; size <= len(digits)/2; size++ {
		if len(digits)%size == 0 && strings.Repeat(digits[:size], len(digits)/size) == digits {
			return true
		}
	}
	if len(digits) != 8 {
		return false
	}
	number := func(s string) int { return int(s[0]-'0')*10 + int(s[1]-'0') }
	date := func(day, month, century string) bool {
		return number(day) >= 1 && number(day) <= 31 && number(month) >= 1 && number(month) <= 12 && (century == "19" || century == "20")
	}
	return date(digits[:2], digits[2:4], digits[4:6]) || date(digits[2:4], digits[:2], digits[4:6]) || date(digits[6:], digits[4:6], digits[:2])
}

// spelledOut undoes what people take for clever.
var spelledOut = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

// commonExact are rows of keys and the like, which have no word in them.
const commonExact = ` qwertyui qwertyuiop qwertzui qwertzuiop qwerty123 qwertz123 qwerty12 qwertz12 asdfghjk asdfghjkl asdfghjklö yxcvbnm, yxcvbnm123 zxcvbnm123 asdf1234
 1234asdf asdfasdf qwer1234 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qay2wsx qay123wsx q1w2e3r4 q1w2e3r4t5 a1b2c3d4 1a2b3c4d abcd1234 abc12345 abcdefgh abcdefghi 1234abcd
 123qweasd 123qwe123 zaq12wsx zaq1zaq1 aaa11111 a1234567 a12345678 123456789a abcabcabc abc123abc qweasdzxc qweasdyxc asdqwe123 12qwaszx 11111111 x1234567 `

// commonWords are the words that lists of leaked passwords begin with, German ones among them, and what schools think of first. A list of
// our own: with the rules above it stands for some hundred thousand passwords.
const commonWords = ` password passwort passwd passwörter kennwort losungswort pass pwd parole geheim geheimnis topsecret secret master meister admin administrator root
 user benutzer gast guest test tester testtest testen demo default standard start starten anfang welcome willkommen login logon letmein lassmichrein changeme änderemich
 iloveyou iloveu ichliebedich ichliebdich liebe lieb love lover loveme schatz schatzi schatzilein liebling engel angel sweetheart prinzessin princess prinz hasi hase mausi maus
 bärchen baer süße süsse sonnenschein sunshine sonne sommer summer winter frühling fruehling spring herbst autumn januar februar märz maerz april mai juni juli august september
 oktober november dezember january february march june july october december montag dienstag mittwoch donnerstag freitag samstag sonntag monday tuesday wednesday thursday friday
 saturday sunday hallo hello hallohallo moin servus tschüss ciao hola fussball fußball football soccer baseball basketball handball volleyball hockey tennis schalke bayern
 bayernmünchen bayernmuenchen fcbayern borussia dortmund bvb werder werderbremen hsv hamburg hamburgersv eintracht frankfurt köln koeln fckoeln leipzig stuttgart vfb gladbach
 berlin münchen muenchen bremen hannover dresden nürnberg nuernberg düsseldorf essen bochum deutschland germany österreich schweiz england america amerika liverpool arsenal chelsea
 barcelona realmadrid juventus ronaldo messi superman batman spiderman ironman starwars starwar pokemon pikachu naruto minecraft fortnite roblox zelda mario supermario matrix
 harrypotter hogwarts gandalf hobbit frodo dragon drache monkey affe tiger löwe loewe lion panther eagle adler falke falcon wolf hund hunde dog katze kater cat kätzchen kitty
 hellokitty pferd pferde horse pony delfin delphin dolphin schmetterling butterfly blume blumen flower sonnenblume rose daisy lilie computer internet laptop handy iphone samsung
 android google facebook instagram whatsapp tiktok snapchat youtube microsoft windows apple linux chocolate schokolade banane banana orange apfel kirsche cherry erdbeere ginger
 pepper pfeffer cookie keks kuchen pizza nutella kaffee coffee bier cheese käse michael michelle thomas andreas stefan stephan daniel jessica jennifer nicole sabrina melanie
 alexander alexandra christian christina sebastian matthias florian benjamin maximilian patrick charlie jordan hunter killer shadow ninja warrior soldier hacker freedom freiheit
 frieden peace jesus gott god engelchen teufel devil satan lucky glück glueck glücklich happy spass spaß fun music musik guitar gitarre metallica nirvana rammstein scheisse scheiße
 fuckyou fuck arschloch hurensohn mustang porsche ferrari mercedes audi bmw volkswagen golf corvette harley yamaha trustno trustnoi whatever nothing nichts keine keins egal
 schule schüler schueler schülerin schuelerin lehrer lehrerin klasse pause ferien sommerferien hausaufgaben mathe mathematik deutsch englisch grundschule gymnasium realschule
 gesamtschule hauptschule oberschule berufsschule klassenzimmer lehrerzimmer sekretariat direktor rektor abitur abi school student teacher iserv moodle untis schulhof
 diamond diamant gold silber silver money geld million qwerty qwertz asdf asdfgh yxcvbn zxcvbn zxcvbnm yxcvbnm abc abcd abcde abcdef `
