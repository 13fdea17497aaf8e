package authenticate

import (
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"schulhof/store/fault"
)

// State is where a signing key stands.
type State string

// The states, in the order a key goes through them.
const (
	Next   State = "next"   // made; its record is to be published, it does not sign yet
	Active State = "active" // signs
	Old    State = "old"    // no longer signs; its record stays published as long as signatures hold
)

// Key is one signing key of a domain.
type Key struct {
	Domain    string // in ASCII
	Selector  string
	Algorithm string // "rsa", "ed25519"
	Bits      int
	State     State
	Created   time.Time
	Since     time.Time // when it came into its state
	private   crypto.Signer
	public    string // base64, as the record has it
}

// Name is where the key's record belongs, without a dot at its end.
func (k *Key) Name() string { return k.Selector + "._domainkey." + k.Domain }

// Record is the text of the key's record. RFC 6376 §3.6.1, RFC 8463 §4.
func (k *Key) Record() string { return "v=DKIM1; k=" + k.Algorithm + "; p=" + k.public }

// Is reports whether record is that of the key, however it is written.
func (k *Key) Is(record string) bool {
	tags, err := parseTags(record)
	return err == nil && compact(tags["p"]) == k.public && cmp.Or(tags["k"], "rsa") == k.Algorithm
}

// Keyring holds the signing keys of domains: dir/DOMAIN/SELECTOR.key, and keys.json beside them, which knows their states. It is safe for
// concurrent use; only one may work on a folder.
type Keyring struct {
	dir string
	now func() time.Time

	mu    sync.Mutex
	known map[string][]*Key // by domain; read at first use
}

const (
	statesFile = "keys.json"
	keyEnding  = ".key"
	rsaBits    = 2048 // 1024 is the minimum, 2048 the recommendation; RFC 8301 §3.2
)

// NewKeyring makes a keyring of dir; it reads nothing yet. now may be nil: time.Now.
func NewKeyring(dir string, now func() time.Time) *Keyring {
	if now == nil {
		now = time.Now
	}
	return &Keyring{dir: dir, now: now, known: map[string][]*Key{}}
}

// Keys are the keys of domain, the newest first. None is no error.
func (k *Keyring) Keys(domain string) ([]Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list, err := k.load(domain)
	keys := make([]Key, len(list))
	for i, one := range list {
		keys[i] = *one
	}
	return keys, err
}

// Rotate makes the next pair of keys of domain, an RSA and an Ed25519 one, or returns the pair that waits already. The first keys of a domain
// are active at once: there are none that could go on signing.
func (k *Keyring) Rotate(domain string) ([]Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list, err := k.load(domain)
	if err != nil {
		return nil, err
	}
	if waiting := inState(list, Next); len(waiting) > 0 {
		return waiting, nil
	}
	ascii, ok := dnsName(domain)
	if !ok {
		return nil, fault.New(fault.Invalid, "%q is no domain", domain)
	}
	state := Next
	if len(inState(list, Active)) == 0 {
		state = Active
	}
	made, err := k.make(ascii, list, state)
	if err != nil {
		return nil, fmt.Errorf("DKIM keys of %s: %w", domain, err)
	}
	if err := k.save(ascii, slices.Concat(made, list)); err != nil {
		return nil, err
	}
	return inState(made, state), nil
}

// Activate lets the next keys of domain sign, and the others retire. fault.NotFound: there are no next keys.
func (k *Keyring) Activate(domain string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	list, err := k.load(domain)
	if err != nil {
		return err
	}
	if len(inState(list, Next)) == 0 {
		return fault.New(fault.NotFound, "%s has no keys that wait", domain)
	}
	now := k.now()
	changed := make([]*Key, len(list))
	for i, one := range list {
		c := *one
		switch c.State {
		case Next:
			c.State, c.Since = Active, now
		case Active:
			c.State, c.Since = Old, now
		case Old:
		}
		changed[i] = &c
	}
	return k.save(list[0].Domain, changed)
}

// Retire removes keys of domain that are old for so long that no signature of theirs holds, and returns them.
func (k *Keyring) Retire(domain string) (gone []Key, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list, err := k.load(domain)
	if err != nil {
		return nil, err
	}
	var kept []*Key
	for _, one := range list {
		if one.State == Old && k.now().Sub(one.Since) > SignatureLife {
			gone = append(gone, *one)
		} else {
			kept = append(kept, one)
		}
	}
	if len(gone) == 0 {
		return nil, nil
	}
	// The files go first: one that keys.json does not name would wait to sign again.
	for _, one := range gone {
		if err := os.Remove(k.path(one.Domain, one.Selector+keyEnding)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove DKIM key: %w", err)
		}
	}
	return gone, k.save(list[0].Domain, kept)
}

