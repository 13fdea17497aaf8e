package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/queue"

	"github.com/spf13/cobra"
)

func newDNSCommand(a *app) *cobra.Command {
	family := &cobra.Command{Use: "dns", Short: "What the school's domains should say in the DNS"}
	var zone bool
	show := &cobra.Command{
		Use: "show [DOMAIN]", Short: "Print the records to publish", Args: cobra.MaximumNArgs(1),
		Long: "Print the records that a domain (without DOMAIN: each of ours) should have, so that mail arrives, is believed by others, and\n" +
			"mail, calendar and contact programs find this server by the address alone. As a table, with --zone as lines for a zone file,\n" +
			"with --json as a list of name, type, value, purpose.",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			records, err := recordsFor(ctx, r, args)
			if err != nil {
				return err
			}
			return a.result(records, func(w io.Writer) error {
				if zone {
					return writeZone(w, records)
				}
				rows := [][]string{{"NAME", "TYPE", "VALUE", "FOR"}}
				for _, record := range records {
					rows = append(rows, []string{record.Name, record.Type, record.Value, record.Purpose})
				}
				return table(w, rows...)
			})
		}),
	}
	show.Flags().BoolVar(&zone, "zone", false, "write lines for a zone file")
	family.AddCommand(show, newDNSCheckCommand(a))
	return family
}

// dnsRecord is one record to publish. Name and the host names in Value end with a dot.
type dnsRecord struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Value   string `json:"value"`
	Purpose string `json:"purpose"`
}

// ourDomains are the domain that args name, or all.
func ourDomains(ctx context.Context, r *rooms, args []string) ([]string, error) {
	if len(args) == 0 {
		return r.Directory.Domains(ctx)
	}
	name, err := directory.CanonicalDomain(args[0])
	if err != nil {
		return nil, err
	}
	if local, err := r.Directory.IsLocalDomain(ctx, name); err != nil {
		return nil, err
	} else if !local {
		return nil, fmt.Errorf("%s is no domain of ours (\"domain list\" shows them)", args[0])
	}
	return []string{name}, nil
}

// recordsFor are the records of the domain that args name, or of all.
func recordsFor(ctx context.Context, r *rooms, args []string) ([]dnsRecord, error) {
	domains, err := ourDomains(ctx, r, args)
	if err != nil {
		return nil, err
	}
	records := []dnsRecord{}
	for _, domain := range domains {
		keys, err := r.Keys.Keys(domain)
		if err != nil {
			return nil, err
		}
		records = append(records, mailRecords(r.Config, domain, keys, r.relayed())...)
		records = append(records, serviceRecords(r.Config, domain)...)
	}
	key, err := keyRecord(r.Config)
	return append(records, key...), err
}

// mailRecords say where mail for domain goes and how to recognise mail from it, which a smart host brings if it is relayed. RFC 5321 §5,
// RFC 7208, RFC 6376, RFC 7489.
func mailRecords(c *config.Config, domain string, keys []authenticate.Key, relayed bool) []dnsRecord {
	records := []dnsRecord{
		{domain + ".", "MX", "10 " + c.Server.Hostname + ".", "mail for the domain comes here"},
		{domain + ".", "TXT", "v=spf1 mx -all", "mail from the domain comes from here only (SPF)"},
	}
	if relayed { // from where only its provider knows
		records[1].Value = "v=spf1 mx ~all"
		records[1].Purpose = "where mail from the domain comes from (SPF); put what the smart host's provider says before ~all"
	}
	for _, k := range keys {
		records = append(records, dnsRecord{k.Name() + ".", "TXT", k.Record(), map[authenticate.State]string{
			authenticate.Active: "the key that signatures are checked with (DKIM)",
			authenticate.Next:   "the next such key: it signs once this is published",
			authenticate.Old:    "the last such key, for mail that is still on its way",
		}[k.State]})
	}
	if _, id := stsPolicy(c); id != "" {
		records = append(records,
			dnsRecord{"mta-sts." + domain + ".", "CNAME", c.Server.Hostname + ".", "where others fetch the policy of bringing mail over TLS (MTA-STS)"},
			dnsRecord{"_mta-sts." + domain + ".", "TXT", "v=STSv1; id=" + id, "which policy of bringing mail over TLS holds (MTA-STS)"})
	}
	return append(records,
		dnsRecord{"_dmarc." + domain + ".", "TXT", "v=DMARC1; p=quarantine; rua=mailto:postmaster@" + domain,
			"what to do with mail that only claims to come from the domain (DMARC)"},
		dnsRecord{"_smtp._tls." + domain + ".", "TXT", "v=TLSRPTv1; rua=mailto:postmaster@" + domain,
			"who is told when others cannot deliver over TLS (TLS-RPT)"})
}

