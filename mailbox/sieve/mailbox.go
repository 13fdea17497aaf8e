package sieve

// mailboxExists is true if the owner can file into all of them. RFC 5490 §3.1.
type mailboxExists struct{ names []phrase }

func newMailboxExists(a *arguments) test { return &mailboxExists{a.phrases(0)} }

func (t *mailboxExists) holds(r *run) (bool, error) {
	for i := range t.names {
		if err := r.spend(5); err != nil {
			return false, err
		}
		ok, err := r.env.Host.Mailbox(r.expand(&t.names[i]))
		if err != nil || !ok {
			return false, hostError(err)
		}
	}
	return true, nil
}

// specialUseExists is true if mailbox, or any mailbox, has all of the uses. RFC 8579 §3.
type specialUseExists struct {
	mailbox phrase
	one     bool // a mailbox is named
	uses    []phrase
}

func newSpecialUseExists(a *arguments) test {
	t := &specialUseExists{uses: a.phrases(1)}
	if a.at(0) != nil {
		t.mailbox, t.one = a.phrase(0), true
	}
	for i := range t.uses {
		a.checkUse(&t.uses[i])
	}
	return t
}

func (t *specialUseExists) holds(r *run) (bool, error) {
	name := r.expand(&t.mailbox)
	if t.one && name == "" {
		return false, nil
	}
	for i := range t.uses {
		if err := r.spend(5); err != nil {
			return false, err
		}
		ok, err := r.env.Host.SpecialUse(name, r.expand(&t.uses[i]))
		if err != nil || !ok {
			return false, hostError(err)
		}
	}
	return true, nil
}

// validList is true if all external lists exist. RFC 6134 §2.7.
type validList struct{ names []phrase }

func newValidList(a *arguments) test { return &validList{a.phrases(0)} }

func (t *validList) holds(r *run) (bool, error) {
	for i := range t.names {
		if err := r.spend(5); err != nil {
			return false, err
		}
		_, known, err := r.env.Host.Listed(r.expand(&t.names[i]), "")
		if err != nil || !known {
			return false, hostError(err)
		}
	}
	return true, nil
}
