package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/resolver"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
)

const (
	dnsCheckTimeout = 30 * time.Second // all questions of one "dns check"
	dnsCheckAtOnce  = 8                // questions at once
)

func newDNSCheckCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "check [DOMAIN]", Short: "Compare what is published with what should be", Args: cobra.MaximumNArgs(1),
		Long: "Ask the DNS for each record that \"dns show\" prints, and for this server's own name, and say what is missing or wrong, why that\n" +
			"matters and what to do. Ends with 1 if a record is wrong, missing or not to be found out. With --json: a list of name, type,\n" +
			"value, purpose, ok, found, reason, fix.",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			records, err := recordsFor(ctx, r, args)
			if err != nil {
				return err
			}
			results := checkRecords(ctx, r, records)
			err = a.result(results, func(w io.Writer) error { return writeDNSResults(w, results) })
			if wrong := countWrong(results); err == nil && wrong > 0 {
				err = fault.New(fault.Refused, "%d records are not as they should be", wrong)
			}
			return err
		}),
	}
}

// dnsResult is what the DNS says about one record that should be there.
type dnsResult struct {
	dnsRecord
	OK     bool   `json:"ok"`
	Found  string `json:"found"`  // what is there, "" for nothing
	Reason string `json:"reason"` // what is wrong, "" if nothing is
	Fix    string `json:"fix"`

	unknown bool // the DNS has no answer
}

// reasonNoAddress is the fault of this server's name, whatever record was looked at.
const reasonNoAddress = "this server's name has no address"

// checkRecords asks for all records, some at once.
func checkRecords(ctx context.Context, r *rooms, records []dnsRecord) []dnsResult {
	ctx, stop := context.WithTimeout(ctx, dnsCheckTimeout)
	defer stop()
	host := r.Config.Server.Hostname
	ours := []dnsRecord{{host + ".", "A", "the address of this server", "the name that other servers find this one by"}}
	if !r.relayed() {
		ours = append(ours, dnsRecord{host + ".", "PTR", host + ".", "the address leads back to the name, or others distrust mail from here"})
	}
	records = append(ours, records...)
	results := make([]dnsResult, len(records))
	slots := make(chan struct{}, dnsCheckAtOnce)
	var asking sync.WaitGroup
	for i, record := range records {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			results[i] = checkRecord(ctx, r, record)
		})
	}
	asking.Wait()
	return results
}

// checkRecord asks for one record.
func checkRecord(ctx context.Context, r *rooms, record dnsRecord) dnsResult {
	c := dnsResult{dnsRecord: record}
	compare := map[string]func(context.Context, *rooms, *dnsResult) error{
		"A": compareHost, "PTR": comparePTR, "MX": compareMX, "TXT": compareTXT, "SRV": compareSRV, "CNAME": compareCNAME, "TLSA": compareTLSA,
	}[record.Type]
	err := compare(ctx, r, &c)
	switch {
	case resolver.IsNotFound(err):
		c.wrong("nothing is published there", "publish it")
	case err != nil:
		c.unknown = true
		c.wrong("the DNS has no answer: "+err.Error(), "look at dns.servers or /etc/resolv.conf, and at the domain's name servers")
	default:
		c.OK = c.Reason == ""
	}
	if c.Fix == "publish it" {
		c.Fix = "publish: " + record.line()
	}
	return c
}

// wrong notes the first fault.
func (c *dnsResult) wrong(reason, fix string) {
	if c.Reason == "" {
		c.Reason, c.Fix = reason, fix
	}
}

