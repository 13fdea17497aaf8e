package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"schulhof/config"
	"schulhof/directory"

	"golang.org/x/net/idna"
)

const (
	doctorDial   = 3 * time.Second // to our own ports
	doctorFsync  = 100 * time.Millisecond
	doctorSkew   = 5 * time.Minute // a file may be this far in the future
	doctorExpiry = 21 * 24 * time.Hour
	doctorFiles  = 4096       // file descriptors: connections, packs and databases of a school
	tmpfsMagic   = 0x01021994 // statfs(2)

)

// examine makes every check.
func (e *examination) examine(ctx context.Context) *examination {
	checks := []func(context.Context){
		e.checkPorts, e.checkCertificate, e.checkPermissions, e.checkDisk, e.checkFsync, e.checkClock, e.checkClockSource, e.checkLimits,
		e.checkACME,
	}
	if e.rooms != nil {
		checks = append(checks, e.checkStore, e.checkDomains, e.checkAdministrator, e.checkBackup, e.checkDestinations, e.checkInternet)
	}
	for _, check := range checks {
		e.checks++
		check(ctx)
	}
	return e
}

// checkPorts: a running server answers on each of its ports, otherwise each must be free.
func (e *examination) checkPorts(ctx context.Context) {
	for _, s := range e.config.Listen.Services() {
		for _, address := range *s.Addresses {
			if e.serving {
				e.dial(ctx, s.Name, address)
				continue
			}
			ln, err := net.Listen("tcp", address)
			switch {
			case err == nil:
				ln.Close()
			case errors.Is(err, syscall.EADDRINUSE):
				e.found("port-taken", severityError, "end the other program or change listen."+s.Name, "%s: %s is taken by another program", s.Name, address)
			case errors.Is(err, syscall.EACCES):
				e.found("port-privileged", severityError, "start by systemd with CAP_NET_BIND_SERVICE, or choose a port above 1023", "%s: this user may not listen on %s", s.Name, address)
			default:
				e.found("port-address", severityError, "put an address of this machine into listen."+s.Name, "%s: %s", s.Name, err)
			}
		}
	}
}

func (e *examination) dial(ctx context.Context, name, address string) {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		address = net.JoinHostPort("localhost", port)
	}
	dialer := net.Dialer{Timeout: doctorDial}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		e.found("port-silent", severityError, "look into the server's log", "%s: nobody answers at %s: %s", name, address, err)
		return
	}
	conn.Close()
}

// checkCertificate: it loads, names us, and is valid long enough.
func (e *examination) checkCertificate(context.Context) {
	fix := "put a certificate for the name into tls.certificate and tls.key, then send SIGHUP"
	if e.config.ACME.Directory != "" {
		fix = acmeFix
	}
	cert, err := loadCertificate(e.config.TLS.Certificate, e.config.TLS.Key)
	if err != nil {
		e.found("certificate-unusable", severityError, fix, "%s", err)
		return
	}
	leaf := cert.Leaf
	if err := leaf.VerifyHostname(e.config.Server.Hostname); err != nil {
		e.found("certificate-name", severityError, fix, "%s", err)
	}
	switch left := leaf.NotAfter.Sub(e.now); {
	case left <= 0:
		e.found("certificate-expired", severityError, fix, "it ended on %s", leaf.NotAfter.Format(time.DateOnly))
	case left < min(doctorExpiry, leaf.NotAfter.Sub(leaf.NotBefore)/4): // some authorities give it for a few days only
		e.found("certificate-expires", severityWarning, fix, "it ends on %s", leaf.NotAfter.Format(time.DateOnly))
	}
	if e.now.Before(leaf.NotBefore) {
		e.found("certificate-early", severityError, "set the clock, or wait", "it begins on %s", leaf.NotBefore.Format(time.DateTime))
	}
	e.checkAuthority(leaf)
}

// checkAuthority: a certificate of our own authority must verify against the file that clients were given.
func (e *examination) checkAuthority(leaf *x509.Certificate) {
	own, err := loadAuthority(filepath.Dir(e.config.TLS.Certificate))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		e.found("authority-unusable", severityWarning, "restore tls/ca.pem and tls/ca.key from a backup", "%s", err)
		return
	}
	if leaf.Issuer.String() == own.cert.Subject.String() && leaf.CheckSignatureFrom(own.cert) != nil {
		e.found("authority-other", severityError, "restore tls/ca.pem and tls/ca.key from a backup", "the server's certificate is not signed by %s: clients will refuse it", authorityCert)
	}
	if e.now.After(own.cert.NotAfter) {
		e.found("authority-expired", severityError, "make a new authority and give it to the clients", "it ended on %s", own.cert.NotAfter.Format(time.DateOnly))
	}
}

