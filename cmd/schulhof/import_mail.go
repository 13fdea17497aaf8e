package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

const (
	importHeaderLimit = 256 << 10   // bytes of a header that are searched for an mbox's own fields
	importBatch       = 32          // messages that share a commit
	importBatchBytes  = 8 << 20     // and how many bytes of them
	importPage        = 500         // messages per page when looking at what is there
	importedTop       = "Imported"  // the level above names that are reserved here
	progressEvery     = time.Second // between two lines of progress on a terminal
)

func newImportCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "import", Short: "Take in what another system has"}
	cmd.AddCommand(newImportMailCommand(a))
	return cmd
}

func newImportMailCommand(a *app) *cobra.Command {
	var user, box, ca string
	var again bool
	cmd := &cobra.Command{
		Use: "mail --user ADDRESS PATH|imaps://LOGIN@HOST", Short: "Import an mbox, a Maildir, a folder of .eml files, or from another server", Args: cobra.ExactArgs(1),
		Long: "Import an mbox file, a Maildir with its folders, flags and dates, or a folder of .eml files into someone's mail.\n" +
			"Started again after an interruption it goes on where it stopped: what is in the mailbox already is not imported a second\n" +
			"time. With --json: imported, present, failed (where, reason).\n\n" +
			"From another server all folders come by IMAP, with TLS; the first line of standard input is the password there. How far it has come is\n" +
			"kept, so that the next run takes only what is new; --again looks at everything.",
		Example: "  schulhof import mail --user anna imaps://anna@old.example < password",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			account, err := r.Directory.AccountByAddress(ctx, user)
			if err != nil {
				return err
			}
			i := &mailImport{mail: r.Mail, owner: account.ID, top: box, known: map[string]map[store.Hash]int{}}
			i.report.Failed = []failedMail{}
			if isTerminal(a.stderr) {
				i.progress = a.stderr
			}
			if isIMAPAddress(args[0]) {
				err = a.importIMAP(ctx, i, args[0], account.Address, ca, again)
			} else {
				err = a.importFiles(ctx, i, args[0])
			}
			i.drop()
			if err != nil && i.report.Imported > 0 {
				return fmt.Errorf("%w (%d messages are imported; the same command goes on from there)", err, i.report.Imported)
			}
			if err != nil {
				return err
			}
			if err := a.result(i.report, i.report.write); err != nil {
				return err
			}
			if n := len(i.report.Failed); n > 0 {
				return fault.New(fault.Refused, "%d messages could not be imported", n)
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&user, "user", "", "`ADDRESS` of the account")
	cmd.Flags().StringVar(&box, "mailbox", "", "`NAME` of the mailbox for the top of PATH (default: INBOX); folders go beneath it")
	cmd.Flags().StringVar(&ca, "ca", "", "certificates in PEM `FILE` to trust instead of the system's, for another server")
	cmd.Flags().BoolVar(&again, "again", false, "look at all messages of another server, also those that were taken over before")
	cmd.MarkFlagRequired("user")
	return cmd
}

// importFiles imports what is in a file or folder.
func (a *app) importFiles(ctx context.Context, i *mailImport, path string) error {
	source, closer, err := a.openMailSource(path)
	if err != nil {
		return err
	}
	defer closer.Close()
	err = source(ctx, func(m importedMail) error { return i.add(ctx, m) })
	return errors.Join(err, i.flush(ctx))
}

// importReport is what --json shows.
type importReport struct {
	Imported int          `json:"imported"`
	Present  int          `json:"present"` // already there
	Failed   []failedMail `json:"failed"`
}

type failedMail struct {
	Where  string `json:"where"`
	Reason string `json:"reason"`
}

func (r *importReport) write(w io.Writer) error {
	for _, f := range r.Failed {
		if _, err := fmt.Fprintf(w, "not imported: %s: %s\n", printable(f.Where), printable(f.Reason)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%d messages imported, %d were there already, %d failed.\n", r.Imported, r.Present, len(r.Failed))
	return err
}

// mailImport collects messages of one mailbox into batches.
type mailImport struct {
	mail     *mailbox.Mail
	owner    directory.ID
	top      string
	report   importReport
	progress io.Writer // nil: none
	told     time.Time

	reached func(context.Context) error // notes how far the import has come, once all that was added is stored; nil: nothing to note
	full    bool                        // something did not fit: no more is noted, so that the next run tries again

	known map[string]map[store.Hash]int // by mailbox: how often a body is there and has not been met in the source
	box   string                        // of the batch
	batch []importedSpool
	bytes int64
}

type importedSpool struct {
	importedMail
	spool *store.Spool
}

// target is the mailbox for what the source has in its mailbox name. Names that are other people's here get a level above them.
func (i *mailImport) target(name string) string {
	switch {
	case name == "" && i.top == "":
		return "INBOX"
	case name == "":
		return i.top
	case i.top != "":
		return i.top + "/" + name
	}
	if mailbox.Reserved(name) {
		return importedTop + "/" + name
	}
	return name
}

// add reads one message and keeps it until the batch is full.
func (i *mailImport) add(ctx context.Context, m importedMail) error {
	box := i.target(m.mailbox)
	if box != i.box {
		if err := i.flush(ctx); err != nil {
			return err
		}
		i.box = box
		if err := i.prepare(ctx, box); err != nil {
			return err
		}
	}
	spool := i.mail.NewSpool()
	n, err := io.Copy(spool, io.LimitReader(m.text, i.mail.MaxSize()+1))
	switch {
	case err != nil:
		spool.Close()
		return fmt.Errorf("%s: %w", m.where, err)
	case n > i.mail.MaxSize():
		spool.Close()
		i.failed(m, fault.New(fault.TooLarge, "it is larger than %d bytes (mail.max_size)", i.mail.MaxSize()))
		return nil
	case i.known[box][spool.Hash()] > 0:
		i.known[box][spool.Hash()]--
		spool.Close()
		i.report.Present++
		i.tell()
		return nil
	}
	m.text = nil
	i.batch = append(i.batch, importedSpool{m, spool})
	i.bytes += n
	if len(i.batch) >= importBatch || i.bytes >= importBatchBytes {
		return i.flush(ctx)
	}
	return nil
}

func (i *mailImport) failed(m importedMail, err error) {
	where := m.where
	if m.mailbox != "" {
		where = m.mailbox + ": " + where
	}
	reason := fault.TextOf(err)
	if reason == "" {
		reason = err.Error()
	}
	i.report.Failed = append(i.report.Failed, failedMail{where, reason})
}

// prepare makes the mailbox and learns what is in it.
func (i *mailImport) prepare(ctx context.Context, name string) error {
	if i.known[name] != nil {
		return nil
	}
	box, err := i.mail.Open(ctx, i.owner, name)
	if fault.Is(err, fault.NotFound) {
		if _, err := i.mail.Create(ctx, i.owner, name, ""); err != nil {
			return fmt.Errorf("make mailbox %s: %w", name, err)
		}
		if err := i.mail.Subscribe(ctx, i.owner, name, true); err != nil {
			return fmt.Errorf("make mailbox %s: %w", name, err)
		}
		box, err = i.mail.Open(ctx, i.owner, name)
	}
	if err != nil {
		return fmt.Errorf("open mailbox %s: %w", name, err)
	}
	defer box.Close()
	snapshot := box.Snapshot()
	known := make(map[store.Hash]int, snapshot.Len())
	var buf mailbox.ContentBuf
	for at := 0; at < snapshot.Len(); at += importPage {
		page := make([]mailbox.Entry, 0, importPage)
		for j := at; j < min(at+importPage, snapshot.Len()); j++ {
			page = append(page, snapshot.At(j))
		}
		contents, err := box.Contents(ctx, page, mailbox.WantBlob, &buf)
		if err != nil {
			return fmt.Errorf("read mailbox %s: %w", name, err)
		}
		for _, c := range contents {
			known[c.Hash]++
		}
	}
	i.known[name] = known
	return nil
}

// flush puts the batch into its mailbox in one commit.
func (i *mailImport) flush(ctx context.Context) error {
	if err := i.store(ctx); err != nil || i.reached == nil || i.full {
		return err
	}
	note := i.reached
	i.reached = nil
	return note(ctx)
}

// store puts the batch into its mailbox.
func (i *mailImport) store(ctx context.Context) error {
	defer i.drop()
	if len(i.batch) == 0 {
		return nil
	}
	list := make([]mailbox.Appended, len(i.batch))
	defer func() {
		for _, m := range list {
			if m.Message != nil {
				m.Message.Release()
			}
		}
	}()
	errs := make([]error, len(list))
	var all errgroup.Group
	for j, m := range i.batch {
		all.Go(func() error {
			list[j] = mailbox.Appended{Flags: m.flags, Date: m.date}
			list[j].Message, errs[j] = i.mail.Prepare(ctx, m.spool)
			return nil
		})
	}
	all.Wait()
	good, where := make([]mailbox.Appended, 0, len(list)), make([]importedMail, 0, len(list))
	for j, err := range errs {
		switch {
		case err == nil:
			good, where = append(good, list[j]), append(where, i.batch[j].importedMail)
		case fault.Is(err, fault.TooLarge) || fault.Is(err, fault.Invalid):
			i.failed(i.batch[j].importedMail, err)
		default:
			return err
		}
	}
	if len(good) == 0 {
		return nil
	}
	_, err := i.mail.Append(ctx, i.owner, i.box, good)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Limit) { // a keyword that cannot be stored: keep the mail
		for j := range good {
			good[j].Flags = onlySystemFlags(good[j].Flags)
		}
		_, err = i.mail.Append(ctx, i.owner, i.box, good)
	}
	if fault.Is(err, fault.OverQuota) {
		return i.oneByOne(ctx, good, where)
	}
	if err != nil {
		return fmt.Errorf("mailbox %s: %w", i.box, err)
	}
	i.report.Imported += len(good)
	i.tell()
	return nil
}

// oneByOne appends what still fits into a mailbox that is nearly full.
func (i *mailImport) oneByOne(ctx context.Context, list []mailbox.Appended, where []importedMail) error {
	for j, one := range list {
		_, err := i.mail.Append(ctx, i.owner, i.box, []mailbox.Appended{one})
		switch {
		case err == nil:
			i.report.Imported++
		case fault.Is(err, fault.OverQuota):
			i.full = true
			i.failed(where[j], err)
		default:
			return fmt.Errorf("mailbox %s: %w", i.box, err)
		}
	}
	i.tell()
	return nil
}

// refuses says why a message of that size is not worth asking for.
func (i *mailImport) refuses(ctx context.Context, size int64) error {
	if size > i.mail.MaxSize() {
		return fault.New(fault.TooLarge, "it is larger than %d bytes (mail.max_size)", i.mail.MaxSize())
	}
	if !i.full {
		return nil
	}
	q, err := i.mail.Quota(ctx, i.owner)
	if err == nil && q.LimitBytes > 0 && q.UsedBytes+size > q.LimitBytes {
		err = fault.New(fault.OverQuota, "the mailbox is full")
	}
	return err
}

func onlySystemFlags(flags []string) (system []string) {
	for _, f := range flags {
		if f[0] == '\\' {
			system = append(system, f)
		}
	}
	return system
}

// drop lets go of the batch.
func (i *mailImport) drop() {
	for _, m := range i.batch {
		m.spool.Close()
	}
	i.batch, i.bytes = i.batch[:0], 0
}

// tell writes a line of progress now and then.
func (i *mailImport) tell() {
	if i.progress == nil || time.Since(i.told) < progressEvery {
		return
	}
	i.told = time.Now()
	fmt.Fprintf(i.progress, "%s: %d messages imported, %d were there already\n", printable(i.box), i.report.Imported, i.report.Present)
}
