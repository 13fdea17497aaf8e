package spam

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what the room counts.
type metrics struct {
	verdict *prometheus.CounterVec // messages; action
	symbol  *prometheus.CounterVec // messages; symbol of the built-in score
	scan    *prometheus.CounterVec // messages; program: clamd, rspamd; result

	personal prometheus.Counter // copies that went elsewhere because of what their owners taught
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "schulhof_spam_" + name, Help: help}, labels)
	}
	m := &metrics{
		verdict: counter("verdicts_total", "Messages that were judged, by what should become of them.", "action"),
		symbol:  counter("symbols_total", "Messages of which the built-in score noted something, by its name.", "symbol"),
		scan:    counter("scans_total", "Messages that other programs looked at, by what they said.", "program", "result"),
		personal: prometheus.NewCounter(prometheus.CounterOpts{Name: "schulhof_spam_personal_total",
			Help: "Copies that went to Junk, or not there, because of what their owners taught."}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.verdict, m.symbol, m.scan, m.personal} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// symbols counts what the built-in score noted of one message.
func (m *metrics) symbols(list []Symbol) {
	for _, s := range list {
		m.symbol.WithLabelValues(s.Name).Inc()
	}
}
