package authenticate

import (
	"context"
	"reflect"
	"strings"
	"testing"
)

func TestParsePolicy(t *testing.T) {
	tests := []struct {
		name, in string
		want     policyRecord
		ok       bool
	}{
		{"the least", "v=DMARC1; p=none", policyRecord{policy: PolicyNone, subdomain: PolicyNone, percent: 100}, true},
		{"everything", "v=DMARC1; p=Reject; sp=quarantine; np=reject; adkim=s; aspf=S; pct=20; rua=mailto:a@x.test!10m, mailto:b@y.test; ruf=mailto:c@x.test; fo=1; ri=3600; rf=afrf",
			policyRecord{policy: PolicyReject, subdomain: PolicyQuarantine, missing: PolicyReject, strictDKIM: true, strictSPF: true, percent: 20,
				aggregate: []string{"mailto:a@x.test!10m", "mailto:b@y.test"}}, true},
		{"white space", " v = DMARC1 ;p = quarantine ;", policyRecord{policy: PolicyQuarantine, subdomain: PolicyQuarantine, percent: 100}, true},
		{"faulty tags count as missing", "v=DMARC1; p=reject; pct=200; adkim=x; sp=hard; junk", policyRecord{policy: PolicyReject, subdomain: PolicyReject, percent: 100}, true},
		{"no policy, but an address for reports", "v=DMARC1; p=block; rua=mailto:a@x.test", policyRecord{policy: PolicyNone, subdomain: PolicyNone, percent: 100, aggregate: []string{"mailto:a@x.test"}}, true},
		{"no policy", "v=DMARC1; sp=reject", policyRecord{}, false},
		{"the first of two counts", "v=DMARC1; p=reject; p=none", policyRecord{policy: PolicyReject, subdomain: PolicyReject, percent: 100}, true},
	}
	for _, tt := range tests {
		got, ok := parsePolicy(tt.in)
		if ok != tt.ok || ok && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v %v, want %+v %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
	for text, want := range map[string]bool{"v=DMARC1": true, "v=DMARC1;p=none": true, "v=DMARC10; p=none": false, "v=dmarc1; p=none": false, "p=none; v=DMARC1": false, "": false} {
		if got := isPolicyRecord(text); got != want {
			t.Errorf("isPolicyRecord(%q) = %v", text, got)
		}
	}
}

func TestFindPolicy(t *testing.T) {
	z := newZone()
	z.txt["_dmarc.two.test"] = []string{"v=DMARC1; p=reject", "v=DMARC1; p=none"}
	z.txt["_dmarc.other.test"] = []string{"v=spf1 -all", "v=DMARC1; p=reject"}
	z.txt["_dmarc.own.example.org"] = []string{"v=DMARC1; p=none"}
	z.txt["_dmarc.example.co.uk"] = []string{"v=DMARC1; p=reject"}
	z.txt["_dmarc.co.uk"] = []string{"v=DMARC1; p=quarantine"}
	z.broken["_dmarc.down.test"], z.broken["unsure.example.org"] = true, true
	z.mx["mx.example.org"] = []string{"mail.example.org"}
	tests := []struct {
		domain, record string
		policy         Policy
		broken         bool
	}{
		{"example.org", "example.org", PolicyReject, false},
		{"sub.example.org", "example.org", PolicyQuarantine, false}, // sp
		{"mx.example.org", "example.org", PolicyQuarantine, false},  // exists by its MX
		{"missing.example.org", "example.org", PolicyReject, false}, // np
		{"a.b.missing.example.org", "example.org", PolicyReject, false},
		{"unsure.example.org", "example.org", PolicyQuarantine, true}, // whether it exists is not known now
		{"own.example.org", "own.example.org", PolicyNone, false},
		{"a.example.co.uk", "example.co.uk", PolicyReject, false}, // the organisation is not co.uk
		{"two.test", "", "", false},
		{"other.test", "other.test", PolicyReject, false},
		{"nothing.test", "", "", false},
		{"down.test", "", "", true},
	}
	for _, tt := range tests {
		f := findPolicy(context.Background(), newBudget(z), tt.domain)
		record := f.record.domain
		if !f.exists {
			record = ""
		}
		if record != tt.record || (f.err != nil) != tt.broken || tt.record != "" && f.policy != tt.policy {
			t.Errorf("%s: record of %q, policy %q, error %v; want %q, %q, %v", tt.domain, record, f.policy, f.err, tt.record, tt.policy, tt.broken)
		}
	}
}

func TestAskPolicy(t *testing.T) {
	z := newZone()
	z.txt["_dmarc.sometimes.test"] = []string{"v=DMARC1; p=quarantine; pct=0"}
	z.broken["_dmarc.down.test"] = true
	for domain, want := range map[string]Policy{
		"example.org": PolicyReject, "Sub.Example.ORG.": PolicyQuarantine, "nothing.test": PolicyNone, "sometimes.test": PolicyQuarantine, "[192.0.2.1]": PolicyNone,
	} {
		if got, err := AskPolicy(context.Background(), z, domain); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", domain, got, err, want)
		}
	}
	if _, err := AskPolicy(context.Background(), z, "down.test"); err == nil {
		t.Error("a policy that nobody knows now: no error")
	}
}

