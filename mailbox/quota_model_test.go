package mailbox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// quotaModel is a mail account as a caretaker would count it: sizes in boxes, added up whenever somebody asks.
type quotaModel struct {
	w     *school
	ctx   context.Context
	owner directory.ID
	limit int64
	boxes map[string][]int64 // sizes of the messages
	n     int
}

func (m *quotaModel) used() (bytes, messages int64) {
	for _, list := range m.boxes {
		for _, size := range list {
			bytes += size
			messages++
		}
	}
	return bytes, messages
}

// fits tells what growing by size should say.
func (m *quotaModel) fits(size int64) fault.Kind {
	if used, _ := m.used(); m.limit > 0 && used+size > m.limit {
		return fault.OverQuota
	}
	return 0
}

func (m *quotaModel) body(rt *rapid.T) string {
	m.n++
	return text(fmt.Sprint("Nummer ", m.n)) + strings.Repeat("x", rapid.IntRange(0, 400).Draw(rt, "size"))
}

func (m *quotaModel) box(rt *rapid.T, label string) string {
	return rapid.SampledFrom(slices.Sorted(maps.Keys(m.boxes))).Draw(rt, label)
}

func wantKind(rt *rapid.T, what string, err error, kind fault.Kind) {
	if kind == 0 && err != nil || kind != 0 && !fault.Is(err, kind) {
		rt.Fatalf("%s: %v, want %v", what, err, kind)
	}
}

func (m *quotaModel) append(rt *rapid.T) {
	name := m.box(rt, "box")
	var list []Appended
	var sizes []int64
	total := int64(0)
	for range rapid.IntRange(1, 3).Draw(rt, "messages") {
		body := m.body(rt)
		list = append(list, Appended{Message: m.w.prepare(body)})
		sizes = append(sizes, int64(len(body)))
		total += int64(len(body))
	}
	kind := m.fits(total)
	_, err := m.w.mail.Append(m.ctx, m.owner, name, list)
	wantKind(rt, "append", err, kind)
	if kind == 0 {
		m.boxes[name] = append(m.boxes[name], sizes...)
	}
}

func (m *quotaModel) deliver(rt *rapid.T) {
	body := m.body(rt)
	kind := m.fits(int64(len(body)))
	results, err := m.w.mail.Deliver(m.ctx, Delivery{Message: m.w.prepare(body), Recipients: []To{{Owner: m.owner}, {Owner: m.w.ben}}})
	if err != nil || results[1] != nil {
		rt.Fatalf("deliver: %v, %v: one full mailbox must not keep mail from others", results, err)
	}
	wantKind(rt, "deliver", results[0], kind)
	if kind == 0 {
		m.boxes["INBOX"] = append(m.boxes["INBOX"], int64(len(body)))
	}
}

// open opens a box and picks a run of its messages.
func (m *quotaModel) open(rt *rapid.T, name string) (b *Box, first int, uids []UID) {
	b, err := m.w.mail.Open(m.ctx, m.owner, name)
	if err != nil {
		rt.Fatal(err)
	}
	all := uidsOf(b.Snapshot())
	if len(all) == 0 {
		b.Close()
		rt.Skip("empty")
	}
	first = rapid.IntRange(0, len(all)-1).Draw(rt, "first")
	return b, first, all[first : rapid.IntRange(first, len(all)-1).Draw(rt, "last")+1]
}

func (m *quotaModel) transfer(rt *rapid.T) {
	from, to, move := m.box(rt, "from"), m.box(rt, "to"), rapid.Bool().Draw(rt, "move")
	b, first, uids := m.open(rt, from)
	defer b.Close()
	sizes := slices.Clone(m.boxes[from][first : first+len(uids)])
	total := int64(0)
	for _, size := range sizes {
		total += size
	}
	if move {
		_, err := b.Move(m.ctx, uids, to)
		wantKind(rt, "move, which takes no more room", err, 0)
		m.boxes[from] = slices.Delete(m.boxes[from], first, first+len(uids))
		m.boxes[to] = append(m.boxes[to], sizes...)
		return
	}
	kind := m.fits(total)
	_, err := b.Copy(m.ctx, uids, to)
	wantKind(rt, "copy", err, kind)
	if kind == 0 {
		m.boxes[to] = append(m.boxes[to], sizes...)
	}
}

