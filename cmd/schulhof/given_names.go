package main

import (
	"schulhof/config"
	"schulhof/dav/collection"
)

// givenNames are the titles of the collections that everybody and every group has, and what is said of people in the school directory, in each
// language that server.language may name.
var givenNames = map[string]collection.Words{
	config.LanguageGerman: {
		Calendar: "Kalender", Tasks: "Aufgaben", Contacts: "Kontakte", Directory: "Schulverzeichnis",
		Teacher: "Lehrkraft", Staff: "Schulpersonal",
	},
	config.LanguageEnglish: {
		Calendar: "Calendar", Tasks: "Tasks", Contacts: "Contacts", Directory: "School directory",
		Teacher: "Teacher", Staff: "Staff",
	},
}
