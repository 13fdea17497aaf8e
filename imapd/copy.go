package imapd

import (
	"context"
	"strconv"

	"schulhof/mailbox"
)

// copy copies messages into another mailbox. RFC 9051 §6.4.7, COPYUID: RFC 4315 §3.
func (c *conn) copy(ctx context.Context, p *parser) error {
	uids, name, err := c.transferArgs(p)
	if err != nil || len(uids) == 0 {
		return err
	}
	done, err := c.sel.box.Copy(ctx, uids, name)
	if err != nil {
		return c.transferError(err)
	}
	c.arrived(name, done.To)
	if len(done.To) > 0 {
		c.ok(copyUID(done), "COPY completed")
	}
	return nil
}

// transferArgs reads "set mailbox" of COPY and MOVE and resolves the set. A message that others
// expunged makes a command by sequence numbers fail before it does anything (RFC 2180 §4.4.1); by
// UID it is left out.
func (c *conn) transferArgs(p *parser) (uids []mailbox.UID, name string, err error) {
	p.sp()
	set := p.seqSet()
	p.sp()
	name = p.mailbox()
	if err := p.end(); err != nil {
		return nil, "", err
	}
	if c.uidMode {
		if err := c.sync(true); err != nil {
			return nil, "", err
		}
	}
	idx, err := c.resolve(set)
	if err != nil {
		return nil, "", err
	}
	snap, latest := c.sel.snap, c.sel.box.Snapshot()
	uids = make([]mailbox.UID, 0, len(idx))
	for _, i := range idx {
		uid := snap.UIDAt(i)
		if snap != latest {
			if _, ok := latest.Find(uid); !ok {
				if !c.uidMode {
					return nil, "", no("EXPUNGEISSUED", "some of the messages no longer exist")
				}
				continue
			}
		}
		uids = append(uids, uid)
	}
	return uids, name, nil
}

// transferError says whether it is the target that does not exist.
func (c *conn) transferError(err error) error {
	if c.sel.box.Gone() {
		return err
	}
	return tryCreate(err)
}

// copyUID is the response code that tells which message became which.
func copyUID(done mailbox.Copied) string {
	b := append(make([]byte, 0, 64), "COPYUID "...)
	b = strconv.AppendUint(b, uint64(done.UIDValidity), 10)
	b = append(b, ' ')
	b = appendUIDs(b, done.From)
	b = append(b, ' ')
	return string(appendUIDs(b, done.To))
}

// formatUIDs writes ascending UIDs as a set: "3:5,9".
func formatUIDs(uids []mailbox.UID) string { return string(appendUIDs(nil, uids)) }
