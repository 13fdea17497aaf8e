package config

import "time"

// Config is the whole settings file. Relative paths have been resolved against the file's folder.
type Config struct {
	Path     string   `toml:"-"` // the file it was read from, absolute; "" if from none
	Server   Server   `toml:"server"`
	Listen   Listen   `toml:"listen"`
	TLS      TLS      `toml:"tls"`
	ACME     ACME     `toml:"acme"`
	Security Security `toml:"security"`
	Mail     Mail     `toml:"mail"`
	Outgoing Outgoing `toml:"outgoing"`
	MTASTS   MTASTS   `toml:"mta_sts"`
	DNS      DNS      `toml:"dns"`
	Origin   Origin   `toml:"origin"`
	Spam     Spam     `toml:"spam"`
	Reports  Reports  `toml:"reports"`
	Virus    Virus    `toml:"virus"`
	Queue    Queue    `toml:"queue"`
	Quota    Quota    `toml:"quota"`
	Filters  Filters  `toml:"filters"`
	Files    Files    `toml:"files"`
	Store    Store    `toml:"store"`
	Log      Log      `toml:"log"`

	Retention Retention `toml:"retention"`
}

// Server says who this server is and where its data lie.
type Server struct {
	// The folder of all data: database, packs of message bodies, keys. Relative paths in this file start at the file's own folder.
	Data string `toml:"data"`
	// The name by which other mail servers and clients reach this one. It is said in greetings and must be in the certificate.
	Hostname string `toml:"hostname"`
	// Empty: one SQLite file in the data folder. Otherwise the address of a PostgreSQL database, postgres://user:password@host/name.
	Database string `toml:"database"`
	// The school's time zone, by its name in the tz database. Whole days and times without a zone are read in it where neither the
	// program that asks nor the calendar says otherwise.
	TimeZone string `toml:"time_zone"`
	// "de" or "en": the school's language, in which programs show what everybody has: calendars, tasks, contacts, the school directory. A name
	// that somebody gave a collection stays.
	Language string `toml:"language"`
}

// Listen names the addresses of each service. An empty list turns a service off. ":25" is port 25 of all addresses.
type Listen struct {
	// Mail from other servers (RFC 5321), STARTTLS offered.
	SMTP []string `toml:"smtp"`
	// Mail from a local program such as another mail server (RFC 2033). Loopback addresses only: there is no login.
	LMTP []string `toml:"lmtp"`
	// Mail that people send, TLS from the first byte (RFC 8314). What mail programs should use.
	Submissions []string `toml:"submissions"`
	// Mail that people send, TLS by STARTTLS (RFC 6409).
	Submission []string `toml:"submission"`
	// Reading mail, TLS by STARTTLS (RFC 9051).
	IMAP []string `toml:"imap"`
	// Reading mail, TLS from the first byte (RFC 8314). What mail programs should use.
	IMAPS []string `toml:"imaps"`
	// Mail filters: people's programs keep their scripts here, TLS by STARTTLS (RFC 5804).
	ManageSieve []string `toml:"managesieve"`
	// Redirects to HTTPS, or serves the same pages to loopback addresses if security.allow_plaintext_auth says so.
	HTTP []string `toml:"http"`
	// Web pages.
	HTTPS []string `toml:"https"`
	// Metrics for Prometheus at /metrics, health at /healthz and /readyz. Loopback addresses only.
	Metrics []string `toml:"metrics"`
}

// TLS names the certificate. A changed file is taken up within a minute and at SIGHUP, without a restart.
type TLS struct {
	// The server's certificate and the chain above it, PEM.
	Certificate string `toml:"certificate"`
	// The certificate's private key, PEM.
	Key string `toml:"key"`
	// "1.2" or "1.3": the oldest TLS version that clients may use.
	MinVersion string `toml:"min_version"`
}

// ACME is about certificates from an authority that gives and renews them by itself (RFC 8555), such as Let's Encrypt. The server writes that
// of its name into tls.certificate; it is for the key in tls.key, which stays. Names such as mta-sts.DOMAIN and autoconfig.DOMAIN that lead to this
// server get one each. The authority must reach listen.http at port 80.
type ACME struct {
	// The authority's directory, an https address, such as "https://acme-v02.api.letsencrypt.org/directory". Setting it accepts the
	// authority's terms of service. Empty: certificates come from elsewhere.
	Directory string `toml:"directory"`
	// The mail address that the authority may write to, or nothing.
	Contact string `toml:"contact"`
	// The authorities that the directory's own certificate is checked with, PEM. Empty: those of the system.
	Roots string `toml:"roots"`
}

