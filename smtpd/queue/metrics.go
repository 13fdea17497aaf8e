package queue

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what the room counts.
type metrics struct {
	enqueued    prometheus.Counter     // recipients
	outcome     *prometheus.CounterVec // recipients; outcome: delivered, relayed, deferred, failed, expired
	notice      *prometheus.CounterVec // notices; kind
	dials       *prometheus.CounterVec // result: open, failed
	pauses      prometheus.Counter
	interrupted prometheus.Counter
	connections prometheus.Gauge
	lanes       prometheus.Gauge
	wait        prometheus.Histogram // seconds from acceptance to delivery
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "schulhof_queue_" + name, Help: help})
	}
	counters := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "schulhof_queue_" + name, Help: help}, []string{label})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "schulhof_queue_" + name, Help: help})
	}
	m := &metrics{
		enqueued:    counter("enqueued_recipients_total", "Recipients that were taken into the queue."),
		outcome:     counters("recipients_total", "Recipients, by what a try led to.", "outcome"),
		notice:      counters("notices_total", "Notices to senders, by kind.", "kind"),
		dials:       counters("connections_total", "Connections that were tried, by result.", "result"),
		pauses:      counter("pauses_total", "Destinations that were left alone for a while because they did not work."),
		interrupted: counter("interrupted_total", "Deliveries that a crash interrupted, and that may have arrived twice."),
		connections: gauge("open_connections", "Connections that are open."),
		lanes:       gauge("active_destinations", "Destinations that are being served."),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "schulhof_queue_wait_seconds",
			Help: "From a message's acceptance until a recipient's server has it.", Buckets: []float64{.01, .05, .1, .5, 1, 5, 30, 300, 3600, 14400, 86400}}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.enqueued, m.outcome, m.notice, m.dials, m.pauses, m.interrupted, m.connections, m.lanes, m.wait} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}
