package plugin

import (
	"regexp"
	"strconv"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

const (
	minStep   = time.Second
	maxPoints = 11000 // per series, the most a Prometheus server answers
)

// stepOf is the fixed step if there is one and else Grafana's interval for the
// panel, at least a second; either is widened until a series has at most as many
// points as the panel asked for, or maxPoints for a fixed step.
func stepOf(q backend.DataQuery, fixed time.Duration) time.Duration {
	span := q.TimeRange.Duration()
	if fixed > 0 {
		return max(fixed, ceilTo(span/maxPoints, time.Second))
	}
	points := q.MaxDataPoints
	if points <= 0 || points > maxPoints {
		points = maxPoints
	}
	return max(q.Interval, ceilTo(span/time.Duration(points), time.Second), minStep)
}

func ceilTo(d, unit time.Duration) time.Duration {
	return (d + unit - 1) / unit * unit
}

// alignDown puts evaluation times on multiples of the step since the epoch, so
// that moving a dashboard's range forward evaluates at the same instants again.
func alignDown(t time.Time, step time.Duration) time.Time {
	return time.Unix(0, t.UnixNano()/int64(step)*int64(step)).UTC()
}

var macro = regexp.MustCompile(`\$(?:__(rate_interval|interval_ms|interval|range_ms|range_s|range)\b|\{__(rate_interval|interval_ms|interval|range_ms|range_s|range)\})`)

// expandMacros replaces Grafana's time macros. It is done here and not in the
// browser because alert rules are evaluated without one.
func expandMacros(expr string, r backend.TimeRange, step, scrape time.Duration) string {
	span := r.Duration()
	values := map[string]string{
		"interval":    duration(step),
		"interval_ms": strconv.FormatInt(step.Milliseconds(), 10),
		// Four exports, so that a lost one leaves a rate of at least two points.
		"rate_interval": duration(max(step+scrape, 4*scrape)),
		"range":         duration(ceilTo(span, time.Second)),
		"range_s":       strconv.FormatInt(int64(ceilTo(span, time.Second)/time.Second), 10),
		"range_ms":      strconv.FormatInt(span.Milliseconds(), 10),
	}
	return macro.ReplaceAllStringFunc(expr, func(m string) string {
		groups := macro.FindStringSubmatch(m)
		return values[groups[1]+groups[2]]
	})
}

// duration writes d as both query languages read it.
func duration(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}
