package collection

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"schulhof/store/fault"
)

// transferCase is a cell of the matrix of COPY and MOVE.
type transferCase struct {
	moves, overwrite, toGroup bool
	source, taken             string // the kinds: file, folder; taken: nothing too
}

func (c transferCase) String() string {
	verb, place := "copy", "own files"
	if c.moves {
		verb = "move"
	}
	if c.toGroup {
		place = "a group's folder"
	}
	return fmt.Sprintf("%s of a %s to %s over %s, overwrite %t", verb, c.source, place, c.taken, c.overwrite)
}

// transferCases are all cells.
func transferCases() (all []transferCase) {
	for _, moves := range []bool{false, true} {
		for _, overwrite := range []bool{false, true} {
			for _, toGroup := range []bool{false, true} {
				for _, source := range []string{"file", "folder"} {
					for _, taken := range []string{"nothing", "file", "folder"} {
						all = append(all, transferCase{moves, overwrite, toGroup, source, taken})
					}
				}
			}
		}
	}
	return all
}

// Every combination of COPY and MOVE, file and folder, own and group's place, free and taken by either kind, with Overwrite T and F: the
// destination is what the source was or nothing has changed, and what everybody uses is what everybody has.
func TestTransferMatrix(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		for i, c := range transferCases() {
			w.transferCell(fmt.Sprint("c", i), c)
		}
		w.sound()
	})
}

// transferCell plays one cell in folders of its own that are called top.
func (w *school) transferCell(top string, c transferCase) {
	w.Helper()
	ctx := context.Background()
	from, to := "files:/"+top+"from", "files:/"+top+"to"
	if c.toGroup {
		to = "groups:/7b/" + top + "to"
	}
	w.make(w.anna, from, Folder)
	w.make(w.anna, to, Folder)
	content := map[string]string{"nothing": "", "file": "x=123", "folder": "x/ x/in=4567"}
	old := map[string]string{"nothing": "", "file": "x=89", "folder": "x/ x/old=1"}[c.taken]
	w.tree(w.anna, from+"/", content[c.source])
	w.tree(w.anna, to+"/", old)
	var created bool
	var err error
	if c.moves {
		_, created, err = w.dav.Move(ctx, w.anna, at(from+"/x"), at(to+"/x"), MoveOptions{Overwrite: c.overwrite})
	} else {
		_, created, err = w.dav.Copy(ctx, w.anna, at(from+"/x"), at(to+"/x"), CopyOptions{Overwrite: c.overwrite})
	}
	wantFrom, wantTo := content[c.source], content[c.source]
	switch {
	case c.taken != "nothing" && !c.overwrite:
		if wantTo = old; !errors.Is(err, ErrNotEmpty) || !fault.Is(err, fault.Conflict) {
			w.Errorf("%s: %v", c, err)
		}
	case err != nil || created != (c.taken == "nothing"):
		w.Errorf("%s: created %t, %v", c, created, err)
	case c.moves:
		wantFrom = ""
	}
	if a, b := w.show(w.anna, from), w.show(w.anna, to); a != wantFrom || b != wantTo {
		w.Errorf("%s: %q and %q, want %q and %q", c, a, b, wantFrom, wantTo)
	}
}

// What COPY and MOVE put something else in place of can be had back: a file's content as a version or, where a folder took its place, from
// the trash; a folder from the trash.
func TestWhatIsReplacedCanBeRestored(t *testing.T) {
	for _, tt := range []struct {
		name, source, taken string
		versions, trashed   int
	}{
		{"a file by a file", "s=1", "d=2", 1, 0},
		{"a file by a folder", "s/ s/a=1", "d=2", 0, 1},
		{"a folder by a file", "s=1", "d/ d/b=2", 0, 1},
		{"a folder by a folder", "s/ s/a=1", "d/ d/b=2", 0, 1},
		{"an empty folder by a file", "s=1", "d/", 0, 0},
		{"an empty file by a file", "s=1", "d=", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			quick(t, func(t *testing.T, w *school) {
				ctx := context.Background()
				w.tree(w.anna, "files:/", tt.source+" "+tt.taken)
				w.check(second(w.dav.Move(ctx, w.anna, at("files:/s"), at("files:/d"), MoveOptions{Overwrite: true})))
				list, err := w.dav.Trash(ctx, w.anna, at("files:/"), 0)
				if err != nil || len(list) != tt.trashed {
					t.Errorf("the trash has %+v %v", list, err)
				}
				if got := w.versions(w.anna, "files:/d"); len(got) != tt.versions {
					t.Errorf("%d versions, want %d", len(got), tt.versions)
				}
				w.sound()
			})
		})
	}
}

