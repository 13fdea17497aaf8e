package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// Load reads and validates the file at path, then applies overrides ("section.key=value"). What the file leaves out has
// its default. The error joins every fault found.
func Load(path string, overrides ...string) (*Config, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("settings file: %w", err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, fmt.Errorf("settings file: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("settings file: %w", err)
	}
	c, err := Parse(string(text), overrides...)
	if err != nil {
		return nil, fmt.Errorf("%s:\n%w", path, err)
	}
	c.Path = path
	c.resolve(filepath.Dir(path))
	return c, nil
}

// Parse is Load for a text at hand; relative paths stay as they are.
func Parse(text string, overrides ...string) (*Config, error) {
	c := Default(".")
	var faults []error
	var tree map[string]toml.Primitive
	meta, err := toml.Decode(text, &tree)
	if err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return nil, fmt.Errorf("line %d: %s", parse.Position.Line, parse.Message)
		}
		return nil, err
	}
	for name := range tree {
		section, ok := c.section(name)
		if !ok {
			faults = append(faults, unknown(text, "", name, c.sections()))
			continue
		}
		faults = append(faults, decodeSection(meta, text, name, tree[name], section)...)
	}
	for _, o := range overrides {
		if err := c.Set(o); err != nil {
			faults = append(faults, err)
		}
	}
	sort.Slice(faults, func(i, j int) bool { return lineOf(faults[i]) < lineOf(faults[j]) })
	if err := c.Validate(); err != nil {
		faults = append(faults, err)
	}
	return c, errors.Join(faults...)
}

// decodeSection fills section from its table, key by key, so that one wrong value does not hide the next.
func decodeSection(meta toml.MetaData, text, name string, table toml.Primitive, section reflect.Value) (faults []error) {
	var whole any
	var keys map[string]toml.Primitive
	err := errors.Join(meta.PrimitiveDecode(table, &whole), meta.PrimitiveDecode(table, &keys))
	if _, ok := whole.(map[string]any); !ok || err != nil {
		return []error{&lineError{lineOfKey(text, "", name), fmt.Sprintf("%s: want a section [%s]", name, name)}}
	}
	for key, value := range keys {
		field, ok := fieldByKey(section, key)
		if !ok {
			faults = append(faults, unknown(text, name, key, fieldKeys(section)))
			continue
		}
		if err := meta.PrimitiveDecode(value, field.Addr().Interface()); err != nil {
			faults = append(faults, &lineError{lineOfKey(text, name, key), fmt.Sprintf("%s.%s: %s", name, key, typeFault(err, field))})
		}
	}
	return faults
}

// typeFault says what value belongs into field.
func typeFault(err error, field reflect.Value) string {
	switch field.Interface().(type) {
	case string:
		return "want a text in quotes"
	case []string:
		return "want a list of texts"
	case int:
		return "want a whole number"
	case time.Duration:
		return "want a duration in quotes such as \"24h\""
	}
	var parse toml.ParseError
	if errors.As(err, &parse) {
		return parse.Message
	}
	return err.Error()
}

// Set applies one "section.key=value". A list is written with commas: listen.smtp=127.0.0.1:25,[::1]:25.
func (c *Config) Set(assignment string) error {
	path, value, ok := strings.Cut(assignment, "=")
	name, key, dotted := strings.Cut(strings.TrimSpace(path), ".")
	if !ok || !dotted {
		return fmt.Errorf("%q: want section.key=value", assignment)
	}
	section, ok := c.section(name)
	if !ok {
		return fmt.Errorf("no section %q%s", name, didYouMean(name, c.sections()))
	}
	field, ok := fieldByKey(section, key)
	if !ok {
		return fmt.Errorf("no key %q in section %s%s", key, name, didYouMean(key, fieldKeys(section)))
	}
	if !utf8.ValidString(value) {
		return fmt.Errorf("%s.%s: %q is not UTF-8, as a settings file has to be", name, key, value)
	}
	if err := setField(field, strings.TrimSpace(value)); err != nil {
		return fmt.Errorf("%s.%s: %w", name, key, err)
	}
	return nil
}

