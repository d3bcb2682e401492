package ingest

import (
	"fmt"
	"math"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// fault is what is wrong with a record; the zero value is nothing. Its text
// is made only for the first fault of a kind in a request.
type fault struct {
	reason     Reason
	field      string
	key        string // the attribute
	got, limit int64
	text       string // said by a door, instead of all these
}

func (f fault) String() string {
	if f.text != "" {
		return f.text
	}
	s := f.field
	if f.key != "" {
		s += fmt.Sprintf("[%.64q]", f.key)
	}
	switch f.reason {
	case TimeTooOld, TimeLate, TimeAhead:
		return fmt.Sprintf("%s is %s, limit %s", s, nanos(f.got), nanos(f.limit))
	case TimeMissing, MetricNameEmpty, ValueMissing, TemporalityMissing:
		return s + " is not set"
	case TraceIDZero, SpanIDZero:
		return s + " is all zero"
	case BoundsNotAscending:
		return fmt.Sprintf("%s[%d] is not finite or not above the one before", s, f.got)
	case QuantileInvalid:
		return fmt.Sprintf("%s[%d] is outside [0, 1]", s, f.got)
	case BucketCount:
		return fmt.Sprintf("%s has %d buckets, want %d", s, f.got, f.limit)
	case MetricNameInvalid:
		return s + " is not UTF-8 or is over 1 KiB"
	case TooManySeries:
		return fmt.Sprintf("the series is not among the %d active ones there may be", f.limit)
	case BucketsInvalid:
		return fmt.Sprintf("%s is %d, out of range", s, f.got)
	default:
		return fmt.Sprintf("%s is %d, limit %d", s, f.got, f.limit)
	}
}

func nanos(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// place is where a record is in its request.
type place struct {
	signal                          Signal
	resource, scope, metric, record int
}

// String has the JSON names of the levels of a request.
func (p place) String() string {
	switch p.signal {
	case Logs:
		return fmt.Sprintf("resourceLogs[%d].scopeLogs[%d].logRecords[%d]", p.resource, p.scope, p.record)
	case Traces:
		return fmt.Sprintf("resourceSpans[%d].scopeSpans[%d].spans[%d]", p.resource, p.scope, p.record)
	default:
		return fmt.Sprintf("resourceMetrics[%d].scopeMetrics[%d].metrics[%d].dataPoints[%d]", p.resource, p.scope, p.metric, p.record)
	}
}

// isQuota tells whether the reason is a limit of the tenant's own.
func (r Reason) isQuota() bool {
	switch r {
	case TimeLate, TimeAhead, TooManyAttributes, AttributeTooLarge, NameTooLong, LabelTooLong, TooManySeries:
		return true
	}
	return false
}

// reject counts the record of t at p under f.
func (r *Result) reject(f fault, p place, t tenant.ID) {
	r.Rejected++
	for i := range r.Rejections {
		if r.Rejections[i].Reason == f.reason {
			r.Rejections[i].Count++
			return
		}
	}
	example := p.String() + ": " + f.String()
	if f.reason.isQuota() {
		example += fmt.Sprintf(" (a limit of tenant %q)", string(t))
	}
	r.Rejections = append(r.Rejections, Rejection{Reason: f.reason, Count: 1, Example: example})
}

// window is the span of times a record may have.
type window struct {
	now, oldest, newest int64  // unix ns
	behind              Reason // of what is older than oldest
}

// window is what is neither deleted already nor too late or too far ahead for
// the tenant. Storage deletes a day's records retentionDays after its midnight.
func (p *Pipeline) window(l *quota.Limits) window {
	now := p.cfg.Now().UTC()
	oldest := now.Truncate(24*time.Hour).AddDate(0, 0, 1-int(p.cfg.RetentionDays))
	w := window{now: now.UnixNano(), newest: now.Add(l.Ahead).UnixNano(), behind: TimeTooOld}
	if oldest.Year() > 1970 {
		w.oldest = oldest.UnixNano()
	}
	if late := now.Add(-l.Late).UnixNano(); l.Late > 0 && late > w.oldest {
		w.oldest, w.behind = late, TimeLate
	}
	return w
}

// check says whether t, the record's field, is inside.
func (w *window) check(t int64, field string) fault {
	switch {
	case t == 0:
		return fault{reason: TimeMissing, field: field}
	case t < 0:
		return w.ahead(field)
	case t > w.newest:
		return fault{reason: TimeAhead, field: field, got: t, limit: w.newest}
	case t < w.oldest:
		return fault{reason: w.behind, field: field, got: t, limit: w.oldest}
	default:
		return fault{}
	}
}

// ahead is the fault of a time beyond what signed nanoseconds can say.
func (w *window) ahead(field string) fault {
	return fault{reason: TimeAhead, field: field, got: math.MaxInt64, limit: w.newest}
}
