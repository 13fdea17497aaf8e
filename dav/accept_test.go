package dav

import "testing"

func TestAcceptedVersion(t *testing.T) {
	tests := []struct{ name, accept, stored, want string }{
		{"nothing is said", "", "3.0", "3.0"},
		{"anything", "*/*", "4.0", "4.0"},
		{"a card of any version", "text/vcard", "3.0", "3.0"},
		{"the stored version", "text/vcard; version=3.0", "3.0", "3.0"},
		{"the other version", "text/vcard; version=4.0", "3.0", "4.0"},
		{"the other version, in quotes", `text/vcard;version="3.0"`, "4.0", "3.0"},
		{"the other version first, by quality", "text/vcard;version=4.0, text/vcard;q=0.8", "3.0", "4.0"},
		{"the stored version first, by quality", "text/vcard;version=4.0;q=0.5, text/vcard;version=3.0", "3.0", "3.0"},
		{"both alike", "text/vcard;version=4.0, text/vcard;version=3.0", "3.0", "3.0"},
		{"not the stored version", "text/vcard;version=4.0;q=0, */*", "4.0", "3.0"},
		{"the older name of the type", "text/x-vcard", "4.0", "3.0"},
		{"something else", "text/html, application/json", "4.0", "4.0"},
		{"nonsense", ";;,text/vcard;version=,q=x", "3.0", "3.0"},
	}
	for _, tt := range tests {
		if got := acceptedVersion(tt.accept, tt.stored); got != tt.want {
			t.Errorf("%s: acceptedVersion(%q, %s) = %s, want %s", tt.name, tt.accept, tt.stored, got, tt.want)
		}
	}
}
