// Package srs rewrites the senders of mail that is sent on, so that it passes SPF at the next server and what cannot be delivered
// still finds its way back: the Sender Rewriting Scheme.
//
// lena@example.org becomes SRS0=HASH=DAY=example.org=lena@school.test. Only we can make the hash, and it holds for a few days, so that
// nobody uses the address to write to others through us. A sender that was rewritten by another server before is not wrapped a second
// time: SRS1 names that server, which leads back to the first one.
package srs
