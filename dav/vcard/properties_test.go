package vcard

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// thereAndBack is a line of one version, what it is in the other one, and what that is in the first again.
type thereAndBack struct {
	name      string
	in, there string
	back      string // "": as in
}

// play converts each row there and back, in a card that has what every card has.
func play(t *testing.T, from, to string, rows []thereAndBack) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			there := others(t, from, to, row.in)
			if diff := cmp.Diff(row.there, there); diff != "" {
				t.Errorf("in %s (-want +got):\n%s", to, diff)
			}
			want := row.back
			if want == "" {
				want = row.in
			}
			if want == "nothing" {
				want = ""
			}
			if diff := cmp.Diff(want, others(t, to, from, there)); diff != "" {
				t.Errorf("in %s again (-want +got):\n%s", from, diff)
			}
		})
	}
}

// others are the lines of a converted card besides the ones that were not asked for.
func others(t *testing.T, from, to, lines string) string {
	t.Helper()
	in := []string{"VERSION:" + from, "FN:Anna", "N:;Anna;;;"}
	if lines != "" {
		in = append(in, strings.Split(lines, "\n")...)
	}
	out := string(mustParse(t, object(in...)).Convert(to))
	out = strings.ReplaceAll(strings.ReplaceAll(out, "\r\n ", ""), "\r\n", "\n")
	out, ok := strings.CutPrefix(out, "BEGIN:VCARD\nVERSION:"+to+"\nFN:Anna\nN:;Anna;;;\n")
	if !ok {
		t.Fatalf("the frame has changed: %q", out)
	}
	return strings.TrimSuffix(strings.TrimSuffix(out, "END:VCARD\n"), "\n")
}