func (m *quotaModel) expunge(rt *rapid.T) {
	name := m.box(rt, "box")
	b, first, uids := m.open(rt, name)
	defer b.Close()
	if _, err := b.StoreFlags(m.ctx, uids, FlagOp{Mode: FlagsAdd, Flags: DeletedFlag}); err != nil {
		rt.Fatal(err)
	}
	removed, err := b.Expunge(m.ctx, nil)
	if err != nil || !slices.Equal(removed, uids) {
		rt.Fatalf("expunge: %v, %v, want %v", removed, err, uids)
	}
	m.boxes[name] = slices.Delete(m.boxes[name], first, first+len(uids))
}

func (m *quotaModel) replace(rt *rapid.T) {
	name, to := m.box(rt, "box"), m.box(rt, "to")
	b, first, uids := m.open(rt, name)
	defer b.Close()
	body := m.body(rt)
	kind := m.fits(int64(len(body)) - m.boxes[name][first])
	_, err := b.Replace(m.ctx, uids[0], to, Appended{Message: m.w.prepare(body)})
	wantKind(rt, "replace", err, kind)
	if kind == 0 {
		m.boxes[name] = slices.Delete(m.boxes[name], first, first+1)
		m.boxes[to] = append(m.boxes[to], int64(len(body)))
	}
}

func (m *quotaModel) delete(rt *rapid.T) {
	name := rapid.SampledFrom([]string{"Sent", "Junk"}).Draw(rt, "box")
	if _, ok := m.boxes[name]; !ok {
		_, err := m.w.mail.Create(m.ctx, m.owner, name, "")
		wantKind(rt, "create", err, 0)
		m.boxes[name] = nil
		return
	}
	wantKind(rt, "delete", m.w.mail.Delete(m.ctx, m.owner, name), 0)
	delete(m.boxes, name)
}

// changeLimit raises or lowers the quota, also below what is used.
func (m *quotaModel) changeLimit(rt *rapid.T) {
	m.limit = rapid.SampledFrom([]int64{0, 1, 1000, 3000, 10_000}).Draw(rt, "limit")
	if err := m.w.dir.ChangeAccount(m.ctx, m.owner, directory.AccountChange{QuotaBytes: &m.limit}); err != nil {
		rt.Fatal(err)
	}
}

func (m *quotaModel) check(rt *rapid.T) {
	q, err := m.w.mail.Quota(m.ctx, m.owner)
	bytes, messages := m.used()
	if err != nil || q.UsedBytes != bytes || q.UsedMessages != messages || q.LimitBytes != m.limit {
		rt.Fatalf("quota %+v, %v, want %d bytes of %d, %d messages", q, err, bytes, m.limit, messages)
	}
	for name, list := range m.boxes {
		s, err := m.w.mail.Status(m.ctx, m.owner, name)
		size := int64(0)
		for _, n := range list {
			size += n
		}
		if err != nil || s[0].Messages != uint32(len(list)) || s[0].Size != size {
			rt.Fatalf("%s: %+v, %v, want %d messages of %d bytes", name, s, err, len(list), size)
		}
	}
}

// TestQuotaAgainstAModel: what is used is always the sum of what is there, whatever is appended, delivered, copied, moved,
// expunged, replaced, deleted or refused; growth is refused exactly when it would pass the limit, and what frees room never is.
func TestQuotaAgainstAModel(t *testing.T) {
	storetest.ShortRun(t, 6)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			m := &quotaModel{w: w, ctx: context.Background(), owner: w.account(fmt.Sprint("quota", n), 3000), limit: 3000,
				boxes: map[string][]int64{"INBOX": nil, "Sent": nil, "Junk": nil}}
			rt.Repeat(map[string]func(*rapid.T){
				"append": m.append, "deliver": m.deliver, "transfer": m.transfer, "expunge": m.expunge, "replace": m.replace,
				"delete": m.delete, "limit": m.changeLimit, "": m.check,
			})
		})
		w.problems()
		w.sameAsRows()
	})
}

