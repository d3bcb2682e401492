package promapi

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/timetext"
)

// The earliest and latest time a request can name.
var (
	minTime = time.Unix(math.MinInt64/1000+62135596801, 0).UTC()
	maxTime = time.Unix(math.MaxInt64/1000-62135596801, 999999999).UTC()
)

// parseTime reads Unix seconds, with a fraction or without, or RFC 3339.
func parseTime(s string) (time.Time, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		// As long as both conversions below are exact enough to keep ms.
		if math.IsNaN(f) || f < float64(minTime.Unix()) || f > float64(maxTime.Unix()) {
			return time.Time{}, fmt.Errorf("%q is not a time between %d and %d", s, minTime.Unix(), maxTime.Unix())
		}
		sec, frac := math.Modf(f)
		frac = math.Round(frac*1000) / 1000
		return time.Unix(int64(sec), int64(frac*float64(time.Second))).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	switch s { // the boundaries, whose years time.Parse cannot read
	case minTime.Format(time.RFC3339Nano):
		return minTime, nil
	case maxTime.Format(time.RFC3339Nano):
		return maxTime, nil
	}
	return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", s)
}

// limitOf reads a result limit; 0 and absent mean none.
func limitOf(form url.Values, name string) (int, error) {
	return fault.Optional(form, name, 0, parseLimit)
}

func parseLimit(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("cannot parse %q to a number", s)
	}
	if n < 0 {
		return 0, errors.New("limit must be non-negative")
	}
	return n, nil
}

// maxForm bounds a POST body.
const maxForm = 10 << 20

// formOf reads the parameters of a GET or a form POST.
func formOf(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, &fault.Error{Code: fault.BadQuery, Message: fmt.Sprintf("request body is larger than %d bytes", tooLarge.Limit), Err: err}
		}
		return nil, &fault.Error{Code: fault.BadQuery, Message: "error parsing form values: " + err.Error(), Err: err}
	}
	return r.Form, nil
}

// window is the optional start and end of a metadata request.
type window struct{ start, end time.Time }

func parseWindow(form url.Values) (window, error) {
	var w window
	var err error
	if w.start, err = fault.Optional(form, "start", minTime, parseTime); err != nil {
		return w, err
	}
	if w.end, err = fault.Optional(form, "end", maxTime, parseTime); err != nil {
		return w, err
	}
	if w.end.Before(w.start) {
		return w, fault.Param("end", errors.New("end timestamp must not be before start time"))
	}
	return w, nil
}

// rangeParams are the parameters of query_range.
type rangeParams struct {
	start, end time.Time
	step       time.Duration
}

func parseRange(form url.Values, maxPoints int) (rangeParams, error) {
	var (
		p   rangeParams
		err error
	)
	if p.start, err = parseTime(form.Get("start")); err != nil {
		return p, fault.Param("start", err)
	}
	if p.end, err = parseTime(form.Get("end")); err != nil {
		return p, fault.Param("end", err)
	}
	if p.end.Before(p.start) {
		return p, fault.Param("end", errors.New("end timestamp must not be before start time"))
	}
	if p.step, err = timetext.Duration(form.Get("step")); err != nil {
		return p, fault.Param("step", err)
	}
	if p.step <= 0 {
		return p, fault.Param("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
	}
	if p.end.Sub(p.start)/p.step > time.Duration(maxPoints) {
		return p, &fault.Error{Code: fault.BadQuery, Limit: "max_points", Message: fmt.Sprintf(
			"exceeded maximum resolution of %d points per timeseries. Try decreasing the query resolution (?step=XX)", maxPoints)}
	}
	return p, nil
}
