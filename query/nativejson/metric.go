package nativejson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/jsonutil"

	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
)

// Series is a series with its samples: times in Unix milliseconds, values as
// text.
type Series struct {
	Labels     map[string]string `json:"labels"`
	Times      []int64           `json:"times"`
	Values     []string          `json:"values"`
	Histograms json.RawMessage   `json:"histograms,omitempty"`
}

// QueryStats is what a metric query read and took.
type QueryStats struct {
	Series    int   `json:"series"`
	Samples   int64 `json:"samples"`
	ElapsedMS int64 `json:"elapsed_ms"`
}

// Metrics is the answer to a metric query.
type Metrics struct {
	Kind     string              `json:"kind"`
	Series   []Series            `json:"series"`
	Warnings []string            `json:"warnings"`
	Stats    QueryStats          `json:"stats"`
	Explain  *explained.Document `json:"explain,omitempty"`
}

// WriteMetrics answers with a matrix. It fails before it has written anything.
func WriteMetrics(w http.ResponseWriter, m promql.Matrix, warnings []string, stats metricexec.Stats, explain *explained.Document) error {
	body := Metrics{
		Kind: "metric", Series: make([]Series, len(m)), Warnings: warnings, Explain: explain,
		Stats: QueryStats{Series: len(m), Samples: stats.Samples, ElapsedMS: stats.Elapsed.Milliseconds()},
	}
	for i, s := range m {
		out := Series{Labels: s.Metric.Map(), Times: make([]int64, len(s.Floats)), Values: make([]string, len(s.Floats))}
		for k, p := range s.Floats {
			out.Times[k], out.Values[k] = p.T, floatText(p.F)
		}
		if len(s.Histograms) > 0 {
			h, err := histogramsJSON(s.Histograms)
			if err != nil {
				return err
			}
			out.Histograms = h
		}
		body.Series[i] = out
	}
	Write(w, http.StatusOK, body)
	return nil
}

// floatText writes a float as Prometheus's API does.
func floatText(f float64) string {
	format := byte('f')
	if abs := max(f, -f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.FormatFloat(f, format, -1, 64)
}

// histogramsJSON writes native histograms as Prometheus's API does, with times
// in milliseconds.
func histogramsJSON(points []promql.HPoint) (json.RawMessage, error) {
	var b bytes.Buffer
	s := jsoniter.NewStream(jsoniter.ConfigCompatibleWithStandardLibrary, &b, 1024)
	s.WriteArrayStart()
	for i, p := range points {
		if i > 0 {
			s.WriteMore()
		}
		s.WriteArrayStart()
		s.WriteInt64(p.T)
		s.WriteMore()
		jsonutil.MarshalHistogram(p.H, s)
		s.WriteArrayEnd()
	}
	s.WriteArrayEnd()
	if err := s.Flush(); err != nil {
		return nil, fmt.Errorf("nativejson: encode histograms: %w", err)
	}
	return b.Bytes(), nil
}
