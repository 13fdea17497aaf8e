package dav

import (
	"reflect"
	"strings"
	"testing"

	"schulhof/store/fault"
)

func TestSplitPath(t *testing.T) {
	long := strings.Repeat("x", 255)
	tests := []struct {
		name, in string
		want     []string // nil with ok false: refused
		slash    bool
		ok       bool
	}{
		{"the root", "/", nil, true, true},
		{"a file", "/webdav/Files/a.txt", []string{"webdav", "Files", "a.txt"}, false, true},
		{"a collection", "/webdav/Files/", []string{"webdav", "Files"}, true, true},
		{"two slashes are one", "//webdav///Files//", []string{"webdav", "Files"}, true, true},
		{"decoded once", "/a%20b%C3%A9%2525", []string{"a bé%25"}, false, true},
		{"macOS's decomposed é becomes one letter", "/e%CC%81", []string{"é"}, false, true},
		{"names that hurt Windows are names", "/CON/a:b/x./y%20/%22%3C%7C%3E%3F*", []string{"CON", "a:b", "x.", "y ", `"<|>?*`}, false, true},
		{"Finder's own files", "/._a/.DS_Store", []string{"._a", ".DS_Store"}, false, true},
		{"three dots", "/.../x", []string{"...", "x"}, false, true},
		{"a fragment is part of no path", "/a%23b", []string{"a#b"}, false, true},
		{"the longest name", "/" + long, []string{long}, false, true},

		{"dot", "/a/./b", nil, false, false},
		{"dot dot", "/a/../b", nil, false, false},
		{"dot dot at the end", "/a/..", nil, false, false},
		{"dots in capitals", "/%2E%2E/b", nil, false, false},
		{"dots in small letters", "/%2e%2e/b", nil, false, false},
		{"half encoded", "/.%2e/b", nil, false, false},
		{"an encoded slash", "/a%2Fb", nil, false, false},
		{"an encoded slash with dots", "/..%2f..%2fetc%2fpasswd", nil, false, false},
		{"an encoded backslash", "/..%5C..%5Cx", nil, false, false},
		{"a backslash", `/..\..\x`, nil, false, false},
		{"NUL", "/a%00.txt", nil, false, false},
		{"a control character", "/a%0Ab", nil, false, false},
		{"a C1 control character", "/a%C2%85b", nil, false, false},
		{"overlong UTF-8 of a slash", "/a%C0%AFb", nil, false, false},
		{"overlong UTF-8 of a dot", "/%C0%AE%C0%AE/b", nil, false, false},
		{"Latin-1", "/%E9", nil, false, false},
		{"half an escape", "/a%2", nil, false, false},
		{"no escape", "/a%zz", nil, false, false},
		{"a name too long", "/" + long + "x", nil, false, false},
		{"a path too deep", strings.Repeat("/a", maxSegments+1), nil, false, false},
		{"no path", "a", nil, false, false},
		{"empty", "", nil, false, false},
	}
	for _, tt := range tests {
		got, slash, err := splitPath(tt.in)
		switch {
		case !tt.ok:
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: splitPath(%q) = %q, %v, want fault not found", tt.name, tt.in, got, err)
			}
		case err != nil || slash != tt.slash || !reflect.DeepEqual(got, tt.want):
			t.Errorf("%s: splitPath(%q) = %q, %v, %v, want %q, %v", tt.name, tt.in, got, slash, err, tt.want, tt.slash)
		}
	}
}

func TestHrefOf(t *testing.T) {
	tests := []struct {
		slash bool
		names []string
		want  string
	}{
		{true, nil, "/"},
		{false, []string{"webdav", "Files", "a b.txt"}, "/webdav/Files/a%20b.txt"},
		{true, []string{"Grüße & <x>", "100%"}, "/Gr%C3%BC%C3%9Fe%20%26%20%3Cx%3E/100%25/"},
		{false, []string{"a@b~c-d_e.f", "#?;:="}, "/a@b~c-d_e.f/%23%3F%3B%3A%3D"},
	}
	for _, tt := range tests {
		if got := hrefOf(tt.slash, tt.names...); got != tt.want {
			t.Errorf("hrefOf(%q) = %q, want %q", tt.names, got, tt.want)
		}
	}
}

// A name that passes is harmless in every encoding, and its href leads back to it.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"/webdav/Files/a%20b/", "/%2e%2e/x", "/..%5cx", "/e%CC%81", "//a//", "/%25%32%65", "/%E2%80%AE"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		names, slash, err := splitPath(in)
		if err != nil {
			return
		}
		for _, n := range names {
			if n == "" || n == "." || n == ".." || strings.ContainsAny(n, "/\\\x00\r\n") || len(n) > 255 {
				t.Fatalf("%q has the name %q", in, n)
			}
		}
		again, slashAgain, err := splitPath(hrefOf(slash, names...))
		if err != nil || !reflect.DeepEqual(again, names) || slashAgain != (slash || len(names) == 0) {
			t.Fatalf("%q: %q became %q, %v", in, names, again, err)
		}
	})
}
