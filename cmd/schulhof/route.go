package main

import (
	"context"
	"io"
	"net"
	"strconv"

	"schulhof/smtpd/queue"

	"github.com/spf13/cobra"
)

// routeDoc is a route in a command's JSON. The password is never in it.
type routeDoc struct {
	Domain string `json:"domain"`
	Host   string `json:"host"`
	Port   int    `json:"port"`
	TLS    string `json:"tls"`
	User   string `json:"user"` // "": without a login
}

func documentRoute(r queue.Route) routeDoc { return routeDoc{r.Domain, r.Host, r.Port, r.TLS, r.User} }

func newRouteCommand(a *app) *cobra.Command {
	family := &cobra.Command{Use: "route", Short: "Smart hosts: other servers that deliver our mail"}
	family.AddCommand(newRouteAdd(a),
		&cobra.Command{
			Use: "list", Short: "List routes; passwords are not shown", Args: cobra.NoArgs,
			RunE: a.withRooms(func(_ context.Context, r *rooms, _ []string) error {
				docs := []routeDoc{}
				rows := [][]string{{"DOMAIN", "HOST", "TLS", "USER"}}
				for _, route := range r.Queue.Routes() {
					docs = append(docs, documentRoute(route))
					rows = append(rows, []string{route.Domain, route.Address(), route.TLS, route.User})
				}
				return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
			}),
		},
		&cobra.Command{
			Use: "remove DOMAIN", Short: "Send mail for a domain to its own servers again", Args: cobra.ExactArgs(1),
			RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
				if err := r.Queue.RemoveRoute(ctx, args[0]); err != nil {
					return err
				}
				return a.result(map[string]any{"domain": args[0]}, say("route for %s removed", args[0]))
			}),
		})
	return family
}

func newRouteAdd(a *app) *cobra.Command {
	var user string
	var passwordStdin bool
	tls := words(queue.TLSRequire, queue.TLSOpportunistic, queue.TLSOff)
	cmd := &cobra.Command{
		Use: "add DOMAIN|'*' HOST:PORT", Short: "Send mail for a domain, or all mail, to a smart host", Args: cobra.ExactArgs(2),
		Long: "Send mail for a domain to a smart host instead of the domain's own servers; '*' is for all domains without a route of their own.\n" +
			"A login takes --user and --password-stdin, and TLS. Without --tls it is \"require\" with a login, otherwise \"opportunistic\".",
		Example: "  schulhof route add '*' smtp.provider.example:587 --user school --password-stdin < password",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			host, text, err := net.SplitHostPort(args[1])
			port, portErr := strconv.Atoi(text)
			if err != nil || portErr != nil {
				return usage("%q: want HOST:PORT", args[1])
			}
			if (user != "") != passwordStdin {
				return usage("--user and --password-stdin go together")
			}
			route := queue.Route{Domain: args[0], Host: host, Port: port, TLS: tls.value, User: user}
			if passwordStdin {
				if route.Password, err = readPassword(a.stdin); err != nil {
					return err
				}
			}
			if route.TLS == "" && user != "" {
				route.TLS = queue.TLSRequire
			} else if route.TLS == "" {
				route.TLS = queue.TLSOpportunistic
			}
			if route, err = r.Queue.AddRoute(ctx, route); err != nil {
				return err
			}
			return a.result(documentRoute(route), say("mail for %s goes to %s", route.Domain, route.Address()))
		}),
	}
	cmd.Flags().StringVar(&user, "user", "", "log in as this `USER`")
	cmd.Flags().BoolVar(&passwordStdin, "password-stdin", false, "read the password from the first line of standard input")
	cmd.Flags().Var(tls, "tls", "how the connection is encrypted")
	return cmd
}
