package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"schulhof/smtpd/lists"

	"github.com/spf13/cobra"
)

// heldDoc is a held message in a command's JSON.
type heldDoc struct {
	ID         int64      `json:"id"`
	Reason     string     `json:"reason"` // moderation or limit
	Group      string     `json:"group"`  // its address; empty for reason limit
	From       string     `json:"from"`
	Sender     string     `json:"sender"`
	Recipients []string   `json:"recipients"`
	Subject    string     `json:"subject"`
	Rule       string     `json:"rule"`
	Size       int64      `json:"size"`
	TraceID    string     `json:"trace_id"`
	Received   time.Time  `json:"received"`
	Expires    time.Time  `json:"expires"`
	State      string     `json:"state"`   // waiting, approved, rejected, expired
	Decided    *time.Time `json:"decided"` // null while it waits
	DecidedBy  string     `json:"decided_by"`
}

func documentHeld(r *rooms, h lists.Held) heldDoc {
	d := heldDoc{
		ID: h.ID, Reason: string(h.Reason), From: h.Author, Sender: h.Sender, Recipients: h.Recipients, Subject: h.Subject, Rule: h.Rule,
		Size: h.Size, TraceID: h.TraceID, Received: h.Received, Expires: h.Expires, State: string(h.State), DecidedBy: h.DecidedBy,
	}
	if g, err := r.Directory.GroupByID(h.Group); err == nil {
		d.Group = g.Address
	}
	if !h.Decided.IsZero() {
		d.Decided = &h.Decided
	}
	return d
}

// byCommand is who decides on the command line.
const byCommand = "the command line"

func newListCommand(a *app) *cobra.Command {
	family := &cobra.Command{
		Use: "list", Short: "Mail that waits for a decision: to moderated groups, and beyond sending limits",
		Long: "Mail that waits for a decision: to moderated groups (group set NAME --post moderated), and from accounts that have passed a sending\n" +
			"limit (policy list). Each message is sent once or not at all, however often it is decided; owners may answer their notice instead.",
	}
	family.AddCommand(newListPending(a), newListDecision(a, "approve", true), newListDecision(a, "reject", false))
	return family
}

func newListPending(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "pending", Short: "List held messages, the oldest first", Args: cobra.NoArgs,
		RunE: a.withRooms(func(ctx context.Context, r *rooms, _ []string) error {
			held, err := r.Lists.Held(ctx, all)
			if err != nil {
				return err
			}
			docs := []heldDoc{}
			rows := [][]string{{"ID", "STATE", "FROM", "TO", "SUBJECT", "WHY"}}
			for _, h := range held {
				d := documentHeld(r, h)
				docs = append(docs, d)
				rows = append(rows, []string{strconv.FormatInt(d.ID, 10), d.State, d.From, strings.Join(d.Recipients[:min(3, len(d.Recipients))], " "), d.Subject, d.Rule})
			}
			return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "those decided within the last 30 days too")
	return cmd
}

func newListDecision(a *app, verb string, approve bool) *cobra.Command {
	short := "Send held messages"
	if !approve {
		short = "Do not send held messages; their authors are told"
	}
	return &cobra.Command{
		Use: verb + " ID…", Short: short, Args: cobra.MinimumNArgs(1),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			ids := make([]int64, len(args))
			for i, arg := range args {
				id, err := strconv.ParseInt(arg, 10, 64)
				if err != nil || id < 1 {
					return usage("%q is no ID of a held message", arg)
				}
				ids[i] = id
			}
			docs := []heldDoc{}
			for _, id := range ids {
				h, err := r.Lists.Decide(ctx, id, approve, byCommand)
				if err != nil {
					return fmt.Errorf("message %d: %w", id, err)
				}
				docs = append(docs, documentHeld(r, h))
			}
			return a.result(docs, func(w io.Writer) error {
				for _, d := range docs {
					if err := say("%d %s", d.ID, d.State)(w); err != nil {
						return err
					}
				}
				return nil
			})
		}),
	}
}

// expireHeld settles held messages that nobody has decided in time.
func (r *rooms) expireHeld(ctx context.Context) error {
	return everyHour(ctx, r.Log, func(ctx context.Context, _ time.Time) error {
		if r.Store.ReadOnlyCause() != nil {
			return nil
		}
		return r.Lists.Expire(ctx)
	})
}
