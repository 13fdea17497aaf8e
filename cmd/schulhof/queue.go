package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"schulhof/config"
	"schulhof/smtpd/queue"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
)

// queuedDoc is a message in the queue in a command's JSON.
type queuedDoc struct {
	ID         int64    `json:"id"`
	Trace      string   `json:"trace"`
	Sender     string   `json:"sender"` // "": a notice, which nobody is told about
	Size       int64    `json:"size"`
	Arrived    string   `json:"arrived"`
	State      string   `json:"state"`
	Recipients []string `json:"recipients"`
	Due        string   `json:"due"` // "": held
	Why        string   `json:"why"`
}

func documentQueued(e *queue.Entry) queuedDoc {
	d := queuedDoc{ID: int64(e.ID), Trace: e.TraceID, Sender: e.Sender, Size: e.Size, Arrived: timestamp(e.Arrived), State: string(e.State()), Recipients: []string{}}
	for _, one := range e.Deliveries {
		for _, r := range one.Recipients {
			d.Recipients = append(d.Recipients, r.Address)
		}
		if due := timestamp(one.Due); d.Due == "" || due != "" && due < d.Due {
			d.Due = due
		}
		if d.Why == "" || one.State == e.State() {
			d.Why = one.Why
		}
	}
	return d
}

// deliveryDoc is what of a message goes to one destination.
type deliveryDoc struct {
	Destination string         `json:"destination"`
	State       string         `json:"state"`
	Why         string         `json:"why"`
	Due         string         `json:"due"`
	Expires     string         `json:"expires"`
	Tries       int            `json:"tries"`
	Tried       string         `json:"tried"`
	Recipients  []recipientDoc `json:"recipients"`
}

// recipientDoc is a recipient with the last answer about it.
type recipientDoc struct {
	Address  string `json:"address"`
	Code     int    `json:"code"` // 0: there was none
	Enhanced string `json:"enhanced"`
	Text     string `json:"text"`
	Host     string `json:"host"`
}

func documentDelivery(d queue.DeliveryState) deliveryDoc {
	doc := deliveryDoc{Destination: d.Destination, State: string(d.State), Why: d.Why, Due: timestamp(d.Due), Expires: timestamp(d.Expires),
		Tries: d.Tries, Tried: timestamp(d.Tried), Recipients: []recipientDoc{}}
	for _, r := range d.Recipients {
		doc.Recipients = append(doc.Recipients, recipientDoc{r.Address, r.Code, r.Enhanced, r.Text, r.Host})
	}
	return doc
}

func newQueueCommand(a *app) *cobra.Command {
	family := &cobra.Command{
		Use: "queue", Short: "Mail that waits to be sent to other servers",
		Long: "Mail that waits to be sent to other servers. ID is a message's number in the queue, or the id that the log has for it.",
	}
	family.AddCommand(newQueueList(a), newQueueShow(a),
		newQueueVerb(a, "retry", "Try messages again at once", "tried again now", (*queue.Queue).Retry),
		newQueueHold(a),
		newQueueVerb(a, "release", "Let held messages go", "released", (*queue.Queue).Release),
		newQueueVerb(a, "drop", "Remove messages without telling anybody", "dropped", (*queue.Queue).Drop),
		newQueueUndo(a))
	return family
}

// queueFilter is the flags by which messages are chosen.
type queueFilter struct {
	queue.Filter
	state *oneOf
}

func (f *queueFilter) flags(cmd *cobra.Command) {
	f.state = words(queue.States()...)
	flags := cmd.Flags()
	flags.StringVar(&f.Sender, "sender", "", "messages of this `ADDRESS`, or @domain")
	flags.StringVar(&f.Recipient, "recipient", "", "messages to this `ADDRESS`, or @domain")
	flags.StringVar(&f.Domain, "domain", "", "messages to this `DOMAIN`, or smart host")
	flags.Var(f.state, "state", "messages that are in this state")
	flags.DurationVar(&f.Older, "older", 0, "messages that came longer ago than this, such as 4h")
}

