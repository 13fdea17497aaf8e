package collection

import "strconv"

// fetchSizes are for how many names there are texts that ask for them: few, because each is kept prepared.
var fetchSizes = [...]int{4, 16, fetchAtOnce} //nolint:gochecknoglobals // a constant table

var fetchTexts, briefTexts = fetchTextsOf(objectColumns), fetchTextsOf(briefColumns) //nolint:gochecknoglobals // constant texts

func fetchTextsOf(columns string) (texts [len(fetchSizes)]string) {
	for i, n := range fetchSizes {
		texts[i] = fetchText(columns, n)
	}
	return texts
}

// fetchText asks for n names.
func fetchText(columns string, n int) string {
	b := []byte(`SELECT ` + columns + locatedFrom + `WHERE e.parent_id = $1 AND e.kind = 0 AND e.name IN (`)
	for i := range n {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(i+2), 10)
	}
	return string(append(b, ')'))
}

// fetchQuery is the statement for names, at most fetchAtOnce of them, and its parameters: fewer names than it asks for are the last one
// repeated, and a name that cannot be stored is asked for as "", which nothing is called.
func fetchQuery(id ID, names []string, brief bool) (text string, args []any) {
	size := 0
	for fetchSizes[size] < len(names) {
		size++
	}
	args = make([]any, 1, fetchSizes[size]+1)
	args[0] = int64(id)
	for _, name := range names {
		clean, err := CleanName(name)
		if err != nil {
			clean = ""
		}
		args = append(args, clean)
	}
	for len(args) < cap(args) {
		args = append(args, args[len(args)-1])
	}
	if brief {
		return briefTexts[size], args
	}
	return fetchTexts[size], args
}
