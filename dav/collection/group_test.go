package collection

import (
	"context"
	"testing"

	"schulhof/store/fault"
)

func TestGroupSettings(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "groups:/7b/a", "12345")
		w.check(w.dav.SetGroup(ctx, w.class, GroupSettings{MembersWrite: false, QuotaBytes: 8}))
		for range 2 { // also after a restart
			if err := second(w.tryPut(w.anna, "groups:/7b/b", "1", PutOptions{})); !fault.Is(err, fault.Forbidden) {
				t.Errorf("a pupil where only teachers write: %v", err)
			}
			if got := w.read(w.anna, "groups:/7b/a"); got != "12345" {
				t.Error(got)
			}
			if err := second(w.tryPut(w.klein, "groups:/7b/b", "1234", PutOptions{})); !fault.Is(err, fault.OverQuota) {
				t.Errorf("beyond the group's quota: %v", err)
			}
			g, err := w.dav.GroupSettings(ctx, w.class)
			if err != nil || g != (GroupSettings{QuotaBytes: 8}) {
				t.Errorf("%+v %v", g, err)
			}
			w.check(w.dav.Close())
			w.open(Options{})
		}
		w.put(w.klein, "groups:/7b/b", "123")
		w.check(w.dav.SetGroup(ctx, w.class, GroupSettings{MembersWrite: true, QuotaBytes: -1}))
		w.put(w.anna, "groups:/7b/b", "1234567890")
		if u, err := w.dav.Usage(ctx, w.node(w.anna, "groups:/7b")); err != nil || u.Used != 15 || u.Limit != DefaultGroupQuota {
			t.Errorf("%+v %v", u, err)
		}
		for name, err := range map[string]error{
			"an account":       w.dav.SetGroup(ctx, w.anna, GroupSettings{}),
			"nobody":           w.dav.SetGroup(ctx, 1<<40, GroupSettings{}),
			"nobody's setting": first(w.dav.GroupSettings(ctx, 1<<40)),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := w.dav.SetGroup(ctx, w.class, GroupSettings{QuotaBytes: -2}); !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
	})
}
