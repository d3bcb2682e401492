package metricexec

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Names and values of labels are those of the series that are listed, and need no
// list of series, of which there may be more than a query may touch.
func TestNamesWithoutSeries(t *testing.T) {
	m, at := newMemory(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cart := resource("cart", "shop", "i-1", "k8s.pod.name", "cart-0", "region", "eu")
	pay := resource("pay", "", "", "region", "us")
	for _, s := range []metricstore.SeriesRow{
		{Labels: map[string]string{"http.method": "GET", "http_method": "POST"}, Resource: cart},
		{Labels: map[string]string{"http.method": "PUT"}, Resource: pay},
		{Labels: map[string]string{"http.method": "DELETE", "http_method": ""}, Resource: pay},
		{Labels: map[string]string{"job": "own", "instance": "", "region": "mine", "k8s.pod.name": "p"}, Resource: cart},
		{Labels: map[string]string{"only.empty": "", "__name__": "n"}, Resource: pay},
		{Labels: map[string]string{"job": "scraped", "http.method": "HEAD", "http_method": "TRACE", "quantile": "0.5"}, Prometheus: true},
		{Labels: map[string]string{"http.method": "PATCH"}, Prometheus: true},
		{Type: metricstore.Histogram, Temporality: metricstore.Cumulative, Prometheus: true, Labels: map[string]string{"native": "yes"}},
		{Type: metricstore.Histogram, Temporality: metricstore.Cumulative, Labels: map[string]string{"classic": "yes"}, Resource: cart},
	} {
		s.Name = fmt.Sprintf("m%d", len(m.stored))
		s.PromName = s.Name
		if s.Type == 0 {
			s.Type = metricstore.Gauge
		}
		fp := m.add(s)
		if s.Type == metricstore.Histogram {
			m.histogram(fp, histcol.Point{Time: at.UnixMilli(), Kind: histcol.KindExplicit, Bounds: []float64{1}, Counts: []uint64{1, 1}, Count: 2})
			continue
		}
		m.sample(fp, at.UnixMilli(), 0, 1)
	}
	t.Run("memory", func(t *testing.T) { testNames(t, Config{Source: m}, at) })
	t.Run("stored", func(t *testing.T) { testNames(t, Config{Source: stored(t, m)}, at) })
}

func testNames(t *testing.T, c Config, at time.Time) {
	c.Promote = []string{"region", "k8s.pod.name"}
	ctx := context.Background()
	for _, v := range []seriesview.View{seriesview.AsSent, seriesview.Classic} {
		for _, name := range []string{"", "http.method", "http_method", "job", "instance", "region", "k8s_pod_name", "k8s.pod.name", "native", "quantile", "only_empty", "none"} {
			e := New(c)
			f := e.queryable(tenant.Default).series
			f.View = v
			if name != "" {
				f.Spelled = spelling.OfMatchers(nil, name)
			}
			all := labels.MustNewMatcher(labels.MatchRegexp, "__name__", "m.*") // leaves nothing out, and is not known to
			for what, list := range map[string]func(...*labels.Matcher) ([]string, error){
				"names": func(m ...*labels.Matcher) ([]string, error) {
					return f.LabelNames(ctx, at.UnixMilli(), at.UnixMilli(), m)
				},
				"values": func(m ...*labels.Matcher) ([]string, error) {
					return f.LabelValues(ctx, at.UnixMilli(), at.UnixMilli(), name, m)
				},
			} {
				if what == "values" && name == "" {
					continue
				}
				want, err := list(all)
				got, err2 := list()
				if d := cmp.Diff(want, got); err != nil || err2 != nil || d != "" {
					t.Errorf("view %d, %s of %q: %v, %v (-want +got):\n%s", v, what, name, err, err2, d)
				}
				if what == "names" && !slices.Contains(got, "le") {
					t.Errorf("view %d: no le among %q", v, got)
				}
			}
		}
	}
	c.Limits.MaxSeries = 8
	e := New(c)
	names, err := e.LabelNames(ctx, tenant.Default, nil, at, at)
	if err != nil || len(names) < 9 {
		t.Errorf("of more series than a query may touch: %q, %v", names, err)
	}
	if _, err := e.Series(ctx, tenant.Default, [][]*labels.Matcher{{labels.MustNewMatcher(labels.MatchRegexp, "__name__", ".+")}}, at, at); fault.Of(err) == nil {
		t.Error("they can be listed")
	}
	if !maps.Equal(map[string]bool{"scraped": true, "own": true, "shop/cart": true, "pay": true}, setOf(e.LabelValues(ctx, tenant.Default, "job", nil, at, at))) {
		t.Error("values of job")
	}
}

func setOf(list []string, _ error) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}
