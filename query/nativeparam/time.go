package nativeparam

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

// Times storage can hold: DateTime64(9) ends in 2262, and nobody observed
// anything before 1970.
var (
	MinTime = time.Unix(0, 0).UTC()
	MaxTime = time.Unix(0, math.MaxInt64).UTC()
)

// Time reads RFC 3339 with any fraction, or Unix seconds with a fraction
// or without.
func Time(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		if t, err = parseUnix(s); err != nil {
			return time.Time{}, fmt.Errorf("%q is neither RFC 3339 nor Unix seconds", s)
		}
	}
	if t.Before(MinTime) || t.After(MaxTime) {
		return time.Time{}, fmt.Errorf("%q is not between %s and %s", s, MinTime.Format(time.RFC3339), MaxTime.Format(time.RFC3339))
	}
	return t.UTC(), nil
}

// parseUnix reads Unix seconds. Written without an exponent they keep all nine
// digits of a fraction, which a float64 would not.
func parseUnix(s string) (time.Time, error) {
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

// Duration reads a duration such as 90s or 1m30s, or a number of seconds;
// it must be positive.
func Duration(s string) (time.Duration, error) {
	var d time.Duration
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if ns := f * float64(time.Second); ns > 0 && ns < math.MaxInt64 {
			d = time.Duration(ns)
		}
	} else if m, err := model.ParseDuration(s); err == nil {
		d = time.Duration(m)
	} else {
		return 0, fmt.Errorf("%q is neither a duration such as 1m30s nor a number of seconds", s)
	}
	if d <= 0 {
		return 0, fmt.Errorf("%q is not positive", s)
	}
	return d, nil
}

// Window is a span of time, [Start,End).
type Window struct{ Start, End time.Time }

// WindowOf reads start and end; end defaults to now, start to an hour
// before end.
func WindowOf(form url.Values, now time.Time) (Window, error) {
	w := Window{End: now}
	var err error
	if s := form.Get("end"); s != "" {
		if w.End, err = Time(s); err != nil {
			return w, fault.Param("end", err)
		}
	}
	w.Start = w.End.Add(-time.Hour)
	if s := form.Get("start"); s != "" {
		if w.Start, err = Time(s); err != nil {
			return w, fault.Param("start", err)
		}
	}
	if w.End.Before(w.Start) {
		return w, fault.Param("end", errors.New("is before start"))
	}
	return w, nil
}
