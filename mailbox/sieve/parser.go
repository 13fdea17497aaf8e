package sieve

import "fmt"

// node is a command or a test as it is written. RFC 5228 §8.2.
type node struct {
	name   string
	offset int
	args   []argument
	tests  []node
	listed bool // the tests stand in parentheses
	block  []node
	hasEnd bool // a block, not a semicolon
}

// argument is one argument of a node.
type argument struct {
	kind   kind // tagName, number, text, textList
	offset int
	text   string
	number int64
	list   []argument // of kind text
}

// parser makes a tree of tokens. It stops at the first fault.
type parser struct {
	lexer
	token token
	nodes int
}

func parse(script string) ([]node, error) {
	p := parser{lexer: lexer{in: script}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	list, err := p.commands(0)
	if err == nil && p.token.kind != end {
		err = p.unexpected("a command")
	}
	return list, err
}

func (p *parser) advance() (err error) {
	p.token, err = p.next()
	return err
}

func (p *parser) unexpected(want string) error {
	got := p.token.kind.String()
	if p.token.text != "" {
		got = quoteShort(p.token.text)
	}
	return &fault{p.token.offset, fmt.Sprintf("found %s where %s belongs", got, want)}
}

// count bounds the tree.
func (p *parser) count(depth int) error {
	if p.nodes++; p.nodes > maxNodes {
		return &fault{p.token.offset, fmt.Sprintf("the script has more than %d commands and tests", maxNodes)}
	}
	if depth > maxDepth {
		return &fault{p.token.offset, fmt.Sprintf("more than %d levels of nesting", maxDepth)}
	}
	return nil
}

// commands reads until something that is no command.
func (p *parser) commands(depth int) (list []node, err error) {
	for p.token.kind == identifier {
		n, err := p.head(depth, 0)
		if err != nil {
			return nil, err
		}
		switch p.token.kind {
		case semicolon:
			err = p.advance()
		case openBlock:
			n.hasEnd = true
			if err = p.advance(); err != nil {
				return nil, err
			}
			if n.block, err = p.commands(depth + 1); err != nil {
				return nil, err
			}
			if p.token.kind != closeBlock {
				return nil, p.unexpected(`a command or "}"`)
			}
			err = p.advance()
		default:
			err = p.unexpected(`";" or "{"`)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// head reads a name with its arguments and tests.
func (p *parser) head(depth, tests int) (n node, err error) {
	if err = p.count(max(depth, tests)); err != nil {
		return n, err
	}
	n.name, n.offset = p.token.text, p.token.offset
	if err = p.advance(); err != nil {
		return n, err
	}
	if err = p.arguments(&n); err != nil {
		return n, err
	}
	switch p.token.kind {
	case identifier:
		one, err := p.head(depth, tests+1)
		n.tests = []node{one}
		return n, err
	case openTests:
		n.listed = true
		for p.token.kind != closeTests {
			if p.token.kind == comma && len(n.tests) == 0 {
				return n, p.unexpected("a test")
			}
			if err = p.advance(); err != nil {
				return n, err
			}
			if p.token.kind != identifier {
				return n, p.unexpected("a test")
			}
			one, err := p.head(depth, tests+1)
			if err != nil {
				return n, err
			}
			n.tests = append(n.tests, one)
			if p.token.kind != comma && p.token.kind != closeTests {
				return n, p.unexpected(`"," or ")"`)
			}
		}
		err = p.advance()
	}
	return n, err
}

func (p *parser) arguments(n *node) error {
	for {
		a := argument{kind: p.token.kind, offset: p.token.offset, text: p.token.text, number: p.token.number}
		switch p.token.kind {
		case tagName, number, text:
		case openList:
			var err error
			if a.list, err = p.list(); err != nil {
				return err
			}
			a.kind = textList
		default:
			return nil
		}
		n.args = append(n.args, a)
		if err := p.advance(); err != nil {
			return err
		}
	}
}

// list reads ["…", "…"] up to its last token.
func (p *parser) list() (list []argument, err error) {
	for {
		if err = p.advance(); err != nil {
			return nil, err
		}
		if p.token.kind != text {
			return nil, p.unexpected("a string")
		}
		list = append(list, argument{kind: text, offset: p.token.offset, text: p.token.text})
		if len(list) > maxList {
			return nil, &fault{p.token.offset, "the list is too long"}
		}
		if err = p.advance(); err != nil {
			return nil, err
		}
		switch p.token.kind {
		case comma:
		case closeList:
			return list, nil
		default:
			return nil, p.unexpected(`"," or "]"`)
		}
	}
}