// propertiesOf4 has a row at least for each property of RFC 6350 §6, in its order, and for those of RFC 6474 and RFC 6715.
var propertiesOf4 = []thereAndBack{
	{name: "SOURCE", in: "SOURCE:ldap://ldap.school.test/cn=Anna,o=School", there: "SOURCE:ldap://ldap.school.test/cn=Anna,o=School"},
	{name: "KIND, of a person", in: "KIND:individual", there: "", back: "nothing"},
	{name: "KIND, of a group", in: "KIND:group", there: "X-ADDRESSBOOKSERVER-KIND:group"},
	{name: "KIND, of a company", in: "KIND:org", there: "X-ABShowAs:COMPANY"},
	{name: "KIND, of a place", in: "KIND:location", there: "X-ADDRESSBOOKSERVER-KIND:location"},
	{name: "KIND, of a program", in: "KIND:application", there: "X-ADDRESSBOOKSERVER-KIND:application"},
	{name: "KIND, of something else", in: "KIND:x-device", there: "X-ADDRESSBOOKSERVER-KIND:x-device"},
	{name: "XML", in: `XML:<config xmlns="http://school.test/"><a/></config>`, there: `XML:<config xmlns="http://school.test/"><a/></config>`},
	{name: "NICKNAME", in: "NICKNAME;TYPE=work:Boss,Chefin", there: "NICKNAME;TYPE=work:Boss,Chefin"},
	{name: "PHOTO, elsewhere", in: "PHOTO:http://school.test/a.png", there: "PHOTO;VALUE=uri:http://school.test/a.png", back: "PHOTO;VALUE=uri:http://school.test/a.png"},
	{name: "PHOTO, elsewhere, of a type", in: "PHOTO;MEDIATYPE=image/png;VALUE=uri:http://school.test/a", there: "PHOTO;VALUE=uri;TYPE=PNG:http://school.test/a",
		back: "PHOTO;VALUE=uri;MEDIATYPE=image/png:http://school.test/a"},
	{name: "PHOTO, within", in: "PHOTO:data:image/jpeg;base64,/9j/4AAQ", there: "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ"},
	{name: "PHOTO, the preferred one", in: "PHOTO;PREF=1:data:image/jpeg;base64,/9j/4AAQ", there: "PHOTO;TYPE=pref;ENCODING=b;TYPE=JPEG:/9j/4AAQ"},
	{name: "PHOTO, a drawing in clear text", in: "PHOTO:data:image/svg+xml,%3Csvg/%3E", there: "PHOTO;VALUE=uri:data:image/svg+xml,%3Csvg/%3E",
		back: "PHOTO;VALUE=uri:data:image/svg+xml,%3Csvg/%3E"},
	{name: "BDAY", in: "BDAY:19960415", there: "BDAY:1996-04-15"},
	{name: "BDAY, with its type", in: "BDAY;VALUE=date-and-or-time;CALSCALE=gregorian:19960415", there: "BDAY:1996-04-15", back: "BDAY:19960415"},
	{name: "BDAY, with a time", in: "BDAY:19531015T231000Z", there: "BDAY:1953-10-15T23:10:00Z"},
	{name: "BDAY, with an offset", in: "BDAY:19531015T231000-0500", there: "BDAY:1953-10-15T23:10:00-05:00"},
	{name: "BDAY, without a year", in: "BDAY:--0229", there: "BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-29"},
	{name: "BDAY, only a day", in: "BDAY:---15", there: "BDAY:---15"},
	{name: "BDAY, only a year and a month", in: "BDAY:1996-04", there: "BDAY:1996-04"},
	{name: "BDAY, only a time", in: "BDAY:T102200", there: "BDAY:T102200"},
	{name: "BDAY, in words", in: "BDAY;VALUE=text:um 1800", there: "BDAY;VALUE=text:um 1800"},
	{name: "ANNIVERSARY", in: "ANNIVERSARY:20110113", there: "item1.X-ABDATE:2011-01-13\nitem1.X-ABLabel:_$!<Anniversary>!$_"},
	{name: "ANNIVERSARY, without a year", in: "ANNIVERSARY:--0113", there: "ANNIVERSARY:--0113"},
	{name: "GENDER", in: "GENDER:F", there: "X-GENDER:F"},
	{name: "GENDER, in one's own words", in: "GENDER:O;intersex", there: "X-GENDER:O;intersex"},
	{name: "GENDER, in words alone", in: "GENDER:;it's complicated", there: "X-GENDER:;it's complicated"},
	{name: "ADR", in: "ADR;TYPE=home:;;Seestraße 12;Berlin;;10115;Deutschland", there: "ADR;TYPE=home:;;Seestraße 12;Berlin;;10115;Deutschland"},
	{name: "ADR, where it is", in: `ADR;GEO="geo:12.3,78.9";TZ=Europe/Berlin:;;a;;;;`, there: "ADR:;;a;;;;", back: "ADR:;;a;;;;"},
	{name: "ADR, with a label", in: `ADR;LABEL="Anna, 2^nd floor^nBerlin":;;a;;;;`, there: "ADR:;;a;;;;\nLABEL:Anna\\, 2\\nd floor\\nBerlin"},
	{name: "ADR, with the label's lines as the RFC's example has them", in: `ADR;LABEL="Seestr. 12\nBerlin":;;a;;;;`, there: "ADR:;;a;;;;\nLABEL:Seestr. 12\\nBerlin",
		back: "ADR;LABEL=Seestr. 12^nBerlin:;;a;;;;"},
	{name: "TEL, a URI", in: `TEL;VALUE=uri;PREF=1;TYPE="voice,home":tel:+1-555-555-5555;ext=5555`, there: "TEL;TYPE=voice,home;TYPE=pref:+1-555-555-5555 ext. 5555",
		back: "TEL;TYPE=voice,home;PREF=1:+1-555-555-5555 ext. 5555"},
	{name: "TEL, of another scheme", in: "TEL;VALUE=uri;TYPE=work:sip:anna@school.test", there: "TEL;VALUE=uri;TYPE=work:sip:anna@school.test"},
	{name: "TEL, all its types", in: "TEL;TYPE=text,voice,fax,cell,video,pager,textphone:1", there: "TEL;TYPE=text,voice,fax,cell,video,pager,textphone:1"},
	{name: "EMAIL", in: "EMAIL;TYPE=work;PREF=1:anna@school.test", there: "EMAIL;TYPE=work;TYPE=pref:anna@school.test"},
	{name: "IMPP", in: "IMPP;PREF=1:xmpp:anna@school.test", there: "IMPP;TYPE=pref:xmpp:anna@school.test"},
	{name: "LANG", in: "LANG;TYPE=work;PREF=1:de\nLANG:en", there: "LANG;TYPE=work;TYPE=pref:de\nLANG:en"},
	{name: "TZ, a name", in: "TZ;VALUE=text:Europe/Berlin", there: "TZ;VALUE=text:Europe/Berlin"},
	{name: "TZ, a name without saying so", in: "TZ:Europe/Berlin", there: "TZ;VALUE=text:Europe/Berlin", back: "TZ;VALUE=text:Europe/Berlin"},
	{name: "TZ, an offset", in: "TZ;VALUE=utc-offset:-0500", there: "TZ:-05:00"},
	{name: "TZ, a URI", in: "TZ;VALUE=uri:http://school.test/zone", there: "TZ;VALUE=uri:http://school.test/zone"},
	{name: "GEO", in: "GEO:geo:37.386013,-122.082932", there: "GEO:37.386013;-122.082932"},
	{name: "GEO, saying that it is a URI", in: "GEO;VALUE=uri:geo:37.386013,-122.082932", there: "GEO:37.386013;-122.082932", back: "GEO:geo:37.386013,-122.082932"},
	{name: "TITLE", in: "TITLE:Lehrerin", there: "TITLE:Lehrerin"},
	{name: "TITLE, in two languages", in: "TITLE;ALTID=1;LANGUAGE=de:Lehrerin\nTITLE;ALTID=1;LANGUAGE=en:Teacher", there: "TITLE;LANGUAGE=de:Lehrerin\nTITLE;LANGUAGE=en:Teacher",
		back: "TITLE;LANGUAGE=de:Lehrerin\nTITLE;LANGUAGE=en:Teacher"},
	{name: "ROLE", in: `ROLE:Leitung\, Musik`, there: `ROLE:Leitung\, Musik`},
	{name: "LOGO", in: "LOGO:data:image/png;base64,iVBORw0K", there: "LOGO;ENCODING=b;TYPE=PNG:iVBORw0K"},
	{name: "ORG", in: `ORG;SORT-AS="See":Gymnasium\; am See;Musik`, there: `ORG:Gymnasium\; am See;Musik`, back: `ORG:Gymnasium\; am See;Musik`},
	{name: "MEMBER", in: "KIND:group\nMEMBER:urn:uuid:1\nMEMBER:mailto:a@b.test", there: "X-ADDRESSBOOKSERVER-KIND:group\nX-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1\nX-ADDRESSBOOKSERVER-MEMBER:mailto:a@b.test"},
	{name: "RELATED, a card", in: "RELATED;TYPE=friend:urn:uuid:1", there: "RELATED;TYPE=friend:urn:uuid:1"},
	{name: "RELATED, by name", in: "RELATED;TYPE=parent;VALUE=text:Maria", there: "item1.X-ABRELATEDNAMES:Maria\nitem1.X-ABLabel:_$!<Parent>!$_"},
	{name: "RELATED, an assistant", in: "RELATED;TYPE=co-worker;VALUE=text:Jo", there: "item1.X-ABRELATEDNAMES:Jo\nitem1.X-ABLabel:_$!<Assistant>!$_"},
	{name: "RELATED, by name, not as what", in: "RELATED;VALUE=text:Jo", there: "RELATED;VALUE=text:Jo"},
	{name: "CATEGORIES", in: `CATEGORIES:7b,Chor\, groß`, there: `CATEGORIES:7b,Chor\, groß`},
	{name: "NOTE", in: `NOTE;LANGUAGE=de:a\nb\;`, there: `NOTE;LANGUAGE=de:a\nb\;`},
	{name: "PRODID", in: "PRODID:-//x//y//EN", there: "PRODID:-//x//y//EN"},
	{name: "REV", in: "REV:19951031T222710Z", there: "REV:1995-10-31T22:27:10Z"},
	{name: "SOUND, elsewhere", in: "SOUND;VALUE=uri:cid:1@school.test", there: "SOUND;VALUE=uri:cid:1@school.test"},
	{name: "SOUND, within", in: "SOUND:data:audio/basic;base64,AAAA", there: "SOUND;ENCODING=b;TYPE=BASIC:AAAA"},
	{name: "UID", in: "UID:urn:uuid:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1", there: "UID:urn:uuid:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1"},
	{name: "UID, a text", in: "UID;VALUE=text:7b-1", there: "UID:7b-1", back: "UID:7b-1"},
	{name: "CLIENTPIDMAP", in: "CLIENTPIDMAP:1;urn:uuid:1\nTEL;PID=1.1:1", there: "TEL:1", back: "TEL:1"},
	{name: "URL", in: "URL:http://school.test/x,y;z", there: "URL:http://school.test/x,y;z"},
	{name: "KEY, elsewhere", in: "KEY;MEDIATYPE=application/pgp-keys:ftp://school.test/key", there: "KEY;VALUE=uri;TYPE=PGP:ftp://school.test/key",
		back: "KEY;VALUE=uri;MEDIATYPE=application/pgp-keys:ftp://school.test/key"},
	{name: "KEY, within", in: "KEY:data:application/pgp-keys;base64,AAAA", there: "KEY;ENCODING=b;TYPE=PGP:AAAA"},
	{name: "KEY, a text", in: `KEY;VALUE=text:-----BEGIN\nx`, there: `KEY:-----BEGIN\nx`},
	{name: "FBURL", in: "FBURL;PREF=1:http://school.test/busy", there: "FBURL;TYPE=pref:http://school.test/busy"},
	{name: "CALADRURI", in: "CALADRURI:mailto:anna@school.test", there: "CALADRURI:mailto:anna@school.test"},
	{name: "CALURI", in: "CALURI;MEDIATYPE=text/calendar:ftp://school.test/a.ics", there: "CALURI:ftp://school.test/a.ics", back: "CALURI:ftp://school.test/a.ics"},
	{name: "BIRTHPLACE", in: "BIRTHPLACE;VALUE=uri:geo:46.7,-71.2", there: "BIRTHPLACE;VALUE=uri:geo:46.7,-71.2"},
	{name: "DEATHDATE", in: "DEATHDATE:19960415", there: "DEATHDATE:19960415"},
	{name: "HOBBY", in: "HOBBY:Rudern", there: "HOBBY:Rudern"},
	{name: "a private one", in: "a.X-ROOM;X-FLOOR=2:A 2.14", there: "a.X-ROOM;X-FLOOR=2:A 2.14"},
}