// Security holds what guards the logins.
type Security struct {
	// "never": no password is taken without TLS. "loopback": clients on a loopback address may log in without TLS, and plain HTTP serves
	// them what HTTPS serves.
	AllowPlaintextAuth string `toml:"allow_plaintext_auth"`
	// Networks (such as "192.0.2.0/24") of whole schools behind one address: the limits per address do not count there. Loopback is always in.
	Allowlist []string `toml:"allowlist"`
}

// Mail bounds messages and mailboxes.
type Mail struct {
	// The largest message, 1MiB to 1GiB.
	MaxSize Size `toml:"max_size"`
	// How many mailboxes (folders) one account may have, 10 to 1000000.
	MaxMailboxes int `toml:"max_mailboxes"`
	// How many addresses of other servers a message that somebody here writes may have in To and Cc, where everybody who gets it sees
	// them all: 1 to 1000, or 0 for any number. Bcc does not count, nor do addresses of the school.
	VisibleOutside int `toml:"visible_outside"`
	// What becomes of a message with more: "refuse" refuses it, with a sentence that asks for Bcc; "warn" sends it, and tells its author by
	// mail. Addresses that went out cannot be taken back, so it is refused if nothing is set.
	VisibleAction string `toml:"visible_action"`
	// Memory for the lists of recently used mailboxes, 1MiB or more.
	ViewMemory Size `toml:"view_memory"`
}

// Outgoing is about connections to other mail servers.
type Outgoing struct {
	// Private networks (such as "10.1.0.0/16") in which mail servers may be reached, for a smart host in the school for example. Mail is
	// never brought to loopback, private and link-local addresses otherwise, whatever the DNS says.
	Networks []string `toml:"networks"`
	// The port of other mail servers, 1 to 65535. Anything but 25 is for tests, and for firewalls that redirect.
	Port int `toml:"port"`
}

// MTASTS is the policy that tells other mail servers to bring mail to our domains over TLS only (RFC 8461). It is served at
// https://mta-sts.DOMAIN/.well-known/mta-sts.txt, and counts once the records that "dns show" prints are in the DNS.
type MTASTS struct {
	// "testing": failures are reported only. "enforce": without TLS and a right certificate no mail. "none": takes an earlier policy back.
	// "off": no policy is served.
	Mode string `toml:"mode"`
	// How long others remember the policy, 24h to 8766h (a year).
	MaxAge time.Duration `toml:"max_age"`
}

// DNS is about the servers that answer questions about names.
type DNS struct {
	// Their addresses, with a port if it is not 53, at most 8. Empty: those of /etc/resolv.conf.
	Servers []string `toml:"servers"`
	// Whose word is believed that an answer is signed (the AD bit), which DANE needs. "loopback": servers on this machine, for example
	// unbound. "always": the way to the servers is safe. "never".
	TrustAD string `toml:"trust_ad"`
}

// Origin is about where mail comes from: how mail from other servers is judged (SPF, DKIM, DMARC, ARC), and how ours is signed.
type Origin struct {
	// The most that the DMARC policy of a domain leads to when mail only claims to come from it: "reject" refuses it if the domain
	// asks for that, "quarantine" puts it into Junk instead, "report" only notes it in the message's header.
	DMARC string `toml:"dmarc"`
	// "trust": mail from loopback addresses is taken as it comes, like mail from security.allowlist. "check": it is judged as well.
	Loopback string `toml:"loopback"`
	// Domains of mailing lists and forwarders whose word (ARC) on where a message came from is believed.
	TrustedSealers []string `toml:"trusted_sealers"`
	// When new DKIM keys begin to sign: "published" as soon as their records are seen in the DNS, "age" when they are two days old.
	NewKeys string `toml:"new_keys"`
}

