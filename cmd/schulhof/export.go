package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
)

// exportPage is how many messages are looked up at once.
const exportPage = 500

func newExportCommand(a *app) *cobra.Command {
	var user, format string
	cmd := &cobra.Command{
		Use: "export --user ADDRESS DIR", Short: "Write everything of one account in open formats", Args: cobra.ExactArgs(1),
		Long: "Write what belongs to one account into a new folder: account.json (who, aliases, groups, mailboxes); calendars, contacts\n" +
			"and files as they were stored; and the mail, either as a Maildir with one folder for each mailbox (flags in the names, dates as file\n" +
			"times, keywords in dovecot-keywords) or as one mbox (mboxrd) for each mailbox. \"schulhof import mail\" and other programs read both.\n" +
			"With --json: export, mailboxes, messages, objects.",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			if format != "maildir" && format != "mbox" {
				return usage("--format %q: want maildir or mbox", format)
			}
			account, err := r.Directory.AccountByAddress(ctx, user)
			if err != nil {
				return err
			}
			local, done, err := a.files.NewDir(args[0])
			if err != nil {
				return err
			}
			defer done()
			e := &export{rooms: r, account: account, dir: local, mbox: format == "mbox"}
			if err := e.run(ctx); err != nil {
				return fmt.Errorf("export: %w", err)
			}
			doc := map[string]any{"export": args[0], "mailboxes": len(e.doc.Mailboxes), "messages": e.messages, "objects": e.objects}
			return a.result(doc, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d messages of %d mailboxes and %d calendar objects, contacts and files are in %s.\n",
					e.messages, len(e.doc.Mailboxes), e.objects, args[0])
				return err
			})
		}),
	}
	cmd.Flags().StringVar(&user, "user", "", "`ADDRESS` of the account")
	cmd.Flags().StringVar(&format, "format", "maildir", "of the mail: maildir or mbox")
	cmd.MarkFlagRequired("user")
	return cmd
}

// export is one run.
type export struct {
	rooms    *rooms
	account  directory.Account
	dir      string
	mbox     bool
	doc      exportedAccount
	messages int
	objects  int // of calendars, address books and folders
}

// exportedAccount is account.json.
type exportedAccount struct {
	Address   string            `json:"address"`
	Login     string            `json:"login"`
	Name      string            `json:"name"`
	Role      string            `json:"role"`
	State     string            `json:"state"`
	Quota     int64             `json:"quota"` // bytes; 0: unlimited
	Created   time.Time         `json:"created"`
	Aliases   []string          `json:"aliases"`
	Groups    []exportedGroup   `json:"groups"`
	Mailboxes []exportedMailbox `json:"mailboxes"`
}

type exportedGroup struct {
	Address string `json:"address"`
	Title   string `json:"title"`
	Kind    string `json:"kind"`
	Owner   bool   `json:"owner"`
}

type exportedMailbox struct {
	Name       string `json:"name"`
	Path       string `json:"path"` // below the folder of the export
	SpecialUse string `json:"special_use,omitempty"`
	Subscribed bool   `json:"subscribed"`
	Messages   int    `json:"messages"`
}

func (e *export) run(ctx context.Context) error {
	if err := e.who(ctx); err != nil {
		return err
	}
	boxes, err := e.rooms.Mail.Mailboxes(ctx, e.account.ID)
	if err != nil {
		return err
	}
	for _, b := range boxes {
		if b.NoSelect || b.Owner != e.account.ID {
			continue
		}
		if err := e.mailbox(ctx, b); err != nil {
			return fmt.Errorf("mailbox %s: %w", b.Name, err)
		}
	}
	if err := e.collections(ctx); err != nil {
		return err
	}
	text, err := json.MarshalIndent(e.doc, "", "  ")
	if err != nil {
		return fmt.Errorf("account.json: %w", err)
	}
	return os.WriteFile(filepath.Join(e.dir, "account.json"), append(text, '\n'), 0o600)
}

