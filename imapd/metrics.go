package imapd

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the server counts. Every command's counter exists from the start: no look-up by label on the way.
type metrics struct {
	open     prometheus.Gauge
	logins   *prometheus.CounterVec
	commands map[string]*commandMetrics
}

type commandMetrics struct {
	seconds prometheus.Observer
	refused prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "schulhof_imap_command_seconds", Help: "Time that IMAP commands took.",
		Buckets: []float64{.0002, .001, .005, .025, .1, .5, 2, 10},
	}, []string{"command"})
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "schulhof_imap_commands_refused_total", Help: "IMAP commands answered NO or BAD.",
	}, []string{"command"})
	m := &metrics{
		open: prometheus.NewGauge(prometheus.GaugeOpts{Name: "schulhof_imap_connections", Help: "Open IMAP connections."}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "schulhof_imap_logins_total", Help: "IMAP logins by result.",
		}, []string{"result"}),
		commands: make(map[string]*commandMetrics, len(commands)),
	}
	for name := range commands {
		m.commands[name] = &commandMetrics{seconds: seconds.WithLabelValues(name), refused: refused.WithLabelValues(name)}
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{seconds, refused, m.open, m.logins} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) opened(n float64) { m.open.Add(n) }

func (m *metrics) login(result string) { m.logins.WithLabelValues(result).Inc() }

// done records that command name, begun at started, ended with err.
func (m *metrics) done(name string, started time.Time, err error) {
	c := m.commands[name]
	c.seconds.Observe(time.Since(started).Seconds())
	if err != nil {
		c.refused.Inc()
	}
}
