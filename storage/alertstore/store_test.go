package alertstore_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// at is a time with nanoseconds, which must survive.
func at(seconds int) time.Time {
	return time.Date(2026, 3, 1, 12, 0, seconds, 123456789, time.UTC)
}

func TestInstances(t *testing.T) {
	s := alertstore.New(storagetest.DB(t), 30)
	ctx := t.Context()
	pending := alertstore.Instance{
		RuleID: 1, Fingerprint: 1 << 63, Group: "shop", Alert: "Down", State: alertstore.Pending,
		ActiveAt: at(1), Value: 0.5, UpdatedAt: s.Stamp(),
		Labels:      map[string]string{"alertname": "Down", "job": "it's \\ \n 日本"},
		Annotations: map[string]string{"summary": "cart is down"},
	}
	firing := pending
	firing.State, firing.FiredAt, firing.UpdatedAt = alertstore.Firing, at(2), s.Stamp()
	other := alertstore.Instance{RuleID: 2, Fingerprint: 7, Alert: "Other", State: alertstore.Firing, ActiveAt: at(0), FiredAt: at(0), UpdatedAt: s.Stamp()}
	over := other
	over.State, over.ResolvedAt, over.KeepFiringSince, over.UpdatedAt = alertstore.Inactive, at(9), at(8), s.Stamp()

	// The newest state counts, in whatever order the rows arrive.
	for i, rows := range [][]alertstore.Instance{{firing, other}, {pending}, {over}} {
		token := string(rune('a' + i))
		for range 2 {
			if err := s.PutInstances(ctx, "default", token, rows); err != nil {
				t.Fatal(err)
			}
		}
	}
	foreign := firing
	if err := s.PutInstances(ctx, "other", "x", []alertstore.Instance{foreign}); err != nil {
		t.Fatal(err)
	}

	same := cmpopts.EquateEmpty()
	got, err := s.Instances(ctx, "default", at(9))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]alertstore.Instance{firing, over}, got, same); diff != "" {
		t.Error(diff)
	}
	got, err = s.Instances(ctx, "default", at(10))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]alertstore.Instance{firing}, got, same); diff != "" {
		t.Error(diff)
	}
	if got, err := s.Instances(ctx, "nobody", at(0)); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// A clock set back does not make new state older than what is stored.
func TestStamp(t *testing.T) {
	db := storagetest.DB(t)
	future := time.Now().Add(time.Hour).UTC()
	row := alertstore.Instance{RuleID: 1, Fingerprint: 1, State: alertstore.Firing, UpdatedAt: future}
	if err := alertstore.New(db, 30).PutInstances(t.Context(), "default", "a", []alertstore.Instance{row}); err != nil {
		t.Fatal(err)
	}
	s := alertstore.New(db, 30)
	if _, err := s.Instances(t.Context(), "default", at(0)); err != nil {
		t.Fatal(err)
	}
	if stamp := s.Stamp(); !stamp.After(future) {
		t.Errorf("stamp %v is not after %v", stamp, future)
	}
	before := s.Stamp()
	if after := s.Stamp(); !after.After(before) {
		t.Errorf("%v is not after %v", after, before)
	}
}

