package sieve

import "strings"

// manyTests stands for a list of tests in parentheses.
const manyTests = 2

// spec is the form of a command or a test.
type spec struct {
	needs    []string // one of these must be required; nil: the base language
	tags     [][]tag
	args     []kind // in order
	optional int    // how many of args may be missing, the first ones
	trailing int    // likewise, the last ones
	tests    int    // 0, 1 or manyTests
	block    bool
	command  func(*arguments) command
	test     func(*arguments) test
}

// tag is one tag that a command or test knows.
type tag struct {
	name  string // with its colon
	needs string // the capability; "" for the base language
	value kind   // of the argument that follows; end: none
	group string // tags of one group exclude each other
}

func (s *spec) tag(name string) *tag {
	for _, list := range s.tags {
		for i := range list {
			if list[i].name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// tagged is a tag that was found.
type tagged struct {
	tag    *tag
	offset int
	value  argument
}

// arguments are those of one node, checked by form. Its methods report what is wrong with their values.
type arguments struct {
	*checker
	node   *node
	spec   *spec
	tagged []tagged
	rest   []argument // without tags
	left   int        // how many optional ones are missing
}

func (a *arguments) find(name string) *tagged {
	for i := range a.tagged {
		if a.tagged[i].tag.name == name {
			return &a.tagged[i]
		}
	}
	return nil
}

func (a *arguments) has(name string) bool { return a.find(name) != nil }

// group is the tag of a group that is there, or nil.
func (a *arguments) group(name string) *tagged {
	for i := range a.tagged {
		if a.tagged[i].tag.group == name {
			return &a.tagged[i]
		}
	}
	return nil
}

// at is positional argument i of the spec; nil when it is one that may be missing and is.
func (a *arguments) at(i int) *argument {
	if i -= a.left; i < 0 || i >= len(a.rest) {
		return nil
	}
	return &a.rest[i]
}

func (a *arguments) phrase(i int) phrase { return a.newPhrase(a.at(i)) }

func (a *arguments) phrases(i int) []phrase { return a.newPhrases(a.at(i)) }

// tagPhrase is the string behind a tag; ok is false without the tag.
func (a *arguments) tagPhrase(name string) (p phrase, ok bool) {
	t := a.find(name)
	if t == nil {
		return p, false
	}
	return a.newPhrase(&t.value), true
}

func (a *arguments) tagPhrases(name string) []phrase {
	t := a.find(name)
	if t == nil {
		return nil
	}
	return a.newPhrases(&t.value)
}

// constant is the string behind a tag, which must not have variables. "" without the tag.
func (a *arguments) constant(name string) string {
	p, _ := a.tagPhrase(name)
	if p.parts != nil {
		a.fail(a.find(name).offset, "the value of %s cannot have variables", name)
	}
	return p.fixed
}

// count is the number behind a tag. ok is false without the tag.
func (a *arguments) count(name string) (n int64, ok bool) {
	t := a.find(name)
	if t == nil {
		return 0, false
	}
	return t.value.number, true
}

func (c *checker) newPhrases(arg *argument) []phrase {
	if arg.kind == text {
		return []phrase{c.newPhrase(arg)}
	}
	list := make([]phrase, len(arg.list))
	for i := range arg.list {
		list[i] = c.newPhrase(&arg.list[i])
	}
	return list
}

// names are header field names; constant ones must have the form of RFC 5322 §3.6.8.
func (a *arguments) names(i int) []phrase {
	list := a.phrases(i)
	for _, p := range list {
		if p.parts == nil && !validName(p.fixed) {
			a.fail(p.offset, "%s is no name of a header field", quoteShort(p.fixed))
		}
	}
	return list
}

func validName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == ':' {
			return false
		}
	}
	return name != ""
}

// lower makes constant names lower case, once.
func lower(list []phrase) []phrase {
	for i := range list {
		if list[i].parts == nil {
			list[i].fixed = strings.ToLower(list[i].fixed)
		}
	}
	return list
}
