package dav

import (
	"context"
	"net/http"
	"time"

	"schulhof/dav/collection"
	"schulhof/store/fault"
)

// lock takes a lock, or refreshes one when there is no body. RFC 4918 §9.10.
func (x *exchange) lock(ctx context.Context) error {
	d, err := parseDepth(x.r.Header, depthInfinity)
	if err != nil {
		return err
	}
	if d == depth1 {
		return refuse(http.StatusBadRequest, "LOCK is with Depth: 0 or infinity")
	}
	if x.res.kind == kindNowhere {
		return &problem{status: http.StatusConflict, text: "there is no collection around it"}
	}
	body, err := x.xmlBody()
	if err != nil {
		return err
	}
	guard, err := x.guard()
	if err != nil {
		return err
	}
	if body == nil {
		return x.refresh(ctx, guard)
	}
	options, err := lockInfo(body)
	if err != nil {
		return err
	}
	options.Guard, options.Infinite = guard, d == depthInfinity
	options.Timeout = parseTimeout(x.r.Header, collection.MaxLockTime)
	lock, node, created, err := x.srv.collections.Lock(ctx, x.who(), x.res.path, options)
	if err != nil {
		return x.memberFailed(err, x.res.path)
	}
	x.res.node, x.res.kind = node, kindOf(node)
	x.w.Header().Set("Lock-Token", "<"+lock.Token+">")
	if created {
		return x.sendLock(http.StatusCreated, lock)
	}
	return x.sendLock(http.StatusOK, lock)
}

// lockInfo reads DAV:lockinfo. RFC 4918 §14.11.
func lockInfo(body *element) (o collection.LockOptions, err error) {
	if body.name != dav("lockinfo") {
		return o, fault.New(fault.Invalid, "the XML is no DAV:lockinfo")
	}
	scope := body.child(dav("lockscope"))
	switch o.Shared = scope.child(dav("shared")) != nil; {
	case o.Shared == (scope.child(dav("exclusive")) != nil):
		return o, fault.New(fault.Invalid, "a lock is either exclusive or shared")
	case body.child(dav("locktype")).child(dav("write")) == nil:
		return o, fault.New(fault.Invalid, "locks are write locks")
	}
	if owner := body.child(dav("owner")); owner != nil {
		o.Note = owner.appendXML(nil)
	}
	return o, nil
}

// refresh sets a lock's time anew. The If header says which. RFC 4918 §9.10.2.
func (x *exchange) refresh(ctx context.Context, guard collection.Guard) error {
	if len(guard.Tokens) != 1 {
		return refuse(http.StatusBadRequest, "the If header names the one lock to refresh")
	}
	lock, err := x.srv.collections.Refresh(ctx, x.who(), x.res.path, guard.Tokens[0],
		parseTimeout(x.r.Header, collection.MaxLockTime), guard)
	if err != nil {
		p := problemOf(err, x.res.path.Space)
		if p.condition == dav("lock-token-matches-request-uri") {
			p.status = http.StatusPreconditionFailed // RFC 4918 §9.10.6; it is 409 for UNLOCK
		}
		return p
	}
	return x.sendLock(http.StatusOK, lock)
}

// sendLock answers with DAV:lockdiscovery.
func (x *exchange) sendLock(status int, l collection.Lock) error {
	w := xmlWriter{}
	w.raw(xmlHead + "<D:prop" + declarations + "><D:lockdiscovery>")
	x.appendLock(&w, l, &x.res)
	w.raw("</D:lockdiscovery></D:prop>")
	return x.sendXML(status, &w)
}

// unlock ends a lock. RFC 4918 §9.11.
func (x *exchange) unlock(ctx context.Context) error {
	token, err := parseLockToken(x.r.Header)
	if err != nil {
		return err
	}
	if err := x.srv.collections.Unlock(ctx, x.who(), x.res.path, token); err != nil {
		return err
	}
	return x.done(http.StatusNoContent)
}

// lockDiscovery lists the locks on a resource. RFC 4918 §15.8.
func lockDiscovery(_ context.Context, w *xmlWriter, d *described) error {
	for _, l := range d.locks {
		d.x.appendLock(w, l, d.r)
	}
	return nil
}

// appendLock writes DAV:activelock. The token is told to its holder only: whoever knows it could end or use the lock
// (RFC 4918 §6.8, §14.1).
func (x *exchange) appendLock(w *xmlWriter, l collection.Lock, on *resource) {
	w.raw("<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope>")
	if l.Shared {
		w.raw("<D:shared/>")
	} else {
		w.raw("<D:exclusive/>")
	}
	w.raw("</D:lockscope><D:depth>")
	if l.Infinite {
		w.raw("infinity")
	} else {
		w.raw("0")
	}
	w.raw("</D:depth>")
	w.bytes(l.Note)
	w.raw("<D:timeout>Second-")
	w.number(max(1, int64(l.Expires.Sub(x.srv.now())/time.Second)))
	w.raw("</D:timeout>")
	if l.Holder == x.who() {
		w.raw("<D:locktoken>")
		w.href(l.Token)
		w.raw("</D:locktoken>")
	}
	w.raw("<D:lockroot>")
	// A lock that comes from above is a collection's.
	w.href(hrefOfPath(l.Root, l.Entry != on.node.ID || on.kind&collections != 0))
	w.raw("</D:lockroot></D:activelock>")
}
