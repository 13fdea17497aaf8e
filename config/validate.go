package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // for machines without the tz database
)

// The values of server.language. RFC 5646.
const (
	LanguageGerman  = "de"
	LanguageEnglish = "en"
)

// The values of security.allow_plaintext_auth.
const (
	PlaintextNever    = "never"
	PlaintextLoopback = "loopback"
)

// The values of origin.dmarc.
const (
	DMARCReject     = "reject"
	DMARCQuarantine = "quarantine"
	DMARCReport     = "report"
)

// The values of origin.loopback.
const (
	LoopbackTrust = "trust"
	LoopbackCheck = "check"
)

// The values of filters.redirect_sender.
const (
	SenderReturn = "return"
	SenderOwner  = "owner"
)

// The values in reports.send.
const (
	ReportDMARC = "dmarc"
	ReportTLS   = "tls"
)

// The values of mail.visible_action.
const (
	VisibleRefuse = "refuse"
	VisibleWarn   = "warn"
)

// The values of origin.new_keys.
const (
	KeysPublished = "published"
	KeysAge       = "age"
)

// The values of switches.
const (
	On  = "on"
	Off = "off"
)

// The values of spam.rspamd_error and virus.on_error.
const (
	ErrorBuiltin = "builtin"
	ErrorDeliver = "deliver"
	ErrorDefer   = "defer"
)

// Services lists the listeners in the order of the file, with their names there.
func (l *Listen) Services() []Service {
	return []Service{
		{"smtp", 25, false, &l.SMTP}, {"lmtp", 24, true, &l.LMTP}, {"submissions", 465, false, &l.Submissions},
		{"submission", 587, false, &l.Submission}, {"imap", 143, false, &l.IMAP}, {"imaps", 993, false, &l.IMAPS},
		{"managesieve", 4190, false, &l.ManageSieve},
		{"http", 80, false, &l.HTTP}, {"https", 443, false, &l.HTTPS}, {"metrics", 9090, true, &l.Metrics},
	}
}

// Service is one row of the section listen.
type Service struct {
	Name      string
	Port      int  // the standard port
	Loopback  bool // may listen on loopback addresses only
	Addresses *[]string
}

// SetListeners puts each service on its standard port + base of address; "" means all addresses. What is for
// loopback only stays there.
func (c *Config) SetListeners(address string, base int) error {
	if base < 0 || base > 65535-9090 {
		return fmt.Errorf("port base %d: want 0 to %d", base, 65535-9090)
	}
	ip, _ := netip.ParseAddr(address)
	if address != "" && !ip.IsValid() {
		return fmt.Errorf("listen address %q: want an IP address", address)
	}
	for _, s := range c.Listen.Services() {
		host := address
		if s.Loopback && !ip.IsLoopback() {
			host = "127.0.0.1"
		}
		*s.Addresses = []string{net.JoinHostPort(host, strconv.Itoa(s.Port+base))}
	}
	return nil
}

// Validate reports every value that is out of bounds, one error joined per value.
func (c *Config) Validate() error {
	return errors.Join(c.Server.validate(), c.Listen.validate(), c.TLS.validate(), c.ACME.validate(c), c.Security.validate(),
		c.Mail.validate(), c.Outgoing.validate(), c.MTASTS.validate(), c.DNS.validate(), c.Origin.validate(), c.Spam.validate(), c.Virus.validate(), c.Reports.validate(), c.Queue.validate(), c.Filters.validate(), c.Files.validate(), c.Store.validate(),
		c.Log.validate(), c.Retention.validate())
}

