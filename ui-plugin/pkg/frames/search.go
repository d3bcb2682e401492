package frames

import (
	"fmt"
	"math"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// Traces makes a table of the traces of a search, whose IDs open them.
func Traces(res *trefoilclient.TracesFound, opt TraceOptions) data.Frames {
	n := len(res.Traces)
	ids, services, names := make([]string, n), make([]string, n), make([]string, n)
	starts, durations := make([]time.Time, n), make([]float64, n)
	spans, errors := make([]int64, n), make([]int64, n)
	for i, t := range res.Traces {
		ids[i], services[i], names[i], starts[i] = t.TraceID, t.Service, t.Name, t.Start
		durations[i], spans[i], errors[i] = float64(t.DurationNS)/1e6, t.Spans, t.Errors
	}
	frame := data.NewFrame("traces",
		linked(data.NewField("traceID", nil, ids), opt.Source.trace()),
		data.NewField("startTime", nil, starts),
		data.NewField("service", nil, services),
		data.NewField("name", nil, names),
		milliseconds(data.NewField("duration", nil, durations), "ms"),
		data.NewField("spans", nil, spans),
		data.NewField("errors", nil, errors),
	)
	frame.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable, ExecutedQueryString: opt.Executed}
	if res.Partial != "" {
		frame.Meta.Notices = append(frame.Meta.Notices, data.Notice{Severity: data.NoticeSeverityInfo, Text: res.Partial})
	}
	return annotate(data.Frames{frame}, nil, res.Cost)
}

// calls is what one service was asked, for its node.
type calls struct {
	requests, errors uint64
	p99              float64 // of the slowest caller's
}

// ServiceGraph makes the nodes and the edges of Grafana's node graph: a node for
// each service with the rate and the 99th percentile of what it was asked, its
// arc divided into answers and errors; an edge for each pair that called. span
// is the time the counts are of.
func ServiceGraph(g *trefoilclient.ServiceGraph, span time.Duration, opt TraceOptions) data.Frames {
	asked := map[string]*calls{}
	node := func(service string) *calls {
		if asked[service] == nil {
			asked[service] = &calls{}
		}
		return asked[service]
	}
	n := len(g.Edges)
	ids, sources, targets := make([]string, n), make([]string, n), make([]string, n)
	rates, slow, shares, thick := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i, e := range g.Edges {
		node(e.Client)
		c := node(e.Server)
		c.requests, c.errors, c.p99 = c.requests+e.Requests, c.errors+e.Errors, max(c.p99, e.P99NS)
		ids[i], sources[i], targets[i] = fmt.Sprintf("%s → %s", e.Client, e.Server), e.Client, e.Server
		rates[i], slow[i], shares[i] = rateOf(e.Requests, span), e.P99NS/1e6, shareOf(e.Errors, e.Requests)
		thick[i] = 1 + math.Log10(1+float64(e.Requests))
	}
	services := sortedKeys(asked)
	m := len(services)
	nodeRates, nodeSlow, good, bad := make([]float64, m), make([]float64, m), make([]float64, m), make([]float64, m)
	for i, s := range services {
		c := asked[s]
		nodeRates[i], nodeSlow[i], bad[i] = rateOf(c.requests, span), c.p99/1e6, shareOf(c.errors, c.requests)
		good[i] = 1 - bad[i]
	}
	nodes := data.NewFrame("nodes",
		data.NewField("id", nil, services),
		linked(data.NewField("title", nil, services), opt.Source.serviceSpans(), opt.Source.serviceErrors()),
		shown("mainstat", nodeRates, "reqps", "Requests", ""),
		shown("secondarystat", nodeSlow, "ms", "99th percentile", ""),
		shown("arc__answered", good, "percentunit", "Answered", "green"),
		shown("arc__failed", bad, "percentunit", "Failed", "red"),
	)
	edges := data.NewFrame("edges",
		data.NewField("id", nil, ids),
		data.NewField("source", nil, sources),
		data.NewField("target", nil, targets),
		shown("mainstat", rates, "reqps", "Requests", ""),
		shown("secondarystat", slow, "ms", "99th percentile", ""),
		shown("detail__failed", shares, "percentunit", "Failed", ""),
		data.NewField("thickness", nil, thick),
	)
	out := data.Frames{nodes, edges}
	for _, f := range out {
		f.Meta = &data.FrameMeta{PreferredVisualization: data.VisTypeNodeGraph, ExecutedQueryString: opt.Executed}
	}
	if g.Truncated {
		nodes.Meta.Notices = append(nodes.Meta.Notices, data.Notice{Severity: data.NoticeSeverityInfo, Text: "There are more connections than these. Narrow the time range."})
	}
	return annotate(out, nil, g.Cost)
}

func shown(name string, values []float64, unit, label, color string) *data.Field {
	c := &data.FieldConfig{Unit: unit, DisplayName: label}
	if color != "" {
		c.Color = map[string]any{"mode": "fixed", "fixedColor": color}
	}
	return data.NewField(name, nil, values).SetConfig(c)
}

func rateOf(n uint64, span time.Duration) float64 {
	if span <= 0 {
		return 0
	}
	return float64(n) / span.Seconds()
}

func shareOf(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