// Spam is about mail from other servers that nobody wants. Each message gets a score; docs/admin-mail.md has the table. Whoever is not asked where
// mail comes from (section origin) is not asked here either.
type Spam struct {
	// From this score on a message goes to Junk, 1 to 100. 0: never.
	Junk int `toml:"junk"`
	// From this score on a message is refused, 1 to 100. 0: never.
	Reject int `toml:"reject"`
	// From this score on a message has to come again if nothing is known of its network and no domain answers for it (greylisting), 1 to 100.
	// 0: never.
	Greylist int `toml:"greylist"`
	// How long it has to wait until then, 1m to 6h.
	GreylistDelay time.Duration `toml:"greylist_delay"`
	// Lists in the DNS of addresses that send unwanted mail, by their zones, at most 8. Ask their owners first: many are not free for all.
	Blocklists []string `toml:"blocklists"`
	// "on": what people move to and from Junk teaches the server what they want to read, each for themselves. "off".
	Personal string `toml:"personal"`
	// The address of an rspamd, "http://127.0.0.1:11333" or "unix:/run/rspamd/worker.sock": its score and its actions take the place of the built-in score. Empty: none.
	Rspamd string `toml:"rspamd"`
	// When it does not answer: "builtin" judges by the built-in score, "defer" asks the other server to come again.
	RspamdError string `toml:"rspamd_error"`
	// "on": it also judges what people here send. What it finds doubtful is sent all the same, what it rejects is not. "off".
	RspamdSubmissions string `toml:"rspamd_submissions"`
}

// Virus is about viruses in mail from other servers and from people here.
type Virus struct {
	// Where ClamAV's clamd listens: "unix:/run/clamav/clamd.ctl" or "127.0.0.1:3310". A message in which it finds something is refused.
	// Empty: nobody looks.
	Clamd string `toml:"clamd"`
	// When it does not answer: "defer" asks to come again later, "deliver" takes the message unseen.
	OnError string `toml:"on_error"`
}

// Reports is about what mail servers tell each other once a day: who sends in the name of a domain (DMARC), and how well connections
// are encrypted (TLS-RPT). What others report about us is shown by the command reports.
type Reports struct {
	// What is reported to the owners of other domains who ask for it in the DNS: a list of "dmarc" and "tls". They learn from which
	// addresses mail in their names came here, and whether it was believed, not who got it.
	Send []string `toml:"send"`
	// How long reports of others are kept, 24h to 8766h (a year).
	Keep time.Duration `toml:"keep"`
}

// Queue is about mail to other servers.
type Queue struct {
	// How long a message is tried before it goes back to its sender, 1h to 720h. RFC 5321 asks for four to five days.
	Lifetime time.Duration `toml:"lifetime"`
	// After this time a sender is told that a message is late, 1h to 720h. "0s": never.
	DelayNotice time.Duration `toml:"delay_notice"`
	// How long people can take back what they sent, "0s" to "30s": from a mail program what goes to other servers, from the webmail all of it. One account's own time is set by the command queue undo.
	Undo time.Duration `toml:"undo"`
	// How many connections to other servers are open at once, 1 to 1000.
	Connections int `toml:"connections"`
	// How many of these lead to one destination, 1 to 100.
	PerDestination int `toml:"per_destination"`
}

// Quota is how much each account may keep, by role; "0B" is no limit. One account's own quota is set by the command user set.
type Quota struct {
	// Pupils.
	Student Size `toml:"student"`
	// Teachers.
	Teacher Size `toml:"teacher"`
	// Parents.
	Parent Size `toml:"parent"`
	// Secretaries, caretakers and others who work at the school.
	Staff Size `toml:"staff"`
	// Administrators.
	Admin Size `toml:"admin"`
}

// Filters is about people's mail filters (Sieve).
type Filters struct {
	// Whose filters may send mail on to other servers: a list of roles.
	RedirectOutside []string `toml:"redirect_outside"`
	// In whose name mail leaves that a filter sends on. "return": an address of ours that leads back to its sender (SRS), who hears when it
	// cannot be delivered, and from where. "owner": the filter's owner, who hears instead.
	RedirectSender string `toml:"redirect_sender"`
	// How many messages one person's filters may send on in a day, 1 to 10000.
	Redirects int `toml:"redirects"`
	// How many messages they may answer in a day (vacation), 1 to 10000.
	Answers int `toml:"answers"`
}

