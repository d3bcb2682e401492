package rule

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// templateVariables are what every Prometheus alert template can use.
const templateVariables = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}" +
	"{{$externalURL := .ExternalURL}}{{$value := .Value}}"

// Expander is what templates can reach.
type Expander struct {
	// Query answers the template function `query`.
	Query template.QueryFunc
	// ExternalURL is where users reach this server. Not nil.
	ExternalURL *url.URL
	// ExternalLabels are the templates' $externalLabels.
	ExternalLabels map[string]string
}

// Expand turns an evaluation result into the rule's active elements: the
// rule's labels over the element's, without the metric name, alertname last;
// templates expanded. As in Prometheus, a template that fails leaves its error
// as the text, so that the page still goes out; the errors come back to be
// logged.
func (a *Alert) Expand(ctx context.Context, x Expander, at time.Time, result promql.Vector) ([]Active, []error) {
	var (
		active = make([]Active, 0, len(result))
		errs   []error
		lb     = labels.NewBuilder(labels.EmptyLabels())
		sb     = labels.NewScratchBuilder(a.Annotations.Len())
	)
	for _, sample := range result {
		data := template.AlertTemplateData(sample.Metric.Map(), x.ExternalLabels, x.ExternalURL.String(), sample)
		expand := func(name, text string) string {
			out, err := template.NewTemplateExpander(ctx, templateVariables+text, "__alert_"+a.Name, data,
				model.TimeFromUnixNano(at.UnixNano()), x.Query, x.ExternalURL, nil).Expand()
			if err != nil {
				errs = append(errs, fmt.Errorf("template of %s: %w", name, err))
				return fmt.Sprintf("<error expanding template: %s>", err)
			}
			return out
		}
		lb.Reset(sample.Metric)
		lb.Del(model.MetricNameLabel)
		a.Labels.Range(func(l labels.Label) { lb.Set(l.Name, expand("label "+l.Name, l.Value)) })
		lb.Set(labels.AlertName, a.Name)
		sb.Reset()
		a.Annotations.Range(func(l labels.Label) { sb.Add(l.Name, expand("annotation "+l.Name, l.Value)) })
		active = append(active, Active{Labels: lb.Labels(), Annotations: sb.Labels(), Value: sample.F})
	}
	return active, errs
}
