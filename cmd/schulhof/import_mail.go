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
	progressEvery     = time.Second // between two lines of progress on a terminal
)

func newImportCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "import", Short: "Take in what another system has"}
	cmd.AddCommand(newImportMailCommand(a))
	return cmd
}

func newImportMailCommand(a *app) *cobra.Command {
	var user, box string
	cmd := &cobra.Command{
		Use: "mail --user ADDRESS PATH", Short: "Import an mbox, a Maildir or a folder of .eml files", Args: cobra.ExactArgs(1),
		Long: "Import an mbox file, a Maildir with its folders, flags and dates, or a folder of .eml files into someone's mail.\n" +
			"Started again after an interruption it goes on where it stopped: what is in the mailbox already is not imported a second\n" +
			"time. With --json: imported, present, failed (where, reason).",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			account, err := r.Directory.AccountByAddress(ctx, user)
			if err != nil {
				return err
			}
			source, closer, err := a.openMailSource(args[0])
			if err != nil {
				return err
			}
			defer closer.Close()
			i := &mailImport{mail: r.Mail, owner: account.ID, top: box, known: map[string]map[store.Hash]int{}}
			i.report.Failed = []failedMail{}
			if isTerminal(a.stderr) {
				i.progress = a.stderr
			}
			err = source(ctx, func(m importedMail) error { return i.add(ctx, m) })
			err = errors.Join(err, i.flush(ctx))
			i.drop()
			if err != nil {
				return fmt.Errorf("%w (%d messages are imported; the same command goes on from there)", err, i.report.Imported)
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
	cmd.MarkFlagRequired("user")
	return cmd
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

	known map[string]map[store.Hash]int // by mailbox: how often a body is there and has not been met in the source
	box   string                        // of the batch
	batch []importedSpool
	bytes int64
}

type importedSpool struct {
	importedMail
	spool *store.Spool
}

// target is the mailbox for what the source has in its mailbox name.
func (i *mailImport) target(name string) string {
	switch {
	case name == "" && i.top == "":
		return "INBOX"
	case name == "":
		return i.top
	case i.top == "":
		return name
	}
	return i.top + "/" + name
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
	good := make([]mailbox.Appended, 0, len(list))
	for j, err := range errs {
		switch {
		case err == nil:
			good = append(good, list[j])
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
	if err != nil {
		return fmt.Errorf("mailbox %s: %w", i.box, err)
	}
	i.report.Imported += len(good)
	i.tell()
	return nil
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
