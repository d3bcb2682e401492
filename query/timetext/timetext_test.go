package timetext

import (
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

func TestTime(t *testing.T) {
	for in, want := range map[string]string{
		"2026-03-01T12:00:00Z":                "2026-03-01T12:00:00Z",
		"2026-03-01T13:00:00.123456789+01:00": "2026-03-01T12:00:00.123456789Z",
		"1772366400":                          "2026-03-01T12:00:00Z",
		"1772366400.000000001":                "2026-03-01T12:00:00.000000001Z",
		"1772366400.5":                        "2026-03-01T12:00:00.5Z",
		"1.7723664e9":                         "2026-03-01T12:00:00Z",
		"0":                                   "1970-01-01T00:00:00Z",
	} {
		for _, read := range []func(string) (time.Time, error){Time, TimeOrNanos} {
			got, err := read(in)
			if err != nil || got.Format(time.RFC3339Nano) != want {
				t.Errorf("%s: got %s, %v; want %s", in, got.Format(time.RFC3339Nano), err, want)
			}
		}
	}
	for _, in := range []string{"", "now", "-1", "NaN", "Inf", "1e30", "1969-12-31T23:59:59Z", "9223372037", "2300-01-01T00:00:00Z", "1.x", "1.-5", "9223372036854775808", "-1772366400000000000"} {
		for _, read := range []func(string) (time.Time, error){Time, TimeOrNanos} {
			if got, err := read(in); err == nil {
				t.Errorf("%q was read as %s", in, got)
			}
		}
	}
	if got, err := TimeOrNanos("1772366400000000001"); err != nil || got.UnixNano() != 1772366400000000001 {
		t.Errorf("nanoseconds: %s, %v", got, err)
	}
	if got := Before(MinTime.Add(time.Hour), Longest); !got.Equal(MinTime) {
		t.Errorf("an hour after the first time less 146 years is %s", got)
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"60s": time.Minute, "1m30s": 90 * time.Second, "15": 15 * time.Second, "0.5": 500 * time.Millisecond, "1d": 24 * time.Hour,
		"1.5h": 90 * time.Minute, "10µs": 10 * time.Microsecond, ".5s": 500 * time.Millisecond, "1w2d": 9 * 24 * time.Hour,
		"1y": 365 * 24 * time.Hour, "30m1h": 90 * time.Minute, "999999h59m59.999999999s": 1e6*time.Hour - time.Nanosecond,
	} {
		for _, read := range []func(string) (time.Duration, error){Duration, Positive} {
			if got, err := read(in); err != nil || got != want {
				t.Errorf("%s: got %s, %v", in, got, err)
			}
		}
	}
	for _, in := range []string{"", "NaN", "Inf", "-inf", "1e300", "-1e300", "1e999", "1 s", "5x", "5", "-5m", "1.2.3s", ".s", "s", "99999999999999999999s", "147y", "140y140y"} {
		if got, err := Duration(in); err == nil && in != "5" {
			t.Errorf("%q was read as %s", in, got)
		}
		if got, err := Span(in); err == nil {
			t.Errorf("the span %q was read as %s", in, got)
		}
	}
	for in, want := range map[string]time.Duration{"0": 0, "-5": -5 * time.Second, "0s": 0, "1e-10": 0} {
		if got, err := Duration(in); err != nil || got != want {
			t.Errorf("%s: got %s, %v", in, got, err)
		}
		if got, err := Positive(in); err == nil {
			t.Errorf("%q was read as %s", in, got)
		}
	}
}

// FuzzTexts holds what is read to its bounds, and to what Go, Prometheus and the
// reader that takes less make of the same text.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{"2026-03-01T12:00:00.5Z", "1772366400.25", "1e9", "-1", "9223372036.9", "1772366400000000001", "NaN", "60s", "1d12h", "0.5", "1e300", "1.5h3ns", "0x1p-1074", "292y", "1us1µs"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, read := range []func(string) (time.Time, error){Time, TimeOrNanos} {
			if got, err := read(s); err == nil && (got.Before(MinTime) || got.After(MaxTime)) {
				t.Errorf("%q was read as %s", s, got)
			}
		}
		span, spanErr := Span(s)
		d, err := Duration(s)
		p, positiveErr := Positive(s)
		switch {
		case span < 0 || span > Longest || d < -Longest || d > Longest:
			t.Errorf("%q was read as %s and %s", s, span, d)
		case spanErr == nil && (err != nil || d != span):
			t.Errorf("%q is the span %s and the duration %s, %v", s, span, d, err)
		case err == nil && d > 0 != (positiveErr == nil) || positiveErr == nil && (p != d || p <= 0):
			t.Errorf("%q is the duration %s, %v and the positive one %s, %v", s, d, err, p, positiveErr)
		}
		if spanErr != nil {
			return
		}
		if other, err := time.ParseDuration(s); err == nil && (other-span).Abs() > time.Duration(1+len(s)) { // Go cuts fractions off
			t.Errorf("%q: %s, in Go %s", s, span, other)
		}
		if other, err := model.ParseDuration(s); err == nil && time.Duration(other) != span {
			t.Errorf("%q: %s, in Prometheus %s", s, span, time.Duration(other))
		}
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			t.Errorf("%q is a span and a number", s)
		}
	})
}
