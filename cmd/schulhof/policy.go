package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
)

// ruleDoc is a rule of the contact policy in a command's JSON.
type ruleDoc struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Decision string `json:"decision"` // allow, refuse, or empty: the rule says only when not, or how much
	Quiet    string `json:"quiet"`    // such as "mon-fri 21:00-06:30"; empty: never
	PerHour  *int64 `json:"per_hour"` // recipients; null: no limit
}

func documentRule(r *rooms, rule directory.Rule) ruleDoc {
	d := ruleDoc{
		From: r.Directory.PartyName(rule.From), To: r.Directory.PartyName(rule.To), Decision: string(rule.Decision), Quiet: rule.Quiet.String(),
	}
	if rule.PerHour != directory.NoLimit {
		d.PerHour = &rule.PerHour
	}
	return d
}

// limit is the rule's limit as text.
func (d ruleDoc) limit() string {
	if d.PerHour == nil {
		return ""
	}
	return strconv.FormatInt(*d.PerHour, 10)
}

func newPolicyCommand(a *app) *cobra.Command {
	family := &cobra.Command{
		Use: "policy", Short: "Who may write to whom, when and how much",
		Long: "Who may write to whom, when and how much. A rule has two sides, FROM and TO: anyone, internal (whoever has an account), external\n" +
			"(whoever has none), a role, a group or one account. What no rule decides is allowed. Of the rules that fit, the one that says\n" +
			"most decides: an account before a group, a group before a role, a role before internal and external, those before anyone,\n" +
			"first by FROM, then by TO; among equals a refusal wins. A group as TO means its members, whatever address leads to them.",
	}
	family.AddCommand(newPolicyList(a), newPolicySet(a), newPolicyRemove(a), newPolicyTest(a))
	return family
}

func newPolicyList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the rules, those that decide first at the top", Args: cobra.NoArgs,
		RunE: a.withRooms(func(_ context.Context, r *rooms, _ []string) error {
			docs := []ruleDoc{}
			rows := [][]string{{"FROM", "TO", "DECISION", "QUIET", "RECIPIENTS AN HOUR"}}
			for _, rule := range r.Directory.Rules() {
				d := documentRule(r, rule)
				docs = append(docs, d)
				rows = append(rows, []string{d.From, d.To, d.Decision, d.Quiet, d.limit()})
			}
			return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
		}),
	}
}

// limitFlag is a number of recipients, or "none".
type limitFlag struct{ n *int64 }

// String returns the value as it is written on the command line.
func (l *limitFlag) String() string {
	switch {
	case l.n == nil:
		return ""
	case *l.n == directory.NoLimit:
		return "none"
	}
	return strconv.FormatInt(*l.n, 10)
}

// Set reads a value.
func (l *limitFlag) Set(s string) error {
	if s == "none" {
		l.n = new(int64(directory.NoLimit))
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no number of recipients: want 0 or more, or none", s)
	}
	l.n = &n
	return nil
}

// Type is what the help calls the value.
func (l *limitFlag) Type() string { return "number|none" }

// quietFlag is a list of quiet hours, or "none".
type quietFlag struct{ hours *directory.Quiet }

// String returns the value as it is written on the command line.
func (q *quietFlag) String() string {
	if q.hours == nil {
		return ""
	}
	return q.hours.String()
}

// Set reads a value.
func (q *quietFlag) Set(s string) error {
	hours, err := directory.ParseQuiet(s)
	q.hours = &hours
	return err
}

// Type is what the help calls the value.
func (q *quietFlag) Type() string { return "hours|none" }

func newPolicySet(a *app) *cobra.Command {
	var allow, refuse, open bool
	var limit limitFlag
	var quiet quietFlag
	cmd := &cobra.Command{
		Use: "set FROM TO", Short: "Add a rule or change it; it is in force at once",
		Example: "  schulhof policy set student external --refuse\n" +
			"  schulhof policy set student teacher --quiet \"mon-fri 21:00-06:30, sat-sun 20:00-09:00\"\n" +
			"  schulhof policy set anna anyone --limit 200",
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) != 2 {
			return usage("want FROM and TO")
		}
		if countChanged(cmd, "allow", "refuse", "no-decision", "limit", "quiet") == 0 {
			return usage("nothing to set: --allow, --refuse, --no-decision, --quiet or --limit")
		}
		return nil
	}
	cmd.RunE = a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
		from, to, err := parties(r, args)
		if err != nil {
			return err
		}
		change := directory.RuleChange{Quiet: quiet.hours, PerHour: limit.n}
		switch {
		case allow:
			change.Decision = new(directory.Allow)
		case refuse:
			change.Decision = new(directory.Refuse)
		case open:
			change.Decision = new(directory.Decision(""))
		}
		rule, err := r.Directory.SetRule(ctx, from, to, change)
		if err != nil {
			return err
		}
		d := documentRule(r, rule)
		return a.result(d, say("rule %s to %s set", d.From, d.To))
	})
	flags := cmd.Flags()
	flags.BoolVar(&allow, "allow", false, "they may write")
	flags.BoolVar(&refuse, "refuse", false, "they may not write")
	flags.BoolVar(&open, "no-decision", false, "the rule says only when not, or how much")
	flags.Var(&quiet, "quiet", "when they may not write, by the school's clock")
	flags.Var(&limit, "limit", "how many recipients each sender may write to within an hour; TO is anyone, internal or external")
	cmd.MarkFlagsMutuallyExclusive("allow", "refuse", "no-decision")
	return cmd
}

