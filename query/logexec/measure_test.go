package logexec_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// What the server adds up is what comes of looking at the records one by one, which a
// stage that changes nothing makes of the same query.
func TestUnwrappedInTheServer(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(3, 4))
	res := resourcestore.NewBatch("t", 30, resourcestore.NewKnown(10))
	logs := logstore.NewBatch("t", 30, w.seq)
	for i := range 2000 {
		id, service := res.Resource(epoch, &resourcestore.Resource{Attributes: []attribute.KeyValue{
			{Key: "service.name", Value: attribute.StringValue([]string{"a", "b"}[i%2])}, {Key: "zone", Value: attribute.StringValue([]string{"x", "y", "z"}[i%3])}}})
		r := logstore.Record{Time: epoch.UnixNano() + int64(i)*int64(300*time.Millisecond), SeverityNumber: uint8(1 + i%24), Body: attribute.StringValue("line"), Service: service, ResourceID: id}
		put := func(key string, v attribute.Value) {
			r.Attributes = append(r.Attributes, attribute.KeyValue{Key: key, Value: v})
		}
		switch random.IntN(5) {
		case 0:
			put("took", attribute.IntValue(random.Int64N(1000)))
		case 1:
			put("took", attribute.DoubleValue(random.NormFloat64()*100))
		case 2:
			put("took", attribute.StringValue(fmt.Sprint(random.IntN(50))+".25"))
		case 3:
			put("took", attribute.StringValue(""))
		}
		put("route", attribute.StringValue([]string{"/a", "/b", ""}[random.IntN(3)]))
		if i == 1500 {
			put("odd", attribute.StringValue("many"))
		} else {
			put("odd", attribute.IntValue(1))
		}
		logs.Append(&r)
	}
	storagetest.Insert(t, w.db, "r", res)
	storagetest.Insert(t, w.db, "l", logs)

	ask := func(q string) (*logexec.Samples, error) {
		m, err := logexec.Parse(q)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		return w.engine.Range(t.Context(), "t", m, epoch.Add(time.Minute), epoch.Add(10*time.Minute), time.Minute)
	}
	pushed := 0
	for _, q := range []string{
		`sum_over_time(SEL | unwrap took [1m])`, `sum(sum_over_time(SEL | unwrap took [3m]))`, `sum by (service_name, zone) (sum_over_time(SEL | unwrap took [90s]))`,
		`avg_over_time(SEL | unwrap took [1m]) by (service_name)`, `min_over_time(SEL | unwrap took [2m]) by (zone, route)`, `max_over_time(SEL | unwrap took [30s]) by (detected_level)`,
		`sum by (route) (rate(SEL | unwrap took [1m]))`, `quantile_over_time(0.9, SEL | unwrap took [1m]) by (service_name, route)`, `quantile_over_time(0, SEL | unwrap took [10s]) by (route)`,
		`quantile_over_time(0.5, SEL | unwrap took [1m]) by (zone)`, `quantile_over_time(0.5, SEL | unwrap took [3m]) by (route)`, `quantile_over_time(1.5, SEL | unwrap took [1m]) by (route)`,
		`stddev_over_time(SEL | unwrap took [1m]) by (route)`, `sum by (route) (sum_over_time(SEL | took > 10 | unwrap took [1m]))`, `max_over_time(SEL |= "in" | unwrap odd [1m]) by (service_name)`,
	} {
		got, err := ask(strings.ReplaceAll(q, "SEL", `{}`))
		want, wantErr := ask(strings.ReplaceAll(q, "SEL", `{} | label_format nothing=nothing`))
		if (err == nil) != (wantErr == nil) {
			t.Errorf("%s: %v, want %v", q, err, wantErr)
		}
		if err != nil || wantErr != nil {
			continue
		}
		if strings.Contains(strings.Join(got.Stats.Explanation.Plan, " "), "adds up") {
			pushed++
			if got.Stats.Entries != 0 {
				t.Errorf("%s: %d records read one by one", q, got.Stats.Entries)
			}
		}
		if len(got.Series) != len(want.Series) {
			t.Errorf("%s: %d series, want %d", q, len(got.Series), len(want.Series))
			continue
		}
		for i, g := range got.Series {
			s := want.Series[i]
			for k := range s.Values {
				if fmt.Sprint(g.Labels) != fmt.Sprint(s.Labels) || g.Has[k] != s.Has[k] || g.Has[k] && math.Abs(g.Values[k]-s.Values[k]) > 1e-9*(1+math.Abs(s.Values[k])) {
					t.Errorf("%s: %v at %d is %v, want %v %v", q, g.Labels, k, g.Values[k], s.Labels, s.Values[k])
					break
				}
			}
		}
	}
	if pushed != 8 {
		t.Errorf("%d queries were added up by the server", pushed)
	}
}
