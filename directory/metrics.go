package directory

import (
	"schulhof/store/fault"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count logins by door and result; doors are few, constants of the protocol rooms.
type metrics struct {
	logins *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, d *Directory) *metrics {
	m := &metrics{logins: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "schulhof_logins_total", Help: "Tries to log in, by door and result (ok, wrong, throttled, error).",
	}, []string{"door", "result"})}
	if r == nil {
		return m
	}
	r.MustRegister(m.logins,
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "schulhof_password_hashes_total", Help: "Password hashes computed.",
		}, func() float64 { return float64(d.hashes.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "schulhof_credential_cache_entries", Help: "Verified credentials in memory.",
		}, func() float64 { return float64(d.proven.len()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "schulhof_accounts", Help: "Accounts in the directory, in every state.",
		}, func() float64 {
			d.view.mu.RLock()
			defer d.view.mu.RUnlock()
			return float64(len(d.view.accounts))
		}))
	return m
}

func (m *metrics) login(door string, err error) {
	result := "ok"
	switch {
	case err == nil:
	case fault.Is(err, fault.Unauthenticated):
		result = "wrong"
	case fault.Is(err, fault.Throttled):
		result = "throttled"
	default:
		result = "error"
	}
	m.logins.WithLabelValues(door, result).Inc()
}
