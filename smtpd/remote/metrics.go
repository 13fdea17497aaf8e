package remote

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what the room counts.
type metrics struct {
	dial    *prometheus.CounterVec   // result: connected, temporary, permanent; tls: how it is protected
	connect *prometheus.HistogramVec // seconds until a server was ready or all had failed; result
	mail    *prometheus.CounterVec   // recipients; code: of the reply, 0 for none
	bytes   prometheus.Counter       // of messages that were taken
	deliver prometheus.Histogram     // seconds of one transaction
	policy  *prometheus.CounterVec   // MTA-STS policies; result: fetched, failed
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "schulhof_remote_" + name, Help: help}
	}
	buckets := []float64{.001, .005, .025, .1, .5, 1, 5, 30, 120, 600}
	m := &metrics{
		dial: prometheus.NewCounterVec(opts("connections_total", "Attempts to connect to other servers, by result and protection."), []string{"result", "tls"}),
		connect: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "schulhof_remote_connect_seconds",
			Help: "Until another server was ready for mail, or all had failed.", Buckets: buckets}, []string{"result"}),
		mail:  prometheus.NewCounterVec(opts("recipients_total", "Recipients tried, by the reply's code."), []string{"code"}),
		bytes: prometheus.NewCounter(opts("sent_bytes_total", "Bytes of messages that other servers took.")),
		deliver: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "schulhof_remote_transaction_seconds",
			Help: "One message over an open connection.", Buckets: buckets}),
		policy: prometheus.NewCounterVec(opts("sts_policies_total", "MTA-STS policies that were to be fetched, by result."), []string{"result"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.dial, m.connect, m.mail, m.bytes, m.deliver, m.policy} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// dialled counts one Dial.
func (m *metrics) dialled(s *session, err error, took time.Duration) {
	result, protection := "connected", ""
	var e *Error
	switch {
	case s != nil:
		protection = s.protection
	case errors.As(err, &e) && !e.Temporary:
		result = "permanent"
	default:
		result = "temporary"
	}
	m.connect.WithLabelValues(result).Observe(took.Seconds())
	m.dial.WithLabelValues(result, protection).Inc()
}

// attempted counts one transaction.
func (m *metrics) attempted(results []Result, size int64, took time.Duration) {
	m.deliver.Observe(took.Seconds())
	taken := false
	for _, r := range results {
		m.mail.WithLabelValues(strconv.Itoa(r.Code)).Inc()
		taken = taken || r.Code/100 == 2
	}
	if taken {
		m.bytes.Add(float64(size))
	}
}