func inState(list []*Key, s State) (keys []Key) {
	for _, one := range list {
		if one.State == s {
			keys = append(keys, *one)
		}
	}
	return keys
}

// active are the keys that sign for domain.
func (k *Keyring) active(domain string) ([]Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list, err := k.load(domain)
	return inState(list, Active), err
}

// activeRSA is the RSA key that signs for domain, nil if there is none: few know Ed25519 in ARC.
func (k *Keyring) activeRSA(domain string) (*Key, error) {
	keys, err := k.active(domain)
	for i := range keys {
		if keys[i].Algorithm == "rsa" {
			return &keys[i], err
		}
	}
	return nil, err
}

func (k *Keyring) path(parts ...string) string {
	return filepath.Join(append([]string{k.dir}, parts...)...)
}

// stateRow is one key in keys.json.
type stateRow struct {
	Selector string    `json:"selector"`
	State    State     `json:"state"`
	Created  time.Time `json:"created"`
	Since    time.Time `json:"since"`
}

// load reads the keys of domain at first use. Keys in a folder without keys.json are active; beside one that does not name them they wait.
func (k *Keyring) load(domain string) ([]*Key, error) {
	ascii, ok := dnsName(domain)
	if !ok {
		return nil, nil
	}
	if list, ok := k.known[ascii]; ok {
		return list, nil
	}
	states, err := k.states(ascii)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(k.path(ascii, "*"+keyEnding))
	if err != nil {
		return nil, err
	}
	list := []*Key{}
	for _, file := range files {
		key, err := readKey(file)
		if err != nil {
			return nil, fmt.Errorf("DKIM key: %w", err)
		}
		key.Domain, key.Selector = ascii, strings.TrimSuffix(filepath.Base(file), keyEnding)
		row, named := states[key.Selector]
		switch {
		case named:
			key.State, key.Created, key.Since = row.State, row.Created, row.Since
		case states != nil:
			key.State, key.Since = Next, key.Created
		}
		list = append(list, key)
	}
	slices.SortStableFunc(list, func(a, b *Key) int { return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.Selector, a.Selector)) })
	k.known[ascii] = list
	return list, nil
}

// states reads keys.json; nil if there is none.
func (k *Keyring) states(domain string) (map[string]stateRow, error) {
	text, err := os.ReadFile(k.path(domain, statesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var rows []stateRow
	if err == nil {
		err = json.Unmarshal(text, &rows)
	}
	if err != nil {
		return nil, fmt.Errorf("states of the DKIM keys of %s: %w", domain, err)
	}
	states := map[string]stateRow{}
	for _, r := range rows {
		if r.State != Next && r.State != Active && r.State != Old {
			return nil, fmt.Errorf("states of the DKIM keys of %s: %q is no state", domain, r.State)
		}
		states[r.Selector] = r
	}
	return states, nil
}

// save writes keys.json for list, and remembers it.
func (k *Keyring) save(domain string, list []*Key) error {
	rows := []stateRow{}
	for _, one := range list {
		rows = append(rows, stateRow{one.Selector, one.State, one.Created.UTC().Truncate(time.Second), one.Since.UTC().Truncate(time.Second)})
	}
	text, err := json.MarshalIndent(rows, "", "\t")
	if err != nil {
		return err
	}
	if err := ReplaceFile(k.path(domain, statesFile), append(text, '\n')); err != nil {
		return fmt.Errorf("states of the DKIM keys of %s: %w", domain, err)
	}
	k.known[domain] = list
	return nil
}

// make writes a pair of keys whose selectors tell the date.
func (k *Keyring) make(domain string, list []*Key, state State) ([]*Key, error) {
	if err := os.MkdirAll(k.path(domain), 0o700); err != nil {
		return nil, err
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, err
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	now := k.now()
	var made []*Key
	for _, one := range []struct {
		ending  string
		private crypto.Signer
	}{{"rsa", rsaKey}, {"ed", edKey}} {
		selector := freeSelector(list, now.UTC().Format("20060102"), one.ending)
		der, err := x509.MarshalPKCS8PrivateKey(one.private)
		if err != nil {
			return nil, err
		}
		if err := ReplaceFile(k.path(domain, selector+keyEnding), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
			return nil, err
		}
		key, err := newKey(one.private)
		if err != nil {
			return nil, err
		}
		key.Domain, key.Selector, key.State, key.Created, key.Since = domain, selector, state, now, now
		made = append(made, key)
	}
	return made, nil
}

// freeSelector is date and ending, with a letter between them from the second pair of a day on.
func freeSelector(list []*Key, date, ending string) string {
	for letter := 'a'; ; letter++ {
		selector := date + strings.TrimPrefix(string(letter), "a") + ending
		if !slices.ContainsFunc(list, func(k *Key) bool { return k.Selector == selector }) {
			return selector
		}
	}
}
