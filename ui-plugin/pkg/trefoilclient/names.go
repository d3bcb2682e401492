package trefoilclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"
)

// NameQuery bounds a look-up of names to a signal and a time range.
type NameQuery struct {
	Signal     string // "metrics", "logs" or "traces"
	Start, End time.Time
	Match      string // a selector in the signal's language
}

func (q NameQuery) values() url.Values {
	v := url.Values{}
	if q.Signal != "" {
		v.Set("signal", q.Signal)
	}
	if q.Match != "" {
		v.Set("match", q.Match)
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
	return c.list(ctx, "api/v1/labels", "names", q)
}

// LabelValues lists the values of one label; metric names are those of __name__.
func (c *Client) LabelValues(ctx context.Context, label string, q NameQuery) ([]string, error) {
	return c.list(ctx, "api/v1/labels/"+url.PathEscape(label)+"/values", "values", q)
}

// Services lists the names of the services that sent anything in the range.
func (c *Client) Services(ctx context.Context, q NameQuery) ([]string, error) {
	q.Signal, q.Match = "", ""
	return c.list(ctx, "api/v1/services", "services", q)
}

// list reads the array of text an answer holds under key. An answer without the
// key is not an empty list but one that is not understood.
func (c *Client) list(ctx context.Context, path, key string, q NameQuery) ([]string, error) {
	var out map[string]json.RawMessage
	if _, err := c.getJSON(ctx, path, q.values(), &out); err != nil {
		return nil, err
	}
	raw, ok := out[key]
	if !ok {
		return nil, c.malformed(fmt.Errorf("%q is missing", key))
	}
	var names []string
	if err := json.Unmarshal(raw, &names); err != nil {
		return nil, c.malformed(fmt.Errorf("%q: %w", key, err))
	}
	return names, nil
}
