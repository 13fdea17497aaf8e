package mailbox

import (
	"strconv"

	"schulhof/store"
)

// rowsAtOnce is how many rows the larger form of insertRows has.
const rowsAtOnce = 32

// insertRows runs head with VALUES for args, width per row, in as few statements as two prepared forms allow.
func insertRows(tx *store.Tx, head string, width int, args []any) error {
	var many, one string
	for len(args) > 0 {
		n := 1
		if len(args) >= rowsAtOnce*width {
			n = rowsAtOnce
			if many == "" {
				many = valuesText(head, width, n)
			}
		} else if one == "" {
			one = valuesText(head, width, n)
		}
		query := one
		if n > 1 {
			query = many
		}
		if _, err := tx.Exec(query, args[:n*width]...); err != nil {
			return err
		}
		args = args[n*width:]
	}
	return nil
}

func valuesText(head string, width, rows int) string {
	b := append(make([]byte, 0, len(head)+rows*width*5+16), head...)
	b = append(b, " VALUES "...)
	for i := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '(')
		for j := range width {
			if j > 0 {
				b = append(b, ',')
			}
			b = append(b, '$')
			b = strconv.AppendInt(b, int64(i*width+j+1), 10)
		}
		b = append(b, ')')
	}
	return string(b)
}
