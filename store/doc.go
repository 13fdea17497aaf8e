// Package store keeps everything the server remembers: rows in SQLite or PostgreSQL, blobs in packs.
//
// One goroutine writes. [Store.Write] hands it a closure; it runs all that wait in one transaction, each in a
// savepoint, commits once and answers them all (group commit). [Store.Read] runs on one consistent snapshot.
//
// The order that every room keeps: bytes first ([Store.Put] returns when they are fsync'd), then one Write with
// all rows, which also counts the reference ([Tx.Reference]), then the positive answer. A crash in between leaves
// a blob without a reference, which [Store.Compact] removes, never a row without bytes.
//
// The package knows nothing of mail or calendars. Its tables are blob and what package goose needs.
package store
