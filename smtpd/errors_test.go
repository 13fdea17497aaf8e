package smtpd

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"schulhof/store/fault"
)

func TestEveryFaultHasAnAnswer(t *testing.T) {
	want := map[fault.Kind]string{
		fault.Internal: "451 4.3.0", fault.NotFound: "550 5.1.1", fault.AlreadyExists: "550 5.3.0", fault.Forbidden: "550 5.7.1",
		fault.Refused: "550 5.7.1", fault.Unauthenticated: "535 5.7.8", fault.Throttled: "450 4.7.1", fault.Invalid: "554 5.6.0",
		fault.TooLarge: "552 5.3.4", fault.Limit: "452 4.5.3", fault.OverQuota: "452 4.2.2", fault.Conflict: "451 4.3.0",
		fault.InUse: "451 4.3.0", fault.Unavailable: "452 4.3.1", fault.Expired: "550 5.3.0",
	}
	for _, kind := range fault.Kinds() {
		r := answer(fault.Wrap(kind, errors.New("secret detail"), "shown"))
		line := string(r.appendTo(nil, ""))
		if !strings.HasPrefix(line, want[kind]+" ") || want[kind] == "" {
			t.Errorf("%v is answered %q, want %q", kind, line, want[kind])
		}
		if strings.Contains(line, "secret") || strings.Contains(line, "shown") != (kind == fault.Refused) {
			t.Errorf("%v shows %q", kind, line)
		}
	}
	if r := answer(errors.New("secret detail")); r != noInternal {
		t.Errorf("an error without a kind is answered %+v", r)
	}
}

func TestRuleTextCannotBreakTheReply(t *testing.T) {
	r := withText(noRight, "Schüler dürfen\r\n250 OK"+strings.Repeat("x", 1000))
	line := string(r.appendTo(nil, ""))
	if strings.Count(line, "\r\n") != 1 || len(line) > 512 {
		t.Errorf("reply %q", line)
	}
	if r := withText(noRight, ""); r.text != noRight.text {
		t.Errorf("an empty text replaced %q", noRight.text)
	}
}

// answerable is an error that is answered with r.
func answerable(r reply) error {
	for _, kind := range fault.Kinds() {
		if err := fault.New(kind, ""); answer(err) == r {
			return err
		}
	}
	panic("no such answer")
}

// enhancedCodes are the registered codes that this server may use. https://www.iana.org/assignments/smtp-enhanced-status-codes (RFC 5248)
const enhancedCodes = ` 0.0 1.0 1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.8 1.9 1.10 2.0 2.1 2.2 2.3 2.4 3.0 3.1 3.2 3.3 3.4 3.5 4.0 4.1 4.2 4.3 4.4 4.5 4.6 4.7
 5.0 5.1 5.2 5.3 5.4 5.5 5.6 6.0 6.1 6.2 6.3 6.4 6.5 6.6 6.7 6.8 6.9 6.10 6.11 7.0 7.1 7.2 7.3 7.4 7.5 7.6 7.7 7.8 7.9 7.10 7.11 7.12 7.13 7.14 7.15 `

// Every reply that errors.go defines, read from its source so that none is forgotten: a code of RFC 5321, RFC 4954 or RFC 3207, an
// enhanced code that is registered and of the same class, the end of the connection with 421 and only there or where bytes are lost.
func TestReplyTable(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.CompositeLit)
		if !ok {
			return true
		}
		name, fields := spec.Names[0].Name, map[string]string{}
		for _, e := range literal.Elts {
			pair := e.(*ast.KeyValueExpr)
			switch v := pair.Value.(type) {
			case *ast.BasicLit:
				fields[pair.Key.(*ast.Ident).Name] = strings.Trim(v.Value, `"`)
			case *ast.Ident:
				fields[pair.Key.(*ast.Ident).Name] = v.Name
			}
		}
		code, enhanced := fields["code"], fields["enhanced"]
		if !strings.Contains(" 214 220 221 235 250 252 354 421 450 451 452 454 500 501 502 503 504 530 535 538 550 552 553 554 555 ", " "+code+" ") {
			t.Errorf("%s: %q is no code of SMTP", name, code)
		}
		class, detail, _ := strings.Cut(enhanced, ".")
		if (enhanced == "") != (code == "354") || enhanced != "" && (class != code[:1] || !strings.Contains(enhancedCodes, " "+detail+" ")) {
			t.Errorf("%s: %q does not go with %s", name, enhanced, code)
		}
		if kind := name[:2]; (kind == "ok" || kind == "go") != (code < "400") || kind == "ba" && code[0] != '5' {
			t.Errorf("%s: the name does not fit %s", name, code)
		}
		if code == "421" && fields["close"] != "true" {
			t.Errorf("%s: after 421 the connection ends", name)
		}
		if other := seen[fields["text"]]; other != "" || fields["text"] == "" {
			t.Errorf("%s says %q like %s: an administrator could not tell them apart", name, fields["text"], other)
		}
		seen[fields["text"]] = name
		return true
	})
	if len(seen) < 60 {
		t.Errorf("only %d replies were found", len(seen))
	}
}