// relayed reports whether all mail leaves through a smart host, which others see in our place.
func (r *rooms) relayed() bool {
	return slices.ContainsFunc(r.Queue.Routes(), func(route queue.Route) bool { return route.Domain == queue.Everywhere })
}

// keyRecord tells the certificate's key to servers that trust the DNS more than authorities. RFC 7672 §3.1.1.
func keyRecord(c *config.Config) ([]dnsRecord, error) {
	cert, err := loadCertificate(c.TLS.Certificate, c.TLS.Key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(cert.Leaf.RawSubjectPublicKeyInfo)
	return []dnsRecord{{"_25._tcp." + c.Server.Hostname + ".", "TLSA", "3 1 1 " + hex.EncodeToString(sum[:]), "the key of this server (DANE); for a signed zone (DNSSEC) only"}}, nil
}

// serviceRecords let programs find the services by the address alone. RFC 6186, RFC 8314 §5.1, RFC 6764.
func serviceRecords(c *config.Config, domain string) (records []dnsRecord) {
	for _, s := range []struct {
		service   string
		addresses []string
		text      string // of the TXT record beside it, RFC 6764 §4
		purpose   string
	}{
		{"_imaps", c.Listen.IMAPS, "", "reading mail"},
		{"_imap", c.Listen.IMAP, "", "reading mail, with STARTTLS"},
		{"_submissions", c.Listen.Submissions, "", "sending mail"},
		{"_submission", c.Listen.Submission, "", "sending mail, with STARTTLS"},
		{"_sieve", c.Listen.ManageSieve, "", "mail filters"},
		{"_caldavs", c.Listen.HTTPS, "path=/dav/", "calendars and tasks"},
		{"_carddavs", c.Listen.HTTPS, "path=/dav/", "contacts"},
	} {
		name := s.service + "._tcp." + domain + "."
		port, ok := portOf(s.addresses)
		if !ok {
			records = append(records, dnsRecord{name, "SRV", "0 0 0 .", s.purpose + ": not offered"})
			continue
		}
		records = append(records, dnsRecord{name, "SRV", "0 1 " + strconv.Itoa(port) + " " + c.Server.Hostname + ".", s.purpose})
		if s.text != "" {
			records = append(records, dnsRecord{name, "TXT", s.text, s.purpose})
		}
	}
	if _, ok := portOf(c.Listen.HTTPS); ok {
		records = append(records, dnsRecord{"autoconfig." + domain + ".", "CNAME", c.Server.Hostname + ".", "Thunderbird and others find their settings"})
	}
	return records
}

// writeZone writes records as lines of a zone file, RFC 1035 §5.1; long texts in pieces of at most 255 octets.
func writeZone(w io.Writer, records []dnsRecord) error {
	for _, r := range records {
		if _, err := fmt.Fprintln(w, r.line()); err != nil {
			return fmt.Errorf("write the zone: %w", err)
		}
	}
	return nil
}

// line is the record in a zone file.
func (r *dnsRecord) line() string {
	value := r.Value
	if r.Type == "TXT" {
		value = quoteText(value)
	}
	return r.Name + "\t3600\tIN\t" + r.Type + "\t" + value
}

// maxTextPiece is the length of one character string. RFC 1035 §3.3.
const maxTextPiece = 255

func quoteText(s string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	var pieces []string
	for len(s) > maxTextPiece {
		pieces, s = append(pieces, `"`+escape.Replace(s[:maxTextPiece])+`"`), s[maxTextPiece:]
	}
	return strings.Join(append(pieces, `"`+escape.Replace(s)+`"`), " ")
}
