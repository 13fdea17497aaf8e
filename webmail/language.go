package webmail

import (
	"fmt"
	"time"

	tags "golang.org/x/text/language"
)

// language is one of those that the pages speak. It is the number of its column in the catalogue.
type language int

const (
	german language = iota
	english
)

// tag is the language's name in HTML. RFC 5646.
func (l language) tag() string { return [...]string{"de", "en"}[l] }

// matcher knows which of our languages is nearest to a wish; the first one serves who wishes for none of them.
var matcher = tags.NewMatcher([]tags.Tag{tags.English, tags.German})

// languageOf reads Accept-Language. RFC 9110 §12.5.4.
func languageOf(header string) language {
	if len(header) > maxLanguages {
		header = ""
	}
	wishes, _, err := tags.ParseAcceptLanguage(header)
	if err != nil {
		return english
	}
	if _, i, _ := matcher.Match(wishes...); i == 1 {
		return german
	}
	return english
}

// text is a sentence of the catalogue with its arguments in place.
func (l language) text(key string, args ...any) string {
	entry, ok := catalogue[key]
	if !ok {
		return key // a test looks for these
	}
	if len(args) == 0 {
		return entry[l]
	}
	return fmt.Sprintf(entry[l], args...)
}

// when is a time as people write it, in the zone that t has.
func (l language) when(t time.Time) string {
	if l == german {
		return t.Format("02.01.2006, 15:04 Uhr")
	}
	return t.Format("2 Jan 2006, 15:04")
}