func TestEvaluations(t *testing.T) {
	s := alertstore.New(storagetest.DB(t), 30)
	for _, rows := range [][]alertstore.Evaluation{
		{{GroupID: 1, Group: "a", At: at(1)}, {GroupID: 2, Group: "b", At: at(2)}},
		{{GroupID: 1, Group: "a", At: at(5)}},
		nil,
	} {
		if err := s.PutEvaluations(t.Context(), "default", rows); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Evaluations(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	want := []alertstore.Evaluation{{GroupID: 1, Group: "a", At: at(5)}, {GroupID: 2, Group: "b", At: at(2)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNotifications(t *testing.T) {
	s := alertstore.New(storagetest.DB(t), 30)
	ctx := t.Context()
	sent := alertstore.Delivery{ID: "one", At: at(1), Firing: []uint64{1, 1 << 63}, Body: []byte(`{"a":"\u0000 ü"}`)}
	intent := alertstore.Delivery{ID: "two", At: at(2), Firing: []uint64{1}, Resolved: []uint64{1 << 63}, Body: []byte("{}")}
	key := `{}:{alertname="Down"}`
	first := alertstore.Notification{Receiver: "r", GroupKey: key, Intent: sent, UpdatedAt: s.Stamp()}
	second := alertstore.Notification{Receiver: "r", GroupKey: key, Sent: sent, UpdatedAt: s.Stamp()}
	third := alertstore.Notification{Receiver: "r", GroupKey: key, Sent: sent, Intent: intent, UpdatedAt: s.Stamp()}
	elsewhere := alertstore.Notification{Receiver: "q", GroupKey: key, Sent: sent, UpdatedAt: s.Stamp()}
	for _, n := range []alertstore.Notification{first, third, second, third, elsewhere} {
		if err := s.PutNotification(ctx, "default", n); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Notifications(ctx, "default")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]alertstore.Notification{elsewhere, third}, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestHistory(t *testing.T) {
	s := alertstore.New(storagetest.DB(t), 36500)
	ctx := t.Context()
	events := []alertstore.Event{
		{Time: at(1), Kind: alertstore.BecamePending, RuleID: 1, Fingerprint: 2, Group: "g", Alert: "Down", Value: 1, Labels: map[string]string{"job": "a"}},
		{Time: at(2), Kind: alertstore.BeganFiring, RuleID: 1, Fingerprint: 2, Group: "g", Alert: "Down", Value: 2, Annotations: map[string]string{"summary": "s"}},
		{Time: at(3), Kind: alertstore.WasNotified, Receiver: "r", GroupKey: "k", NotificationID: "one"},
		{Time: at(4), Kind: alertstore.WasResolved, RuleID: 1, Fingerprint: 2, Group: "g", Alert: "Down"},
	}
	for range 2 { // The token makes the second time nothing.
		if err := s.AppendHistory(ctx, "default", "a", events[:2]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AppendHistory(ctx, "default", "b", events[2:]); err != nil {
		t.Fatal(err)
	}
	got, err := s.History(ctx, "default", alertstore.HistoryQuery{From: at(1), To: at(4), Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	want := []alertstore.Event{events[2], events[1], events[0]}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if got, err := s.History(ctx, "default", alertstore.HistoryQuery{From: at(0), To: at(9), Limit: 1}); err != nil || len(got) != 1 || got[0].Kind != alertstore.WasResolved {
		t.Errorf("%v, %v", got, err)
	}
}

func TestSilences(t *testing.T) {
	s := alertstore.New(storagetest.DB(t), 30)
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	rows := []alertstore.Silence{
		{ID: "a", ExpiresAt: end, Data: []byte("first"), UpdatedAt: s.Stamp()},
		{ID: "a", ExpiresAt: end, Data: []byte("second\x00"), UpdatedAt: s.Stamp()},
		{ID: "b", ExpiresAt: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Data: []byte("for ever"), UpdatedAt: s.Stamp()},
	}
	for _, row := range rows {
		if err := s.PutSilence(t.Context(), "default", row); err != nil {
			t.Fatal(err)
		}
	}
	rows[2].ExpiresAt = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	got, err := s.Silences(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]alertstore.Silence{rows[2], rows[1]}, got); diff != "" {
		t.Error(diff)
	}
	if got, err := s.Silences(t.Context(), "other"); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// Of many who claim one turn at once one gets it, and all are told who.
func TestClaim(t *testing.T) {
	db := storagetest.DB(t)
	s := alertstore.New(db, 30)
	if l, err := s.Lease(t.Context(), "default"); err != nil || l.Turn != 0 {
		t.Fatalf("%+v, %v; want none", l, err)
	}
	for turn := uint64(1); turn <= 5; turn++ {
		const claimants = 8
		winners := make([]alertstore.Lease, claimants)
		var all sync.WaitGroup
		for i := range claimants {
			all.Go(func() {
				mine := alertstore.Lease{Turn: turn, Holder: fmt.Sprint("instance ", i), URL: "http://a", ClaimedAt: at(i)}
				got, err := alertstore.New(db, 30).Claim(t.Context(), "default", mine)
				if err != nil {
					t.Error(err)
				}
				winners[i] = got
			})
		}
		all.Wait()
		for _, w := range winners {
			if w != winners[0] || w.Turn != turn || w.Holder == "" {
				t.Fatalf("turn %d: %+v", turn, winners)
			}
		}
		// One who comes late, or a turn that is over, changes nothing.
		for _, late := range []uint64{turn, turn - 1} {
			got, err := s.Claim(t.Context(), "default", alertstore.Lease{Turn: late, Holder: "late", ClaimedAt: at(0)})
			if late > 0 && (err != nil || got != winners[0]) {
				t.Fatalf("turn %d: %+v, %v; want %+v", late, got, err, winners[0])
			}
		}
	}
	if l, err := s.Lease(t.Context(), "other"); err != nil || l.Turn != 0 {
		t.Errorf("%+v, %v; want none", l, err)
	}
}
