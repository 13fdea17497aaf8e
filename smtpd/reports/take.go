package reports

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"schulhof/mailbox/message"
	"schulhof/store"
)

// Take stores the report that a message carries. taken is false when it carries none that concerns us: then it is somebody's mail. What
// only claims to be a report is that too, with a line in the log. An error means that it is not known now.
func (r *Reports) Take(ctx context.Context, traceID string, mail io.ReaderAt, size int64) (taken bool, err error) {
	x, err := message.Parse(mail, size)
	if err != nil {
		return false, nil // nobody's report
	}
	part, kind := find(x.Root, 0)
	if part == nil {
		return false, nil
	}
	select {
	case r.reading <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-r.reading }()
	log := r.log.With("id", traceID, "kind", kind)
	report, err := read(mail, part, kind)
	if err != nil {
		log.Info("message is no report, though it says so", "err", err)
		return false, nil
	}
	ours, err := r.ours(ctx, report.Domain)
	if err != nil {
		return false, err
	}
	if !ours || report.ID == "" || report.Organization == "" {
		log.Info("report is not about us", "domain", report.Domain, "organization", report.Organization)
		return false, nil
	}
	report.Verified, report.Received = verified(mail, x.Root, r.o.Hostname), r.now()
	full, err := r.keep(ctx, report)
	if err != nil {
		return false, err
	}
	if full {
		log.Warn("report not kept: too many came within a day", "domain", report.Domain, "organization", report.Organization)
		return true, nil
	}
	log.Info("report taken", "domain", report.Domain, "organization", report.Organization, "passed", report.Passed, "failed", report.Failed, "verified", report.Verified)
	return true, nil
}

// find is the part of a message that is a report, by its type or its file's name. RFC 8460 §5.3, RFC 7489 §7.2.1.1.
func find(p *message.Part, depth int) (*message.Part, Kind) {
	if p == nil || depth > 3 {
		return nil, ""
	}
	name := strings.ToLower(p.Filename)
	if name == "" {
		name = strings.ToLower(p.Param("name"))
	}
	kind := p.Type + "/" + p.Subtype
	switch {
	case kind == "application/tlsrpt+gzip", kind == "application/tlsrpt+json":
		return p, KindTLS
	case p.Multipart():
		for _, child := range p.Children {
			if found, kind := find(child, depth+1); found != nil {
				return found, kind
			}
		}
		return nil, ""
	case strings.HasSuffix(name, ".json.gz"):
		return p, KindTLS
	case strings.HasSuffix(name, ".xml.gz"), strings.HasSuffix(name, ".xml") && strings.Contains(name, "!"):
		return p, KindDMARC
	case kind == "application/zip", kind == "application/x-zip-compressed":
		if strings.Contains(name, "!") { // receiver!domain!begin!end
			return p, KindDMARC
		}
	}
	return nil, ""
}

// read reads the report that a part is.
func read(mail io.ReaderAt, p *message.Part, kind Kind) (*Report, error) {
	content, err := message.Decoded(mail, p)
	if err != nil {
		return nil, err
	}
	packed, err := io.ReadAll(io.LimitReader(content, maxExpanded+1))
	if err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	if len(packed) > maxExpanded {
		return nil, fmt.Errorf("%w: more than %d bytes", errReport, maxExpanded)
	}
	report, err := parse(packed, kind)
	if err != nil {
		return nil, err
	}
	for _, at := range []time.Time{report.Begin, report.End} {
		if year := at.UTC().Year(); year < 0 || year > 9999 { // RFC 3339 §5.6 has no form for it, and no command could show it
			return nil, fmt.Errorf("%w: it is about the year %d", errReport, year)
		}
	}
	return report, nil
}

// parse reads the report that stands in a file.
func parse(packed []byte, kind Kind) (*Report, error) {
	if kind == KindTLS {
		return parseTLS(bytes.NewReader(packed))
	}
	expanded, err := expand(packed)
	if err != nil {
		return nil, err
	}
	a, err := parseAggregate(expanded, maxExpanded)
	if err != nil {
		return nil, err
	}
	return a.report(), nil
}

// expand opens what is packed with gzip, or as the one file of a zip archive.
func expand(packed []byte) (io.Reader, error) {
	switch {
	case bytes.HasPrefix(packed, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errReport, err)
		}
		return z, nil
	case bytes.HasPrefix(packed, []byte("PK")):
		z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errReport, err)
		}
		if len(z.File) != 1 {
			return nil, fmt.Errorf("%w: %d files", errReport, len(z.File))
		}
		f, err := z.File[0].Open()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errReport, err)
		}
		return f, nil
	}
	return bytes.NewReader(packed), nil
}

// ours reports whether a domain, or one above it, is one of ours.
func (r *Reports) ours(ctx context.Context, domain string) (bool, error) {
	for labels := 0; domain != "" && labels < 10; labels++ {
		local, err := r.o.Local(ctx, domain)
		if local || err != nil {
			return local, err
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return false, nil
}

// verified reports whether our own Authentication-Results field says that DMARC speaks for the author. Forged ones were removed when the
// message came, and what strangers chose stands in it without line ends.
func verified(mail io.ReaderAt, root *message.Part, hostname string) bool {
	head := make([]byte, root.Body-root.Header)
	if n, err := mail.ReadAt(head, root.Header); err != nil && !(errors.Is(err, io.EOF) && n == len(head)) {
		return false
	}
	for name, raw := range message.Fields(head) {
		if !strings.EqualFold(name, "Authentication-Results") {
			continue
		}
		_, value, _ := bytes.Cut(raw, []byte(":"))
		id, results, _ := strings.Cut(string(value), ";")
		return strings.EqualFold(strings.TrimSpace(id), hostname) && strings.Contains(";"+results, ";\r\n\tdmarc=pass")
	}
	return false
}

// Filter chooses reports of others.
type Filter struct {
	Kind   Kind // "": every kind
	Failed bool // only those that tell of failures
}

// List returns the reports that are kept and that f chooses, the latest first, at most limit. Details are left out.
func (r *Reports) List(ctx context.Context, f Filter, limit int) (list []Report, err error) {
	err = r.store.Read(ctx, func(tx *store.Tx) (err error) {
		list, err = selectReports(tx, f, limit)
		return err
	})
	return list, err
}

// Show returns one report. fault.NotFound: there is none.
func (r *Reports) Show(ctx context.Context, number int64) (report Report, err error) {
	err = r.store.Read(ctx, func(tx *store.Tx) (err error) {
		report, err = selectReport(tx, number)
		return err
	})
	return report, err
}

// keep writes a report that is not there yet. full: today's are enough.
func (r *Reports) keep(ctx context.Context, report *Report) (full bool, err error) {
	err = r.store.Write(ctx, func(tx *store.Tx) (err error) {
		n, err := countReceived(tx, report.Received.Unix()-daySeconds)
		if full = n >= maxADay; full || err != nil {
			return err
		}
		return insertReport(tx, report)
	})
	return full, err
}

// forget removes old reports, and those beyond what is kept, a few at a time.
func (r *Reports) forget(ctx context.Context) error {
	before := r.now().Add(-r.o.Keep).Unix()
	for more := true; more; {
		err := r.store.WriteBulk(ctx, func(tx *store.Tx) (err error) {
			more, err = deleteReports(tx, before)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
