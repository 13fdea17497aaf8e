package dav

import (
	"context"
	"net/http"
	"strings"
	"time"

	"schulhof/dav/collection"
)

// webdavProperties are those of RFC 4918 §15, of quotas (RFC 4331) and of synchronisation (RFC 6578).
var webdavProperties = []property{
	{name: dav("resourcetype"), kinds: existing, all: true, brief: true, write: resourceType},
	{name: dav("displayname"), kinds: existing, all: true, write: textOf(displayName), check: anyText},
	{name: dav("creationdate"), kinds: stored, all: true, has: hasTimes, write: creationDate},
	{name: dav("getlastmodified"), kinds: stored, all: true, has: hasTimes, write: lastModified},
	{name: dav("getcontentlength"), kinds: objects, all: true, write: contentLength},
	{name: dav("getcontenttype"), kinds: objects, all: true, brief: true, write: textOf(func(d *described) string { return contentType(d.r.node) })},
	{name: dav("getetag"), kinds: objects, all: true, brief: true, write: writeETag},
	{name: dav("lockdiscovery"), kinds: kindFile | kindFolder, all: true, write: lockDiscovery},
	{name: dav("supportedlock"), kinds: kindFile | kindFolder, all: true, write: fixedText(supportedLock)},
	{name: dav("quota-available-bytes"), kinds: stored &^ objects, has: hasQuota, write: quotaAvailable},
	{name: dav("quota-used-bytes"), kinds: stored &^ objects, has: hasOwner, write: quotaUsed},
	{name: dav("supported-report-set"), kinds: existing, write: supportedReports},
	{name: dav("sync-token"), kinds: kindCalendar | kindAddressBook | kindFolder, has: hasToken, write: textOf(syncTokenOf)},
	{name: cs("getctag"), kinds: kindCalendar | kindAddressBook, has: hasToken, write: textOf(func(d *described) string { return `"` + d.r.node.Token.String() + `"` })},
	{name: dav("add-member"), kinds: kindCalendar | kindAddressBook | kindFolder, has: func(d *described) bool { return d.r.node.Privileges.Bind },
		write: func(_ context.Context, w *xmlWriter, d *described) error {
			w.href(d.r.href() + "?" + addMember)
			return nil
		}},
}

const supportedLock = `<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>` +
	`<D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>`

func resourceType(_ context.Context, w *xmlWriter, d *described) error {
	switch d.r.kind {
	case kindPrincipal:
		w.raw("<D:principal/>")
	case kindCalendar:
		w.raw("<D:collection/><C:calendar/>")
	case kindAddressBook:
		w.raw("<D:collection/><CR:addressbook/>")
	default:
		if d.r.kind&collections != 0 {
			w.raw("<D:collection/>")
		}
	}
	return nil
}

// displayName is what nobody has set: the name in the URL, or what the collection is called in the school.
func displayName(d *described) string {
	switch {
	case d.r.kind == kindPrincipal:
		return d.r.about.title
	case d.r.kind&objects == 0 && d.r.node.DefaultTitle != "":
		return d.r.node.DefaultTitle
	case d.r.inside && d.r.node.Name() != "":
		return d.r.node.Name()
	case len(d.r.names) > 0:
		return d.r.names[len(d.r.names)-1]
	}
	return d.x.srv.hostname
}

func hasTimes(d *described) bool { return !d.r.node.Modified.IsZero() }

func creationDate(_ context.Context, w *xmlWriter, d *described) error {
	w.time(d.r.node.Created, time.RFC3339)
	return nil
}

func lastModified(_ context.Context, w *xmlWriter, d *described) error {
	w.time(d.r.node.Modified, http.TimeFormat)
	return nil
}

func writeETag(_ context.Context, w *xmlWriter, d *described) error {
	w.raw(`"`)
	w.text(d.r.node.ETag)
	w.raw(`"`)
	return nil
}

func contentLength(_ context.Context, w *xmlWriter, d *described) error {
	w.number(d.r.node.Size)
	return nil
}

// hasOwner: somebody's quota counts. The list of groups is nobody's.
func hasOwner(d *described) bool { return d.r.node.Owner != 0 }

// hasQuota is hasOwner; whether there is a limit at all is known only when it has been asked for.
func hasQuota(d *described) bool { return hasOwner(d) }

// unlimited is what quota-available-bytes says without a quota: clients do sums with it, so it is large but no overflow.
const unlimited = 1 << 50

// RFC 4331 §3.
func quotaAvailable(ctx context.Context, w *xmlWriter, d *described) error {
	u, err := d.usageOf(ctx)
	if err != nil {
		return err
	}
	if u.Limit == 0 {
		w.number(unlimited)
		return nil
	}
	w.number(max(0, u.Limit-u.Used))
	return nil
}

// RFC 4331 §4.
func quotaUsed(ctx context.Context, w *xmlWriter, d *described) error {
	u, err := d.usageOf(ctx)
	w.number(u.Used)
	return err
}

func supportedReports(_ context.Context, w *xmlWriter, d *described) error {
	for _, r := range d.x.srv.reports {
		if r.kinds&d.r.kind == 0 || r.name == dav("sync-collection") && !hasToken(d) {
			continue
		}
		w.raw("<D:supported-report><D:report>")
		w.empty(r.name)
		w.raw("</D:report></D:supported-report>")
	}
	return nil
}

func hasToken(d *described) bool { return d.r.node.Token != collection.Token{} }

// syncTokenPrefix makes a token the URI that RFC 6578 §4 demands.
const syncTokenPrefix = "urn:x-schulhof:sync:"

func syncTokenOf(d *described) string { return syncTokenPrefix + d.r.node.Token.String() }

// parseSyncToken reads what syncTokenOf wrote.
func parseSyncToken(s string) (t collection.Token, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(s), syncTokenPrefix)
	if !ok {
		return t, false
	}
	return collection.ParseToken(rest)
}
