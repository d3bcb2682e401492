package timetext

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Times storage can hold: DateTime64(9) ends in 2262, and nobody observed
// anything before 1970.
var (
	MinTime = time.Unix(0, 0).UTC()
	MaxTime = time.Unix(0, math.MaxInt64).UTC()
)

// Time reads RFC 3339 with any fraction, or Unix seconds with a fraction or
// without, between MinTime and MaxTime.
func Time(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		if t, err = unix(s); err != nil {
			return time.Time{}, fmt.Errorf("%q is neither RFC 3339 nor Unix seconds", s)
		}
	}
	if t.Before(MinTime) || t.After(MaxTime) {
		return time.Time{}, fmt.Errorf("%q is not between %s and %s", s, MinTime.Format(time.RFC3339), MaxTime.Format(time.RFC3339))
	}
	return t.UTC(), nil
}

// TimeOrNanos is Time in which a whole number of more than ten digits is Unix
// nanoseconds, as in Loki and Tempo.
func TimeOrNanos(s string) (time.Time, error) {
	if len(s) > 10 {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
			return time.Unix(0, n).UTC(), nil
		}
	}
	return Time(s)
}

// Before is the time so long before t, and MinTime at the earliest.
func Before(t time.Time, d time.Duration) time.Time {
	if d > t.Sub(MinTime) {
		return MinTime
	}
	return t.Add(-d)
}

// unix reads Unix seconds. Written without an exponent they keep all nine digits
// of a fraction, which a float64 would not.
func unix(s string) (time.Time, error) {
	if strings.ContainsAny(s, "eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || math.Abs(f) >= math.MaxInt64/1e9 {
			return time.Time{}, errors.New("not a number of seconds")
		}
		return time.Unix(0, int64(f*1e9)), nil
	}
	whole, frac, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || sec < 0 || sec > math.MaxInt64/int64(time.Second)-1 {
		return time.Time{}, errors.New("not a number of seconds")
	}
	ns, err := strconv.ParseUint((frac + "000000000")[:9], 10, 32)
	if err != nil {
		return time.Time{}, errors.New("not a fraction")
	}
	return time.Unix(sec, int64(ns)), nil
}
