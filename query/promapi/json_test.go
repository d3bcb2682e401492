package promapi

import (
	"bytes"
	"math"
	"testing"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

func encoded(t *testing.T, write func(encoder)) string {
	t.Helper()
	var b bytes.Buffer
	e := encoder{jsoniter.NewStream(jsoniter.ConfigCompatibleWithStandardLibrary, &b, 64)}
	write(e)
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var native = &histogram.FloatHistogram{
	Schema: 0, Count: 12, Sum: 20.5, ZeroThreshold: 0.001, ZeroCount: 2,
	PositiveSpans: []histogram.Span{{Offset: 0, Length: 2}}, PositiveBuckets: []float64{3, 4},
	NegativeSpans: []histogram.Span{{Offset: 1, Length: 1}}, NegativeBuckets: []float64{3},
}

const nativeJSON = `{"count":"12","sum":"20.5","buckets":[[1,"-2","-1","3"],[3,"-0.001","0.001","2"],[0,"0.5","1","3"],[0,"1","2","4"]]}`

// The expected texts are what Prometheus's own server writes.
func TestResultsAreWrittenAsPrometheusWritesThem(t *testing.T) {
	up := labels.FromStrings("__name__", "up", "job", `a"b<c>`)
	for _, tt := range []struct {
		value parser.Value
		want  string
	}{
		{promql.Vector{}, `{"resultType":"vector","result":[]}`},
		{promql.Matrix{}, `{"resultType":"matrix","result":[]}`},
		{promql.Scalar{T: 1000, V: 0.1}, `{"resultType":"scalar","result":[1,"0.1"]}`},
		{promql.String{T: 1001, V: "a\nb"}, `{"resultType":"string","result":[1.001,"a\nb"]}`},
		{promql.Vector{
			{Metric: up, T: 1_700_000_000_001, F: math.NaN()},
			{T: -1010, F: math.Inf(-1)},
			{T: 10, H: native},
		}, `{"resultType":"vector","result":[` +
			`{"metric":{"__name__":"up","job":"a\"b<c>"},"value":[1700000000.001,"NaN"]},` +
			`{"metric":{},"value":[-1.010,"-Inf"]},` +
			`{"metric":{},"histogram":[0.010,` + nativeJSON + `]}]}`},
		{promql.Matrix{
			{Metric: up, Floats: []promql.FPoint{{T: 0, F: 1e21}, {T: 100, F: 1e-7}, {T: 2000, F: math.Inf(1)}}},
			{Histograms: []promql.HPoint{{T: 5, H: native}}},
			{Floats: []promql.FPoint{{T: 1, F: 123456789}}, Histograms: []promql.HPoint{{T: 2, H: native}}},
		}, `{"resultType":"matrix","result":[` +
			`{"metric":{"__name__":"up","job":"a\"b<c>"},"values":[[0,"1e+21"],[0.100,"1e-07"],[2,"+Inf"]]},` +
			`{"metric":{},"histograms":[[0.005,` + nativeJSON + `]]},` +
			`{"metric":{},"values":[[0.001,"123456789"]],"histograms":[[0.002,` + nativeJSON + `]]}]}`},
	} {
		if got := encoded(t, func(e encoder) { e.data(tt.value, nil, nil) }); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestExemplarsAreWrittenAsPrometheusWritesThem(t *testing.T) {
	got := encoded(t, func(e encoder) {
		e.exemplars([]exemplar.QueryResult{{
			SeriesLabels: labels.FromStrings("__name__", "m_bucket", "le", "1"),
			Exemplars:    []exemplar.Exemplar{{Labels: labels.FromStrings("trace_id", "abc"), Value: 0.25, Ts: 1500, HasTs: true}},
		}})
	})
	const want = `[{"seriesLabels":{"__name__":"m_bucket","le":"1"},"exemplars":[{"labels":{"trace_id":"abc"},"value":"0.25","timestamp":1.500}]}]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
