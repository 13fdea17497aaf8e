package dav

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"schulhof/dav/collection"
	"schulhof/dav/vcard"
	"schulhof/store/fault"
)

// addressbookQuery answers with the cards that fulfil a filter, in the order of their names. Depth does not matter: an address book holds only
// cards. RFC 6352 §8.6.
func (x *exchange) addressbookQuery(ctx context.Context, body *element) error {
	filter, err := addressFilter(body.child(carddav("filter")))
	if err != nil {
		return err
	}
	matcher, err := filter.Compile()
	if err != nil {
		return violatedCard(err)
	}
	limit, err := addressLimit(body)
	if err != nil {
		return err
	}
	only, err := x.around(ctx)
	if err != nil {
		return err
	}
	l, err := x.newCardListing(body)
	if err != nil {
		return err
	}
	defer l.release()
	found := 0
	for f, err := range x.objectsFor(ctx, only, collection.Window{Brief: l.brief}) {
		if err != nil {
			return err
		}
		if !matcher.MatchStored(f.Bytes) {
			continue
		}
		card, err := vcard.Parse(f.Bytes)
		if err != nil {
			continue // a card that cannot be read says nothing that a filter could ask for
		}
		if found++; limit > 0 && found > limit {
			more := violated(http.StatusInsufficientStorage, dav("number-of-matches-within-limits"), "")
			if err := l.status(x.res.href(), more); err != nil {
				return err
			}
			break
		}
		if err := l.card(ctx, f, card); err != nil {
			return err
		}
	}
	return l.finish()
}

// addressLimit reads how many cards the client wants at most; 0: all. RFC 6352 §10.6.
func addressLimit(body *element) (int, error) {
	n := body.child(carddav("limit")).child(carddav("nresults"))
	if n == nil {
		return 0, nil
	}
	limit, err := strconv.Atoi(strings.TrimSpace(n.text()))
	if err != nil || limit < 1 {
		return 0, fault.New(fault.Invalid, "CARDDAV:nresults is not a number")
	}
	return limit, nil
}

// cardListing is a multistatus of cards.
type cardListing struct {
	*listing
	data   addressData
	stored []byte      // of the card at hand
	parsed *vcard.Card // the same, if it has been read
}

// newCardListing prepares the answer of a report on cards. The caller releases it.
func (x *exchange) newCardListing(body *element) (*cardListing, error) {
	want := wantedBy(body)
	c := &cardListing{}
	name := carddav("address-data")
	var extra map[xml.Name]extraProperty
	if i := slices.Index(want.names, name); i >= 0 {
		var err error
		if c.data, err = addressDataOf(want.elements[i]); err != nil {
			return nil, err
		}
		extra = map[xml.Name]extraProperty{name: c.writeData}
	}
	c.listing = x.newListing(want, extra)
	return c, nil
}

// card writes the answer for one card.
func (c *cardListing) card(ctx context.Context, f collection.Found, parsed *vcard.Card) error {
	c.stored, c.parsed = f.Bytes, parsed
	return c.found(ctx, f.Node)
}

func (c *cardListing) writeData(_ context.Context, w *xmlWriter, _ *described) (bool, error) {
	w.open(carddav("address-data"))
	w.textBytes(c.data.of(c.stored, c.parsed))
	w.close(carddav("address-data"))
	return true, nil
}

// violatedCard answers what a card or a filter violates with its precondition in CardDAV's namespace.
func violatedCard(err error) error {
	var v *vcard.Violation
	if errors.As(err, &v) {
		return violated(http.StatusForbidden, carddav(v.Precondition), v.Reason)
	}
	return err
}