// bare is a name without its last dot, as the resolver wants and gives it.
func bare(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// ourAddresses are those of this server's name. That it has none is a fault of its own, whatever record is looked at.
func ourAddresses(ctx context.Context, r *rooms, c *dnsResult) ([]net.IPAddr, error) {
	host := r.Config.Server.Hostname
	addresses, err := r.DNS.LookupIPAddr(ctx, host)
	if resolver.IsNotFound(err) {
		c.wrong(reasonNoAddress, "publish an A or AAAA record of "+host+" with the address that this server is reached at")
		return nil, nil
	}
	return addresses, err
}

func compareHost(ctx context.Context, r *rooms, c *dnsResult) error {
	addresses, err := ourAddresses(ctx, r, c)
	for _, a := range addresses {
		c.Found = strings.TrimSpace(c.Found + " " + a.String())
	}
	return err
}

// comparePTR wants every address of ours to lead back to our name.
func comparePTR(ctx context.Context, r *rooms, c *dnsResult) error {
	addresses, err := ourAddresses(ctx, r, c)
	if err != nil {
		return err
	}
	var lost []string
	for _, a := range addresses {
		names, err := r.DNS.LookupAddr(ctx, a.IP.String())
		if err != nil && !resolver.IsNotFound(err) {
			return err
		}
		c.Found = strings.TrimSpace(c.Found + " " + strings.Join(names, " "))
		if !slices.ContainsFunc(names, func(n string) bool { return bare(n) == bare(c.Value) }) {
			lost = append(lost, a.IP.String())
		}
	}
	if list := strings.Join(lost, " and "); list != "" {
		c.wrong("no way leads back to the name from "+list, "have your provider set the reverse name of "+list+" to "+bare(c.Value))
	}
	return nil
}

func compareMX(ctx context.Context, r *rooms, c *dnsResult) error {
	list, err := r.DNS.LookupMX(ctx, bare(c.Name))
	_, want, _ := strings.Cut(c.Value, " ")
	ours := false
	for _, mx := range list {
		c.Found = strings.TrimSpace(fmt.Sprintf("%s %d %s", c.Found, mx.Pref, mx.Host))
		ours = ours || bare(mx.Host) == bare(want)
	}
	if err == nil && !ours {
		c.wrong("mail for the domain goes elsewhere", "publish it")
	}
	return err
}

// compareTXT knows the texts that have a meaning by how they begin.
func compareTXT(ctx context.Context, r *rooms, c *dnsResult) error {
	texts, err := r.DNS.LookupTXT(ctx, bare(c.Name))
	if err != nil {
		return err
	}
	kind, _, _ := strings.Cut(c.Value, ";")
	switch {
	case strings.HasPrefix(c.Value, "v=spf1"):
		kind = "v=spf1"
	case strings.Contains(c.Name, "._domainkey."):
		kind = "" // a key need not begin with its version, and nothing else stands there; RFC 6376 §3.6.1
	}
	var same []string
	for _, text := range texts {
		if strings.HasPrefix(text, kind) {
			same = append(same, text)
		}
	}
	c.Found = strings.Join(same, " | ")
	switch {
	case len(same) == 0:
		c.wrong("nothing of the kind is published there", "publish it")
	case len(same) > 1:
		c.wrong(fmt.Sprintf("there are %d such records, so none counts", len(same)), "leave one of them")
	case kind == "v=spf1":
		return compareSPF(ctx, r, c)
	case kind == "":
		compareKey(r, c, same[0])
	case kind == "v=DMARC1":
		if _, ok := authenticate.ReadPolicy(same); !ok {
			c.wrong("the record cannot be read", "publish it")
		}
	case kind == "v=TLSRPTv1":
	case kind == "v=STSv1" && strings.TrimRight(same[0], "; ") == c.Value:
	case kind == "v=STSv1":
		c.wrong("the id is that of another policy, so others keep to the one they know", "publish it")
	case same[0] != c.Value:
		c.wrong("another text is published", "publish it")
	}
	return nil
}

// compareSPF asks whether the record lets this server's addresses send, in whatever words. Those of a smart host nobody tells us.
func compareSPF(ctx context.Context, r *rooms, c *dnsResult) error {
	if r.relayed() {
		return nil
	}
	addresses, err := ourAddresses(ctx, r, c)
	if err != nil {
		return err
	}
	for _, a := range addresses {
		ip, ok := netip.AddrFromSlice(a.IP)
		if !ok {
			continue
		}
		if s := authenticate.SendsFor(ctx, r.DNS, ip, bare(c.Name)); s.Result != authenticate.Pass {
			c.wrong(strings.TrimSpace(fmt.Sprintf("it says %s to mail from %s %s", s.Result, ip.Unmap(), s.Reason)), "publish it")
		}
	}
	return nil
}

func compareKey(r *rooms, c *dnsResult, text string) {
	_, domain, _ := strings.Cut(bare(c.Name), "._domainkey.")
	keys, err := r.Keys.Keys(domain)
	if err != nil {
		c.wrong("our keys cannot be read: "+err.Error(), "restore the folder "+keysFolder+" from a backup")
		return
	}
	for _, k := range keys {
		if k.Name() == bare(c.Name) && !k.Is(text) {
			c.wrong("another key is published, so our signatures do not verify", "publish it")
		}
	}
}

func compareSRV(ctx context.Context, r *rooms, c *dnsResult) error {
	list, err := r.DNS.SRV(ctx, bare(c.Name))
	if c.Value == "0 0 0 ." && resolver.IsNotFound(err) {
		return nil // to say nothing is as good
	}
	if err != nil {
		return err
	}
	same := false
	for _, s := range list.Records {
		found := fmt.Sprintf("%d %d %d %s.", s.Priority, s.Weight, s.Port, bare(s.Target))
		c.Found = strings.TrimSpace(c.Found + " " + found)
		want := strings.Fields(c.Value)
		same = same || fmt.Sprint(s.Port) == want[2] && bare(s.Target) == bare(want[3])
	}
	if !same {
		c.wrong("programs are led elsewhere", "publish it")
	}
	return nil
}

// compareCNAME wants the name to lead to the same addresses, by a CNAME or by addresses of its own.
func compareCNAME(ctx context.Context, r *rooms, c *dnsResult) error {
	want, err := ourAddresses(ctx, r, c)
	if err != nil || len(want) == 0 {
		return err
	}
	got, err := r.DNS.LookupIPAddr(ctx, bare(c.Name))
	if err != nil {
		return err
	}
	for _, a := range got {
		c.Found = strings.TrimSpace(c.Found + " " + a.String())
		if !slices.ContainsFunc(want, func(w net.IPAddr) bool { return w.IP.Equal(a.IP) }) {
			c.wrong("it leads to another server", "publish it")
		}
	}
	return nil
}

// compareTLSA wants our key among those published. Without DNSSEC nobody looks at them.
func compareTLSA(ctx context.Context, r *rooms, c *dnsResult) error {
	list, err := r.DNS.TLSA(ctx, bare(c.Name))
	if resolver.IsNotFound(err) {
		return nil // it is of use in a signed zone only
	}
	if err != nil {
		return err
	}
	same := false
	for _, t := range list.Records {
		found := fmt.Sprintf("%d %d %d %x", t.Usage, t.Selector, t.Matching, t.Data)
		c.Found = strings.TrimSpace(c.Found + " " + found)
		same = same || found == c.Value
	}
	if !same {
		c.wrong("another key is published: servers that look at it (DANE) do not deliver here", "publish it")
	}
	return nil
}

// writeDNSResults writes a line for each record, and beneath what is wrong why and what to do.
func writeDNSResults(w io.Writer, results []dnsResult) error {
	for _, c := range results {
		mark := "✔"
		if !c.OK {
			mark = "✘"
		}
		if _, err := fmt.Fprintf(w, "%s %s %s (%s)\n", mark, c.Name, c.Type, c.Purpose); err != nil {
			return err
		}
		if c.OK {
			continue
		}
		if _, err := fmt.Fprintf(w, "    %s\n    %s\n", printable(c.Reason), printable(c.Fix)); err != nil {
			return err
		}
		if c.Found == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "    found: %s\n", printable(c.Found)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%d records, %d wrong\n", len(results), countWrong(results))
	return err
}

func countWrong(results []dnsResult) (n int) {
	for i := range results {
		if !results[i].OK {
			n++
		}
	}
	return n
}
