package store

// sqliteParams writes $1, $2 … as ?1, ?2, because go-sqlite3 binds $n in the order of appearance: SET n = $2
// WHERE id = $1 would silently swap them. Quoted text ('…', "…") and comments stay as they are.
func sqliteParams(query string) string {
	var out []byte // nil while nothing has changed
	for i := 0; i < len(query); {
		end := i + 1
		switch c := query[i]; {
		case c == '\'' || c == '"' || c == '`':
			end = skipQuoted(query, i)
		case c == '-' && i+1 < len(query) && query[i+1] == '-':
			for end < len(query) && query[end] != '\n' {
				end++
			}
		case c == '/' && i+1 < len(query) && query[i+1] == '*':
			end = skipComment(query, i)
		case c == '$' && i+1 < len(query) && isDigit(query[i+1]) && (i == 0 || !isWord(query[i-1])):
			if out == nil {
				out = append(make([]byte, 0, len(query)), query[:i]...)
			}
			out = append(out, '?')
			i++
			continue
		}
		if out != nil {
			out = append(out, query[i:end]...)
		}
		i = end
	}
	if out == nil {
		return query
	}
	return string(out)
}

// skipQuoted returns the index after the quoted text that starts at i; a doubled quote is part of it.
func skipQuoted(query string, i int) int {
	quote := query[i]
	for i++; i < len(query); i++ {
		if query[i] != quote {
			continue
		}
		if i+1 < len(query) && query[i+1] == quote {
			i++
			continue
		}
		return i + 1
	}
	return i
}

// skipComment returns the index after the comment that starts at i. SQLite does not nest them.
func skipComment(query string, i int) int {
	for i += 2; i+1 < len(query); i++ {
		if query[i] == '*' && query[i+1] == '/' {
			return i + 2
		}
	}
	return len(query)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '$' || c >= 0x80
}
