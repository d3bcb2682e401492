package nativejson

import (
	"time"

	"github.com/trefoil-o11y/trefoil/storage/metricstore"
)

// Count is how many series, values or bytes a name has.
type Count struct {
	Name  string `json:"name"`
	Count uint64 `json:"count"`
}

// DayCount is the series of a day.
type DayCount struct {
	Day    string `json:"day"`
	Series uint64 `json:"series"`
	New    uint64 `json:"new"`
}

// Cardinality is where series are.
type Cardinality struct {
	Series        uint64     `json:"series"`
	LabelPairs    uint64     `json:"label_pairs"`
	ByMetric      []Count    `json:"series_by_metric"`
	ValuesByLabel []Count    `json:"values_by_label"`
	BytesByLabel  []Count    `json:"bytes_by_label"`
	ByLabelPair   []Count    `json:"series_by_label_pair"`
	Churn         []DayCount `json:"churn"`
}

func countsOf(names []metricstore.NameCount) []Count {
	out := make([]Count, len(names))
	for i, n := range names {
		out[i] = Count(n)
	}
	return out
}

// CardinalityOf makes the answer of what was counted.
func CardinalityOf(c *metricstore.Cardinality) Cardinality {
	body := Cardinality{
		Series: c.Series, LabelPairs: c.LabelPairs, ByMetric: countsOf(c.ByMetric), ValuesByLabel: countsOf(c.ValuesByLabel),
		BytesByLabel: countsOf(c.BytesByLabel), ByLabelPair: countsOf(c.ByLabelPair), Churn: make([]DayCount, len(c.Days)),
	}
	for i, d := range c.Days {
		body.Churn[i] = DayCount{d.Day.Format(time.DateOnly), d.Series, d.New}
	}
	return body
}