func TestEvaluate(t *testing.T) {
	record := policyRecord{domain: "example.org", policy: PolicyReject, subdomain: PolicyReject, percent: 100}
	strict := record
	strict.strictSPF, strict.strictDKIM = true, true
	half := record
	half.percent = 50
	tests := []struct {
		name    string
		record  policyRecord
		spf     SPF
		dkim    []DKIM
		want    Result
		applies Policy
	}{
		{"SPF of the domain", record, SPF{Result: Pass, Domain: "example.org"}, nil, Pass, PolicyNone},
		{"SPF of a subdomain", record, SPF{Result: Pass, Domain: "m.example.org"}, nil, Pass, PolicyNone},
		{"SPF of a subdomain, strict", strict, SPF{Result: Pass, Domain: "m.example.org"}, nil, Fail, PolicyReject},
		{"SPF of another", record, SPF{Result: Pass, Domain: "example.net"}, nil, Fail, PolicyReject},
		{"SPF softfail", record, SPF{Result: SoftFail, Domain: "example.org"}, nil, Fail, PolicyReject},
		{"DKIM of the domain", strict, SPF{Result: Fail, Domain: "example.org"}, []DKIM{{Result: Pass, Domain: "example.org"}}, Pass, PolicyNone},
		{"DKIM of a subdomain, strict", strict, SPF{}, []DKIM{{Result: Pass, Domain: "m.example.org"}}, Fail, PolicyReject},
		{"one good of several", record, SPF{}, []DKIM{{Result: Fail, Domain: "example.org"}, {Result: Pass, Domain: "list.test"}, {Result: Pass, Domain: "example.org"}}, Pass, PolicyNone},
		{"DKIM of another", record, SPF{}, []DKIM{{Result: Pass, Domain: "example.net"}}, Fail, PolicyReject},
		{"DKIM not known now", record, SPF{}, []DKIM{{Result: TempError, Domain: "example.org"}}, TempError, PolicyNone},
		{"DKIM of another not known now", record, SPF{}, []DKIM{{Result: TempError, Domain: "example.net"}}, Fail, PolicyReject},
		{"SPF not known, DKIM good", record, SPF{Result: TempError, Domain: "example.org"}, []DKIM{{Result: Pass, Domain: "example.org"}}, Pass, PolicyNone},
		{"SPF not known", record, SPF{Result: TempError, Domain: "example.org"}, nil, TempError, PolicyNone},
		{"beyond pct", half, SPF{}, nil, Fail, PolicyQuarantine},
	}
	for _, tt := range tests {
		f := found{from: "example.org", record: tt.record, exists: true, policy: tt.record.policy}
		got := evaluate(f, tt.spf, tt.dkim, func(percent int) bool { return percent == 100 })
		if got.Result != tt.want || got.Applies != tt.applies {
			t.Errorf("%s: %s %s, want %s %s", tt.name, got.Result, got.Applies, tt.want, tt.applies)
		}
	}
}

func TestAuthorDomains(t *testing.T) {
	for in, want := range map[string]string{
		"From: a@Example.ORG\r\n":                                     "example.org",
		"From: \"x@evil.test\" <a@example.org>\r\n":                   "example.org",
		"From: A <a@example.org>,\r\n B <b@other.test>, c@x.test\r\n": "example.org other.test x.test",
		"From: a@example.org, b@EXAMPLE.org\r\n":                      "example.org",
		"From: a@müller.de\r\n":                                       "xn--mller-kva.de",
		"From: a@example.org.\r\n":                                    "example.org",
		"From: nobody\r\n":                                            "no From",
		"From: a@[192.0.2.1]\r\n":                                     "no From",
		"From: \r\n":                                                  "no From",
		"Subject: x\r\n":                                              "no From",
		"From: a@x.test\r\nFrom: b@y.test\r\n":                        "no From",
		"From: a@a.test, a@b.test, a@c.test, a@d.test, a@e.test, a@f.test\r\n": "too many",
	} {
		got, err := authorDomains(parseHeader([]byte(in)))
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %s", in, err, want)
			}
			continue
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %s", in, got, want)
		}
	}
}
