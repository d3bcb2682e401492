package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/frames"
	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

const (
	tailPath   = "tail/" // followed by a hash of the query, so that unlike tails do not share a stream
	tailEvery  = time.Second
	tailWindow = 10 * time.Second // how late a record may arrive and still be shown
	tailLimit  = 1000             // lines per look; more is said to be missing
	tailMaxGap = 30 * time.Second // of failures, before the tail ends with the error
)

// SubscribeStream accepts the live tail of a log search, the query being its data.
func (d *Datasource) SubscribeStream(_ context.Context, req *backend.SubscribeStreamRequest) (*backend.SubscribeStreamResponse, error) {
	if d.broken != nil || !strings.HasPrefix(req.Path, tailPath) {
		return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusNotFound}, nil
	}
	if _, err := d.tailQuery(req.Data, time.Now()); err != nil {
		return nil, err
	}
	return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusOK}, nil
}

// PublishStream refuses: nothing is written into Trefoil from Grafana.
func (d *Datasource) PublishStream(context.Context, *backend.PublishStreamRequest) (*backend.PublishStreamResponse, error) {
	return &backend.PublishStreamResponse{Status: backend.PublishStreamStatusPermissionDenied}, nil
}

// RunStream looks for new records every second and sends them oldest first until
// nobody listens. It looks back a little each time, since records arrive out of
// order, and leaves out those it has sent.
func (d *Datasource) RunStream(ctx context.Context, req *backend.RunStreamRequest, send *backend.StreamSender) error {
	if d.broken != nil {
		return d.broken
	}
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	sent := map[string]time.Time{}
	answered := time.Now()
	for {
		now := time.Now()
		q, err := d.tailQuery(req.Data, now)
		if err != nil {
			return err
		}
		res, err := d.client.Logs(ctx, q)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (isPermanent(err) || now.Sub(answered) > tailMaxGap):
			return fmt.Errorf("tail: %w", err)
		case err == nil:
			answered = now
			if res.Records = unsent(res.Records, sent, q.Start); len(res.Records) > 0 {
				if err := d.sendTail(res, q, send); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (d *Datasource) sendTail(res *trefoilclient.LogResult, q trefoilclient.LogQuery, send *backend.StreamSender) error {
	slices.Reverse(res.Records) // a live view appends
	out := frames.Logs(res, frames.LogOptions{Limit: q.Limit, Search: q.Text, Source: d.source})
	raw, err := json.Marshal(out[0])
	if err != nil {
		return fmt.Errorf("tail: frame: %w", err)
	}
	return send.SendJSON(raw)
}

// unsent keeps the records not sent before and forgets those too old to return.
func unsent(records []trefoilclient.LogRecord, sent map[string]time.Time, oldest time.Time) []trefoilclient.LogRecord {
	for id, t := range sent {
		if t.Before(oldest) {
			delete(sent, id)
		}
	}
	fresh := records[:0]
	for _, r := range records {
		if _, known := sent[r.ID]; !known {
			sent[r.ID] = r.Time
			fresh = append(fresh, r)
		}
	}
	return fresh
}

func (d *Datasource) tailQuery(raw json.RawMessage, now time.Time) (trefoilclient.LogQuery, error) {
	var m queryModel
	if err := json.Unmarshal(raw, &m); err != nil {
		return trefoilclient.LogQuery{}, invalid("the query cannot be read: %v", err)
	}
	// A sender's clock may run ahead of ours. The newest records are asked for
	// first: in a flood the oldest, which may have been sent, are the ones to lose.
	q, err := d.logQuery(m, backend.DataQuery{TimeRange: backend.TimeRange{From: now.Add(-tailWindow), To: now.Add(tailWindow)}})
	q.Limit, q.Forward = tailLimit, false
	return q, err
}

// isPermanent tells failures that waiting does not mend.
func isPermanent(err error) bool {
	switch trefoilclient.ClassOf(err) {
	case trefoilclient.Unreachable, trefoilclient.Timeout, trefoilclient.RateLimited, trefoilclient.Unavailable:
		return false
	}
	var e *trefoilclient.Error
	return errors.As(err, &e)
}
