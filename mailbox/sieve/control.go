package sieve

// ifCommand is if with its elsif and else. RFC 5228 §3.1.
type ifCommand struct {
	branches []branch
}

// branch runs its block if its test holds; nil: else.
type branch struct {
	test  test
	block block
}

func newIf(a *arguments) command {
	return &ifCommand{[]branch{{a.test(&a.node.tests[0]), a.block(a.node.block, false)}}}
}

// branch adds an elsif or else.
func (c *checker) branch(to *ifCommand, n *node) {
	s := spec{tests: 1, block: true, command: newStop}
	if n.name == "else" {
		s.tests = 0
	}
	before := c.faults
	a := c.arguments(n, &s)
	if c.faults > before {
		return
	}
	b := branch{}
	if s.tests == 1 {
		b.test = c.test(&a.node.tests[0])
	}
	b.block = c.block(n.block, false)
	to.branches = append(to.branches, b)
}

func (c *ifCommand) run(r *run) error {
	for i := range c.branches {
		b := &c.branches[i]
		if b.test != nil {
			ok, err := r.holds(b.test)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
		}
		return b.block.run(r)
	}
	return nil
}

// holds runs one test.
func (r *run) holds(t test) (bool, error) {
	if err := r.spend(1); err != nil {
		return false, err
	}
	return t.holds(r)
}

// stopCommand ends all scripts of the run. RFC 5228 §3.3.
type stopCommand struct{}

func newStop(*arguments) command { return stopCommand{} }

func (stopCommand) run(*run) error { return errStop }

// constantTest is true or false. RFC 5228 §5.6 and §5.10.
type constantTest bool

func newConstant(a *arguments) test { return constantTest(a.node.name == "true") }

func (t constantTest) holds(*run) (bool, error) { return bool(t), nil }

// notTest is RFC 5228 §5.8.
type notTest struct{ test test }

func newNot(a *arguments) test { return &notTest{a.test(&a.node.tests[0])} }

func (t *notTest) holds(r *run) (bool, error) {
	ok, err := r.holds(t.test)
	return !ok && err == nil, err
}

// someTests is allof and anyof: from the left, until the result is known. RFC 5228 §5.2 and §5.3.
type someTests struct {
	tests []test
	until bool // what ends it
}

func newAllOf(a *arguments) test { return a.some(false) }

func newAnyOf(a *arguments) test { return a.some(true) }

func (a *arguments) some(until bool) test {
	t := &someTests{until: until}
	for i := range a.node.tests {
		t.tests = append(t.tests, a.test(&a.node.tests[i]))
	}
	return t
}

func (t *someTests) holds(r *run) (bool, error) {
	for _, one := range t.tests {
		ok, err := r.holds(one)
		if err != nil || ok == t.until {
			return ok, err
		}
	}
	return !t.until, nil
}
