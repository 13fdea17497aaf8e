package filter

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/message"
	"schulhof/mailbox/sieve"
	"schulhof/store"
	"schulhof/store/fault"
)

// Request is a message on its way to some of our accounts.
type Request struct {
	Message *mailbox.Prepared // nil if every recipient has a form of their own (To.Message)
	Body    io.ReaderAt       // its bytes
	Sender  string            // MAIL FROM, "" for <>
	To      []Recipient
	Remote  string // the peer's address; "" for a submission
	Certain bool   // Sender is certain to have sent it, so that an answer is no nuisance to somebody else
	Outside bool   // there is a queue for other servers
}

// Recipient is one of the accounts.
type Recipient struct {
	mailbox.To
	Address   string // RCPT TO
	MayRefuse bool   // the door can still refuse this one alone
	Notice    bool   // To.Message is not the message but what this server tells of it, from <>
}

// Plan is what becomes of a message.
type Plan struct {
	Copies   []Copy
	Refused  []error // one for each recipient: nil, fault.Refused with the filter's reason, or fault.Unavailable
	Outgoing []Outgoing

	filters  *Filters
	claims   []claim
	memory   []remembered
	sent     map[directory.ID]sent
	day      int64
	prepared []*mailbox.Prepared
}

// Copy is a message to store.
type Copy struct {
	mailbox.To
	For int // the recipient whose copy it is; -1: an answer, a notice
}

// Outgoing is a message for another server.
type Outgoing struct {
	Message   *mailbox.Prepared
	Account   directory.ID // whose filter sends it
	Sender    string       // "" for <>
	Recipient string
	For       int // the recipient whose copy it is; -1: an answer
	// What our own part of it needs of the other server, besides what was declared of the message that came.
	EightBit, UTF8 bool

	Signed string // the domain of ours in whose name it is signed: we, or somebody who is certain, wrote it; "" for none
	Sealed string // the domain that vouches for what was found when it came in
}

// Recipients are the copies for mailbox.Delivery.
func (p *Plan) Recipients() []mailbox.To {
	list := make([]mailbox.To, len(p.Copies))
	for i, c := range p.Copies {
		list[i] = c.To
	}
	return list
}

// Results makes the results of the recipients of those of their copies: who has one copy has the message.
func (p *Plan) Results(copies []error) []error {
	results := make([]error, len(p.Refused))
	copy(results, p.Refused)
	done := make([]bool, len(results))
	for _, o := range p.Outgoing {
		if o.For >= 0 { // another try would send it again
			done[o.For] = true
		}
	}
	for i, c := range p.Copies {
		if c.For < 0 || done[c.For] {
			continue
		}
		if copies[i] == nil {
			done[c.For], results[c.For] = true, nil
		} else if results[c.For] == nil {
			results[c.For] = copies[i]
		}
	}
	return results
}

// Write notes what is to be remembered, in the transaction that stores the copies. It may run again.
func (p *Plan) Write(tx *store.Tx) error {
	for _, r := range p.memory {
		if err := remember(tx, r); err != nil {
			return err
		}
	}
	for owner, s := range p.sent {
		if err := countSent(tx, owner, p.day, s); err != nil {
			return err
		}
	}
	for _, o := range p.Outgoing {
		if err := p.filters.dir.NoteSending(tx, o.Account, 0, 1); err != nil {
			return fmt.Errorf("count what a filter sends: %w", err)
		}
	}
	return nil
}

// outside is how much of the plan leaves for owner.
func (p *Plan) outside(owner directory.ID) (n int) {
	for _, o := range p.Outgoing {
		if o.Account == owner {
			n++
		}
	}
	return n
}

// Release lets go of the messages that filters wrote, and lets others answer if this plan was not carried out; harmless when repeated.
func (p *Plan) Release() {
	if p == nil {
		return
	}
	for _, m := range p.prepared {
		m.Release()
	}
	if len(p.claims) > 0 {
		p.filters.unclaim(p)
	}
}

// letter is a message as a script sees it.
type letter struct {
	message *mailbox.Prepared // nil: the request's own
	body    io.ReaderAt
	index   *message.Index
	sender  string
	genuine bool // whoever From names wrote it: we, or somebody who is certain
	view    *sieve.Message
}

func (l *letter) sieve() (*sieve.Message, error) {
	if l.view == nil {
		var err error
		if l.view, err = sieve.NewMessage(l.body, l.index); err != nil {
			return nil, fmt.Errorf("read message: %w", err)
		}
	}
	return l.view, nil
}

// planner makes one plan.
type planner struct {
	*Filters
	ctx  context.Context
	req  *Request
	plan *Plan
	n    int // redirects and answers so far
}

// Decide runs the recipients' scripts. An error means that nobody was decided about; whoever called releases the plan.
func (f *Filters) Decide(ctx context.Context, req *Request) (*Plan, error) {
	p := &planner{Filters: f, ctx: ctx, req: req, plan: &Plan{filters: f, Refused: make([]error, len(req.To)), sent: map[directory.ID]sent{}, day: f.today()}}
	forms := map[*mailbox.Prepared]*letter{}
	for i, to := range req.To {
		l, err := p.form(forms, &to)
		if err == nil {
			err = p.deliver(i, to, l, 0)
		}
		if err != nil {
			p.plan.Release()
			return nil, err
		}
	}
	return p.plan, nil
}

