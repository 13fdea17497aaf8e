package authenticate

// DMARC is whether SPF or DKIM speak for the domain in From, and what that domain asks for if not. RFC 7489.
type DMARC struct {
	Result    Result
	Reason    string
	From      string // the domain in From, in ASCII; "" if there is none
	Record    string // the domain whose record holds, "" for none
	Policy    Policy // what the record asks for
	Applies   Policy // what holds for this message, pct taken into account; none when it passes
	SPF, DKIM bool   // which of them speak for From
	Wanted    bool   // the record says where to report about such mail
	Sealed    bool   // the policy is not applied, because trusted sealers vouch for the message
}

// aligned reports whether a domain that is authenticated speaks for from. RFC 7489 §3.1.
func aligned(domain, from string, strict bool) bool {
	if domain == "" {
		return false
	}
	return domain == from || !strict && organisation(domain) == organisation(from)
}

// evaluate compares what SPF and DKIM found with the record. roll tells whether this message is among pct percent.
func evaluate(f found, s SPF, dkim []DKIM, roll func(percent int) bool) DMARC {
	d := DMARC{From: f.from, Applies: PolicyNone}
	switch {
	case f.err != nil:
		d.Result, d.Reason = TempError, "policy could not be looked up"
		return d
	case !f.exists:
		d.Result = None
		return d
	}
	d.Record, d.Policy, d.Wanted = f.record.domain, f.policy, len(f.record.aggregate) > 0
	unsure := s.Result == TempError && aligned(s.Domain, f.from, f.record.strictSPF)
	d.SPF = s.Result == Pass && aligned(s.Domain, f.from, f.record.strictSPF)
	for _, one := range dkim {
		if !aligned(one.Domain, f.from, f.record.strictDKIM) {
			continue
		}
		d.DKIM = d.DKIM || one.Result == Pass
		unsure = unsure || one.Result == TempError
	}
	switch {
	case d.SPF || d.DKIM:
		d.Result = Pass
		return d
	case unsure && d.Policy != PolicyNone:
		d.Result, d.Reason = TempError, "SPF or DKIM could not be looked up"
		return d
	}
	d.Result, d.Applies = Fail, d.Policy
	if d.Applies != PolicyNone && !roll(f.record.percent) {
		d.Applies = d.Applies.weaker()
	}
	return d
}

// worse reports whether d decides more strictly than other: of several domains in From the strictest counts. RFC 7489 §6.6.1. One that
// could not be looked up may ask for anything, so that a second author who asks for nothing does not let the message pass.
func (d *DMARC) worse(other *DMARC) bool {
	if a, b := d.Applies.level(), other.Applies.level(); a != b {
		return a > b
	}
	rank := map[Result]int{TempError: 3, Fail: 2, None: 1}
	return rank[d.Result] > rank[other.Result]
}
