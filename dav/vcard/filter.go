package vcard

import (
	"fmt"

	"schulhof/dav/contentline"
)

// Filter is what an addressbook-query looks for: CARDDAV:filter. Without conditions every card matches. RFC 6352 §10.5.
type Filter struct {
	All   bool // test="allof"; the default is anyof
	Props []PropFilter
}

// PropFilter is a condition on the properties of one name. Without conditions of its own it asks that there is one; otherwise one of them must
// fulfil any (or all) of its conditions. RFC 6352 §10.5.1.
type PropFilter struct {
	Name       string // "TEL", or "item1.TEL" for those of one group
	All        bool   // test="allof"
	NotDefined bool   // there is none
	Texts      []TextMatch
	Params     []ParamFilter
}

// ParamFilter is a condition on a parameter of that property. Without a text it asks that there is one. RFC 6352 §10.5.2.
type ParamFilter struct {
	Name       string
	NotDefined bool
	Text       *TextMatch
}

// TextMatch is a condition on the value, as one text without escapes. RFC 6352 §10.5.4.
type TextMatch struct {
	Text      string
	Collation string // "" is i;unicode-casemap
	Type      contentline.MatchType
	Negate    bool
}

// Matcher is a filter made ready for many cards. One goroutine uses it at a time.
type Matcher struct {
	all   bool
	props []propMatcher
	part  []byte // MatchStored's
}

type propMatcher struct {
	name       propName
	all        bool
	notDefined bool
	texts      []textMatcher
	params     []paramMatcher
}

type paramMatcher struct {
	name       string
	notDefined bool
	text       *textMatcher
}

type textMatcher struct {
	*contentline.Matcher
	negate bool
}

func (m *textMatcher) match(value string) bool { return m.Match(value) != m.negate }

// Compile makes a filter ready. The error is a *Violation: supported-collation, or supported-filter for more conditions than any client has.
func (f *Filter) Compile() (*Matcher, error) {
	m := &Matcher{all: f.All}
	conditions := 0
	for i := range f.Props {
		p := &f.Props[i]
		if conditions += 1 + len(p.Texts) + len(p.Params); conditions > maxConditions {
			return nil, &Violation{"supported-filter", fmt.Sprintf("a filter of more than %d conditions", maxConditions)}
		}
		compiled, err := p.compile()
		if err != nil {
			return nil, err
		}
		m.props = append(m.props, compiled)
	}
	return m, nil
}

func (p *PropFilter) compile() (m propMatcher, err error) {
	m = propMatcher{name: parseName(p.Name), all: p.All, notDefined: p.NotDefined}
	for i := range p.Texts {
		text, err := p.Texts[i].compile()
		if err != nil {
			return m, err
		}
		m.texts = append(m.texts, *text)
	}
	for i := range p.Params {
		param := paramMatcher{name: p.Params[i].Name, notDefined: p.Params[i].NotDefined}
		if t := p.Params[i].Text; t != nil {
			if param.text, err = t.compile(); err != nil {
				return m, err
			}
		}
		m.params = append(m.params, param)
	}
	return m, nil
}

func (t *TextMatch) compile() (*textMatcher, error) {
	collation := t.Collation
	if collation == "" || collation == "default" { // RFC 6352 §8.3, RFC 4790 §3.1
		collation = contentline.UnicodeCasemap
	}
	m, ok := contentline.NewMatcher(collation, t.Text, t.Type)
	if !ok {
		return nil, &Violation{"supported-collation", fmt.Sprintf("collation %.40q", collation)}
	}
	return &textMatcher{m, t.Negate}, nil
}

// Match reports whether the card fulfils the filter.
func (m *Matcher) Match(c *Card) bool {
	for i := range m.props {
		if m.props[i].match(c) != m.all {
			return !m.all
		}
	}
	return m.all || len(m.props) == 0
}

func (m *propMatcher) match(c *Card) bool {
	for i := range c.vcard.Lines {
		l := &c.vcard.Lines[i]
		if !m.name.names(l) {
			continue
		}
		if m.notDefined {
			return false
		}
		if m.matchLine(l) {
			return true
		}
	}
	return m.notDefined
}

func (m *propMatcher) matchLine(l *contentline.Line) bool {
	if len(m.texts)+len(m.params) == 0 {
		return true
	}
	for i := range m.texts {
		if m.texts[i].match(searchable(l)) != m.all {
			return !m.all
		}
	}
	for i := range m.params {
		if m.params[i].match(l) != m.all {
			return !m.all
		}
	}
	return m.all
}

// searchable is the text in which a filter looks. There is none in a photo.
func searchable(l *contentline.Line) string {
	if len(l.Value) > contentline.MaxLine {
		return ""
	}
	return text(l)
}

func (m *paramMatcher) match(l *contentline.Line) bool {
	if contentline.EqualFold(m.name, "TYPE") { // has more than one spelling
		return m.matchTypes(l)
	}
	defined := false
	for i := range l.Params {
		p := &l.Params[i]
		if !contentline.EqualFold(p.Name, m.name) {
			continue
		}
		defined = true
		for _, value := range p.Values {
			if m.text != nil && !m.notDefined && m.text.match(value) {
				return true
			}
		}
	}
	return m.presence(defined)
}

func (m *paramMatcher) matchTypes(l *contentline.Line) bool {
	defined, found := false, false
	typesOf(l, func(t string) bool {
		defined = true
		found = m.text != nil && !m.notDefined && m.text.match(t)
		return !found
	})
	return found || m.presence(defined)
}

// presence decides what is not decided by a text.
func (m *paramMatcher) presence(defined bool) bool {
	if m.notDefined {
		return !defined
	}
	return defined && m.text == nil
}
