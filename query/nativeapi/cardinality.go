package nativeapi

import (
	"context"
	"net/http"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// CardinalityFunc counts the series of the days from from to to; a list has
// limit entries at most.
type CardinalityFunc func(ctx context.Context, t tenant.ID, from, to time.Time, limit int) (metricstore.Cardinality, error)

type count struct {
	Name  string `json:"name"`
	Count uint64 `json:"count"`
}

type dayCount struct {
	Day    string `json:"day"`
	Series uint64 `json:"series"`
	New    uint64 `json:"new"`
}

type cardinalityBody struct {
	Series        uint64     `json:"series"`
	LabelPairs    uint64     `json:"label_pairs"`
	ByMetric      []count    `json:"series_by_metric"`
	ValuesByLabel []count    `json:"values_by_label"`
	BytesByLabel  []count    `json:"bytes_by_label"`
	ByLabelPair   []count    `json:"series_by_label_pair"`
	Churn         []dayCount `json:"churn"`
}

func (a *api) cardinality(w http.ResponseWriter, r *http.Request) error {
	_, win, limit, err := a.bounded(r, 20, a.MaxNames)
	if err != nil {
		return err
	}
	c, err := a.Cardinality(r.Context(), tenantOf(r), win.Start, win.End, limit)
	if err != nil {
		return err
	}
	body := cardinalityBody{
		Series: c.Series, LabelPairs: c.LabelPairs, ByMetric: countsOf(c.ByMetric), ValuesByLabel: countsOf(c.ValuesByLabel),
		BytesByLabel: countsOf(c.BytesByLabel), ByLabelPair: countsOf(c.ByLabelPair), Churn: make([]dayCount, len(c.Days)),
	}
	for i, d := range c.Days {
		body.Churn[i] = dayCount{d.Day.Format(time.DateOnly), d.Series, d.New}
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}

func countsOf(names []metricstore.NameCount) []count {
	out := make([]count, len(names))
	for i, n := range names {
		out[i] = count(n)
	}
	return out
}
