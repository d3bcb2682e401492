package metricexec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// What is stored under a name goes before what can be made; a selector that no single
// name is of makes nothing; and an error of making is the query's.
func TestStoredGoesBeforeMade(t *testing.T) {
	m, at := newMemory(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m.sample(m.add(metricstore.SeriesRow{Type: metricstore.Gauge, Prometheus: true, Name: "kept", PromName: "kept"}), at.UnixMilli(), 0, 7)
	away := &fault.Error{Code: fault.Unavailable, Message: "away"}
	var asked []Making
	e := New(Config{Source: m, Maker: &Maker{Knows: func(name string) bool { return name != "stranger" }, Make: func(_ context.Context, owner tenant.ID, r Making) ([]Made, error) {
		if owner != "acme" {
			t.Errorf("made for %s", owner)
		}
		asked = append(asked, r)
		if r.Name == "away" {
			return nil, away
		}
		var out []Made
		for i, side := range []string{"b", "a"} {
			out = append(out, Made{labels.FromStrings("__name__", r.Name, "side", side), []int64{r.To - 1000, r.To}, []float64{0, float64(i + 1)}})
		}
		return out, nil
	}}})
	for expr, want := range map[string]string{
		`kept`:                        `{__name__="kept"} => 7 @[1772366400000]`,
		`kept{side="a"}`:              "",
		`stranger`:                    "",
		`sum by (side) (other)`:       "{side=\"a\"} => 2 @[1772366400000]\n{side=\"b\"} => 1 @[1772366400000]",
		`other{side=~"a|c"}`:          "{__name__=\"other\", side=\"a\"} => 2 @[1772366400000]",
		`sum(increase(other[1s1ms]))`: "{} => 3 @[1772366400000]",
		`{__name__=~"oth.*"}`:         "",
		// Prometheus's engine evaluates this one.
		`sort(other)`: "{__name__=\"other\", side=\"b\"} => 1 @[1772366400000]\n{__name__=\"other\", side=\"a\"} => 2 @[1772366400000]",
	} {
		res, err := e.Instant(t.Context(), "acme", expr, at)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got := fmt.Sprint(res.Value); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", expr, got, want)
		}
		res.Close()
	}
	if _, err := e.Instant(t.Context(), "acme", "away", at); !errors.Is(err, away) {
		t.Errorf("an error: %v", err)
	}
	if i := slices.IndexFunc(asked, func(r Making) bool { return r.Name == "kept" || r.Name == "stranger" }); i >= 0 {
		t.Errorf("made %+v", asked[i])
	}
	other := [][]*labels.Matcher{{labels.MustNewMatcher(labels.MatchEqual, "__name__", "other")}}
	names, err := e.LabelNames(t.Context(), "acme", other, at.Add(-time.Hour), at)
	values, err2 := e.LabelValues(t.Context(), "acme", "side", other, at.Add(-time.Hour), at)
	series, err3 := e.Series(t.Context(), "acme", other, at.Add(-time.Hour), at)
	if got := fmt.Sprint(names, values, series); errors.Join(err, err2, err3) != nil || got != `[__name__ side] [a b] [{__name__="other", side="a"} {__name__="other", side="b"}]` {
		t.Errorf("names: %s, %v %v %v", got, err, err2, err3)
	}
	if last := asked[len(asked)-1]; !last.Names || last.From != at.Add(-time.Hour).UnixMilli() {
		t.Errorf("names were asked for as %+v", last)
	}
}
