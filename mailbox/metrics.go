package mailbox

import "github.com/prometheus/client_golang/prometheus"

// metrics count what the mail domain does.
type metrics struct {
	delivered, appended, repeated prometheus.Counter
}

func newMetrics(r prometheus.Registerer, m *Mail) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "schulhof", Subsystem: "mailbox", Name: name, Help: help})
	}
	x := &metrics{
		delivered: counter("delivered_total", "Copies of messages put into mailboxes by delivery."),
		appended:  counter("appended_total", "Messages put into mailboxes by clients."),
		repeated:  counter("repeated_total", "Deliveries answered from memory because the first answer was lost."),
	}
	if r == nil {
		return x
	}
	gauge := func(name, help string, value func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "schulhof", Subsystem: "mailbox", Name: name, Help: help}, value)
	}
	r.MustRegister(x.delivered, x.appended, x.repeated,
		gauge("views", "Mailboxes whose view is in memory.", func() float64 {
			m.views.mu.Lock()
			defer m.views.mu.Unlock()
			return float64(len(m.views.byID))
		}),
		gauge("view_bytes", "Memory of these views.", func() float64 {
			m.views.mu.Lock()
			defer m.views.mu.Unlock()
			return float64(m.views.bytes)
		}))
	return x
}
