package collection

import "strconv"

// fetchText asks for fetchAtOnce names; fewer names are the last one repeated, so that there is one text to keep prepared.
var fetchText = func() string { //nolint:gochecknoglobals // a constant text
	b := []byte(`SELECT ` + locatedColumns + locatedFrom + `WHERE e.parent_id = $1 AND e.kind = 0 AND e.name IN (`)
	for i := range fetchAtOnce {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(i+2), 10)
	}
	return string(append(b, ')'))
}()

// fetchArgs are its parameters. A name that cannot be stored is asked for as "", which nothing is called.
func fetchArgs(id ID, names []string) []any {
	args := make([]any, 1, fetchAtOnce+1)
	args[0] = int64(id)
	for i := range fetchAtOnce {
		name, err := CleanName(names[min(i, len(names)-1)])
		if err != nil {
			name = ""
		}
		args = append(args, name)
	}
	return args
}
