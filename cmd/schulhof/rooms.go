package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"schulhof/config"
	"schulhof/dav/collection"
	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/filter"
	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/lists"
	"schulhof/smtpd/queue"
	"schulhof/smtpd/remote"
	"schulhof/smtpd/reports"
	"schulhof/smtpd/resolver"
	"schulhof/smtpd/spam"
	"schulhof/smtpd/srs"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/webmail"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	defaultConfigPath = "/etc/schulhof/schulhof.toml"
	configVariable    = "SCHULHOF_CONFIG"

	lockPatience = 10 * time.Second // how long a command waits for another one, or for a server that is starting
	lockRetry    = 50 * time.Millisecond
)

// rooms are the opened parts of the server that commands work with.
type rooms struct {
	Config    *config.Config
	Store     *store.Store
	Directory *directory.Directory
	Mail      *mailbox.Mail
	Queue     *queue.Queue
	Filters   *filter.Filters
	DAV       *collection.Collections
	Lists     *lists.Lists
	DNS       *resolver.Resolver
	Remote    *remote.Client        // brings mail to other servers
	Keys      *authenticate.Keyring // what mail that leaves is signed with
	Spam      *spam.Checker         // judges mail from other servers
	Reports   *reports.Reports      // what is exchanged with other servers about mail
	Returns   *srs.Rewriter         // the senders of what is sent on
	Log       *slog.Logger
}

// outside is what the rooms are given besides the settings.
type outside struct {
	log     *slog.Logger
	metrics prometheus.Registerer // nil: none
	now     func() time.Time      // nil: time.Now
	hash    directory.HashParams  // zero: the default
	logRoom int64                 // size of the write-ahead log that is there from the start
}

// openRooms opens the data of c. The caller closes them.
func openRooms(ctx context.Context, c *config.Config, o outside) (*rooms, error) {
	if err := ownData(c.Server.Data); err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, store.Options{
		Dir: c.Server.Data, Database: c.Server.Database, Log: o.log.With("room", "store"), Metrics: o.metrics, Now: o.now, Grace: c.Store.Grace, LogRoom: o.logRoom,
	})
	if err != nil {
		return nil, err
	}
	r := &rooms{Config: c, Store: s, Log: o.log}
	if err := r.openDomains(ctx, o); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *rooms) openDomains(ctx context.Context, o outside) (err error) {
	r.Keys = authenticate.NewKeyring(filepath.Join(r.Config.Server.Data, keysFolder), o.now)
	q := r.Config.Quota
	r.Directory, err = directory.New(ctx, r.Store, directory.Options{
		Log: r.Log.With("room", "directory"), Metrics: o.metrics, Now: o.now, HashParams: o.hash, Zone: r.Config.Server.Zone(), Allowlist: r.Config.Security.Networks(),
		RoleQuota: map[directory.Role]int64{
			directory.Student: int64(q.Student), directory.Teacher: int64(q.Teacher), directory.Parent: int64(q.Parent),
			directory.Staff: int64(q.Staff), directory.Admin: int64(q.Admin),
		},
	})
	if err != nil {
		return err
	}
	r.Directory.OnPurge(webmail.Purge) // its pages are made by the server alone
	m := r.Config.Mail
	r.Mail, err = mailbox.New(ctx, r.Store, r.Directory, mailbox.Options{
		Log: r.Log.With("room", "mailbox"), Metrics: o.metrics, Now: o.now,
		MaxSize: int64(m.MaxSize), MaxBoxes: m.MaxMailboxes, ViewMemory: int64(m.ViewMemory),
		Lessons: r.Config.Spam.Personal == config.On,
	})
	if err != nil {
		return err
	}
	if err := errors.Join(r.openOutside(o), r.openReturns(o), r.openQueue(ctx, o), r.openFilters(ctx, o)); err != nil {
		return err
	}
	r.openReports(o)
	if err := r.openChecker(ctx, o); err != nil {
		return err
	}
	r.Lists = lists.New(r.Store, r.Mail, r.Directory, lists.Options{
		Hostname: r.Config.Server.Hostname, Log: r.Log.With("room", "lists"), Now: o.now, Queue: listOutbound{r.Queue},
		Policy: policies{r.DNS, r.Log.With("room", "lists")}, LeaveAt: leaveAt(r.Config),
	})
	r.Queue.OnFailure(kindList, r.countListFailure)
	f := r.Config.Files
	r.DAV, err = collection.New(ctx, r.Store, r.Directory, collection.Options{
		Log: r.Log.With("room", "collection"), Metrics: o.metrics, Now: o.now,
		MaxFileSize: int64(f.MaxSize), Keep: f.Keep, GroupQuota: cmp.Or(int64(f.GroupQuota), -1), Words: givenNames[r.Config.Server.Language],
	})
	return err
}

