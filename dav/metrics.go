package dav

import (
	"time"

	"schulhof/store/fault"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the server counts. Every method's counters exist from the start.
type metrics struct {
	logins  *prometheus.CounterVec
	methods map[string]*methodMetrics
}

type methodMetrics struct {
	seconds prometheus.Observer
	refused prometheus.Counter
	failed  prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "schulhof_dav_request_seconds", Help: "Time that DAV requests took, uploads and downloads included.",
		Buckets: []float64{.0005, .002, .01, .05, .2, 1, 5, 30},
	}, []string{"method"})
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "schulhof_dav_requests_refused_total", Help: "DAV requests answered with a status from 400 (class 4) or from 500 (class 5).",
	}, []string{"method", "class"})
	m := &metrics{
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "schulhof_dav_logins_total", Help: "Authenticated DAV requests by result.",
		}, []string{"result"}),
		methods: make(map[string]*methodMetrics, len(routes)),
	}
	for name := range routes {
		m.methods[name] = &methodMetrics{seconds.WithLabelValues(name), refused.WithLabelValues(name, "4"), refused.WithLabelValues(name, "5")}
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{seconds, refused, m.logins} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) login(err error) {
	result := "ok"
	switch {
	case fault.Is(err, fault.Unauthenticated):
		result = "wrong"
	case fault.Is(err, fault.Throttled):
		result = "throttled"
	case err != nil:
		result = "error"
	}
	m.logins.WithLabelValues(result).Inc()
}

// done records a request; unknown methods are not counted: their names are the clients'.
func (m *metrics) done(method string, started time.Time, status int) {
	c := m.methods[method]
	if c == nil {
		return
	}
	c.seconds.Observe(time.Since(started).Seconds())
	switch {
	case status >= 500:
		c.failed.Inc()
	case status >= 400:
		c.refused.Inc()
	}
}
