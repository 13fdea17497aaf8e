package smtpd

import (
	"context"
	"io"
	"strings"
	"time"
)

// Reports takes in what other servers report about mail in our domains' names, and about their connections to us.
type Reports interface {
	// Take keeps the report that a message carries. taken is false when it carries none: then it is mail like any other. An error means
	// that nobody knows now.
	Take(ctx context.Context, traceID string, message io.ReaderAt, size int64) (taken bool, err error)
}

// reportBox is the address that our records in the DNS name for reports, at each domain.
const reportBox = "postmaster"

// reported has a report taken that came to the address for it. taken is false for everything else: people read that.
func (s *session) reported(ctx context.Context, began time.Time) (taken bool) {
	t, in := s.mail, s.mail.body
	if s.srv.o.Reports == nil || s.door != doorMX || len(t.recipients) != 1 || len(t.outside) > 0 || t.lists.takes() {
		return false
	}
	local, _, _ := strings.Cut(t.recipients[0].Address, "@")
	if !strings.EqualFold(local, reportBox) {
		return false
	}
	for _, to := range t.to {
		if to.Use == junk {
			return false
		}
	}
	taken, err := s.srv.o.Reports.Take(ctx, in.id, in.spool, in.spool.Size())
	if err != nil {
		s.log.Warn("read report", "id", in.id, "err", err) // somebody reads it
	}
	if err != nil || !taken {
		return false
	}
	r := okDone
	r.text = "OK id=" + in.id
	s.say(r)
	took := time.Since(began)
	s.srv.metrics.messageDone(s.door, metricCode(r), in.size, took)
	s.log.Info("report accepted", "id", in.id, "from", t.envelope.Sender, "bytes", in.size, "took", took)
	return true
}
