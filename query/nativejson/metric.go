package nativejson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/jsonutil"

	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/query/sampletext"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

// QueryStats is what a metric query read and took.
type QueryStats struct {
	Series    int   `json:"series"`
	Samples   int64 `json:"samples"`
	ElapsedMS int64 `json:"elapsed_ms"`
}

// metricsEnd is what follows the series in the answer to a metric query.
type metricsEnd struct {
	Warnings []string            `json:"warnings"`
	Stats    QueryStats          `json:"stats"`
	Explain  *explained.Document `json:"explain,omitempty"`
}

// flushAt is how many bytes are gathered before they are sent.
const flushAt = 64 << 10

// WriteMetrics answers with a matrix: series with their labels, times in Unix
// milliseconds, values as text. It fails before it has written anything; what
// cannot be sent cuts the answer off.
func WriteMetrics(w http.ResponseWriter, m promql.Matrix, warnings []string, stats metricexec.Stats, explain *explained.Document) error {
	end, err := encode(metricsEnd{warnings, QueryStats{Series: len(m), Samples: stats.Samples, ElapsedMS: stats.Elapsed.Milliseconds()}, explain})
	if err != nil {
		return err
	}
	histograms := map[int]json.RawMessage{} // by place in the matrix
	for i, s := range m {
		if len(s.Histograms) > 0 {
			if histograms[i], err = histogramsJSON(s.Histograms); err != nil {
				return err
			}
		}
	}
	begin(w, http.StatusOK)
	out := gathered{to: w, bytes: append(make([]byte, 0, flushAt+4096), `{"kind":"metric","series":[`...)}
	for i, s := range m {
		if i > 0 {
			out.bytes = append(out.bytes, ',')
		}
		out.series(s, histograms[i])
	}
	out.bytes = append(append(out.bytes, "],"...), end[1:]...) // its brace is open
	out.send()
	return nil
}

// gathered are bytes on their way to a client.
type gathered struct {
	to    http.ResponseWriter
	bytes []byte
}

func (g *gathered) series(s promql.Series, histograms json.RawMessage) {
	b := append(g.bytes, `{"labels":{`...)
	first := true
	s.Metric.Range(func(l labels.Label) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = attribute.AppendQuoted(append(attribute.AppendQuoted(b, l.Name), ':'), l.Value)
	})
	b = append(b, `},"times":[`...)
	for i, p := range s.Floats {
		if i > 0 {
			b = append(b, ',')
		}
		b = g.room(strconv.AppendInt(b, p.T, 10))
	}
	b = append(b, `],"values":[`...)
	for i, p := range s.Floats {
		if i > 0 {
			b = append(b, ',')
		}
		b = g.room(append(sampletext.AppendFloat(append(b, '"'), p.F), '"'))
	}
	b = append(b, ']')
	if histograms != nil {
		b = append(append(b, `,"histograms":`...), histograms...)
	}
	g.bytes = append(b, '}')
}

// room is b with room for more: sent and empty if it was full.
func (g *gathered) room(b []byte) []byte {
	if len(b) < flushAt {
		return b
	}
	g.bytes = b
	g.send()
	return g.bytes
}

// send leaves nothing gathered. Once the client has gone it is told by its
// request's context, not here.
func (g *gathered) send() {
	g.to.Write(g.bytes)
	g.bytes = g.bytes[:0]
}

// valueText is a float as Prometheus's API writes it.
func valueText(f float64) json.RawMessage {
	return append(sampletext.AppendFloat([]byte{'"'}, f), '"')
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
