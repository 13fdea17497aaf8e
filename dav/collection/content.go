package collection

import (
	"schulhof/store"
	"schulhof/store/fault"
)

// inspect checks a content as the collection in demands and reads what is indexed of it.
func (c *Collections) inspect(in *entry, content *store.Spool) (x indexed, err error) {
	switch in.kind {
	case CalendarHome, ContactsHome:
		return x, fault.New(fault.Refused, "there is no place for objects beside the collections")
	case Calendar, AddressBook:
		if content.Size() > MaxObjectSize {
			return x, refuse(fault.TooLarge, "max-resource-size", "the object is larger than %d bytes", int64(MaxObjectSize))
		}
	}
	if content.Size() > c.opts.MaxFileSize {
		return x, refuse(fault.TooLarge, "max-resource-size", "the file is larger than %d bytes", c.opts.MaxFileSize)
	}
	return x, nil
}
