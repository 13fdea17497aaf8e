package smtpd

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what the room counts. door is mx, submission, submissions or lmtp.
type metrics struct {
	open       *prometheus.GaugeVec     // connections now; door
	connection *prometheus.CounterVec   // connections; door, result: served, crowd, tls
	message    *prometheus.CounterVec   // messages; door, code: of the reply
	bytes      *prometheus.CounterVec   // of accepted messages; door
	recipient  *prometheus.CounterVec   // RCPT; door, code
	login      *prometheus.CounterVec   // AUTH; result: ok, failed, throttled
	delivery   *prometheus.HistogramVec // seconds from the last byte to the reply; door
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "schulhof_smtpd_" + name, Help: help}, labels)
	}
	m := &metrics{
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "schulhof_smtpd_open_connections",
			Help: "Connections that are open."}, []string{"door"}),
		connection: counter("connections_total", "Connections, by how they began.", "door", "result"),
		message:    counter("messages_total", "Messages, by the reply they got.", "door", "code"),
		bytes:      counter("accepted_bytes_total", "Bytes of accepted messages.", "door"),
		recipient:  counter("recipients_total", "RCPT commands, by their reply.", "door", "code"),
		login:      counter("logins_total", "AUTH commands, by result.", "result"),
		delivery: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "schulhof_smtpd_delivery_seconds",
			Help:    "From a message's last byte until it is stored safely.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30}}, []string{"door"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.open, m.connection, m.message, m.bytes, m.recipient, m.login, m.delivery} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// accepted counts one message and its delivery time.
func (m *metrics) messageDone(d *door, code string, size int64, took time.Duration) {
	m.message.WithLabelValues(d.name, code).Inc()
	if code[0] == '2' {
		m.bytes.WithLabelValues(d.name).Add(float64(size))
		m.delivery.WithLabelValues(d.name).Observe(took.Seconds())
	}
}
