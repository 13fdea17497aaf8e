package vcard

// The limits of a card, besides those of dav/contentline.
const (
	MaxPhoto      = 512 << 10 // bytes of a photo or logo, decoded
	MaxUID        = 1 << 10   // bytes
	maxName       = 1 << 10   // bytes of a display name as it is indexed
	maxConditions = 100       // of one filter, all kinds together
)