// propertiesOf3 has a row at least for each property of RFC 2426 §3, in its order, and for what programs add to it.
var propertiesOf3 = []thereAndBack{
	{name: "NAME", in: "NAME:Annas Karte", there: "NAME:Annas Karte"},
	{name: "PROFILE", in: "PROFILE:VCARD", there: "", back: "nothing"},
	{name: "SOURCE", in: "SOURCE:ldap://ldap.school.test/cn=Anna", there: "SOURCE:ldap://ldap.school.test/cn=Anna"},
	{name: "NICKNAME", in: "NICKNAME:Robbie", there: "NICKNAME:Robbie"},
	{name: "PHOTO, elsewhere", in: "PHOTO;VALUE=uri:http://school.test/a.gif", there: "PHOTO;VALUE=uri:http://school.test/a.gif"},
	{name: "PHOTO, elsewhere, of a type", in: "PHOTO;VALUE=uri;TYPE=JPEG:http://school.test/a", there: "PHOTO;VALUE=uri;MEDIATYPE=image/jpeg:http://school.test/a"},
	{name: "PHOTO, within", in: "PHOTO;ENCODING=b;TYPE=PNG:iVBORw0K", there: "PHOTO:data:image/png;base64,iVBORw0K"},
	{name: "PHOTO, within and preferred", in: "PHOTO;ENCODING=b;TYPE=JPEG;TYPE=pref:/9j/4AAQ", there: "PHOTO;PREF=1:data:image/jpeg;base64,/9j/4AAQ",
		back: "PHOTO;TYPE=pref;ENCODING=b;TYPE=JPEG:/9j/4AAQ"},
	{name: "PHOTO, within and preferred, the type last", in: "PHOTO;ENCODING=b;TYPE=pref,JPEG:/9j/4AAQ", there: "PHOTO;PREF=1:data:image/jpeg;base64,/9j/4AAQ",
		back: "PHOTO;TYPE=pref;ENCODING=b;TYPE=JPEG:/9j/4AAQ"},
	{name: "PHOTO, already as in 4.0", in: "PHOTO:data:image/png;base64,iVBORw0K", there: "PHOTO:data:image/png;base64,iVBORw0K", back: "PHOTO;ENCODING=b;TYPE=PNG:iVBORw0K"},
	{name: "BDAY", in: "BDAY:1996-04-15", there: "BDAY:19960415"},
	{name: "BDAY, the other form", in: "BDAY:19960415", there: "BDAY:19960415", back: "BDAY:1996-04-15"},
	{name: "BDAY, with a time", in: "BDAY;VALUE=date-time:1953-10-15T23:10:00Z", there: "BDAY:19531015T231000Z", back: "BDAY:1953-10-15T23:10:00Z"},
	{name: "BDAY, with an offset", in: "BDAY:1987-09-27T08:30:00-06:00", there: "BDAY:19870927T083000-0600"},
	{name: "BDAY, without a year, as Apple has it", in: "BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-22", there: "BDAY:--0322"},
	{name: "BDAY, in a year that is left out elsewhere", in: "BDAY;X-APPLE-OMIT-YEAR=1604:1980-03-22", there: "BDAY:19800322", back: "BDAY:1980-03-22"},
	{name: "BDAY, that is no date", in: "BDAY:22. März", there: "BDAY:22. März"},
	{name: "ADR", in: "ADR;TYPE=dom,home,postal,parcel:;;Seestraße 12;Berlin;;10115;", there: "ADR;TYPE=dom,home,postal,parcel:;;Seestraße 12;Berlin;;10115;"},
	{name: "LABEL", in: "ADR:;;a;;;;\nLABEL:Anna\\nBerlin", there: "ADR;LABEL=Anna^nBerlin:;;a;;;;"},
	{name: "LABEL, with what a parameter must quote", in: "ADR:;;a;;;;\nLABEL:a: \"b\"\\, c^d", there: `ADR;LABEL="a: ^'b^', c^^d":;;a;;;;`},
	{name: "TEL", in: "TEL;TYPE=work,voice,pref,msg:+49 30 1", there: "TEL;TYPE=work,voice,msg;PREF=1:+49 30 1", back: "TEL;TYPE=work,voice,msg;TYPE=pref:+49 30 1"},
	{name: "TEL, preferred and nothing else", in: "TEL;TYPE=pref:1", there: "TEL;PREF=1:1"},
	{name: "EMAIL", in: "EMAIL;TYPE=internet,pref:a@b.test", there: "EMAIL;PREF=1:a@b.test", back: "EMAIL;TYPE=pref:a@b.test"},
	{name: "EMAIL, of other times", in: "EMAIL;TYPE=x400:/x=y", there: "EMAIL;TYPE=x400:/x=y"},
	{name: "MAILER", in: "MAILER:PigeonMail 2.1", there: "MAILER:PigeonMail 2.1"},
	{name: "TZ", in: "TZ:-05:00", there: "TZ;VALUE=utc-offset:-0500"},
	{name: "TZ, without minutes", in: "TZ:+01", there: "TZ;VALUE=utc-offset:+01", back: "TZ:+01:00"},
	{name: "TZ, a text", in: `TZ;VALUE=text:-05:00\; EST\; Raleigh`, there: `TZ;VALUE=text:-05:00\; EST\; Raleigh`},
	{name: "GEO", in: "GEO:37.386013;-122.082932", there: "GEO:geo:37.386013,-122.082932"},
	{name: "GEO, with a backslash as some write it", in: `GEO:37.3\;-122.0`, there: "GEO:geo:37.3,-122.0", back: "GEO:37.3;-122.0"},
	{name: "TITLE and ROLE", in: "TITLE:Direktorin\nROLE:Leitung", there: "TITLE:Direktorin\nROLE:Leitung"},
	{name: "LOGO", in: "LOGO;ENCODING=b;TYPE=GIF:R0lG", there: "LOGO:data:image/gif;base64,R0lG"},
	{name: "AGENT, elsewhere", in: "AGENT;VALUE=uri:cid:1@school.test", there: "RELATED;VALUE=uri;TYPE=agent:cid:1@school.test"},
	{name: "ORG", in: "ORG:Schule;Musik;", there: "ORG:Schule;Musik;"},
	{name: "CATEGORIES", in: "CATEGORIES:TRAVEL AGENT,SCHULE", there: "CATEGORIES:TRAVEL AGENT,SCHULE"},
	{name: "NOTE", in: `NOTE:a\, b`, there: `NOTE:a\, b`},
	{name: "PRODID", in: "PRODID:-//x//y//EN", there: "PRODID:-//x//y//EN"},
	{name: "REV", in: "REV:1995-10-31T22:27:10Z", there: "REV:19951031T222710Z"},
	{name: "REV, a day", in: "REV;VALUE=date:1997-11-15", there: "REV:19971115", back: "REV:1997-11-15"},
	{name: "SOUND", in: "SOUND;ENCODING=b;TYPE=BASIC:AAAA", there: "SOUND:data:audio/basic;base64,AAAA"},
	{name: "UID", in: "UID:19950401-080045-40000F192713-0052", there: "UID:19950401-080045-40000F192713-0052"},
	{name: "URL", in: "URL:http://school.test/x", there: "URL:http://school.test/x"},
	{name: "CLASS", in: "CLASS:PUBLIC", there: "CLASS:PUBLIC"},
	{name: "KEY, bytes", in: "KEY;ENCODING=b;TYPE=X509:AAAA", there: "KEY:data:application/pkix-cert;base64,AAAA"},
	{name: "KEY, a text", in: `KEY;TYPE=PGP:-----BEGIN\nx`, there: `KEY;TYPE=PGP;VALUE=text:-----BEGIN\nx`},
	{name: "IMPP", in: "IMPP;X-SERVICE-TYPE=Jabber;TYPE=home:xmpp:anna@school.test", there: "IMPP;X-SERVICE-TYPE=Jabber;TYPE=home:xmpp:anna@school.test"},
	{name: "ANNIVERSARY, before its time", in: "ANNIVERSARY:2011-01-13", there: "ANNIVERSARY:20110113", back: "item1.X-ABDATE:2011-01-13\nitem1.X-ABLabel:_$!<Anniversary>!$_"},
	{name: "X-GENDER, as a word", in: "X-GENDER:male", there: "GENDER:M", back: "X-GENDER:M"},
	{name: "X-GENDER, of another vocabulary", in: "X-GENDER:divers", there: "X-GENDER:divers"},
	{name: "X-GENDER, that begins with another letter than it means", in: "X-GENDER:Mädchen", there: "X-GENDER:Mädchen"},
	{name: "X-AIM and its like", in: "X-AIM:anna\nX-JABBER;TYPE=HOME:anna@school.test", there: "X-AIM:anna\nX-JABBER;TYPE=HOME:anna@school.test"},
	{name: "a label of Apple's", in: "item1.TEL:1\nitem1.X-ABLabel:Schule", there: "item1.TEL:1\nitem1.X-ABLabel:Schule"},
	{name: "a country of Apple's", in: "item2.ADR;TYPE=HOME:;;a;;;;\nitem2.X-ABADR:de", there: "item2.ADR;TYPE=HOME:;;a;;;;\nitem2.X-ABADR:de"},
	{name: "a label that stands before what it names", in: "item1.X-ABLabel:_$!<Anniversary>!$_\nitem1.X-ABDATE:2011-01-13", there: "ANNIVERSARY:20110113",
		back: "item1.X-ABDATE:2011-01-13\nitem1.X-ABLabel:_$!<Anniversary>!$_"},
}

