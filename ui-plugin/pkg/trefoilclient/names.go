package trefoilclient

import (
	"context"
	"net/url"
	"time"
)

// NameQuery bounds a look-up of names to a signal and a time range.
type NameQuery struct {
	Signal     string // "metrics", "logs" or "traces"
	Start, End time.Time
}

func (q NameQuery) values() url.Values {
	v := url.Values{}
	if q.Signal != "" {
		v.Set("signal", q.Signal)
	}
	if !q.Start.IsZero() {
		v.Set("start", formatTime(q.Start))
	}
	if !q.End.IsZero() {
		v.Set("end", formatTime(q.End))
	}
	return v
}

// LabelNames lists the label or attribute keys of a signal.
func (c *Client) LabelNames(ctx context.Context, q NameQuery) ([]string, error) {
	return c.names(ctx, "api/v1/labels", q)
}

// LabelValues lists the values of one label; metric names are those of __name__.
func (c *Client) LabelValues(ctx context.Context, label string, q NameQuery) ([]string, error) {
	return c.names(ctx, "api/v1/labels/"+url.PathEscape(label)+"/values", q)
}

func (c *Client) names(ctx context.Context, path string, q NameQuery) ([]string, error) {
	var out struct {
		Values []string `json:"values"`
	}
	_, err := c.getJSON(ctx, path, q.values(), &out)
	return out.Values, err
}

// Services lists the names of the services that sent anything in the range.
func (c *Client) Services(ctx context.Context, q NameQuery) ([]string, error) {
	var out struct {
		Services []string `json:"services"`
	}
	q.Signal = ""
	_, err := c.getJSON(ctx, "api/v1/services", q.values(), &out)
	return out.Services, err
}
