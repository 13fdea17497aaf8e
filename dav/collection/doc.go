// Package collection is the DAV domain: trees of files, calendars, address books, their properties, locks, versions and what
// changed in them. It is the only owner of the DAV tables, and every kind of write has one door here ([Collections.Put],
// [Collections.Move] …), so that quota, rights, locks and school rules hold for every client, the webmail and the command line.
//
// # How things are kept
//
// Everything with a name is an entry: a collection (folder, calendar, address book) or an object in one. An entry points to its
// parent, so that moving a folder changes one row. Each collection counts the changes of its members; an entry keeps the count of
// its last change, and names that were removed are remembered with theirs. That count is the sync token and the CTag.
//
// What a client sent is a blob, verbatim; the columns beside it (UID, component, first and last moment) are an index that can be made
// anew from it. The ETag is made of the content's hash: it changes exactly when the bytes do.
//
// # How a write works
//
// Bytes become durable and are checked before the transaction. In the transaction the path is walked again, the rights asked, then the
// locks, then the client's [Condition], then the policy of the kind of collection, and only then rows change: what was true when the
// client was answered was true at the commit.
//
// # Where to look
//
//	path.go name.go        paths and names
//	rights.go              who may do what: the only place that decides it
//	locate.go resolve.go children.go open.go   reading
//	make.go put.go remove.go copy.go move.go   writing
//	guard.go lock.go       conditions and locks
//	property.go            properties
//	changes.go objects.go  what is new since a token; calendar objects within a window
//	version.go trash.go    old contents and deleted things
//	owner.go provision.go  roots, quota, what a new account gets
//	janitor.go check.go    upkeep
//	*_sql.go               the statements
package collection