// checkPermissions: nobody else may read the data, and all of it belongs to one user.
func (e *examination) checkPermissions(context.Context) {
	dir := e.config.Server.Data
	info, err := os.Stat(dir)
	if err != nil {
		e.found("data-missing", severityError, "\"schulhof init\" makes a server, \"schulhof restore\" lays out a backup", "%s", err)
		return
	}
	if info.Mode().Perm()&0o077 != 0 {
		e.found("data-open", severityError, "chmod 0700 "+dir, "%s may be entered by others (%s)", dir, info.Mode().Perm())
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	for _, path := range e.privateFiles() {
		info, err := os.Stat(path)
		if err != nil {
			continue // what must exist has its own check
		}
		if info.Mode().Perm()&0o077 != 0 {
			e.found("file-open", severityError, "chmod 0600 "+path, "%s may be read by others (%s)", path, info.Mode().Perm())
		}
		if info.Sys().(*syscall.Stat_t).Uid != owner && strings.HasPrefix(path, dir) {
			e.found("file-owner", severityError, fmt.Sprintf("chown %d %s", owner, path), "%s does not belong to the data folder's owner", path)
		}
	}
}

func (e *examination) privateFiles() []string {
	files := []string{e.config.TLS.Key}
	for _, pattern := range []string{"schulhof.toml", "*.db", "tls/*.key", "dkim/*/*.key", "srs.key"} {
		found, err := filepath.Glob(filepath.Join(e.config.Server.Data, pattern))
		if err == nil { // the patterns are good
			files = append(files, found...)
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// checkDisk: there is room, and it is a disk.
func (e *examination) checkDisk(context.Context) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(e.config.Server.Data, &s); err != nil {
		return // data-missing says it
	}
	free, total := int64(s.Bavail)*s.Bsize, int64(s.Blocks)*s.Bsize
	if least := leastFree(e.config, total); free < least {
		e.found("disk-full", severityError, "make room, or move server.data to a larger disk", "%s free of %s, want %s", config.Size(free), config.Size(total), config.Size(least))
	}
	if s.Files > 0 && s.Ffree < s.Files/nearlyFull {
		e.found("disk-inodes", severityWarning, "remove small files from that disk", "%d of %d inodes are free", s.Ffree, s.Files)
	}
	if s.Type == tmpfsMagic {
		e.found("disk-memory", severityWarning, "move server.data to a disk", "%s lies in memory (tmpfs): the data would be lost when this machine stops", e.config.Server.Data)
	}
}

// checkFsync: what is written can be made durable, and quickly enough to work with.
func (e *examination) checkFsync(context.Context) {
	f, err := os.CreateTemp(e.config.Server.Data, ".doctor-*")
	if errors.Is(err, fs.ErrNotExist) {
		return // data-missing says it
	}
	if err != nil {
		e.found("disk-write", severityError, "look at the mount options and the owner of the data folder", "%s", err)
		return
	}
	defer os.Remove(f.Name())
	defer f.Close()
	fsync := e.fsync
	if fsync == nil {
		fsync = (*os.File).Sync
	}
	best := time.Hour // of three: another program may be busy just now
	for range 3 {
		start := time.Now()
		_, err := f.WriteString("schulhof doctor\n")
		if err = errors.Join(err, fsync(f)); err != nil {
			e.found("disk-fsync", severityError, "replace the disk: acknowledged mail could be lost", "%s", err)
			return
		}
		best = min(best, time.Since(start))
	}
	if best > doctorFsync {
		e.found("disk-slow", severityWarning, "use a disk with power-loss protection, or one that is less busy", "one fsync takes %s", best.Round(time.Millisecond))
	}
}

// checkClock: our own files do not come from the future.
func (e *examination) checkClock(context.Context) {
	for _, name := range []string{"schulhof.db", settingsFile, "tls/" + authorityCert} {
		info, err := os.Stat(filepath.Join(e.config.Server.Data, name))
		if err == nil && info.ModTime().Sub(e.now) > doctorSkew {
			e.found("clock-behind", severityError, "set the clock (timedatectl set-ntp true)", "it is %s here, but %s was written on %s",
				e.now.Format(time.DateTime), name, info.ModTime().Format(time.DateTime))
			return
		}
	}
}

// checkLimits: enough files may be open.
func (e *examination) checkLimits(context.Context) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil && limit.Max < doctorFiles {
		e.found("limit-files", severityWarning, "raise LimitNOFILE in the systemd unit", "at most %d files may be open, want %d", limit.Max, doctorFiles)
	}
}

// checkStore: it answers and takes writes.
func (e *examination) checkStore(ctx context.Context) {
	h := &health{store: e.rooms.Store}
	if err := h.alive(ctx); err != nil {
		e.found("database-silent", severityError, "look into the server's log", "%s", err)
	}
	if err := e.rooms.Store.ReadOnlyCause(); err != nil {
		e.found("store-read-only", severityError, "mend the cause; after an I/O error restart the server", "%s", err)
	}
}

// checkDomains: there is one, and each can be signed for.
func (e *examination) checkDomains(ctx context.Context) {
	domains, err := e.rooms.Directory.Domains(ctx)
	if err != nil {
		e.found("database-domains", severityError, "look into the server's log", "%s", err)
		return
	}
	if len(domains) == 0 {
		e.found("domain-none", severityError, "schulhof domain add DOMAIN", "no mail domain exists: all mail is refused")
	}
	for _, d := range domains {
		folder, err := idna.Lookup.ToASCII(d)
		if err != nil {
			folder = d
		}
		keys, err := filepath.Glob(filepath.Join(e.config.Server.Data, "dkim", folder, "*.key"))
		if err == nil && len(keys) == 0 {
			e.found("dkim-missing", severityWarning, "restore the folder dkim from a backup, or make new ones: schulhof dkim rotate "+d, "%s has no keys to sign its mail with", d)
		}
	}
}

// checkAdministrator: somebody may administer.
func (e *examination) checkAdministrator(ctx context.Context) {
	accounts, err := e.rooms.Directory.Accounts(ctx)
	if err != nil {
		e.found("database-accounts", severityError, "look into the server's log", "%s", err)
		return
	}
	for _, a := range accounts {
		if a.Role == directory.Admin && a.State == directory.Active {
			return
		}
	}
	e.found("admin-none", severityWarning, "schulhof user add ADDRESS --role admin", "no active account has the role admin: nobody gets mail to postmaster")
}
