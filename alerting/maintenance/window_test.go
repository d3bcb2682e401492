package maintenance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Windows keep to the clock on the wall, whatever it does.
func TestNext(t *testing.T) {
	for name, tt := range map[string]struct {
		repeat     Repeat
		first      string
		length     time.Duration
		now, after string
		want       string
	}{
		"before the first":              {Repeat{}, "2026-03-01T22:00:00Z", time.Hour, "2026-02-01T00:00:00Z", "", "2026-03-01T22:00:00Z"},
		"during the first":              {Repeat{}, "2026-03-01T22:00:00Z", time.Hour, "2026-03-01T22:30:00Z", "", "2026-03-01T22:00:00Z"},
		"the one after it":              {Repeat{}, "2026-03-01T22:00:00Z", time.Hour, "2026-03-01T22:30:00Z", "2026-03-01T22:00:00Z", "2026-03-02T22:00:00Z"},
		"at its very end":               {Repeat{}, "2026-03-01T22:00:00Z", time.Hour, "2026-03-01T23:00:00Z", "2026-03-01T22:00:00Z", "2026-03-02T22:00:00Z"},
		"after a long time away":        {Repeat{}, "2026-03-01T22:00:00Z", time.Hour, "2027-07-09T22:59:59Z", "2026-03-01T22:00:00Z", "2027-07-09T22:00:00Z"},
		"on its days":                   {Repeat{Weekdays: []string{"saturday", "Sunday"}}, "2026-11-25T02:00:00Z", time.Hour, "2026-11-25T00:00:00Z", "", "2026-11-28T02:00:00Z"},
		"over midnight":                 {Repeat{Weekdays: []string{"saturday"}}, "2026-11-28T23:00:00Z", 3 * time.Hour, "2026-12-06T01:59:00Z", "2026-11-28T23:00:00Z", "2026-12-05T23:00:00Z"},
		"before summer time":            {Repeat{Timezone: "Europe/Berlin"}, "2026-03-27T21:00:00Z", time.Hour, "2026-03-28T12:00:00Z", "", "2026-03-28T21:00:00Z"},
		"in summer time, an hour early": {Repeat{Timezone: "Europe/Berlin"}, "2026-03-27T21:00:00Z", time.Hour, "2026-03-29T12:00:00Z", "", "2026-03-29T20:00:00Z"},
		"at an hour that is skipped":    {Repeat{Timezone: "Europe/Berlin"}, "2026-03-27T01:30:00Z", time.Hour, "2026-03-29T00:00:00Z", "", "2026-03-29T01:30:00Z"},
		"west of the date line":         {Repeat{Timezone: "Pacific/Honolulu", Weekdays: []string{"monday"}}, "2026-11-24T05:00:00Z", time.Hour, "2026-11-24T07:00:00Z", "2026-11-24T05:00:00Z", "2026-12-01T05:00:00Z"},
		"until its end":                 {Repeat{Until: new(at(t, "2026-03-03T22:00:00Z"))}, "2026-03-01T22:00:00Z", time.Hour, "2026-03-02T22:30:00Z", "2026-03-02T22:00:00Z", "never"},
	} {
		w := Window{StartsAt: at(t, tt.first), EndsAt: at(t, tt.first).Add(tt.length), Repeat: &tt.repeat}
		var after time.Time
		if tt.after != "" {
			after = at(t, tt.after)
		}
		start, end, ok := w.plan().next(at(t, tt.now), after)
		got := "never"
		if ok {
			got = start.Format(time.RFC3339)
		}
		if got != tt.want || ok && end.Sub(start) != tt.length {
			t.Errorf("%s: %s to %s, want %s", name, got, end, tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	now := at(t, "2026-11-27T12:00:00Z")
	good := Window{Matchers: []string{`service="cart"`}, StartsAt: now, EndsAt: now.Add(time.Hour), CreatedBy: "me", Comment: "disks"}
	if _, err := good.check(now); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Window){
		"id":                 func(w *Window) { w.ID = "x" },
		"matchers: 1 to 20":  func(w *Window) { w.Matchers = nil },
		"matchers: service=": func(w *Window) { w.Matchers = []string{`service="`} },
		"matchers: empty":    func(w *Window) { w.Matchers = []string{`a!="b"`, `c=~".*"`} },
		"comment":            func(w *Window) { w.Comment = " " },
		"created_by":         func(w *Window) { w.CreatedBy = "" },
		"starts_at":          func(w *Window) { w.StartsAt = time.Time{} },
		"ends_at: not after": func(w *Window) { w.EndsAt = w.StartsAt },
		"ends_at: over":      func(w *Window) { w.StartsAt, w.EndsAt = now.Add(-time.Hour), now },
		"ends_at: a day":     func(w *Window) { w.EndsAt, w.Repeat = now.Add(25*time.Hour), &Repeat{} },
		"repeat.timezone":    func(w *Window) { w.Repeat = &Repeat{Timezone: "Nowhere/None"} },
		"repeat.weekdays":    func(w *Window) { w.Repeat = &Repeat{Weekdays: []string{"caturday"}} },
		"repeat.until":       func(w *Window) { w.Repeat = &Repeat{Until: &now} },
	} {
		w := good
		spoil(&w)
		_, err := w.check(now)
		param, words, _ := strings.Cut(want, ": ")
		if f := fault.Of(err); f == nil || f.Code != fault.BadQuery || f.Param != param || !strings.Contains(f.Message, words) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add(int64(1_800_000_000), int64(3600), int64(1_800_100_000), int64(1_800_000_000), "Europe/Berlin", uint8(0b1100000))
	f.Add(int64(0), int64(86400), int64(9_000_000_000), int64(0), "Antarctica/Troll", uint8(1))
	f.Fuzz(func(t *testing.T, first, length, now, after int64, zone string, days uint8) {
		const most = 1 << 37 // a few thousand years
		if length <= 0 || length > 86400 || min(first, now, after) < 0 || max(first, now, after) > most {
			return
		}
		p := plan{First: time.Unix(first, 0), Length: time.Duration(length) * time.Second, Timezone: zone}
		for d := range time.Saturday + 1 {
			if days&(1<<d) != 0 {
				p.Weekdays = append(p.Weekdays, fmt.Sprint(d))
			}
		}
		start, end, ok := p.next(time.Unix(now, 0), time.Unix(after, 0))
		if _, err := time.LoadLocation(zone); (err == nil) != ok {
			t.Fatalf("%+v: %v %v", p, ok, err)
		}
		if ok && (start.Before(p.First) || !start.After(time.Unix(after, 0)) || !end.After(time.Unix(now, 0)) || end.Sub(start) != p.Length) {
			t.Errorf("%+v: %v to %v", p, start, end)
		}
	})
}