func TestEveryPropertyOf4(t *testing.T) { play(t, Version4, Version3, propertiesOf4) }

func TestEveryPropertyOf3(t *testing.T) { play(t, Version3, Version4, propertiesOf3) }

// TestLeftoversOfOlderVersions: what vCard 2.1 had and programs still write into 3.0, read once and never written again.
func TestLeftoversOfOlderVersions(t *testing.T) {
	play(t, Version3, Version4, []thereAndBack{
		{name: "bare types", in: "TEL;HOME;VOICE;CELL:1", there: "TEL;TYPE=HOME;TYPE=VOICE;TYPE=CELL:1", back: "TEL;TYPE=HOME;TYPE=VOICE;TYPE=CELL:1"},
		{name: "bare and named types", in: "TEL;PREF;TYPE=WORK:1", there: "TEL;TYPE=WORK;PREF=1:1", back: "TEL;TYPE=WORK;TYPE=pref:1"},
		{name: "quoted-printable", in: "NICKNAME;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:J=C3=BCrgen", there: "NICKNAME:Jürgen", back: "NICKNAME:Jürgen"},
		{name: "quoted-printable, bare", in: "NICKNAME;QUOTED-PRINTABLE:a=3Db", there: "NICKNAME:a=b", back: "NICKNAME:a=b"},
		{name: "quoted-printable in parts", in: "ADR;HOME;ENCODING=QUOTED-PRINTABLE:;;Seestra=C3=9Fe 1=0AHinterhaus;Berlin;;;", there: `ADR;TYPE=HOME:;;Seestraße 1\nHinterhaus;Berlin;;;`,
			back: `ADR;TYPE=HOME:;;Seestraße 1\nHinterhaus;Berlin;;;`},
		{name: "a charset and nothing to decode", in: "NICKNAME;CHARSET=UTF-8:Jürgen", there: "NICKNAME:Jürgen", back: "NICKNAME:Jürgen"},
		{name: "eight bits", in: "NICKNAME;ENCODING=8BIT:Jürgen", there: "NICKNAME:Jürgen", back: "NICKNAME:Jürgen"},
		{name: "a charset that is not decoded is still named", in: "NICKNAME;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:J=FCrgen",
			there: "NICKNAME;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:J=FCrgen"},
		{name: "what is not quoted-printable after all", in: "NICKNAME;ENCODING=QUOTED-PRINTABLE:a=b", there: "NICKNAME;ENCODING=QUOTED-PRINTABLE:a=b"},
		{name: "bytes that are no UTF-8", in: "NICKNAME;ENCODING=QUOTED-PRINTABLE:J=FCrgen", there: "NICKNAME;ENCODING=QUOTED-PRINTABLE:J=FCrgen"},
		{name: "a photo with its type in the parameter's place", in: "PHOTO;BMP;BASE64:Qk0AAA", there: "PHOTO:data:image/bmp;base64,Qk0AAA", back: "PHOTO;ENCODING=b;TYPE=BMP:Qk0AAA"},
		{name: "a photo in base64, in words", in: "PHOTO;TYPE=JPEG;ENCODING=BASE64:/9j/4AAQ", there: "PHOTO:data:image/jpeg;base64,/9j/4AAQ", back: "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ"},
		{name: "a photo of a media type", in: "PHOTO;TYPE=image/jpeg;ENCODING=b:/9j/4AAQ", there: "PHOTO:data:image/jpeg;base64,/9j/4AAQ", back: "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ"},
	})
}

// TestFormsOf3Within4: programs write 3.0's forms into 4.0, too; a client of 3.0 gets what it knows all the same.
func TestFormsOf3Within4(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"a photo in base64", "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ", "PHOTO;TYPE=JPEG;ENCODING=b:/9j/4AAQ"},
		{"bare types", "TEL;HOME:1", "TEL;TYPE=HOME:1"},
		{"a date with hyphens", "BDAY:1980-03-22", "BDAY:1980-03-22"},
		{"a place with a semicolon", "GEO:46.7;-71.2", "GEO:46.7;-71.2"},
		{"an offset with a colon", "TZ:-05:00", "TZ:-05:00"},
		{"quoted-printable", "NOTE;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen", "NOTE:Jürgen"},
		{"a preference among the types", "TEL;TYPE=home,pref:1", "TEL;TYPE=home,pref:1"},
	} {
		if got := others(t, Version4, Version3, row.in); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}
