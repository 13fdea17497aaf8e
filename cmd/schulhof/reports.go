package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"schulhof/config"
	"schulhof/smtpd/queue"
	"schulhof/smtpd/reports"
	"schulhof/smtpd/tally"
	"schulhof/store"

	"github.com/spf13/cobra"
)

// openReports opens what exchanges reports with other servers.
func (r *rooms) openReports(o outside) {
	r.Reports = reports.New(r.Store, reports.Options{
		Hostname: r.Config.Server.Hostname, Local: r.Directory.IsLocalDomain, Resolver: r.DNS, Reporter: r.reporters(config.ReportDMARC), Keep: r.Config.Reports.Keep,
		Log: r.Log.With("room", "reports"), Now: o.now,
	})
	r.Queue.OnFailure(kindReport, func(*store.Tx, queue.Failure) error { return nil }) // the log has it; the next one comes tomorrow
}

// runRemote counts TLS on connections to other servers, and reports about it.
func (r *rooms) runRemote(ctx context.Context) error {
	return r.Remote.Run(ctx, r.reporters(config.ReportTLS))
}

// reporters looks for who sends reports of a kind: the first domain there is then, with the address that our records in the DNS name for
// those of others. It is nil if the settings want none of that kind.
func (r *rooms) reporters(kind string) tally.Lookup {
	if !slices.Contains(r.Config.Reports.Send, kind) {
		return nil
	}
	return func(ctx context.Context) (tally.Reporter, error) {
		domains, err := r.Directory.Domains(ctx)
		if err != nil || len(domains) == 0 {
			return tally.Reporter{}, err
		}
		return tally.Reporter{Organization: domains[0], From: "postmaster@" + domains[0], Mailer: reportMailer{r, domains[0]}}, nil
	}
}

// kindReport is the kind of messages that carry reports.
const kindReport = "report"

// reportMailer hands reports to the queue, signed in the name of a domain of ours. RFC 8460 §3, RFC 7489 §7.2.1.1.
type reportMailer struct {
	rooms  *rooms
	domain string
}

// SendReport implements tally.Mailer.
func (m reportMailer) SendReport(ctx context.Context, to []string, message []byte, also func(*store.Tx) error) error {
	body, err := m.rooms.Store.PutBytes(ctx, message)
	if err != nil {
		return fmt.Errorf("store report: %w", err)
	}
	defer body.Release()
	out := queue.Message{Body: body, Kind: kindReport, Signed: m.domain}
	for _, address := range to {
		out.Recipients = append(out.Recipients, queue.Recipient{Address: address, Notify: queue.NotifyNever})
	}
	return m.rooms.Store.WriteBulk(ctx, func(tx *store.Tx) error {
		if _, err := m.rooms.Queue.Enqueue(tx, out); err != nil {
			return fmt.Errorf("enqueue report: %w", err)
		}
		return also(tx)
	})
}

// reportDoc is a report in a command's JSON.
type reportDoc struct {
	ID           int64     `json:"id"`
	Kind         string    `json:"kind"`         // dmarc: mail in the domain's name; tls: connections that brought mail to it
	Domain       string    `json:"domain"`       // of ours
	Organization string    `json:"organization"` // who reports, as they say
	ReportID     string    `json:"report_id"`
	Contact      string    `json:"contact"`
	Begin        time.Time `json:"begin"`
	End          time.Time `json:"end"`
	Passed       int64     `json:"passed"` // messages, connections
	Failed       int64     `json:"failed"`
	Verified     bool      `json:"verified"` // DMARC speaks for who sent it
	Received     time.Time `json:"received"`
}

// shownReport is reportDoc with the lines of the report.
type shownReport struct {
	reportDoc
	Details []reports.Detail `json:"details"`
}

func documentReport(r *reports.Report) reportDoc {
	return reportDoc{r.Number, string(r.Kind), r.Domain, r.Organization, r.ID, r.Contact, r.Begin, r.End, r.Passed, r.Failed, r.Verified, r.Received}
}

// row is the report in a table.
func (d *reportDoc) row() []string {
	verified := "no"
	if d.Verified {
		verified = "yes"
	}
	return []string{
		strconv.FormatInt(d.ID, 10), d.Kind, d.Domain, d.Begin.Format(time.DateOnly), d.Organization, strconv.FormatInt(d.Passed, 10), strconv.FormatInt(d.Failed, 10), verified,
	}
}

var reportTitles = []string{"ID", "KIND", "DOMAIN", "DAY", "FROM", "PASSED", "FAILED", "VERIFIED"}

func newReportsCommand(a *app) *cobra.Command {
	family := &cobra.Command{
		Use: "reports", Short: "What other servers report about mail in the school's name",
		Long: "What other servers report: dmarc, about mail that claims to come from the school's domains, and tls, about their connections to this\n" +
			"server. PASSED and FAILED count messages or connections. A report is VERIFIED when its sender is who it claims to be.",
	}
	family.AddCommand(newReportsList(a), newReportsShow(a))
	return family
}

// maxListed is how many reports the command lists.
const maxListed = 500

func newReportsList(a *app) *cobra.Command {
	var kind string
	var filter reports.Filter
	cmd := &cobra.Command{
		Use: "list", Short: "List reports, the latest first", Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if kind != "" && kind != string(reports.KindDMARC) && kind != string(reports.KindTLS) {
				return usage("--kind %s: want dmarc or tls", kind)
			}
			return nil
		},
		RunE: a.withRooms(func(ctx context.Context, r *rooms, _ []string) error {
			filter.Kind = reports.Kind(kind)
			list, err := r.Reports.List(ctx, filter, maxListed)
			if err != nil {
				return err
			}
			docs := []reportDoc{}
			rows := [][]string{reportTitles}
			for i := range list {
				d := documentReport(&list[i])
				docs = append(docs, d)
				rows = append(rows, d.row())
			}
			return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
		}),
	}
	cmd.Flags().StringVar(&kind, "kind", "", "only `dmarc|tls`")
	cmd.Flags().BoolVar(&filter.Failed, "failed", false, "only those that tell of failures")
	return cmd
}

func newReportsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a report with its most frequent lines", Args: cobra.ExactArgs(1),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			number, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usage("%q is no ID of a report", args[0])
			}
			report, err := r.Reports.Show(ctx, number)
			if err != nil {
				return err
			}
			doc := shownReport{documentReport(&report), report.Details}
			if doc.Details == nil {
				doc.Details = []reports.Detail{}
			}
			return a.result(doc, func(w io.Writer) error {
				if err := table(w, reportTitles, doc.row()); err != nil {
					return err
				}
				rows := [][]string{{"COUNT", "SOURCE", "SUBJECT", "RESULT", "ACTION"}}
				for _, d := range doc.Details {
					rows = append(rows, []string{strconv.FormatInt(d.Count, 10), d.Source, d.Subject, d.Result, d.Action})
				}
				fmt.Fprintf(w, "\nTheir id: %s\nContact:  %s\n\n", doc.ReportID, doc.Contact)
				return table(w, rows...)
			})
		}),
	}
}
