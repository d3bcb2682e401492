package evidence

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// sampleRows is how many records of each time are compared. The newest of the
// hour before stand for that hour.
const sampleRows = 500

// deltas says which attribute values have become more frequent among the
// guilty series' log records since the hour before.
func (c *Collector) deltas(ctx context.Context, a *Alert, of string, guilty func() []attrcol.Matcher) string {
	if c.cfg.Logs == nil || of == "" || !a.wants(Deltas) {
		return ""
	}
	series := guilty()
	read := func(from, to time.Time) []logstore.Row {
		found, err := c.cfg.Logs.Select(ctx, a.Tenant, logstore.Filter{From: from, To: to, Services: []string{of}, Attributes: series},
			logstore.Page{Limit: sampleRows})
		if err != nil {
			return nil
		}
		return found.Rows
	}
	start := a.At.Add(-window)
	now, then := read(start, a.At.Add(time.Second)), read(start.Add(-before), start)
	return compare(now, then)
}

// delta is how the share of an attribute's value has changed.
type delta struct {
	pair      string
	now, then float64
}

// compare prints the greatest rises in the shares of attribute values, of 5
// percent points at least. Values nobody shares (ids, addresses) rise little,
// so they do not come up.
func compare(now, then []logstore.Row) string {
	if len(now) == 0 || len(then) == 0 {
		return ""
	}
	shares, earlier := sharesOf(now), sharesOf(then)
	var found []delta
	for pair, share := range shares {
		if d := (delta{pair, share, earlier[pair]}); d.now-d.then >= 0.05 {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b delta) int {
		return cmp.Or(cmp.Compare(b.now-b.then, a.now-a.then), cmp.Compare(a.pair, b.pair))
	})
	var lines []string
	for _, d := range found[:min(len(found), maxDeltas)] {
		lines = append(lines, cut(fmt.Sprintf("%s: %.0f%% of log records, %.0f%% the hour before", d.pair, 100*d.now, 100*d.then)))
	}
	return strings.Join(lines, "\n")
}

// sharesOf is the share of the records that have each attribute value, and each
// severity.
func sharesOf(rows []logstore.Row) map[string]float64 {
	out := map[string]float64{}
	one := 1 / float64(len(rows))
	for i := range rows {
		r := &rows[i]
		if r.SeverityText != "" {
			out["severity="+r.SeverityText] += one
		}
		for _, kv := range r.Attributes {
			if kv.Value.Kind == attribute.Slice || kv.Value.Kind == attribute.Map {
				continue
			}
			out[kv.Key+"="+oneLine(kv.Value.Text())] += one
		}
	}
	return out
}
