package config

import (
	_ "embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// The comments of the settings are read from the source, so that they exist once.
//
//go:embed settings.go
var settingsSource string

// Sample writes c as a settings file: every key, with its description above it.
func Sample(c *Config) (string, error) {
	sections, err := describe(c)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("# Settings of Schulhof. People, groups and domains are not here: see \"schulhof --help\".\n" +
		"# A change takes effect when the server starts again; \"schulhof config check\" finds mistakes before.\n")
	for _, s := range sections {
		fmt.Fprintf(&b, "\n%s[%s]\n", comment(s.doc), s.key)
		for i, k := range s.keys {
			if i > 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "%s%s = %s\n", comment(k.doc), k.key, k.value)
		}
	}
	return b.String(), nil
}

// Reference writes all settings with their defaults as Markdown (docs/config.md).
func Reference() (string, error) {
	sections, err := describe(Default("."))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("# Settings\n\nWritten by `make docs` from the comments in `config/settings.go`. The file is TOML; `schulhof init` writes one with every key.\n" +
		"An unknown key is an error. `schulhof config check` reports every fault of a file at once, `schulhof config show` what is in force.\n" +
		"On the command line a setting is written `--set section.key=value`, a list with commas between its items.\n")
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## [%s]\n\n%s\n\n| key | default | meaning |\n|---|---|---|\n", s.key, s.doc)
		for _, k := range s.keys {
			fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", k.key, k.value, strings.ReplaceAll(k.doc, "|", "\\|"))
		}
	}
	return b.String(), nil
}

// item is a section, or a key with its value, and its description.
type item struct {
	key, doc, value string
	keys            []item
}

// describe joins the values of c with the comments of their fields.
func describe(c *Config) ([]item, error) {
	docs, err := comments()
	if err != nil {
		return nil, err
	}
	var sections []item
	root := reflect.ValueOf(c).Elem()
	for _, name := range fieldKeys(root) {
		value, _ := fieldByKey(root, name)
		typ := value.Type().Name()
		section := item{key: name, doc: docs[typ]}
		for i := range value.NumField() {
			field := value.Type().Field(i)
			section.keys = append(section.keys, item{
				key: field.Tag.Get("toml"), doc: docs[typ+"."+field.Name], value: literal(value.Field(i)),
			})
		}
		sections = append(sections, section)
	}
	return sections, nil
}

// comments returns the doc comments of the types and fields in settings.go, by "Type" and "Type.Field".
func comments() (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "settings.go", settingsSource, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("read the comments of the settings: %w", err)
	}
	docs := map[string]string{}
	for _, decl := range file.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok || general.Tok != token.TYPE {
			continue
		}
		for _, spec := range general.Specs {
			typ := spec.(*ast.TypeSpec)
			docs[typ.Name.Name] = oneLine(general.Doc)
			fields, ok := typ.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, f := range fields.Fields.List {
				for _, name := range f.Names {
					docs[typ.Name.Name+"."+name.Name] = oneLine(f.Doc)
				}
			}
		}
	}
	return docs, nil
}

func oneLine(doc *ast.CommentGroup) string {
	return strings.Join(strings.Fields(doc.Text()), " ")
}

// comment wraps text into lines that start with "# ".
func comment(text string) string {
	var b strings.Builder
	width := 0
	for _, word := range strings.Fields(text) {
		if width > 0 && width+1+len(word) > 100 {
			b.WriteString("\n")
			width = 0
		}
		if width == 0 {
			b.WriteString("#")
		}
		b.WriteString(" " + word)
		width += 1 + len(word)
	}
	if width > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// literal writes a value in TOML.
func literal(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case string:
		return quote(value)
	case []string:
		quoted := make([]string, len(value))
		for i, s := range value {
			quoted[i] = quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case fmt.Stringer:
		return quote(plain(value))
	default:
		return fmt.Sprint(value)
	}
}

// plain writes a size or a duration as people do: 24h, not 24h0m0s.
func plain(value fmt.Stringer) string {
	s := value.String()
	if _, ok := value.(time.Duration); ok {
		if head, ok := strings.CutSuffix(s, "m0s"); ok {
			s = head + "m"
		}
		if head, ok := strings.CutSuffix(s, "h0m"); ok {
			s = head + "h"
		}
	}
	return s
}

// quote writes a TOML basic string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, "\\u%04X", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Map returns the settings as sections of keys, for the JSON form: sizes and durations are texts.
func (c *Config) Map() map[string]map[string]any {
	sections := map[string]map[string]any{}
	root := reflect.ValueOf(c).Elem()
	for _, name := range fieldKeys(root) {
		section, _ := fieldByKey(root, name)
		keys := map[string]any{}
		for _, key := range fieldKeys(section) {
			value, _ := fieldByKey(section, key)
			keys[key] = value.Interface()
			if s, ok := value.Interface().(fmt.Stringer); ok {
				keys[key] = plain(s)
			}
		}
		sections[name] = keys
	}
	return sections
}

// HideSecrets removes the database's password, so that the settings may be shown.
func (c *Config) HideSecrets() {
	if u, err := url.Parse(c.Server.Database); err == nil && u.User != nil {
		u.User = url.User(u.User.Username())
		c.Server.Database = u.String()
	}
}
