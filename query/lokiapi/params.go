package lokiapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/query/timetext"
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

// rangeParams reads start, end and since; without them it is the last while.
func (a *api) rangeParams(form url.Values, while time.Duration) (from, to time.Time, err error) {
	if to, err = fault.Optional(form, "end", a.Now(), timetext.TimeOrNanos); err != nil {
		return from, to, err
	}
	since, err := fault.Optional(form, "since", while, timetext.Positive)
	if err != nil {
		return from, to, err
	}
	before := to
	if now := a.Now(); before.After(now) {
		before = now
	}
	if from, err = fault.Optional(form, "start", timetext.Before(before, since), timetext.TimeOrNanos); err != nil {
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