// Files is about files, calendars and contacts. Each person has the room that the section quota names for mail, and as much again for these.
type Files struct {
	// The largest file, 1MiB to 1TiB.
	MaxSize Size `toml:"max_size"`
	// How long earlier contents of files and what was deleted can be brought back, 1h or more.
	Keep time.Duration `toml:"keep"`
	// How much each group may keep; "0B" is no limit.
	GroupQuota Size `toml:"group_quota"`
}

// Store is about the durable state.
type Store struct {
	// How long the body of a deleted message stays on disk before its space is used again, 1h or more.
	Grace time.Duration `toml:"grace"`
	// Below this free space on the data folder's disk the server reports itself as not ready.
	MinFree Size `toml:"min_free"`
}

// Retention is how long the server keeps what is no longer needed, before it removes it by itself. It looks every hour.
type Retention struct {
	// A deleted account and all its data are removed for good after this time, 24h to 87600h; until then the command user enable brings
	// it back. "0s": only the command user delete --purge removes accounts. 1440h are 60 days.
	DeletedAccounts time.Duration `toml:"deleted_accounts"`
	// The copy of the database that is made before an update migrates it (schulhof.db.before-NNNN) is removed after this time with the new
	// version, 1h to 87600h. It holds people's data as they were then.
	MigrationCopies time.Duration `toml:"migration_copies"`
}

// Log is about what the server writes to its standard error. Subjects and passwords are never written.
type Log struct {
	// "debug" (every protocol line), "info", "warn" or "error".
	Level string `toml:"level"`
	// "text" or "json".
	Format string `toml:"format"`
}

// Default returns the settings of a server on standard ports with its data in dir.
func Default(dir string) *Config {
	all := func(port string) []string { return []string{":" + port} }
	return &Config{
		Server: Server{Data: dir, Hostname: "localhost", TimeZone: "Europe/Berlin", Language: LanguageGerman},
		Listen: Listen{
			SMTP: all("25"), LMTP: []string{"127.0.0.1:24"}, Submissions: all("465"), Submission: all("587"),
			IMAP: all("143"), IMAPS: all("993"), ManageSieve: all("4190"), HTTP: all("80"), HTTPS: all("443"), Metrics: []string{"127.0.0.1:9090"},
		},
		TLS:      TLS{Certificate: "tls/server.pem", Key: "tls/server.key", MinVersion: "1.2"},
		Security: Security{AllowPlaintextAuth: PlaintextNever, Allowlist: []string{}},
		Mail:     Mail{MaxSize: 50 << 20, MaxMailboxes: 5000, VisibleOutside: 20, VisibleAction: VisibleRefuse, ViewMemory: 256 << 20},
		Outgoing: Outgoing{Networks: []string{}, Port: 25},
		MTASTS:   MTASTS{Mode: "testing", MaxAge: 7 * 24 * time.Hour},
		DNS:      DNS{Servers: []string{}, TrustAD: "loopback"},
		Origin:   Origin{DMARC: DMARCReject, Loopback: LoopbackTrust, TrustedSealers: []string{}, NewKeys: KeysPublished},
		Spam:     Spam{Junk: 6, Reject: 15, Greylist: 4, GreylistDelay: 5 * time.Minute, Blocklists: []string{}, Personal: On, RspamdError: ErrorBuiltin, RspamdSubmissions: Off},
		Virus:    Virus{OnError: ErrorDefer},
		Reports:  Reports{Send: []string{ReportDMARC, ReportTLS}, Keep: 90 * 24 * time.Hour},
		Queue:    Queue{Lifetime: 120 * time.Hour, DelayNotice: 4 * time.Hour, Connections: 100, PerDestination: 20},
		Quota:    Quota{Student: 1 << 30, Teacher: 5 << 30, Parent: 512 << 20, Staff: 5 << 30, Admin: 5 << 30},
		Filters:  Filters{RedirectOutside: []string{"teacher", "parent", "staff", "admin"}, RedirectSender: SenderReturn, Redirects: 100, Answers: 200},
		Files:    Files{MaxSize: 10 << 30, Keep: 30 * 24 * time.Hour, GroupQuota: 5 << 30},
		Store:    Store{Grace: 24 * time.Hour, MinFree: 200 << 20},
		Log:      Log{Level: "info", Format: "text"},

		Retention: Retention{DeletedAccounts: 60 * 24 * time.Hour, MigrationCopies: 30 * 24 * time.Hour},
	}
}
