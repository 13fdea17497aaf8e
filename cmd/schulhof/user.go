package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"schulhof/config"
	"schulhof/directory"

	"github.com/spf13/cobra"
)

func newUserCommand(a *app) *cobra.Command {
	family := &cobra.Command{
		Use: "user", Short: "Add, change and list accounts",
		Long: "Add, change and list accounts. ADDRESS is an account's address or its login name.",
	}
	family.AddCommand(newUserAdd(a), newUserList(a), newUserShow(a), newUserSet(a), newUserPasswd(a),
		newUserState(a, "disable", "Refuse logins and new mail, keep everything", directory.Disabled),
		newUserState(a, "enable", "Allow a disabled or deleted account again", directory.Active),
		newUserDelete(a), newAppPasswordCommand(a))
	return family
}

func newUserAdd(a *app) *cobra.Command {
	role := words(directory.Roles()...)
	n := directory.NewAccount{}
	var fromStdin, passwordStdin bool
	var quota config.Size
	cmd := &cobra.Command{
		Use: "add ADDRESS --role ROLE", Short: "Add an account, or many from standard input",
		Long: "Add an account. Without --password-stdin a password is generated and printed.\n\n" +
			"With --stdin, add many, all or none: one on each line, ADDRESS;ROLE;GIVEN NAME;FAMILY NAME;PASSWORD. " +
			"Where the password is empty, one is generated and printed.",
		Example: "  schulhof user add anna --role student --name \"Anna Groß\"\n  schulhof user add --stdin < pupils.csv",
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case fromStdin && (len(args) > 0 || passwordStdin || role.value != ""):
			return usage("--stdin takes no address, role or password besides")
		case !fromStdin && len(args) != 1:
			return usage("want one address, or --stdin")
		case !fromStdin && role.value == "":
			return usage("--role is missing: %s", role.Type())
		}
		return nil
	}
	cmd.RunE = a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
		if fromStdin {
			return addUsers(ctx, a, r)
		}
		n.Address, n.Role = args[0], directory.Role(role.value)
		if cmd.Flags().Changed("quota") {
			n.QuotaBytes = new(int64(quota))
		}
		if passwordStdin {
			password, err := readPassword(a.stdin)
			if err != nil {
				return err
			}
			n.Password = password
		}
		made, generated, err := r.Directory.AddAccounts(ctx, []directory.NewAccount{n})
		if err != nil {
			return err
		}
		return a.result(addedDoc{documentAccount(made[0]), generated[0]}, func(w io.Writer) error { return writeAdded(w, made, generated) })
	})
	flags := cmd.Flags()
	flags.Var(role, "role", "what the person is at school")
	flags.StringVar(&n.Name, "name", "", "display name, such as \"Given Family\"")
	flags.StringVar(&n.Given, "given", "", "given name")
	flags.StringVar(&n.Family, "family", "", "family name")
	flags.Var(&quota, "quota", "storage, such as 2GiB; 0: unlimited (default: the role's)")
	flags.BoolVar(&passwordStdin, "password-stdin", false, "read the password from the first line of standard input")
	flags.BoolVar(&fromStdin, "stdin", false, "add one account for each line of standard input")
	return cmd
}

// addedDoc is a new account, with the password if one was generated.
type addedDoc struct {
	accountDoc
	Password string `json:"password,omitempty"`
}

func addUsers(ctx context.Context, a *app, r *rooms) error {
	list, err := readNewAccounts(a.stdin)
	if err != nil {
		return err
	}
	made, generated, err := r.Directory.AddAccounts(ctx, list)
	if err != nil {
		return err
	}
	docs := make([]addedDoc, len(made))
	for i := range made {
		docs[i] = addedDoc{documentAccount(made[i]), generated[i]}
	}
	return a.result(docs, func(w io.Writer) error { return writeAdded(w, made, generated) })
}

// writeAdded prints a line for each account, with its password if it was generated.
func writeAdded(w io.Writer, made []directory.Account, generated []string) error {
	rows := make([][]string, len(made))
	for i, account := range made {
		rows[i] = []string{account.Address, "added"}
		if generated[i] != "" {
			rows[i][1] = "password: " + generated[i]
		}
	}
	return table(w, rows...)
}

