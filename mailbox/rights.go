package mailbox

import (
	"schulhof/directory"
	"schulhof/store/fault"
)

// right is what someone wants to do with a mailbox.
type right uint8

const (
	rightRead   right = iota // list, open, read
	rightInsert              // append and copy into it
	rightWrite               // flags, expunge
	rightManage              // create below it, rename, delete
)

// rights is the only place that decides who may do what with a mailbox of owner: fault.NotFound for those who may not even
// know of it. Today that is the owner alone, for everything.
func rights(who, owner directory.ID, _ right) error {
	if who != owner {
		return fault.New(fault.NotFound, "no such mailbox")
	}
	return nil
}
