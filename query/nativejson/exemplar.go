package nativejson

import (
	"encoding/json"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
)

// Exemplar is a sample with the trace it is of.
type Exemplar struct {
	Time       string            `json:"time"`
	Metric     string            `json:"metric"`
	Labels     map[string]string `json:"labels"`
	Value      json.RawMessage   `json:"value"`
	TraceID    string            `json:"trace_id"`
	SpanID     string            `json:"span_id"`
	Attributes json.RawMessage   `json:"attributes"`
}

// Exemplars is a list of exemplars.
type Exemplars struct {
	Items     []Exemplar `json:"items"`
	Truncated bool       `json:"truncated"`
}

// Exemplars makes exemplars of stored rows; labels are those of a series.
func (r *Renderer) Exemplars(e *metricstore.Exemplars, labels func(*metricstore.SeriesRow) map[string]string) *Exemplars {
	out := &Exemplars{Items: make([]Exemplar, len(e.Rows)), Truncated: e.Truncated}
	for i := range e.Rows {
		x := &e.Rows[i]
		item := Exemplar{
			Time:       TimeText(x.Time),
			Metric:     x.Metric,
			Labels:     map[string]string{},
			Value:      ValueJSON(attribute.DoubleValue(x.Value)),
			TraceID:    IDText(x.TraceID[:]),
			SpanID:     IDText(x.SpanID[:]),
			Attributes: attributesJSON(x.Attributes),
		}
		if x.Series != nil {
			item.Labels = labels(x.Series)
		}
		out.Items[i] = item
	}
	return out
}