func (s *Server) validate() error {
	var errs []error
	if s.Data == "" {
		errs = append(errs, errors.New("server.data: empty, want a folder"))
	}
	if !isHostname(s.Hostname) {
		errs = append(errs, fmt.Errorf("server.hostname: %q is no host name (letters, digits, hyphens and dots; xn-- for others)", s.Hostname))
	}
	if s.Database != "" {
		// The address may hold a password: it is not repeated here.
		if u, err := url.Parse(s.Database); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
			errs = append(errs, errors.New("server.database: want nothing or an address that starts with postgres://"))
		}
	}
	if _, err := time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "" || s.TimeZone == "Local" {
		errs = append(errs, fmt.Errorf("server.time_zone: %q is no time zone such as Europe/Berlin", s.TimeZone))
	}
	return errors.Join(append(errs, oneOf("server.language", s.Language, LanguageGerman, LanguageEnglish))...)
}

// Zone is the school's time zone. Validate has checked that there is one.
func (s *Server) Zone() *time.Location {
	loc, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return time.UTC
	}
	return loc
}

// isHostname reports whether name has the form of RFC 1123 §2.1.
func isHostname(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-') {
				return false
			}
		}
	}
	return len(name) <= 253
}

func (l *Listen) validate() error {
	var errs []error
	taken := map[string]string{}
	for _, s := range l.Services() {
		for _, address := range *s.Addresses {
			name := "listen." + s.Name
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %q: want ADDRESS:PORT, an IPv6 address in brackets", name, address))
				continue
			}
			ip, err := netip.ParseAddr(host)
			if host != "" && host != "localhost" && err != nil {
				errs = append(errs, fmt.Errorf("%s: %q: %q is no IP address", name, address, host))
			}
			if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
				errs = append(errs, fmt.Errorf("%s: %q: want a port from 1 to 65535", name, address))
			}
			if s.Loopback && host != "localhost" && !ip.IsLoopback() {
				errs = append(errs, fmt.Errorf("%s: %q: only loopback addresses are allowed here", name, address))
			}
			if other, ok := taken[address]; ok {
				errs = append(errs, fmt.Errorf("%s: %q is also in %s", name, address, other))
			}
			taken[address] = name
		}
	}
	return errors.Join(errs...)
}

func (f *Filters) validate() error {
	var errs []error
	for _, role := range f.RedirectOutside {
		errs = append(errs, oneOf("filters.redirect_outside", role, roles...))
	}
	return errors.Join(append(errs,
		oneOf("filters.redirect_sender", f.RedirectSender, SenderReturn, SenderOwner),
		between("filters.redirects", f.Redirects, 1, 10_000),
		between("filters.answers", f.Answers, 1, 10_000))...)
}

// roles are those of the directory, which this room does not know.
var roles = []string{"student", "teacher", "parent", "staff", "admin"} //nolint:gochecknoglobals // a constant table

func (t *TLS) validate() error {
	var errs []error
	if t.Certificate == "" {
		errs = append(errs, errors.New("tls.certificate: empty, want a file"))
	}
	if t.Key == "" {
		errs = append(errs, errors.New("tls.key: empty, want a file"))
	}
	return errors.Join(append(errs, oneOf("tls.min_version", t.MinVersion, "1.2", "1.3"))...)
}

func (a *ACME) validate(c *Config) error {
	var errs []error
	if u, err := url.Parse(a.Directory); a.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		errs = append(errs, fmt.Errorf("acme.directory: %q is no address that starts with https://", a.Directory))
	}
	if a.Directory != "" && len(c.Listen.HTTP) == 0 { // RFC 8555 §8.3
		errs = append(errs, errors.New("acme.directory: the authority asks at port 80, but listen.http is empty"))
	}
	if a.Directory != "" && c.TLS.Certificate == c.TLS.Key && c.TLS.Key != "" {
		errs = append(errs, errors.New("acme.directory: the certificates that it gives would replace the key in the same file, but tls.certificate is tls.key"))
	}
	if _, err := mail.ParseAddress(a.Contact); a.Contact != "" && err != nil {
		errs = append(errs, fmt.Errorf("acme.contact: %q is no mail address", a.Contact))
	}
	return errors.Join(errs...)
}

func (s *Security) validate() error {
	errs := []error{oneOf("security.allow_plaintext_auth", s.AllowPlaintextAuth, PlaintextNever, PlaintextLoopback)}
	return errors.Join(append(errs, networks("security.allowlist", s.Allowlist))...)
}

