package collection

import (
	"strings"

	"schulhof/store/fault"
)

// Space is one of the trees that clients see.
type Space uint8

// The spaces.
const (
	Calendars Space = iota + 1 // the calendar home of an account or group
	Contacts                   // its address book home
	Files                      // an account's own files
	Groups                     // the folders of one's groups, by the group's login name
)

func (s Space) String() string {
	switch s {
	case Calendars:
		return "calendars"
	case Contacts:
		return "contacts"
	case Files:
		return "files"
	case Groups:
		return "groups"
	}
	return "unknown"
}

// Path names a place. It may lead nowhere.
type Path struct {
	Space    Space
	Owner    string   // login name of an account or group; "": whoever asks. Unused in Groups.
	Segments []string // decoded names; none: the top. In Groups the first is the group's login name.
}

// Child is the path of name below p.
func (p Path) Child(name string) Path {
	segments := make([]string, len(p.Segments)+1)
	copy(segments, p.Segments)
	segments[len(p.Segments)] = name
	p.Segments = segments
	return p
}

// Parent is the path above p and p's own name; ok is false at the top.
func (p Path) Parent() (parent Path, name string, ok bool) {
	n := len(p.Segments)
	if n == 0 {
		return p, "", false
	}
	parent, name = p, p.Segments[n-1]
	parent.Segments = p.Segments[: n-1 : n-1]
	return parent, name, true
}

// String is for logs and messages; it is no URL.
func (p Path) String() string {
	return p.Space.String() + ":" + p.Owner + "/" + strings.Join(p.Segments, "/")
}

// clean returns p with its names as they are stored. fault.Invalid, fault.Limit.
func (p Path) clean() (Path, error) {
	if len(p.Segments) > MaxDepth {
		return p, fault.New(fault.Limit, "the path has more than %d names", MaxDepth)
	}
	for i, s := range p.Segments {
		name, err := CleanName(s)
		if err != nil {
			return p, err
		}
		if name != s {
			p.Segments = append([]string(nil), p.Segments...)
			p.Segments[i] = name
		}
	}
	return p, nil
}
