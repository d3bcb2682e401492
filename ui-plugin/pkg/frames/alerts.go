package frames

import (
	"encoding/json"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// AlertOptions say how alerts are shown.
type AlertOptions struct {
	Executed string
	Source   Source
}

// Alerts makes a table of alerts as they are. The name of an alert links to the
// series of its firing, its service to the errors that service logged.
func Alerts(res *trefoilclient.AlertList, opt AlertOptions) data.Frames {
	n := len(res.Alerts)
	c := newAlertColumns(n)
	states, since := make([]string, n), make([]*time.Time, n)
	for i, a := range res.Alerts {
		c.set(i, a.Alert, a.Group, a.Value.Float(), a.Labels, a.Annotations)
		states[i], since[i] = a.State, timeOrNull(a.ActiveAt)
	}
	return c.frame(res.Truncated, res.Cost, opt, data.NewField("state", nil, states), data.NewField("since", nil, since))
}

// AlertHistory makes a table of what happened to alerts, newest first. Its
// fields time, title, text and tags are those Grafana makes annotations of.
func AlertHistory(res *trefoilclient.AlertHistory, opt AlertOptions) data.Frames {
	n := len(res.Events)
	c := newAlertColumns(n)
	times, events, receivers := make([]time.Time, n), make([]string, n), make([]string, n)
	for i, e := range res.Events {
		c.set(i, e.Alert, e.Group, e.Value.Float(), e.Labels, e.Annotations)
		times[i], events[i], receivers[i] = e.Time, e.Event, e.Receiver
		c.tags[i] = encode([]string{e.Event, e.Group})
	}
	return c.frame(res.Truncated, res.Cost, opt, data.NewField("time", nil, times), data.NewField("event", nil, events), data.NewField("receiver", nil, receivers))
}

// alertColumns are what the list and the history have in common.
type alertColumns struct {
	alerts, groups, services, texts []string
	values                          []float64
	labels, tags                    []json.RawMessage
}

func newAlertColumns(n int) *alertColumns {
	return &alertColumns{make([]string, n), make([]string, n), make([]string, n), make([]string, n),
		make([]float64, n), make([]json.RawMessage, n), make([]json.RawMessage, n)}
}

func (c *alertColumns) set(i int, alert, group string, value float64, labels, annotations map[string]string) {
	c.alerts[i], c.groups[i], c.values[i], c.labels[i] = alert, group, value, encode(labels)
	c.tags[i] = encode([]string{group})
	for _, key := range []string{"service_name", "service.name", "service"} {
		if s := labels[key]; s != "" && c.services[i] == "" {
			c.services[i] = s
		}
	}
	for _, key := range []string{"summary", "description", "message"} {
		if s := annotations[key]; s != "" && c.texts[i] == "" {
			c.texts[i] = s
		}
	}
}

func (c *alertColumns) frame(truncated bool, cost trefoilclient.Cost, opt AlertOptions, lead ...*data.Field) data.Frames {
	frame := data.NewFrame("alerts", append(lead,
		linked(data.NewField("title", nil, c.alerts), opt.Source.firing()),
		linked(data.NewField("service", nil, c.services), opt.Source.serviceErrors()),
		data.NewField("text", nil, c.texts),
		data.NewField("value", nil, c.values),
		data.NewField("group", nil, c.groups),
		data.NewField("labels", nil, c.labels),
		data.NewField("tags", nil, c.tags),
	)...)
	frame.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable, ExecutedQueryString: opt.Executed}
	if truncated {
		frame.Meta.Notices = append(frame.Meta.Notices, data.Notice{Severity: data.NoticeSeverityInfo, Text: "There are more alerts than these. Narrow the time range."})
	}
	return annotate(data.Frames{frame}, nil, cost)
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