// Networks returns the allowlist; Validate has checked it.
func (s *Security) Networks() []netip.Prefix { return prefixes(s.Allowlist) }

// networks checks a list of networks.
func networks(key string, list []string) error {
	var errs []error
	for _, network := range list {
		if _, err := netip.ParsePrefix(network); err != nil {
			errs = append(errs, fmt.Errorf("%s: %q is no network such as 192.0.2.0/24", key, network))
		}
	}
	return errors.Join(errs...)
}

func prefixes(networks []string) (list []netip.Prefix) {
	for _, network := range networks {
		if p, err := netip.ParsePrefix(network); err == nil {
			list = append(list, p.Masked())
		}
	}
	return list
}

func (m *Mail) validate() error {
	return errors.Join(
		between("mail.max_size", m.MaxSize, 1<<20, 1<<30),
		between("mail.max_mailboxes", m.MaxMailboxes, 10, 1_000_000),
		between("mail.visible_outside", m.VisibleOutside, 0, 1000),
		oneOf("mail.visible_action", m.VisibleAction, VisibleRefuse, VisibleWarn),
		between("mail.view_memory", m.ViewMemory, 1<<20, 1<<42))
}

func (o *Outgoing) validate() error {
	return errors.Join(networks("outgoing.networks", o.Networks), between("outgoing.port", o.Port, 1, 65535))
}

// Prefixes returns the networks; Validate has checked them.
func (o *Outgoing) Prefixes() []netip.Prefix { return prefixes(o.Networks) }

func (m *MTASTS) validate() error {
	return errors.Join(oneOf("mta_sts.mode", m.Mode, "off", "none", "testing", "enforce"), between("mta_sts.max_age", m.MaxAge, 24*time.Hour, 8766*time.Hour))
}

func (d *DNS) validate() error {
	errs := []error{oneOf("dns.trust_ad", d.TrustAD, "loopback", "always", "never")}
	if len(d.Servers) > 8 {
		errs = append(errs, fmt.Errorf("dns.servers: %d servers, want at most 8", len(d.Servers)))
	}
	for _, server := range d.Servers {
		if _, err := netip.ParseAddr(server); err == nil {
			continue
		}
		if at, err := netip.ParseAddrPort(server); err != nil || at.Port() == 0 {
			errs = append(errs, fmt.Errorf("dns.servers: %q is no address such as 192.0.2.53 or 192.0.2.53:5353", server))
		}
	}
	return errors.Join(errs...)
}

func (o *Origin) validate() error {
	errs := []error{
		oneOf("origin.dmarc", o.DMARC, DMARCReject, DMARCQuarantine, DMARCReport),
		oneOf("origin.loopback", o.Loopback, LoopbackTrust, LoopbackCheck),
		oneOf("origin.new_keys", o.NewKeys, KeysPublished, KeysAge),
	}
	for _, domain := range o.TrustedSealers {
		if !isHostname(domain) || !strings.Contains(domain, ".") {
			errs = append(errs, fmt.Errorf("origin.trusted_sealers: %q is no domain", domain))
		}
	}
	return errors.Join(errs...)
}

func (s *Spam) validate() error {
	errs := []error{
		between("spam.junk", s.Junk, 0, 100),
		between("spam.reject", s.Reject, 0, 100),
		between("spam.greylist", s.Greylist, 0, 100),
		oneOf("spam.personal", s.Personal, On, Off),
		oneOf("spam.rspamd_error", s.RspamdError, ErrorBuiltin, ErrorDefer),
		oneOf("spam.rspamd_submissions", s.RspamdSubmissions, On, Off),
		between("spam.greylist_delay", s.GreylistDelay, time.Minute, 6*time.Hour),
	}
	if u, err := url.Parse(s.Rspamd); s.Rspamd != "" && !strings.HasPrefix(s.Rspamd, "unix:/") && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "") {
		errs = append(errs, fmt.Errorf("spam.rspamd: %q is no address such as http://127.0.0.1:11333 or unix:/run/rspamd/worker.sock", s.Rspamd))
	}
	if len(s.Blocklists) > 8 {
		errs = append(errs, fmt.Errorf("spam.blocklists: %d lists, want at most 8", len(s.Blocklists)))
	}
	for _, zone := range s.Blocklists {
		if !isHostname(zone) || !strings.Contains(zone, ".") {
			errs = append(errs, fmt.Errorf("spam.blocklists: %q is no zone such as zen.spamhaus.org", zone))
		}
	}
	return errors.Join(errs...)
}

