// Package webmail is the pages that people reach with a browser: they sign in, write mail, and take back what has not left yet.
// The pages are made on the server and work without scripts, in German and English.
//
// Where to look:
//
//	server.go      what the room needs, the table of routes, and what all requests have in common
//	session.go session_sql.go   who is signed in
//	signin.go      signing in and out
//	write.go compose.go address.go   writing: the form, the message made of it, the recipients that people type
//	outbox.go draft.go   what waits, and how it is taken back
//	settings.go    how long one can take back
//	page.go        how a page is made; pages/ has the templates and the style sheet
//	language.go catalogue.go    which language, and every sentence in both
//	errors.go      what each fault is called in HTTP, and its page
//	limits.go      every limit, with its source
//
// To add a page: a row in routes, a template in pages/, its sentences in catalogue.go. TestEveryRoute then asks what it does
// for whom.
package webmail
