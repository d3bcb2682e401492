package lokiapi

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/query/logql"
)

// maxForm bounds a POST body.
const maxForm = 10 << 20

func formOf(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, &fault.Error{Code: fault.BadQuery, Message: "error parsing form values: " + err.Error(), Err: err}
	}
	return r.Form, nil
}

// parseTime reads Unix nanoseconds, seconds if they have a fraction or few digits,
// or RFC 3339.
func parseTime(s string) (time.Time, error) {
	if strings.Contains(s, ".") {
		if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1e11 {
			sec, frac := math.Modf(f)
			return time.Unix(int64(sec), int64(math.Round(frac*1e3))*1e6), nil
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if len(strings.TrimPrefix(s, "-")) <= 10 {
			return time.Unix(n, 0), nil
		}
		return time.Unix(0, n), nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, fmt.Errorf("%q is neither Unix nanoseconds or seconds nor RFC 3339", s)
	}
	return t, nil
}

func timeParam(form url.Values, name string, otherwise time.Time) (time.Time, error) {
	s := form.Get(name)
	if s == "" {
		return otherwise, nil
	}
	t, err := parseTime(s)
	if err != nil {
		return t, fault.Param(name, err)
	}
	return t, nil
}

// spanParam reads seconds or a duration.
func spanParam(form url.Values, name string, otherwise time.Duration) (time.Duration, error) {
	s := form.Get(name)
	if s == "" {
		return otherwise, nil
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if !(f >= 1e-9 && f < 1e9) {
			return 0, fault.Param(name, fmt.Errorf("%q is not between a nanosecond and 1e9 seconds", s))
		}
		return time.Duration(f * float64(time.Second)), nil
	}
	d, err := logline.ParseSpan(s)
	if err == nil && d <= 0 {
		err = errors.New("must be positive")
	}
	if err != nil {
		return 0, fault.Param(name, err)
	}
	return d, nil
}

// rangeParams reads start, end and since; without them it is the last while.
func (a *api) rangeParams(form url.Values, while time.Duration) (from, to time.Time, err error) {
	if to, err = timeParam(form, "end", a.Now()); err != nil {
		return from, to, err
	}
	since, err := spanParam(form, "since", while)
	if err != nil {
		return from, to, err
	}
	before := to
	if now := a.Now(); before.After(now) {
		before = now
	}
	if from, err = timeParam(form, "start", before.Add(-since)); err != nil {
		return from, to, err
	}
	if to.Before(from) {
		return from, to, fault.Param("end", errors.New("end timestamp must not be before or equal to start time"))
	}
	return from, to, nil
}

func numberParam(form url.Values, names []string, otherwise, most int) (int, error) {
	for _, name := range names {
		s := form.Get(name)
		if s == "" {
			continue
		}
		n, err := strconv.Atoi(s)
		if err == nil && n <= 0 {
			err = errors.New("must be a positive value")
		}
		if err != nil {
			return 0, fault.Param(name, err)
		}
		if n > most {
			return 0, &fault.Error{Code: fault.Limit, Limit: "max_lines", Message: fmt.Sprintf("max entries limit per query exceeded, %s > %d (the limit max_lines)", s, most)}
		}
		return n, nil
	}
	return min(otherwise, most), nil
}

// defaultStep is about 250 points, at least a second.
func defaultStep(from, to time.Time) time.Duration {
	return max(time.Second, (to.Sub(from) / 250).Truncate(time.Second))
}

// logParam reads a query of lines; nil if there is none.
func logParam(form url.Values, name string) (*logql.Log, error) {
	s := strings.TrimSpace(form.Get(name))
	if s == "" || s == "{}" {
		return nil, nil
	}
	return logql.ParseLog(s)
}

// selectorParam is logParam where none means all records.
func selectorParam(form url.Values) (*logql.Log, error) {
	l, err := logParam(form, "query")
	if l == nil && err == nil {
		l = &logql.Log{}
	}
	return l, err
}
