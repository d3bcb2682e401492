package frames

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// bucket is one row of a heatmap: the series of one upper bound.
type bucket struct {
	le   string
	most float64 // le as a number
	at   map[int64]float64
}

// Heatmap makes one frame of type heatmap-rows of the cumulative series of a
// classic histogram, which carry the label le: a time field, then a field for
// each bucket named by its upper bound, ascending, with what fell into it alone.
// Series that differ in other labels are added up. Series without le make the
// plain frames of Metrics, with a notice.
func Heatmap(res *trefoilclient.MetricResult, opt MetricOptions) data.Frames {
	buckets, times, ok := bucketsOf(res.Series)
	if !ok {
		warned := *res
		if len(res.Series) > 0 {
			warned.Warnings = append(slices.Clone(res.Warnings), "A heatmap needs series with the label le, such as sum by (le) (rate(…_bucket[5m])).")
		}
		return Metrics(&warned, opt)
	}
	stamps := make([]time.Time, len(times))
	for i, t := range times {
		stamps[i] = time.UnixMilli(t).UTC()
	}
	frame := data.NewFrame("", data.NewField(data.TimeSeriesTimeFieldName, nil, stamps))
	below := make([]float64, len(times))
	for _, b := range buckets {
		values := make([]float64, len(times))
		for i, t := range times {
			total := b.at[t]
			// Rates of buckets that were not read at one moment may fall a little.
			values[i] = math.Max(total-below[i], 0)
			below[i] = math.Max(total, below[i])
		}
		field := data.NewField(b.le, data.Labels{"le": b.le}, values)
		frame.Fields = append(frame.Fields, field.SetConfig(&data.FieldConfig{DisplayNameFromDS: b.le}))
	}
	frame.Meta = &data.FrameMeta{Type: "heatmap-rows", PreferredVisualization: "heatmap", ExecutedQueryString: opt.Executed}
	return annotate(data.Frames{frame}, res.Warnings, res.Cost)
}

func bucketsOf(series []trefoilclient.Series) (buckets []*bucket, times []int64, ok bool) {
	byBound := map[string]*bucket{}
	seen := map[int64]bool{}
	for _, s := range series {
		le, has := s.Labels["le"]
		most, err := strconv.ParseFloat(le, 64)
		if !has || err != nil {
			return nil, nil, false
		}
		b := byBound[le]
		if b == nil {
			b = &bucket{le, most, map[int64]float64{}}
			byBound[le] = b
			buckets = append(buckets, b)
		}
		for i, t := range s.Times {
			if v := s.Values[i]; !math.IsNaN(v) {
				b.at[t.UnixMilli()] += v
			}
			seen[t.UnixMilli()] = true
		}
	}
	for t := range seen {
		times = append(times, t)
	}
	slices.Sort(times)
	slices.SortFunc(buckets, func(a, b *bucket) int {
		if a.most < b.most {
			return -1
		}
		return 1
	})
	return buckets, times, len(buckets) > 0
}
