package rule

import (
	"github.com/prometheus/prometheus/model/labels"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
)

// NewAlert is the definition of an alerting rule of a file.
func NewAlert(g *rulefile.Group, def *rulefile.Rule) *Alert {
	return &Alert{
		Name: def.Alert, Group: g.Name, Expr: def.Expr, While: def.KeepFiringWhile, Data: def.Data,
		Hold: def.For, KeepFiring: def.KeepFiringFor, Limit: g.Limit, NoData: def.NoData, OnError: def.OnError,
		Labels: labels.FromMap(def.Labels), Annotations: labels.FromMap(def.Annotations),
	}
}

// NewRecord is the definition of a recording rule of a file.
func NewRecord(g *rulefile.Group, def *rulefile.Rule) *Record {
	return &Record{Name: def.Record, Expr: def.Expr, Labels: labels.FromMap(def.Labels), Limit: g.Limit}
}