func newUserList(a *app) *cobra.Command {
	var deleted bool
	role := words(directory.Roles()...)
	cmd := &cobra.Command{
		Use: "list", Short: "List accounts", Args: cobra.NoArgs,
		RunE: a.withRooms(func(ctx context.Context, r *rooms, _ []string) error {
			accounts, err := r.Directory.Accounts(ctx)
			if err != nil {
				return err
			}
			docs := []accountDoc{}
			rows := [][]string{{"ADDRESS", "LOGIN", "NAME", "ROLE", "STATE", "QUOTA"}}
			for _, account := range accounts {
				if account.State == directory.Deleted && !deleted || role.value != "" && role.value != string(account.Role) {
					continue
				}
				docs = append(docs, documentAccount(account))
				rows = append(rows, []string{account.Address, account.Login, account.Name, string(account.Role), string(account.State), quotaText(account.QuotaBytes)})
			}
			return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
		}),
	}
	cmd.Flags().BoolVar(&deleted, "deleted", false, "deleted accounts too")
	cmd.Flags().Var(role, "role", "only these")
	return cmd
}

// userDoc is what "user show" tells of an account.
type userDoc struct {
	accountDoc
	UsedBytes    int64      `json:"used_bytes"`
	UsedMessages int64      `json:"used_messages"`
	Groups       []groupDoc `json:"groups"`
	Aliases      []string   `json:"aliases"`
	AppPasswords int        `json:"app_passwords"`
}

func newUserShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ADDRESS", Short: "Show an account, its groups, aliases and what it stores", Args: cobra.ExactArgs(1),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			account, err := accountOf(ctx, r, args[0])
			if err != nil {
				return err
			}
			doc, err := describeUser(ctx, r, account)
			if err != nil {
				return err
			}
			return a.result(doc, func(w io.Writer) error { return writeUser(w, doc) })
		}),
	}
}

func describeUser(ctx context.Context, r *rooms, account directory.Account) (userDoc, error) {
	doc := userDoc{accountDoc: documentAccount(account), Groups: []groupDoc{}, Aliases: []string{}}
	quota, err := r.Mail.Quota(ctx, account.ID)
	if err != nil {
		return doc, err
	}
	doc.UsedBytes, doc.UsedMessages = quota.UsedBytes, quota.UsedMessages
	groups, err := r.Directory.GroupsOf(ctx, account.ID)
	if err != nil {
		return doc, err
	}
	for _, g := range groups {
		doc.Groups = append(doc.Groups, documentGroup(g))
	}
	aliases, err := r.Directory.Aliases(ctx)
	if err != nil {
		return doc, err
	}
	for _, alias := range aliases {
		if owns, err := r.Directory.OwnsAddress(ctx, account.ID, alias.Address); err != nil {
			return doc, err
		} else if owns {
			doc.Aliases = append(doc.Aliases, alias.Address)
		}
	}
	apps, err := r.Directory.AppPasswords(ctx, account.ID)
	doc.AppPasswords = len(apps)
	return doc, err
}

func writeUser(w io.Writer, d userDoc) error {
	groups := make([]string, len(d.Groups))
	for i, g := range d.Groups {
		groups[i] = g.Login
	}
	quota := quotaText(d.QuotaBytes)
	if !d.OwnQuota {
		quota += " (of the role)"
	}
	return table(w,
		[]string{"address", d.Address}, []string{"login", d.Login}, []string{"name", d.Name}, []string{"role", d.Role},
		[]string{"state", d.State}, []string{"quota", quota},
		[]string{"used", fmt.Sprintf("%s in %d messages", config.Size(d.UsedBytes), d.UsedMessages)},
		[]string{"groups", strings.Join(groups, " ")}, []string{"aliases", strings.Join(d.Aliases, " ")},
		[]string{"app passwords", strconv.Itoa(d.AppPasswords)}, []string{"created", d.Created})
}