func (r *rooms) openFilters(ctx context.Context, o outside) (err error) {
	c := r.Config
	roles := map[directory.Role]bool{}
	for _, role := range c.Filters.RedirectOutside {
		roles[directory.Role(role)] = true
	}
	options := filter.Options{
		Log: r.Log.With("room", "filter"), Now: o.now, Zone: c.Server.Zone(), Hostname: c.Server.Hostname, Outside: roles,
		Version: programVersion(), Redirects: c.Filters.Redirects, Answers: c.Filters.Answers,
	}
	if c.Filters.RedirectSender == config.SenderReturn && r.Returns != nil {
		options.Rewriter = r.Returns
	}
	r.Filters, err = filter.New(ctx, r.Store, r.Mail, r.Directory, options)
	return err
}

// Close closes what is open, the last opened first.
func (r *rooms) Close() error {
	var errs []error
	if r.DAV != nil {
		errs = append(errs, r.DAV.Close())
	}
	if r.Spam != nil {
		errs = append(errs, r.Spam.Close())
	}
	if r.Filters != nil {
		errs = append(errs, r.Filters.Close())
	}
	if r.Mail != nil {
		errs = append(errs, r.Mail.Close())
	}
	if r.Directory != nil {
		errs = append(errs, r.Directory.Close())
	}
	return errors.Join(append(errs, r.Store.Close())...)
}

// ownData refuses root on someone else's data: files that root creates there would be closed to the server.
func ownData(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if ok && os.Geteuid() == 0 && owner.Uid != 0 {
		return fault.New(fault.Refused, "%s belongs to user %d and no server runs there: run this command as that user (runuser, sudo -u)", dir, owner.Uid)
	}
	return nil
}

// loadConfig reads the settings file that --config, the environment or the standard place names.
func (a *app) loadConfig() (*config.Config, error) {
	path := a.configPath
	if path == "" {
		path = os.Getenv(configVariable)
	}
	if path == "" {
		path = defaultConfigPath
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(a.directory, path)
	}
	c, err := config.Load(path, a.sets...)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w (name another one with --config or %s; \"schulhof init\" writes one)", err, configVariable)
	}
	return c, err
}

// newLogger writes to w as the settings say.
func newLogger(w io.Writer, l config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // Validate has checked it
	options := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// inServerOrHere has the command done by the running server, or by fn on rooms opened here. While another command
// holds the data, or a server is just starting, it waits a little.
func (a *app) inServerOrHere(ctx context.Context, fn func(context.Context, *rooms) error) error {
	c, err := a.loadConfig()
	if err != nil {
		return err
	}
	for end := time.Now().Add(lockPatience); ; {
		handled, err := a.askServer(ctx, filepath.Join(c.Server.Data, controlSocket))
		if handled || err != nil {
			return err
		}
		log := newLogger(a.stderr, config.Log{Level: "warn", Format: c.Log.Format})
		r, err := openRooms(ctx, c, outside{log: log, hash: a.hash})
		if err == nil {
			return errors.Join(fn(ctx, r), r.Close())
		}
		if !fault.Is(err, fault.InUse) || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}
