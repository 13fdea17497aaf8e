package store

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the store's figures.
type metrics struct {
	commits prometheus.Histogram // seconds a group took
	groups  prometheus.Histogram // closures per group
	retries prometheus.Counter
	stored  prometheus.Counter

	registry prometheus.Registerer
	all      []prometheus.Collector
}

func (m *metrics) init() {
	m.commits = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "schulhof_store_commit_seconds",
		Help: "How long group commits took.", Buckets: prometheus.ExponentialBuckets(0.0001, 4, 8)})
	m.groups = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "schulhof_store_group_closures",
		Help: "How many closures shared a commit.", Buckets: prometheus.ExponentialBuckets(1, 4, 5)})
	m.retries = prometheus.NewCounter(prometheus.CounterOpts{Name: "schulhof_store_retries_total",
		Help: "Groups that ran again after a serialization failure."})
	m.stored = prometheus.NewCounter(prometheus.CounterOpts{Name: "schulhof_store_blob_bytes_total",
		Help: "Bytes of blobs that were stored, before compression."})
}

func (m *metrics) group(closures int, took time.Duration) {
	m.commits.Observe(took.Seconds())
	m.groups.Observe(float64(closures))
}

// register shows the figures to reg, which may be nil.
func (m *metrics) register(reg prometheus.Registerer, s *Store) error {
	if reg == nil {
		return nil
	}
	m.registry = reg
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "schulhof_store_writes_waiting",
		Help: "Closures that wait for the writer."}, func() float64 { return float64(len(s.jobs)) })
	free := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "schulhof_store_free_bytes",
		Help: "Free space where the data directory lies."}, func() float64 { n, _ := s.freeBytes(); return float64(n) })
	readOnly := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "schulhof_store_read_only",
		Help: "1 while nothing can be written."}, func() float64 {
		if s.ReadOnlyCause() != nil {
			return 1
		}
		return 0
	})
	for _, c := range []prometheus.Collector{m.commits, m.groups, m.retries, m.stored, waiting, free, readOnly} {
		if err := reg.Register(c); err != nil {
			m.unregister()
			return fmt.Errorf("store metrics: %w", err)
		}
		m.all = append(m.all, c)
	}
	return nil
}

func (m *metrics) unregister() {
	for _, c := range m.all {
		m.registry.Unregister(c)
	}
	m.all = nil
}
