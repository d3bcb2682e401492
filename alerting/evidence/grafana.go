package evidence

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// grafanaLink opens Grafana's Explore at the alert's query and time.
func (c *Collector) grafanaLink(a *Alert) string {
	if c.cfg.GrafanaURL == "" || a.Language != "promql" && a.Language != "metricsql" {
		return ""
	}
	type object = map[string]any
	source := object{"type": "prometheus", "uid": c.cfg.GrafanaDatasource}
	panes, err := json.Marshal(object{"alert": object{
		"datasource": c.cfg.GrafanaDatasource,
		"queries":    []object{{"refId": "A", "expr": a.Expr, "datasource": source}},
		"range": object{
			"from": strconv.FormatInt(a.At.Add(-time.Hour).UnixMilli(), 10),
			"to":   strconv.FormatInt(a.At.Add(window).UnixMilli(), 10),
		},
	}})
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(c.cfg.GrafanaURL, "/") + "/explore?" + url.Values{"schemaVersion": {"1"}, "panes": {string(panes)}}.Encode()
}
