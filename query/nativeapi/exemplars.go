package nativeapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

const (
	defaultExemplars = 1000
	maxExemplars     = 10_000
)

// exemplars answers with the exemplars of the series that the selectors of a
// PromQL expression find.
func (a *api) exemplars(w http.ResponseWriter, r *http.Request) error {
	form, err := nativeparam.Form(r, "query", "start", "end", "limit")
	if err != nil {
		return err
	}
	win, err := nativeparam.WindowOf(form, a.Now())
	if err != nil {
		return err
	}
	limit, err := nativeparam.Limit(form, defaultExemplars, maxExemplars)
	if err != nil {
		return err
	}
	if form.Get("query") == "" {
		return fault.Param("query", errors.New("is empty"))
	}
	found, err := a.Metrics.Exemplars(r.Context(), tenantOf(r), form.Get("query"), win.Start, win.End, limit+1)
	if err != nil {
		return err
	}
	out := nativejson.Exemplars{Items: []nativejson.Exemplar{}}
	for _, series := range found {
		for _, x := range series.Exemplars {
			if len(out.Items) == limit {
				out.Truncated = true
				break
			}
			item := nativejson.Exemplar{
				Time: nativejson.TimeText(x.Ts * 1e6), Metric: series.SeriesLabels.Get(model.MetricNameLabel), Labels: series.SeriesLabels.Map(),
				Value: nativejson.ValueJSON(attribute.DoubleValue(x.Value)), TraceID: x.Labels.Get("trace_id"), SpanID: x.Labels.Get("span_id"),
			}
			rest := labels.NewBuilder(x.Labels).Del("trace_id", "span_id").Labels()
			if item.Attributes, err = json.Marshal(rest); err != nil {
				return err
			}
			out.Items = append(out.Items, item)
		}
	}
	nativejson.Write(w, http.StatusOK, out)
	return nil
}
