package dav

import (
	"strings"
	"testing"

	"schulhof/dav/collection"
	"schulhof/directory"
)

// TestFolderThatMembersOnlyRead: where only teachers write, pupils see it before they try, and every way of writing is refused with the missing
// privilege; the change holds from the next request on, in both directions.
func TestFolderThatMembersOnlyRead(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	w.furnish()
	const top, file, folder = "/webdav/Groups/7b/", "/webdav/Groups/7b/datei", "/webdav/Groups/7b/ordner/"
	w.want(201, "klein", "PUT", folder+"in", "x")
	w.want(201, "anna", "PUT", "/webdav/Files/mine", "x")
	set := func(membersWrite bool) {
		w.check(w.dav.SetGroup(t.Context(), w.ids["7b"], collection.GroupSettings{MembersWrite: membersWrite, QuotaBytes: -1}))
	}
	privileges := func(who, path string) string {
		return privilegesIn(w.want(207, who, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><current-user-privilege-set/></prop></propfind>`, "Depth", "0").body)
	}
	set(false)
	for _, path := range []string{top, file, folder, folder + "in"} {
		if got := privileges("anna", path); got != "read read-acl read-current-user-privilege-set" {
			t.Errorf("%s: a pupil has %s", path, got)
		}
		if got := privileges("klein", path); !strings.Contains(got, " write ") || !strings.Contains(got, "write-content") {
			t.Errorf("%s: a teacher has %s", path, got)
		}
	}
	const missing = "<D:need-privileges>"
	to := func(path string) []string { return []string{"Destination", path} }
	w.asks(t, "anna", []asked{
		{"a new file", "PUT", top + "neu", "x", nil, 403, missing}, {"another content", "PUT", file, "y", nil, 403, missing},
		{"in a folder of it", "PUT", folder + "neu", "x", nil, 403, missing}, {"a new member", "POST", top + "?add-member", "x", nil, 403, missing},
		{"a folder", "MKCOL", top + "neu", "", nil, 403, missing}, {"removing", "DELETE", file, "", nil, 403, missing},
		{"removing a folder", "DELETE", folder, "", nil, 403, missing}, {"another name", "MOVE", file, "", to(top + "neu"), 403, missing},
		{"taking away", "MOVE", file, "", to("/webdav/Files/taken"), 403, missing}, {"a copy into it", "COPY", "/webdav/Files/mine", "", to(top + "neu"), 403, missing},
		{"a copy over it", "COPY", "/webdav/Files/mine", "", to(file), 403, missing}, {"a move into it", "MOVE", "/webdav/Files/mine", "", to(top + "neu"), 403, missing},
		{"a lock", "LOCK", file, lockBody("exclusive"), nil, 403, missing}, {"a lock of a name", "LOCK", top + "neu", lockBody("exclusive"), nil, 403, missing},
		{"a property", "PROPPATCH", file, patchBody(`<x xmlns="u"/>`, ""), nil, 403, missing},
		{"reading", "GET", file, "", nil, 200, "x"}, {"listing", "PROPFIND", top, "", []string{"Depth", "1"}, 207, "/webdav/Groups/7b/ordner/"},
		{"a copy for oneself", "COPY", file, "", to("/webdav/Files/taken"), 201, ""}, {"of all of it", "COPY", folder, "", to("/webdav/Files/all/"), 201, ""},
		{"what is one's own then", "PUT", "/webdav/Files/taken", "mine", nil, 204, ""}, {"nothing has changed", "GET", file, "", nil, 200, "x"},
		{"one's own is still there", "GET", "/webdav/Files/mine", "", nil, 200, "x"},
	})
	w.asks(t, "klein", []asked{
		{"a teacher writes", "PUT", top + "aufgabe", "1", nil, 201, ""}, {"and locks", "LOCK", top + "aufgabe", lockBody("exclusive"), nil, 200, ""},
		{"and tidies up", "DELETE", folder, "", nil, 204, ""},
	})
	set(true)
	w.want(201, "anna", "PUT", top+"neu", "x")
	set(false)
	w.want(403, "anna", "PUT", top+"neu", "y")
	// Who comes to lead the group writes; who leaves it sees nothing.
	w.check(w.dir.AddMembers(t.Context(), w.ids["7b"], []directory.ID{w.ids["ben"]}, true))
	w.want(204, "ben", "PUT", top+"neu", "z")
	w.check(w.dir.RemoveMembers(t.Context(), w.ids["7b"], []directory.ID{w.ids["ben"]}))
	w.want(404, "ben", "GET", top+"neu", "")
}
