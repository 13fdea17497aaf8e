package dav

import "schulhof/dav/collection"

// carddavProperties are those of RFC 6352.
var carddavProperties = []property{
	{name: carddav("addressbook-home-set"), kinds: kindPrincipal, has: hasHomes, write: homeIn(nameContacts)},
	{name: carddav("addressbook-description"), kinds: kindAddressBook, check: anyText},
	{name: carddav("supported-address-data"), kinds: kindAddressBook, write: fixedText(
		`<CR:address-data-type content-type="text/vcard" version="3.0"/><CR:address-data-type content-type="text/vcard" version="4.0"/>`)},
	{name: carddav("supported-collation-set"), kinds: kindAddressBook, write: fixedText("<CR:supported-collation>i;ascii-casemap</CR:supported-collation>" +
		"<CR:supported-collation>i;octet</CR:supported-collation><CR:supported-collation>i;unicode-casemap</CR:supported-collation>")},
	{name: carddav("max-resource-size"), kinds: kindAddressBook, write: number(collection.MaxObjectSize)},
}