// form is the message as it is for some of the recipients: a list's form, a notice, or the request's own.
func (p *planner) form(known map[*mailbox.Prepared]*letter, to *Recipient) (*letter, error) {
	form := to.Message
	if l := known[form]; l != nil {
		return l, nil
	}
	l := &letter{message: form, sender: p.req.Sender, genuine: p.req.Certain}
	if to.Notice {
		l.sender, l.genuine = "", true
	}
	if form == nil {
		l.body, l.index = p.req.Body, p.req.Message.Index
	} else {
		b, err := p.mail.AppendBody(nil, form.Blob.Location())
		if err != nil {
			return nil, fmt.Errorf("read message: %w", err)
		}
		l.body, l.index = bytes.NewReader(b), form.Index
	}
	known[form] = l
	return l, nil
}

// deliver decides about one copy of a letter.
func (p *planner) deliver(i int, to Recipient, l *letter, depth int) error {
	name := p.activeName(to.Owner)
	if name == "" || depth > maxDepth {
		p.keep(i, to.To, l, nil)
		return nil
	}
	script, err := p.lookup(p.ctx, scriptKey{to.Owner, name})
	switch {
	case err != nil:
		return err
	case script == nil: // deleted a moment ago
		p.keep(i, to.To, l, nil)
		return nil
	case script.err != nil:
		p.keep(i, to.To, l, nil)
		return p.complain(to.Owner, name, script.hash, script.err.Error())
	}
	result, err := p.run(script.script, to, l)
	var host *sieve.HostError
	switch {
	case errors.As(err, &host):
		return fault.Wrap(fault.Unavailable, err, "the mail filter cannot work now")
	case err != nil:
		p.keep(i, to.To, l, nil)
		return p.complain(to.Owner, name, script.hash, err.Error())
	}
	before := p.mark()
	problem, err := p.act(i, to, l, result, depth)
	if err != nil || problem == "" {
		return err
	}
	p.back(before)
	p.keep(i, to.To, l, nil)
	return p.complain(to.Owner, name, script.hash, problem)
}

func (p *planner) run(script *sieve.Script, to Recipient, l *letter) (sieve.Result, error) {
	view, err := l.sieve()
	if err != nil {
		return sieve.Result{}, &sieve.HostError{Err: err}
	}
	items := map[string]string{"name": "Schulhof", "version": p.opts.Version, "host": p.opts.Hostname, "location": "MTA", "phase": "during"}
	if a, err := p.dir.Account(p.ctx, to.Owner); err == nil {
		_, items["domain"], _ = message.CutAddress(a.Address)
		to.Address = cmp.Or(to.Address, a.Address)
	}
	if p.req.Remote != "" {
		items["remote-ip"] = p.req.Remote
	}
	return script.Run(view, sieve.Environment{
		Now: p.now(), Zone: p.opts.Zone, From: l.sender, To: to.Address, Items: items, Host: &host{p, to.Owner},
	})
}

// position is how far a plan has come.
type position struct{ copies, outgoing, memory int }

func (p *planner) mark() position {
	return position{len(p.plan.Copies), len(p.plan.Outgoing), len(p.plan.memory)}
}

// back forgets what was planned since; what was counted as sent stays so.
func (p *planner) back(to position) {
	p.plan.Copies, p.plan.Outgoing, p.plan.memory = p.plan.Copies[:to.copies], p.plan.Outgoing[:to.outgoing], p.plan.memory[:to.memory]
}

// remember plans a row.
func (p *planner) remember(owner directory.ID, kind int64, hash []byte, d time.Duration) {
	p.plan.memory = append(p.plan.memory, remembered{owner, kind, hash, p.now().Add(d).Unix()})
}

// planned reports whether a row is planned already.
func (p *planner) planned(owner directory.ID, kind int64, hash []byte) bool {
	for _, r := range p.plan.memory {
		if r.owner == owner && r.kind == kind && string(r.hash) == string(hash) {
			return true
		}
	}
	return false
}

// knows reports whether something is remembered or will be with this plan or another one. If not, only this plan may do it.
func (p *planner) knows(owner directory.ID, kind int64, hash []byte) (bool, error) {
	if p.planned(owner, kind, hash) || !p.claim(claim{owner, kind, [16]byte(hash)}, p.plan) {
		return true, nil
	}
	return p.known(p.ctx, owner, kind, hash)
}

// prepare makes a message durable that filters wrote.
func (p *planner) prepare(parts ...io.Reader) (*letter, error) {
	spool := p.mail.NewSpool()
	defer spool.Close()
	for _, part := range parts {
		if _, err := io.Copy(spool, part); err != nil {
			return nil, fmt.Errorf("write message of a filter: %w", err)
		}
	}
	body, err := spoolBytes(spool)
	if err != nil {
		return nil, err
	}
	prepared, err := p.mail.Prepare(p.ctx, spool)
	if err != nil {
		return nil, fmt.Errorf("store message of a filter: %w", err)
	}
	p.plan.prepared = append(p.plan.prepared, prepared)
	return &letter{message: prepared, body: body, index: prepared.Index}, nil
}
