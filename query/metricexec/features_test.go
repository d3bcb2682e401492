package metricexec

import (
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// old is a series whose only sample is ten minutes older than the query.
func old(t *testing.T) (m *memory, at time.Time) {
	t.Helper()
	m, at = newMemory(), time.UnixMilli(1_700_000_000_000)
	fp := m.add(metricstore.SeriesRow{Name: "m", Type: metricstore.Gauge})
	m.sample(fp, at.Add(-10*time.Minute).UnixMilli(), 0, 7)
	return m, at
}

func TestLookbackOfOneEvaluation(t *testing.T) {
	m, at := old(t)
	e := New(Config{Source: m})
	for _, c := range []struct {
		lookback time.Duration
		want     int
	}{{0, 0}, {time.Minute, 0}, {11 * time.Minute, 1}, {-time.Hour, 0}} {
		ctx := WithLookback(t.Context(), c.lookback)
		res, err := e.Instant(ctx, tenant.Default, "m", at)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(res.Value.(promql.Vector)); got != c.want {
			t.Errorf("lookback %s: %d series, want %d", c.lookback, got, c.want)
		}
		if res, err = e.Range(ctx, tenant.Default, "m", at, at, time.Minute); err != nil {
			t.Fatal(err)
		}
		if got := len(res.Value.(promql.Matrix)); got != c.want {
			t.Errorf("lookback %s: %d series of a range, want %d", c.lookback, got, c.want)
		}
	}
}

func TestFeaturesAreOffUnlessAskedFor(t *testing.T) {
	m, at := old(t)
	for name, expr := range map[string]string{
		"promql-experimental-functions": `double_exponential_smoothing(m[1h], 0.5, 0.5)`,
		"promql-binop-fill-modifiers":   `m + fill(0) m`,
		"promql-unquoted-utf8-names":    `ünits{größe="1"}`,
	} {
		for _, on := range []bool{false, true} {
			var names []string
			if on {
				names = []string{"promql-delayed-name-removal, " + name}
			}
			f, err := promexpr.ParseFeatures(names)
			if err != nil {
				t.Fatal(err)
			}
			_, err = New(Config{Source: m, Features: f}).Instant(t.Context(), tenant.Default, expr, at)
			if ok := err == nil; ok != on {
				t.Errorf("%s on is %v: %s: %v", name, on, expr, err)
			}
			if f := fault.Of(err); !on && (f == nil || f.Code != fault.BadQuery) {
				t.Errorf("%s: %v is no bad query", expr, err)
			}
		}
	}
	if _, err := promexpr.ParseFeatures([]string{"promql-nonsense"}); err == nil {
		t.Error("an unknown feature is no error")
	}
}

// A counter whose sample says that it began anew was reset, however high it is.
func TestStartTimestamps(t *testing.T) {
	m, at := newMemory(), time.UnixMilli(1_700_000_000_000)
	fp := m.add(metricstore.SeriesRow{Name: "m", Type: metricstore.Sum, Temporality: metricstore.Cumulative, Monotonic: true})
	begun := at.Add(-time.Hour).UnixMilli()
	for i := range int64(11) {
		if i == 5 {
			begun = at.UnixMilli() - (10-i)*30_000 - 1_000
		}
		m.sample(fp, at.UnixMilli()-(10-i)*30_000, begun, float64(100+i))
	}
	for _, on := range []bool{false, true} {
		e := New(Config{Source: m, Features: promexpr.Features{StartTimestamps: on}})
		res, err := e.Instant(t.Context(), tenant.Default, "increase(m[5m1s])", at)
		if err != nil {
			t.Fatal(err)
		}
		v := res.Value.(promql.Vector)
		if len(v) != 1 || v[0].F > 100 != on {
			t.Errorf("use-start-timestamps %v: %v", on, v)
		}
	}
}
