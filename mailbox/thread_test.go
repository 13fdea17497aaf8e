package mailbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/store/fault"
)

// outlineOf writes threads as RFC 5256 does, with sequence numbers; a dummy is an empty place.
func outlineOf(threads []*Thread) string {
	var b strings.Builder
	var write func(t *Thread)
	write = func(t *Thread) {
		if t.Index >= 0 {
			fmt.Fprint(&b, t.Index+1)
		}
		if len(t.Children) == 1 && t.Index >= 0 {
			b.WriteByte(' ')
			write(t.Children[0])
			return
		}
		for _, c := range t.Children {
			b.WriteByte('(')
			write(c)
			b.WriteByte(')')
		}
	}
	for _, t := range threads {
		b.WriteByte('(')
		write(t)
		b.WriteByte(')')
	}
	return b.String()
}

// mailOf is a message for threading: id, references and subject; minutes is when it was sent.
type mailOf struct {
	id, refs, subject string
	minutes           int
}

func (w *school) threaded(mails []mailOf) *Box {
	w.Helper()
	w.check(ignoreExists(w.mail.Create(w.Context(), w.anna, "Threads", "")))
	b := w.box(w.anna, "Threads")
	_, err := b.StoreFlags(w.Context(), uidsOf(b.Snapshot()), FlagOp{Mode: FlagsAdd, Flags: DeletedFlag})
	w.check(err)
	_, err = b.Expunge(w.Context(), nil)
	w.check(err)
	list := make([]Appended, len(mails))
	base := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	for i, m := range mails {
		head := "Subject: " + m.subject + "\r\nDate: " + base.Add(time.Duration(m.minutes)*time.Minute).Format(time.RFC1123Z) + "\r\n"
		if m.id != "" {
			head += "Message-ID: <" + m.id + ">\r\n"
		}
		if m.refs != "" {
			head += "References: <" + strings.ReplaceAll(m.refs, " ", "> <") + ">\r\n"
		}
		list[i] = Appended{Message: w.prepare(head + "X-Unique: " + w.Name() + fmt.Sprint(i) + "\r\n\r\nx\r\n")}
	}
	_, err = w.mail.Append(w.Context(), w.anna, "Threads", list)
	w.check(err)
	return b
}

func ignoreExists(_ Mailbox, err error) error {
	if fault.KindOf(err) == fault.AlreadyExists {
		return nil
	}
	return err
}

func allOf(s *Snapshot) []int {
	all := make([]int, s.Len())
	for i := range all {
		all[i] = i
	}
	return all
}

