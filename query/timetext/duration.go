package timetext

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Longest is the longest duration that is read, 146 years: the sum of two is
// still one.
const Longest time.Duration = 1 << 62

// units are Go's and Prometheus's; a year is 365 days.
var units = map[string]time.Duration{
	"ns": time.Nanosecond,
	"us": time.Microsecond, "µs": time.Microsecond, "μs": time.Microsecond,
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour,
}

// Span reads a duration as a query writes it, without a sign: numbers, with a
// fraction or without, each with its unit.
func Span(s string) (time.Duration, error) {
	if s == "" {
		return 0, fmt.Errorf("duration is empty")
	}
	var total time.Duration
	for rest := s; rest != ""; {
		number := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789."))]
		after := rest[len(number):]
		name := after
		if i := strings.IndexAny(after, "0123456789."); i >= 0 {
			name = after[:i]
		}
		unit, ok := units[name]
		if number == "" {
			return 0, fmt.Errorf("duration %q: no number before %q", s, rest)
		}
		if !ok {
			return 0, fmt.Errorf("duration %q: %q is none of ns, us, ms, s, m, h, d, w, y", s, name)
		}
		part, err := times(number, unit)
		if err != nil {
			return 0, fmt.Errorf("duration %q: %w", s, err)
		}
		if total += part; total > Longest {
			return 0, fmt.Errorf("duration %q: too long", s)
		}
		rest = after[len(name):]
	}
	return total, nil
}

// times multiplies, whole numbers exactly; what comes out is at most Longest.
func times(number string, unit time.Duration) (time.Duration, error) {
	whole, fraction, _ := strings.Cut(number, ".")
	var n uint64
	var f float64
	var err error
	if whole != "" {
		if n, err = strconv.ParseUint(whole, 10, 64); err != nil || n > uint64(Longest/unit) {
			return 0, fmt.Errorf("too long")
		}
	}
	if fraction != "" || whole == "" {
		if f, err = strconv.ParseFloat("."+fraction, 64); err != nil {
			return 0, fmt.Errorf("%q is no number", number)
		}
	}
	return min(time.Duration(n)*unit+time.Duration(math.Round(f*float64(unit))), Longest), nil
}

// Duration reads a number of seconds, which may be zero or negative, or a Span.
func Duration(s string) (time.Duration, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil || math.IsInf(f, 0) {
		if ns := f * float64(time.Second); math.Abs(ns) <= float64(Longest) { // NaN is not
			return time.Duration(ns), nil
		}
		return 0, fmt.Errorf("%q is not a duration of at most %.0f seconds", s, Longest.Seconds())
	}
	d, err := Span(s)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a duration such as 1m30s nor a number of seconds", s)
	}
	return d, nil
}

// Positive is Duration of a nanosecond at least.
func Positive(s string) (time.Duration, error) {
	d, err := Duration(s)
	if err == nil && d <= 0 {
		err = fmt.Errorf("%q is not positive", s)
	}
	return max(d, 0), err
}