// TestKeywordsAgainstAModel: keywords are found in any case, get bits in the order in which they came, never lose one, and are
// the owner's alone.
func TestKeywordsAgainstAModel(t *testing.T) {
	storetest.ShortRun(t, 10)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s)
		ctx := context.Background()
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			owners := []directory.ID{w.account(fmt.Sprint("kw", n, "a"), 0), w.account(fmt.Sprint("kw", n, "b"), 0)}
			model := map[directory.ID][]string{}
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				owner := rapid.SampledFrom(owners).Draw(rt, "owner")
				names := rapid.SliceOfN(rapid.StringMatching(`[a-cA-C]{1,2}`), 1, 8).Draw(rt, "names")
				add := rapid.Bool().Draw(rt, "add")
				bits, missing := Flags(0), false
				for _, name := range names {
					i := slices.IndexFunc(model[owner], func(k string) bool { return strings.EqualFold(k, name) })
					if i < 0 && add {
						model[owner] = append(model[owner], name)
						i = len(model[owner]) - 1
					}
					if i < 0 {
						missing = true
					} else {
						bits |= 1 << (firstKeyword + i)
					}
				}
				got, gotMissing, err := w.mail.FlagBits(ctx, owner, names, add)
				if err != nil || got != bits || gotMissing != missing {
					rt.Fatalf("FlagBits(%q, %t) = %b, %t, %v, want %b, %t", names, add, got, gotMissing, err, bits, missing)
				}
				if rapid.Bool().Draw(rt, "restart") {
					w.mail.keywords.mu.Lock()
					w.mail.keywords.byOwner = nil
					w.mail.keywords.mu.Unlock()
				}
				for _, o := range owners {
					if list, err := w.mail.Keywords(ctx, o); err != nil || !slices.Equal(list, model[o]) {
						rt.Fatalf("Keywords = %q, %v, want %q", list, err, model[o])
					}
				}
			}
		})
	})
}

// TestSubscriptionsAgainstAModel: the list is a plain set of names, sorted, that mailboxes come and go under.
func TestSubscriptionsAgainstAModel(t *testing.T) {
	storetest.ShortRun(t, 10)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s)
		ctx := context.Background()
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			owner := w.account(fmt.Sprint("subs", n), 0)
			model := map[string]bool{"INBOX": true, "Archive": true, "Drafts": true, "Junk": true, "Sent": true, "Trash": true}
			boxes := maps.Clone(model)
			for range rapid.IntRange(1, 15).Draw(rt, "steps") {
				name := rapid.SampledFrom([]string{"INBOX", "Junk", "a", "a/b", "ä", "nie"}).Draw(rt, "name")
				switch rapid.IntRange(0, 3).Draw(rt, "what") {
				case 0, 1:
					on := rapid.Bool().Draw(rt, "on")
					if err := w.mail.Subscribe(ctx, owner, name, on); err != nil {
						rt.Fatal(err)
					}
					if on {
						model[name] = true
					} else {
						delete(model, name)
					}
				case 2:
					_, err := w.mail.Create(ctx, owner, name, "")
					if (err == nil) == boxes[name] {
						rt.Fatalf("create %s, which is there = %t: %v", name, boxes[name], err)
					}
					if err == nil { // only then its parents are there, too: one may have been deleted over its head
						for _, p := range append(parents(name), name) {
							boxes[p] = true
						}
					}
				case 3:
					if err := w.mail.Delete(ctx, owner, name); (err == nil) != (boxes[name] && name != "INBOX") {
						rt.Fatalf("delete %s, which is there = %t: %v", name, boxes[name], err)
					}
					if name != "INBOX" {
						delete(boxes, name)
					}
				}
				got, err := w.mail.Subscriptions(ctx, owner)
				if want := slices.Sorted(maps.Keys(model)); err != nil || !slices.Equal(got, want) {
					rt.Fatalf("subscriptions %q, %v, want %q", got, err, want)
				}
				list, err := w.mail.Mailboxes(ctx, owner)
				if err != nil {
					rt.Fatal(err)
				}
				for _, b := range list {
					if b.Subscribed != model[b.Name] || b.NoSelect == boxes[b.Name] {
						rt.Fatalf("listed as %+v, subscribed = %t, there = %t", b, model[b.Name], boxes[b.Name])
					}
				}
			}
		})
	})
}