// border is a command that needs room: how much its owner uses before it, and how much more it takes.
type border struct {
	name    string
	prepare func(w *school) func() error
	used    int64
	more    int64
}

func borders() []border {
	ctx := context.Background()
	return []border{
		{"a new file", func(w *school) func() error {
			return func() error { return second(w.tryPut(w.anna, "files:/n", "12345", PutOptions{})) }
		}, 0, 5},
		{"a larger content", func(w *school) func() error {
			w.put(w.anna, "files:/a", "123")
			return func() error { return second(w.tryPut(w.anna, "files:/a", "12345", PutOptions{})) }
		}, 3, 2},
		{"a copy of a tree", func(w *school) func() error {
			w.tree(w.anna, "files:/", "d/ d/x=12 d/y=345")
			return func() error { return second(w.dav.Copy(ctx, w.anna, at("files:/d"), at("files:/e"), CopyOptions{})) }
		}, 5, 5},
		{"a copy over a smaller file", func(w *school) func() error {
			w.tree(w.anna, "files:/", "a=12345 b=1")
			return func() error {
				return second(w.dav.Copy(ctx, w.anna, at("files:/a"), at("files:/b"), CopyOptions{Overwrite: true}))
			}
		}, 6, 4},
		{"a move from a group", func(w *school) func() error {
			w.put(w.anna, "groups:/7b/a", "12345")
			return func() error {
				return second(w.dav.Move(ctx, w.anna, at("groups:/7b/a"), at("files:/a"), MoveOptions{}))
			}
		}, 0, 5},
		{"something from the trash", func(w *school) func() error {
			w.put(w.anna, "files:/a", "12345")
			w.delete(w.anna, "files:/a")
			list, err := w.dav.Trash(ctx, w.anna, at("files:/"), 0)
			w.check(err)
			return func() error { return first(w.dav.Restore(ctx, w.anna, list[0], list[0].Path)) }
		}, 0, 5},
		{"a larger version", func(w *school) func() error {
			w.put(w.anna, "files:/a", "12345")
			w.put(w.anna, "files:/a", "1")
			id := w.versions(w.anna, "files:/a")[0].ID
			return func() error { return first(w.dav.RestoreVersion(ctx, w.anna, at("files:/a"), id, Guard{})) }
		}, 1, 4},
	}
}

// Whatever needs room succeeds with exactly as much as it needs, and with one byte less is refused and leaves everything as it was.
func TestQuotaAtTheBorder(t *testing.T) {
	for _, b := range borders() {
		t.Run(b.name, func(t *testing.T) {
			quick(t, func(t *testing.T, w *school) {
				do := b.prepare(w)
				before := w.show(w.anna, "files:/")
				if got := w.usage(w.anna, "files:/"); got != b.used {
					t.Fatalf("%d bytes are used, want %d", got, b.used)
				}
				w.check(w.dir.ChangeAccount(t.Context(), w.anna, directoryQuota(b.used+b.more-1)))
				err := do()
				if !fault.Is(err, fault.OverQuota) {
					t.Errorf("with a byte too little: %v", err)
				}
				w.caused("with a byte too little", err, "quota-not-exceeded")
				if got := w.show(w.anna, "files:/"); got != before || w.usage(w.anna, "files:/") != b.used {
					t.Errorf("a refused command leaves %q, was %q", got, before)
				}
				w.sound()
				w.check(w.dir.ChangeAccount(t.Context(), w.anna, directoryQuota(b.used+b.more)))
				w.check(do())
				if got := w.usage(w.anna, "files:/"); got != b.used+b.more {
					t.Errorf("%d bytes are used then, want %d", got, b.used+b.more)
				}
				w.sound()
			})
		})
	}
}