func setField(field reflect.Value, value string) error {
	switch target := field.Addr().Interface().(type) {
	case *string:
		*target = strings.Trim(value, `"`)
	case *Size:
		return target.Set(strings.Trim(value, `"`))
	case *int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is no whole number", value)
		}
		*target = n
	case *time.Duration:
		d, err := time.ParseDuration(strings.Trim(value, `"`))
		if err != nil {
			return fmt.Errorf("%q is no duration such as 24h", value)
		}
		*target = d
	case *[]string:
		list := []string{}
		for item := range strings.SplitSeq(strings.Trim(value, "[]"), ",") {
			// "[::1]:25" is an address, not a list: an odd bracket was cut off above.
			if item = strings.Trim(strings.TrimSpace(item), `"`); item != "" {
				list = append(list, item)
			}
		}
		if strings.HasPrefix(value, "[") && !strings.HasSuffix(value, "]") && len(list) > 0 {
			list[0] = "[" + list[0]
		}
		*target = list
	default:
		return fmt.Errorf("cannot be set on the command line (%s)", field.Type())
	}
	return nil
}

// resolve makes every path absolute, relative ones from dir.
func (c *Config) resolve(dir string) {
	for _, p := range []*string{&c.Server.Data, &c.TLS.Certificate, &c.TLS.Key, &c.ACME.Roots} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

// ---- the struct as sections and keys

func (c *Config) section(name string) (reflect.Value, bool) {
	return fieldByKey(reflect.ValueOf(c).Elem(), name)
}

func (c *Config) sections() []string { return fieldKeys(reflect.ValueOf(c).Elem()) }

func fieldByKey(section reflect.Value, key string) (reflect.Value, bool) {
	for i := range section.NumField() {
		if tag := section.Type().Field(i).Tag.Get("toml"); tag == key && tag != "-" {
			return section.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func fieldKeys(section reflect.Value) (keys []string) {
	for i := range section.NumField() {
		if tag := section.Type().Field(i).Tag.Get("toml"); tag != "-" {
			keys = append(keys, tag)
		}
	}
	return keys
}

// ---- complaints

// lineError is a fault at a line of the file.
type lineError struct {
	line int
	text string
}

func (e *lineError) Error() string {
	if e.line == 0 {
		return e.text
	}
	return fmt.Sprintf("line %d: %s", e.line, e.text)
}

func lineOf(err error) int {
	var at *lineError
	if errors.As(err, &at) {
		return at.line
	}
	return 1 << 30
}

func unknown(text, section, key string, known []string) error {
	what := fmt.Sprintf("unknown section [%s]", key)
	if section != "" {
		what = fmt.Sprintf("unknown key %s.%s", section, key)
	}
	return &lineError{lineOfKey(text, section, key), what + didYouMean(key, known)}
}

// lineOfKey finds the line of key in [section], or of the section's head (or a key above all sections) when section is "".
// It returns 0 when the file writes the key in a way that it does not know, such as an inline table.
func lineOfKey(text, section, key string) int {
	current := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if head, ok := strings.CutPrefix(line, "["); ok {
			current, _, _ = strings.Cut(strings.Trim(head, "["), "]")
			current = strings.TrimSpace(current)
			if section == "" && (current == key || strings.HasPrefix(current, key+".")) {
				return i + 1
			}
			continue
		}
		name, _, ok := strings.Cut(line, "=")
		name = strings.Trim(strings.TrimSpace(name), `"'`)
		if !ok {
			continue
		}
		if current == section && name == key || current == "" && (name == section+"."+key || section == "" && strings.HasPrefix(name, key+".")) {
			return i + 1
		}
	}
	return 0
}

// didYouMean returns ", did you mean …?" when one of known is close to name.
func didYouMean(name string, known []string) string {
	best, distance := "", 1+len(name)/2
	for _, k := range known {
		if d := editDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %s?", best)
}

// editDistance counts inserted, removed and replaced bytes (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
