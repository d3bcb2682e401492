package promapi

import (
	"fmt"
	"strings"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/jsonutil"

	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
)

// flushAt bounds what an answer holds in memory while it is written.
const flushAt = 64 << 10

// encoder writes results in Prometheus's JSON. Numbers and histograms are
// formatted by Prometheus's own jsonutil, so they agree to the byte.
type encoder struct{ *jsoniter.Stream }

func explain(x metricexec.Explanation) *explained.Document {
	return explained.New(strings.Split(strings.TrimSuffix(x.Plan, "\n"), "\n"), x.Selects)
}

// data writes a result, with timings and explanation unless they are nil.
func (e encoder) data(v parser.Value, timings any, how *explained.Document) {
	e.WriteObjectStart()
	e.WriteObjectField("resultType")
	e.WriteString(string(v.Type()))
	e.WriteMore()
	e.WriteObjectField("result")
	switch v := v.(type) {
	case promql.Vector:
		e.vector(v)
	case promql.Matrix:
		e.matrix(v)
	case promql.Scalar:
		e.point(v.T, func() { jsonutil.MarshalFloat(v.V, e.Stream) })
	case promql.String:
		e.point(v.T, func() { e.WriteString(v.V) })
	default:
		e.Error = fmt.Errorf("result of unknown type %T", v)
	}
	if timings != nil {
		e.WriteMore()
		e.WriteObjectField("stats")
		e.WriteVal(timings)
	}
	if how != nil {
		e.WriteMore()
		e.WriteObjectField("explain")
		e.WriteVal(how)
	}
	e.WriteObjectEnd()
}

func (e encoder) point(t int64, value func()) {
	e.WriteArrayStart()
	jsonutil.MarshalTimestamp(t, e.Stream)
	e.WriteMore()
	value()
	e.WriteArrayEnd()
}

func (e encoder) vector(v promql.Vector) {
	e.WriteArrayStart()
	for i, s := range v {
		e.separate(i)
		e.WriteObjectStart()
		e.WriteObjectField("metric")
		e.labels(s.Metric)
		e.WriteMore()
		if s.H == nil {
			e.WriteObjectField("value")
			e.point(s.T, func() { jsonutil.MarshalFloat(s.F, e.Stream) })
		} else {
			e.WriteObjectField("histogram")
			e.point(s.T, func() { jsonutil.MarshalHistogram(s.H, e.Stream) })
		}
		e.WriteObjectEnd()
	}
	e.WriteArrayEnd()
}

func (e encoder) matrix(m promql.Matrix) {
	var times stamps
	e.WriteArrayStart()
	for i, s := range m {
		e.separate(i)
		e.WriteObjectStart()
		e.WriteObjectField("metric")
		e.labels(s.Metric)
		if len(s.Floats) > 0 {
			e.WriteMore()
			e.WriteObjectField("values")
			e.floats(s.Floats, &times)
		}
		if len(s.Histograms) > 0 {
			e.WriteMore()
			e.WriteObjectField("histograms")
			e.WriteArrayStart()
			for i, p := range s.Histograms {
				e.separate(i)
				e.point(p.T, func() { jsonutil.MarshalHistogram(p.H, e.Stream) })
			}
			e.WriteArrayEnd()
		}
		e.WriteObjectEnd()
	}
	e.WriteArrayEnd()
}

func (e encoder) labels(l labels.Labels) {
	e.WriteObjectStart()
	i := 0
	l.Range(func(l labels.Label) {
		e.separate(i)
		i++
		e.WriteObjectField(l.Name)
		e.WriteString(l.Value)
	})
	e.WriteObjectEnd()
}

func (e encoder) labelSets(sets []labels.Labels) {
	e.WriteArrayStart()
	for i, l := range sets {
		e.separate(i)
		e.labels(l)
	}
	e.WriteArrayEnd()
}

func (e encoder) exemplars(results []exemplar.QueryResult) {
	e.WriteArrayStart()
	for i, r := range results {
		e.separate(i)
		e.WriteObjectStart()
		e.WriteObjectField("seriesLabels")
		e.labels(r.SeriesLabels)
		e.WriteMore()
		e.WriteObjectField("exemplars")
		e.WriteArrayStart()
		for i, x := range r.Exemplars {
			e.separate(i)
			e.WriteObjectStart()
			e.WriteObjectField("labels")
			e.labels(x.Labels)
			e.WriteMore()
			e.WriteObjectField("value")
			jsonutil.MarshalFloat(x.Value, e.Stream)
			e.WriteMore()
			e.WriteObjectField("timestamp")
			jsonutil.MarshalTimestamp(x.Ts, e.Stream)
			e.WriteObjectEnd()
		}
		e.WriteArrayEnd()
		e.WriteObjectEnd()
	}
	e.WriteArrayEnd()
}

// texts writes one more field of an object, unless it is empty.
func (e encoder) texts(name string, texts []string) {
	if len(texts) > 0 {
		e.WriteMore()
		e.WriteObjectField(name)
		e.WriteVal(texts)
	}
}

// separate puts the comma before all elements but the first, and passes on
// what has gathered.
func (e encoder) separate(i int) {
	if i > 0 {
		e.WriteMore()
	}
	if e.Buffered() > flushAt {
		e.Flush()
	}
}
