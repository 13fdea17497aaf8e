package imapd

import (
	"flag"
	"os"
	"testing"
)

// Properties are tried on few drawn inputs in the usual run, and on many with SCHULHOF_E2E or -rapid.checks.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("SCHULHOF_E2E") == "" && flag.Lookup("rapid.checks").Value.String() == "100" {
		_ = flag.Set("rapid.checks", "25") // the value is a number
	}
	os.Exit(m.Run())
}
