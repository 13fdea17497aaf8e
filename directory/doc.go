// Package directory says who is who at a school: domains, accounts with roles and
// states, groups with members and owners, aliases, resources, and the credentials
// that prove who someone is. Every door asks it for identity and for what a mail
// address leads to; it owns its tables (migrations 0002 and 0008) and is the only room with
// SQL for them.
//
// Where to look:
//
//	address.go     mail addresses: parsing, the one canonical form, what a new name may be
//	domain.go account.go group.go alias.go resource.go   administration, one subject each
//	resolve.go     what an address leads to, and who may write as it
//	policy.go contact.go quiet.go   the contact policy: its rules, what they say, and when
//	list.go external.go   groups as mailing lists: who may write to them, and members who have no account
//	sending.go     how many recipients an account may write to within an hour
//	view.go        the whole directory in memory; commits publish into it
//	login.go       Authenticate and Valid
//	password.go shacrypt.go   hashes: argon2id, and the imported kinds that are only verified
//	gate.go        how many hashes run at once, fair between networks
//	cache.go       verified and refused credentials, in memory only
//	limiter.go     limits against guessing, kept over a restart
//	app.go         app passwords
//	*_sql.go       the statements
//
// The directory is small (about half a kilobyte per person), so all of it but the
// password hashes is kept in memory. Every change is a transaction of the store that
// publishes its result when the commit is durable and before the caller is answered:
// readers never see what could still be lost, and never ask the database.
package directory