// chosen reports whether a flag chooses messages.
func (f *queueFilter) chosen(cmd *cobra.Command) bool {
	return countChanged(cmd, "sender", "recipient", "domain", "state", "older") > 0
}

// each calls fn for pages of the ids that the flags choose.
func (f *queueFilter) each(ctx context.Context, r *rooms, fn func([]queue.ID) error) error {
	f.State = queue.State(f.state.value)
	for after := queue.ID(0); ; {
		ids, err := r.Queue.Find(ctx, f.Filter, after)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := fn(ids); err != nil {
			return err
		}
		if len(ids) < queue.PageSize {
			return nil
		}
		after = ids[len(ids)-1]
	}
}

func newQueueList(a *app) *cobra.Command {
	f := new(queueFilter)
	cmd := &cobra.Command{
		Use: "list", Short: "List what waits, oldest first", Args: cobra.NoArgs,
		RunE: a.withRooms(func(ctx context.Context, r *rooms, _ []string) error {
			docs := []queuedDoc{}
			rows := [][]string{{"ID", "STATE", "ARRIVED", "SIZE", "SENDER", "RECIPIENTS", "NEXT TRY"}}
			err := f.each(ctx, r, func(ids []queue.ID) error {
				list, err := r.Queue.Entries(ctx, ids...)
				for i := range list {
					d := documentQueued(&list[i])
					docs = append(docs, d)
					rows = append(rows, []string{strconv.FormatInt(d.ID, 10), d.State, d.Arrived, config.Size(d.Size).String(), "<" + d.Sender + ">", shortList(d.Recipients), d.Due})
				}
				return err
			})
			if err != nil {
				return err
			}
			return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
		}),
	}
	f.flags(cmd)
	return cmd
}

// shortList names the first of many.
func shortList(list []string) string {
	if len(list) > 3 {
		return strings.Join(list[:3], " ") + fmt.Sprintf(" and %d more", len(list)-3)
	}
	return strings.Join(list, " ")
}

func newQueueShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Tell all about a message, and why it waits", Args: cobra.ExactArgs(1),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			ids, err := queuedIDs(ctx, r, args)
			if err != nil {
				return err
			}
			e, err := r.Queue.Entry(ctx, ids[0])
			if err != nil {
				return err
			}
			deliveries := []deliveryDoc{}
			for _, d := range e.Deliveries {
				deliveries = append(deliveries, documentDelivery(d))
			}
			doc := struct {
				queuedDoc
				Deliveries []deliveryDoc `json:"deliveries"`
			}{documentQueued(&e), deliveries}
			return a.result(doc, func(w io.Writer) error { return writeQueued(w, doc.queuedDoc, deliveries) })
		}),
	}
}

// writeQueued shows one message to people.
func writeQueued(w io.Writer, d queuedDoc, deliveries []deliveryDoc) error {
	lines := []string{
		fmt.Sprintf("Message %d (%s in the log) from <%s>, %s, came at %s.", d.ID, d.Trace, d.Sender, config.Size(d.Size), d.Arrived),
	}
	for _, one := range deliveries {
		lines = append(lines, "", fmt.Sprintf("To %s: %s, tried %d times", one.Destination, one.State, one.Tries))
		if one.Tried != "" {
			lines[len(lines)-1] += ", last at " + one.Tried
		}
		lines = append(lines, one.Why)
		if one.Expires != "" {
			lines = append(lines, "It goes back to its sender at "+one.Expires+" if it cannot be sent until then.")
		}
		for _, r := range one.Recipients {
			line := "  <" + r.Address + ">"
			if r.Text != "" {
				line += fmt.Sprintf(": %d %s %s (%s)", r.Code, r.Enhanced, r.Text, r.Host)
			}
			lines = append(lines, line)
		}
	}
	for _, line := range lines {
		if err := say("%s", line)(w); err != nil {
			return err
		}
	}
	return nil
}