// who collects what the directory knows of the account.
func (e *export) who(ctx context.Context) error {
	d, acc := e.rooms.Directory, e.account
	e.doc = exportedAccount{Address: acc.Address, Login: acc.Login, Name: acc.Name, Role: string(acc.Role), State: string(acc.State),
		Quota: acc.QuotaBytes, Created: acc.Created.UTC(), Aliases: []string{}, Groups: []exportedGroup{}, Mailboxes: []exportedMailbox{}}
	aliases, err := d.Aliases(ctx)
	if err != nil {
		return err
	}
	for _, alias := range aliases {
		for _, target := range alias.Targets {
			if strings.EqualFold(target, acc.Address) {
				e.doc.Aliases = append(e.doc.Aliases, alias.Address)
			}
		}
	}
	groups, err := d.GroupsOf(ctx, acc.ID)
	if err != nil {
		return err
	}
	for _, g := range groups {
		members, err := d.Members(ctx, g.ID)
		if err != nil {
			return err
		}
		shown := exportedGroup{Address: g.Address, Title: g.Title, Kind: string(g.Kind)}
		for _, m := range members {
			shown.Owner = shown.Owner || m.Account.ID == acc.ID && m.Owner
		}
		e.doc.Groups = append(e.doc.Groups, shown)
	}
	return nil
}

// mailWriter takes the messages of one mailbox.
type mailWriter interface {
	write(m exportedMail, body io.Reader) error
	close() error
}

// exportedMail is what a message has besides its text.
type exportedMail struct {
	uid      mailbox.UID
	flags    mailbox.Flags
	keywords []string // of the owner, by bit
	date     time.Time
	size     int64
}

// mailbox writes the messages of a mailbox as it was when it was opened.
func (e *export) mailbox(ctx context.Context, b mailbox.Mailbox) error {
	box, err := e.rooms.Mail.Open(ctx, e.account.ID, b.Name)
	if err != nil {
		return err
	}
	defer box.Close()
	keywords, err := e.rooms.Mail.Keywords(ctx, e.account.ID)
	if err != nil {
		return err
	}
	path, out, err := e.writer(b)
	if err != nil {
		return err
	}
	snapshot := box.Snapshot()
	written, err := e.messagesOf(ctx, box, snapshot, keywords, out)
	if closeErr := out.close(); err == nil {
		err = closeErr
	}
	e.messages += written
	e.doc.Mailboxes = append(e.doc.Mailboxes, exportedMailbox{Name: b.Name, Path: path, SpecialUse: b.SpecialUse,
		Subscribed: b.Subscribed, Messages: written})
	return err
}

func (e *export) writer(b mailbox.Mailbox) (path string, out mailWriter, err error) {
	name := folderName(b.Name)
	if e.mbox {
		path = filepath.Join("mail", strings.TrimPrefix(name, ".")+".mbox")
		out, err = newMboxWriter(filepath.Join(e.dir, path))
		return path, out, err
	}
	path = "mail"
	if b.Name != "INBOX" {
		path = filepath.Join("mail", name)
	}
	out, err = newMaildirWriter(filepath.Join(e.dir, path), b.UIDValidity)
	return path, out, err
}

func (e *export) messagesOf(ctx context.Context, box *mailbox.Box, snapshot *mailbox.Snapshot, keywords []string, out mailWriter) (written int, err error) {
	var buf mailbox.ContentBuf
	for at := 0; at < snapshot.Len(); at += exportPage {
		page := make([]mailbox.Entry, 0, exportPage)
		for i := at; i < min(at+exportPage, snapshot.Len()); i++ {
			page = append(page, snapshot.At(i))
		}
		contents, err := box.Contents(ctx, page, mailbox.WantBlob, &buf)
		if err != nil {
			return written, err
		}
		for i, c := range contents {
			if c.ID == 0 {
				continue // expunged meanwhile
			}
			body, err := e.rooms.Mail.OpenBody(ctx, c.Blob)
			if err != nil {
				return written, fmt.Errorf("message %d: %w", page[i].UID, err)
			}
			m := exportedMail{uid: page[i].UID, flags: page[i].Flags, keywords: keywords, date: time.Unix(page[i].Date, 0).UTC(), size: page[i].Size}
			err = out.write(m, body)
			body.Close()
			if err != nil {
				return written, fmt.Errorf("message %d: %w", page[i].UID, err)
			}
			written++
		}
	}
	return written, nil
}

// words are the message's keywords.
func (m *exportedMail) words() (words []string) {
	for i, name := range m.keywords {
		if m.flags&(mailbox.Flags(1)<<(5+i)) != 0 {
			words = append(words, name)
		}
	}
	return words
}

// newFile makes a file that must not be there yet.
func newFile(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if os.IsExist(err) {
		return nil, fault.Wrap(fault.AlreadyExists, err, "%s is there already", filepath.Base(path))
	}
	return f, err
}