func (r *Reports) validate() error {
	errs := []error{between("reports.keep", r.Keep, 24*time.Hour, 8766*time.Hour)}
	for _, kind := range r.Send {
		errs = append(errs, oneOf("reports.send", kind, ReportDMARC, ReportTLS))
	}
	return errors.Join(errs...)
}

func (v *Virus) validate() error {
	errs := []error{oneOf("virus.on_error", v.OnError, ErrorDeliver, ErrorDefer)}
	if path, ok := strings.CutPrefix(v.Clamd, "unix:"); ok {
		if !strings.HasPrefix(path, "/") {
			errs = append(errs, fmt.Errorf("virus.clamd: %q: behind unix: stands a whole path", v.Clamd))
		}
	} else if v.Clamd != "" {
		host, port, err := net.SplitHostPort(v.Clamd)
		if n, numErr := strconv.Atoi(port); err != nil || numErr != nil || host == "" || n < 1 || n > 65535 {
			errs = append(errs, fmt.Errorf("virus.clamd: %q is no address such as unix:/run/clamav/clamd.ctl or 127.0.0.1:3310", v.Clamd))
		}
	}
	return errors.Join(errs...)
}

func (q *Queue) validate() error {
	errs := []error{
		between("queue.lifetime", q.Lifetime, time.Hour, 30*24*time.Hour),
		between("queue.undo", q.Undo, 0, 30*time.Second),
		between("queue.connections", q.Connections, 1, 1000),
		between("queue.per_destination", q.PerDestination, 1, 100),
	}
	if q.DelayNotice != 0 {
		errs = append(errs, between("queue.delay_notice", q.DelayNotice, time.Hour, 30*24*time.Hour))
	}
	if q.Undo%time.Second != 0 {
		errs = append(errs, fmt.Errorf("queue.undo: %v, want whole seconds", q.Undo))
	}
	return errors.Join(errs...)
}

func (f *Files) validate() error {
	return errors.Join(
		between("files.max_size", f.MaxSize, 1<<20, 1<<40),
		between("files.keep", f.Keep, time.Hour, 10*365*24*time.Hour),
		between("files.group_quota", f.GroupQuota, 0, 1<<50))
}

func (s *Store) validate() error {
	return errors.Join(
		between("store.grace", s.Grace, time.Hour, longestTime),
		between("store.min_free", s.MinFree, 0, 1<<50))
}

const longestTime = 10 * 365 * 24 * time.Hour

func (r *Retention) validate() error {
	errs := []error{between("retention.migration_copies", r.MigrationCopies, time.Hour, longestTime)}
	if r.DeletedAccounts != 0 {
		errs = append(errs, between("retention.deleted_accounts", r.DeletedAccounts, 24*time.Hour, longestTime))
	}
	return errors.Join(errs...)
}

func (l *Log) validate() error {
	return errors.Join(oneOf("log.level", l.Level, "debug", "info", "warn", "error"), oneOf("log.format", l.Format, "text", "json"))
}

func oneOf(key, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s: %q, want one of %s", key, value, strings.Join(allowed, ", "))
}

func between[T ~int | ~int64](key string, value, low, high T) error {
	if value < low || value > high {
		return fmt.Errorf("%s: %v, want %v to %v", key, value, low, high)
	}
	return nil
}