// parties reads FROM and TO.
func parties(r *rooms, args []string) (from, to directory.Party, err error) {
	if from, err = r.Directory.Party(args[0]); err != nil {
		return from, to, err
	}
	to, err = r.Directory.Party(args[1])
	return from, to, err
}

func newPolicyRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "remove FROM TO", Short: "Take a rule out of the policy, at once", Args: cobra.ExactArgs(2),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			from, to, err := parties(r, args)
			if err != nil {
				return err
			}
			if err := r.Directory.RemoveRule(ctx, from, to); err != nil {
				return err
			}
			doc := struct {
				From string `json:"from"`
				To   string `json:"to"`
			}{r.Directory.PartyName(from), r.Directory.PartyName(to)}
			return a.result(doc, say("rule %s to %s removed", doc.From, doc.To))
		}),
	}
}

// usedLimit is a sending limit in a command's JSON.
type usedLimit struct {
	To      string `json:"to"`
	PerHour int64  `json:"per_hour"`
	Used    int64  `json:"used"` // within the last hour
}

// contactDoc is what "policy test" finds.
type contactDoc struct {
	From    string      `json:"from"`
	To      string      `json:"to"`
	At      time.Time   `json:"at"`
	Allowed bool        `json:"allowed"`
	Reason  string      `json:"reason"` // empty when allowed
	Rule    *ruleDoc    `json:"rule"`   // the one that refuses; null when allowed
	Limits  []usedLimit `json:"limits"`
}

func newPolicyTest(a *app) *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use: "test FROM TO", Short: "Tell whether one address may write to another, and by which rule not", Args: cobra.ExactArgs(2),
		Long: "Tell whether one address may write to another, and by which rule not. FROM and TO are addresses: an account, an alias, a group,\n" +
			"or an address elsewhere. A refusal is an answer: the exit status is 0.",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			d, err := testContact(ctx, r, args[0], args[1], at)
			if err != nil {
				return err
			}
			return a.result(d, func(w io.Writer) error { return table(w, d.rows()...) })
		}),
	}
	cmd.Flags().StringVar(&at, "at", "", "when, such as 2026-11-25T21:30 by the school's clock (default: now)")
	return cmd
}

// testContact asks the policy as a mail would.
func testContact(ctx context.Context, r *rooms, from, to, at string) (d contactDoc, err error) {
	contact, d := directory.Approach{}, contactDoc{From: from, To: to, At: time.Now(), Limits: []usedLimit{}}
	if at != "" {
		if d.At, err = time.ParseInLocation("2006-01-02T15:04", at, r.Config.Server.Zone()); err != nil {
			return d, fault.Wrap(fault.Invalid, err, "%q is no time such as 2026-11-25T21:30", at)
		}
	}
	contact.At = d.At
	writers, outside, err := reached(ctx, r, from)
	if err != nil {
		return d, err
	}
	if !outside {
		if len(writers) != 1 {
			return d, fault.New(fault.Invalid, "%s is not one account", from)
		}
		contact.From = writers[0]
	}
	if contact.To, contact.Outside, err = reached(ctx, r, to); err != nil {
		return d, err
	}
	verdict := r.Directory.Judge(contact)
	d.Allowed = verdict.Allowed
	if !d.Allowed {
		d.Reason = r.Directory.MayContact(contact).Error()
		rule := documentRule(r, *verdict.Rule)
		d.Rule = &rule
	}
	err = r.Store.Read(ctx, func(tx *store.Tx) error {
		limits, err := r.Directory.SendingLimits(tx, contact.From)
		for _, l := range limits {
			d.Limits = append(d.Limits, usedLimit{r.Directory.PartyName(l.To), l.PerHour, l.Used})
		}
		return err
	})
	return d, err
}

// reached are the accounts that an address leads to, as mail would; outside: it is not ours.
func reached(ctx context.Context, r *rooms, address string) (accounts []directory.ID, outside bool, err error) {
	if !strings.Contains(address, "@") {
		domains, err := r.Directory.Domains(ctx)
		if err != nil {
			return nil, false, err
		}
		if len(domains) != 1 {
			return nil, false, fault.New(fault.Invalid, "say at which domain: %s", address)
		}
		address += "@" + domains[0]
	}
	list, err := r.Directory.Resolve(ctx, address, "")
	if fault.Is(err, fault.Forbidden) {
		return nil, true, nil
	}
	for _, one := range list {
		accounts = append(accounts, one.Account)
	}
	return accounts, false, err
}

func (d contactDoc) rows() [][]string {
	rows := [][]string{{"from", d.From}, {"to", d.To}, {"at", d.At.Format("Mon 2006-01-02 15:04")}, {"allowed", "yes"}}
	if !d.Allowed {
		rows[3][1] = "no"
		rows = append(rows, []string{"reason", d.Reason})
	}
	for _, l := range d.Limits {
		rows = append(rows, []string{"recipients an hour", fmt.Sprintf("%d of %d to %s used", l.Used, l.PerHour, l.To)})
	}
	return rows
}
