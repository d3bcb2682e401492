package evidence

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// narrowRows is how many of a service's newest records are looked at for
// attributes that are also labels of the alert.
const narrowRows = 100

// narrow answers what makes a service's log records those of the guilty series:
// conditions on the attributes that the alert has as labels, too. Metrics and
// logs share only some of them, and a label may stand for `host.name` or
// `host_name`, so the records say which.
func (c *Collector) narrow(ctx context.Context, a *Alert, of string) []attrcol.Matcher {
	found, err := c.cfg.Logs.Select(ctx, a.Tenant, logstore.Filter{
		From: a.At.Add(-window), To: a.At.Add(time.Second), Services: []string{of},
	}, logstore.Page{Limit: narrowRows})
	if err != nil {
		return nil
	}
	keys := map[string]bool{}
	for i := range found.Rows {
		r := &found.Rows[i]
		for _, list := range [][]attribute.KeyValue{r.Attributes, r.Resource.Attributes} {
			for _, kv := range list {
				if kv.Value.Kind != attribute.Slice && kv.Value.Kind != attribute.Map {
					keys[kv.Key] = true
				}
			}
		}
	}
	var out []attrcol.Matcher
	for key := range keys {
		name := logline.Name(key)
		if value := a.Labels.Get(name); value != "" && !alertsOwn(name) {
			out = append(out, attrcol.Matcher{Key: key, Op: attrcol.Equal, Value: value})
		}
	}
	slices.SortFunc(out, func(x, y attrcol.Matcher) int { return strings.Compare(x.Key, y.Key) })
	return out
}

// alertsOwn says whether a label is of the rule or the service rather than of
// the series.
func alertsOwn(name string) bool {
	return slices.Contains([]string{labels.AlertName, model.MetricNameLabel, "severity", "job", "service", "service_name"}, name)
}
