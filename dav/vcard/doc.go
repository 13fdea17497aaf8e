// Package vcard understands contacts: vCard 3.0 (RFC 2426) and 4.0 (RFC 6350), the objects of CardDAV (RFC 6352).
//
// A card stays as its client sent it; Parse only looks at it. Check says whether an address book may keep it and what to index, Convert makes
// the other version of it for a client that asks for one, Filter finds it, Select gives a part of it. Person and Group make cards of our own.
// What phones and programs write beside the standards (Apple's item1.X-ABLabel and X-ADDRESSBOOKSERVER-KIND, Google's escapes, Android's
// quoted-printable) is understood.
package vcard
