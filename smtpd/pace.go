package smtpd

import "time"

// pace is how fast a message must come: no single read longer than dataTimeout, dataRate on average
// after dataGrace, and dataTotal in all. One deadline says all three.
type pace struct {
	start time.Time
	got   int64 // bytes so far
}

func newPace() *pace { return &pace{start: time.Now()} }

// deadline is until when the next byte must have come.
func (p *pace) deadline() time.Time {
	d := p.start.Add(dataGrace + time.Duration(p.got/dataRate)*time.Second)
	if t := time.Now().Add(dataTimeout); t.Before(d) {
		d = t
	}
	if t := p.start.Add(dataTotal); t.Before(d) {
		d = t
	}
	return d
}