func TestThreadAlgorithms(t *testing.T) {
	tests := []struct {
		name, algorithm string
		mails           []mailOf
		want            string
	}{
		{"a chain", "REFERENCES", []mailOf{{"a", "", "x", 1}, {"b", "a", "Re: x", 2}, {"c", "a b", "Re: x", 3}}, "(1 2 3)"},
		{"in any order of arrival", "REFERENCES", []mailOf{{"c", "a b", "Re: x", 3}, {"b", "a", "Re: x", 2}, {"a", "", "x", 1}}, "(3 2 1)"},
		{"two answers", "REFERENCES", []mailOf{{"a", "", "x", 1}, {"b", "a", "Re: x", 3}, {"c", "a", "Re: x", 2}}, "(1(3)(2))"},
		{"a missing parent with two children", "REFERENCES", []mailOf{{"b", "a", "one", 1}, {"c", "a", "two", 2}}, "((1)(2))"},
		{"a missing parent with one child", "REFERENCES", []mailOf{{"b", "a", "one", 1}}, "(1)"},
		{"a missing one in between", "REFERENCES", []mailOf{{"a", "", "x", 1}, {"c", "a b", "Re: x", 2}}, "(1 2)"},
		{"a reply joins by subject", "REFERENCES", []mailOf{{"a", "", "x", 1}, {"b", "", "Re: x", 2}}, "(1 2)"},
		{"two originals with one subject become siblings", "REFERENCES", []mailOf{{"a", "", "x", 1}, {"b", "", "x", 2}}, "((1)(2))"},
		{"a third one joins the dummy", "REFERENCES", []mailOf{{"a", "", "x", 1}, {"b", "", "x", 2}, {"c", "", "Re: x", 3}}, "((1)(2)(3))"},
		{"the reply came first", "REFERENCES", []mailOf{{"b", "", "Re: x", 1}, {"a", "", "x", 2}}, "(2 1)"},
		{"two dummies with one subject", "REFERENCES", []mailOf{{"b", "a", "x", 1}, {"c", "a", "x", 2}, {"e", "d", "x", 3}, {"f", "d", "x", 4}}, "((1)(2)(3)(4))"},
		{"no subject joins nothing", "REFERENCES", []mailOf{{"a", "", "", 1}, {"b", "", "", 2}}, "(1)(2)"},
		{"the same id twice", "REFERENCES", []mailOf{{"a", "", "x", 1}, {"a", "", "y", 2}, {"c", "a", "Re: x", 3}}, "(1 3)(2)"},
		{"a circle", "REFERENCES", []mailOf{{"a", "b", "x", 1}, {"b", "a", "Re: x", 2}}, "(2 1)"},
		{"refers to itself", "REFERENCES", []mailOf{{"a", "a", "x", 1}}, "(1)"},
		{"threads by date", "REFERENCES", []mailOf{{"a", "", "x", 5}, {"b", "", "y", 1}, {"c", "b", "Re: y", 9}}, "(2 3)(1)"},
		{"by subject", "ORDEREDSUBJECT", []mailOf{{"a", "", "x", 3}, {"b", "", "y", 1}, {"c", "", "Re: X", 2}, {"d", "", "Fwd: x", 4}}, "(2)(3(1)(4))"},
		{"none", "ORDEREDSUBJECT", nil, ""},
	}
	each(t, func(t *testing.T, w *school) {
		for _, tt := range tests {
			b := w.threaded(tt.mails)
			threads, err := b.Threads(t.Context(), b.Snapshot(), allOf(b.Snapshot()), tt.algorithm)
			w.check(err)
			if got := outlineOf(threads); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
		}
		b := w.box(w.anna, "Threads")
		if _, err := b.Threads(t.Context(), b.Snapshot(), nil, "MAGIC"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("an unknown algorithm = %v", err)
		}
	})
}

func TestSort(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		mail := func(from, to, cc, subject, date string, size int) *Prepared {
			return w.prepare("From: " + from + "\r\nTo: " + to + "\r\nCc: " + cc + "\r\nSubject: " + subject + "\r\nDate: " + date + "\r\n\r\n" + strings.Repeat("x", size))
		}
		at := func(h int) time.Time { return time.Date(2026, 11, 1, h, 0, 0, 0, time.UTC) }
		_, err := w.mail.Append(t.Context(), w.anna, "INBOX", []Appended{
			{Message: mail("zoe@x", "b@x", "", "Re: alpha", "Sun, 1 Nov 2026 10:00:00 +0000", 300), Date: at(3)},
			{Message: mail("Zoe <anna@x>", "a@x", "c@x", "Beta", "Sun, 1 Nov 2026 09:00:00 +0000", 100), Date: at(2)},
			{Message: mail("Mia@x", "a@x", "b@x", "[list] Alpha", "rubbish", 200), Date: at(1)},
		})
		w.check(err)
		b := w.box(w.anna, "INBOX")
		tests := []struct {
			name string
			by   []SortBy
			want []int
		}{
			{"arrival", []SortBy{{Key: SortArrival}}, []int{2, 1, 0}},
			{"date, else the internal date", []SortBy{{Key: SortDate}}, []int{2, 1, 0}},
			{"date backwards", []SortBy{{SortDate, true}}, []int{0, 1, 2}},
			{"from", []SortBy{{Key: SortFrom}}, []int{1, 2, 0}},
			{"to, then size", []SortBy{{Key: SortTo}, {Key: SortSize}}, []int{1, 2, 0}},
			{"to, then size backwards", []SortBy{{Key: SortTo}, {SortSize, true}}, []int{2, 1, 0}},
			{"cc", []SortBy{{Key: SortCc}}, []int{0, 2, 1}},
			{"base subject, ties by number", []SortBy{{Key: SortSubject}}, []int{0, 2, 1}},
			{"nothing", nil, []int{0, 1, 2}},
		}
		for _, tt := range tests {
			got, err := b.Sort(t.Context(), b.Snapshot(), []int{0, 1, 2}, tt.by)
			w.check(err)
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
			}
		}
	})
}
