package ical

import (
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the tz database, for machines that have none
)

// locations remembers what was read of the tz database: a table that fills itself, as large as the database at most.
var locations sync.Map // name → locationZone

// Location finds the zone of the tz database that a TZID means: its own name, the name Windows has for it (CLDR's table), or either behind a prefix
// such as /mozilla.org/20050126_1/ or /freeassociation.sourceforge.net/. RFC 5545 §3.2.19 leaves these names to programs.
func Location(tzid string) (*time.Location, bool) {
	z, ok := zoneNamed(tzid)
	return z.Location, ok
}

func zoneNamed(tzid string) (locationZone, bool) {
	tzid = strings.Trim(tzid, " \"")
	if len(tzid) > maxTZID {
		return locationZone{}, false
	}
	if name, ok := windowsZones[tzid]; ok {
		return load(name)
	}
	if !strings.HasPrefix(tzid, "/") {
		return load(tzid)
	}
	for rest := tzid[1:]; ; {
		_, after, ok := strings.Cut(rest, "/")
		if !ok {
			return load(windowsZones[rest])
		}
		rest = after
		if strings.Contains(rest, "/") || rest == "UTC" || rest == "GMT" {
			if z, ok := load(rest); ok {
				return z, true
			}
		}
	}
}

// load reads a zone of the tz database by its own name.
func load(name string) (locationZone, bool) {
	if z, ok := locations.Load(name); ok {
		return z.(locationZone), true
	}
	// right/ counts leap seconds, posix/ is the same as without; Local is the server's own.
	if name == "" || name == "Local" || strings.HasPrefix(name, "right/") || strings.HasPrefix(name, "posix/") || strings.ContainsAny(name, "\x00\\") {
		return locationZone{}, false
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return locationZone{}, false
	}
	z, _ := locations.LoadOrStore(name, listed(loc))
	return z.(locationZone), true
}

// zoneAt is the zone of a location, listed if it is one that load returned.
func zoneAt(loc *time.Location) locationZone {
	if z, ok := locations.Load(loc.String()); ok && z.(locationZone).Location == loc {
		return z.(locationZone)
	}
	return locationZone{Location: loc}
}
