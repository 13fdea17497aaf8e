package main

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"schulhof/config"
	"schulhof/smtpd/authenticate"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
)

// keysFolder is where the DKIM keys lie, in the data folder.
const keysFolder = "dkim"

// keysWait is how long new keys wait where their age decides: a record that others have asked for in vain is remembered by them for a day.
const keysWait = 48 * time.Hour

func newDKIMCommand(a *app) *cobra.Command {
	family := &cobra.Command{Use: "dkim", Short: "Keys that mail is signed with"}
	list := &cobra.Command{
		Use: "list [DOMAIN]", Short: "List the keys and what each is for", Args: cobra.MaximumNArgs(1),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			docs, err := documentKeys(ctx, r, args)
			if err != nil {
				return err
			}
			return a.result(docs, keyTable(docs))
		}),
	}
	var now bool
	rotate := &cobra.Command{
		Use: "rotate [DOMAIN]", Short: "Make the next keys", Args: cobra.MaximumNArgs(1),
		Long: "Make the next two keys (RSA and Ed25519) of a domain, without DOMAIN: of each of ours, and print the records to publish. They sign once\n" +
			"the records are seen in the DNS, or after two days (origin.new_keys); the former keys stay for 7 days, for mail that is on its way.\n" +
			"While new keys wait, the command prints them again. With --now they sign at once.",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			if err := rotateKeys(ctx, r, args, now); err != nil {
				return err
			}
			docs, err := documentKeys(ctx, r, args)
			if err != nil {
				return err
			}
			return a.result(docs, keyTable(docs))
		}),
	}
	rotate.Flags().BoolVar(&now, "now", false, "let the new keys sign at once: their records are published")
	family.AddCommand(list, rotate)
	return family
}

// keyDoc is a key in a command's JSON; name, type and value are its record.
type keyDoc struct {
	Domain    string             `json:"domain"`
	Selector  string             `json:"selector"`
	Algorithm string             `json:"algorithm"`
	Bits      int                `json:"bits"`
	State     authenticate.State `json:"state"`
	Created   string             `json:"created"`
	Since     string             `json:"since"`
	Name      string             `json:"name"`
	Type      string             `json:"type"`
	Value     string             `json:"value"`
}

func documentKeys(ctx context.Context, r *rooms, args []string) ([]keyDoc, error) {
	domains, err := ourDomains(ctx, r, args)
	if err != nil {
		return nil, err
	}
	docs := []keyDoc{}
	for _, domain := range domains {
		keys, err := r.Keys.Keys(domain)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			docs = append(docs, keyDoc{
				Domain: k.Domain, Selector: k.Selector, Algorithm: k.Algorithm, Bits: k.Bits, State: k.State,
				Created: k.Created.UTC().Format(time.RFC3339), Since: k.Since.UTC().Format(time.RFC3339),
				Name: k.Name() + ".", Type: "TXT", Value: k.Record(),
			})
		}
	}
	return docs, nil
}

func keyTable(docs []keyDoc) func(io.Writer) error {
	return func(w io.Writer) error {
		rows := [][]string{{"DOMAIN", "SELECTOR", "KIND", "BITS", "STATE", "SINCE", "RECORD"}}
		for _, d := range docs {
			rows = append(rows, []string{d.Domain, d.Selector, d.Algorithm, strconv.Itoa(d.Bits), string(d.State), d.Since, d.Name + " TXT " + d.Value})
		}
		return table(w, rows...)
	}
}

func rotateKeys(ctx context.Context, r *rooms, args []string, now bool) error {
	domains, err := ourDomains(ctx, r, args)
	if err != nil {
		return err
	}
	for _, domain := range domains {
		if _, err := r.Keys.Rotate(domain); err != nil {
			return err
		}
		if !now {
			continue
		}
		if err := r.Keys.Activate(domain); err != nil && !fault.Is(err, fault.NotFound) { // the first keys are active already
			return err
		}
	}
	return nil
}

// keepKeys lets new keys sign when their time has come, and removes those that are no longer needed; it looks every hour until ctx ends.
func (r *rooms) keepKeys(ctx context.Context) error {
	return everyHour(ctx, r.Log, r.advanceKeys)
}

func (r *rooms) advanceKeys(ctx context.Context, now time.Time) error {
	domains, err := r.Directory.Domains(ctx)
	errs := []error{err}
	for _, domain := range domains {
		keys, err := r.Keys.Keys(domain)
		errs = append(errs, err)
		if r.keysReady(ctx, keys, now) {
			if err := r.Keys.Activate(domain); err != nil {
				errs = append(errs, err)
			} else {
				r.Log.Info("new DKIM keys sign from now on", "domain", domain)
			}
		}
		gone, err := r.Keys.Retire(domain)
		errs = append(errs, err)
		for _, k := range gone {
			r.Log.Info("an old DKIM key was removed; its record may go, too", "record", k.Name())
		}
	}
	return errors.Join(errs...)
}

// keysReady reports whether there are keys that wait, and none of them has to wait any longer.
func (r *rooms) keysReady(ctx context.Context, keys []authenticate.Key, now time.Time) bool {
	waiting := 0
	for _, k := range keys {
		if k.State != authenticate.Next {
			continue
		}
		waiting++
		if r.Config.Origin.NewKeys == config.KeysAge {
			if now.Sub(k.Created) < keysWait {
				return false
			}
			continue
		}
		texts, err := r.DNS.LookupTXT(ctx, k.Name())
		if err != nil || len(texts) != 1 || !k.Is(texts[0]) {
			return false
		}
	}
	return waiting > 0
}