// queuedIDs are the messages that people name.
func queuedIDs(ctx context.Context, r *rooms, names []string) (ids []queue.ID, err error) {
	for _, name := range names {
		if n, err := strconv.ParseInt(name, 10, 64); err == nil && n > 0 && len(name) < 16 {
			ids = append(ids, queue.ID(n))
			continue
		}
		found, err := r.Queue.Find(ctx, queue.Filter{Trace: name}, 0)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 || name == "" {
			return nil, fault.New(fault.NotFound, "there is no message %s in the queue", name)
		}
		ids = append(ids, found...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// act does something to the messages that are named or chosen by flags, and says how many there were.
func (f *queueFilter) act(a *app, cmd *cobra.Command, done string, act func(context.Context, *rooms, ...queue.ID) (int, error)) {
	f.flags(cmd)
	cmd.RunE = a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
		if (len(args) > 0) == f.chosen(cmd) {
			return usage("want IDs, or flags that choose messages")
		}
		all := []int64{}
		do := func(ids []queue.ID) error {
			if _, err := act(ctx, r, ids...); err != nil {
				return err
			}
			for _, id := range ids {
				all = append(all, int64(id))
			}
			return nil
		}
		ids, err := queuedIDs(ctx, r, args)
		if err != nil {
			return err
		}
		if len(args) > 0 {
			err = do(ids)
		} else {
			err = f.each(ctx, r, do)
		}
		if err != nil {
			return err
		}
		return a.result(map[string]any{"count": len(all), "ids": all}, say("%d messages %s", len(all), done))
	})
}

func newQueueVerb(a *app, verb, short, done string, act func(*queue.Queue, context.Context, ...queue.ID) (int, error)) *cobra.Command {
	cmd := &cobra.Command{Use: verb + " [ID…]", Short: short, Long: short + ": those that are named, or all that flags choose.",
		Example: "  schulhof queue " + verb + " 17\n  schulhof queue " + verb + " --domain example.org"}
	new(queueFilter).act(a, cmd, done, func(ctx context.Context, r *rooms, ids ...queue.ID) (int, error) { return act(r.Queue, ctx, ids...) })
	return cmd
}

func newQueueHold(a *app) *cobra.Command {
	var reason, until string
	cmd := &cobra.Command{Use: "hold [ID…]", Short: "Keep messages until they are released, or until a time",
		Long:    "Keep messages until they are released: those that are named, or all that flags choose. With --until, send those that were never tried at that time.",
		Example: "  schulhof queue hold 17 --reason \"wrong attachment\"\n  schulhof queue hold 17 --until 2026-12-01T08:00",
	}
	new(queueFilter).act(a, cmd, "held", func(ctx context.Context, r *rooms, ids ...queue.ID) (int, error) {
		if until == "" {
			return r.Queue.Hold(ctx, reason, ids...)
		}
		at, err := time.ParseInLocation("2006-01-02T15:04", until, r.Config.Server.Zone())
		if err != nil {
			if at, err = time.Parse(time.RFC3339, until); err != nil {
				return 0, usage("%q is no time such as 2026-12-01T08:00", until)
			}
		}
		return r.Queue.Postpone(ctx, at, ids...)
	})
	cmd.Flags().StringVar(&reason, "reason", "held by an administrator", "why, in one `SENTENCE`")
	cmd.Flags().StringVar(&until, "until", "", "send them at this `TIME`, such as 2026-12-01T08:00 in the school's time zone")
	return cmd
}

func newQueueUndo(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "undo ADDRESS [SECONDS|default]", Short: "Show or set how long an account can take back what it sent", Args: cobra.RangeArgs(1, 2),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			account, err := accountOf(ctx, r, args[0])
			if err != nil {
				return err
			}
			if len(args) == 2 {
				d := time.Duration(-1)
				if args[1] != "default" {
					n, err := strconv.Atoi(args[1])
					if err != nil {
						return usage("%q is no number of seconds", args[1])
					}
					d = max(time.Duration(n)*time.Second, -2)
				}
				if err := r.Queue.SetUndo(ctx, account.ID, d); err != nil {
					return err
				}
			}
			seconds := int(r.Queue.UndoOf(account.ID) / time.Second)
			return a.result(map[string]any{"address": account.Address, "seconds": seconds}, say("%s can take back mail for %d seconds", account.Address, seconds))
		}),
	}
}
