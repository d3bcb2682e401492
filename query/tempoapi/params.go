package tempoapi

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/timetext"
	"github.com/trefoil-o11y/trefoil/query/traceql"
)

// window is the time a request is about. Without start or end it is the hour,
// or since, before now.
func (a *api) window(form url.Values) (start, end time.Time, err error) {
	if end, err = fault.Optional(form, "end", a.Now(), timetext.TimeOrNanos); err != nil {
		return start, end, err
	}
	since, err := fault.Optional(form, "since", time.Hour, timetext.Positive)
	if err != nil {
		return start, end, err
	}
	if start, err = fault.Optional(form, "start", timetext.Before(end, since), timetext.TimeOrNanos); err != nil {
		return start, end, err
	}
	if end.Before(start) {
		return start, end, fault.Param("end", fmt.Errorf("is before start"))
	}
	return start, end, nil
}

func number(form url.Values, name string, otherwise, most int) (int, error) {
	s := form.Get(name)
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fault.Param(name, fmt.Errorf("%q is not a number", s))
	}
	if n > most {
		return 0, &fault.Error{Code: fault.Limit, Param: name, Limit: name, Message: fmt.Sprintf("%d is more than the %d one answer may hold", n, most)}
	}
	if n == 0 {
		return otherwise, nil
	}
	return n, nil
}

// tagsQuery makes TraceQL of the tags parameter: logfmt, each pair a string.
func tagsQuery(tags string) (string, error) {
	var conds []string
	rest := strings.TrimSpace(tags)
	for rest != "" {
		key, after, ok := strings.Cut(rest, "=")
		if !ok || strings.ContainsAny(key, " \t\"") || key == "" {
			return "", fmt.Errorf("%q is no logfmt: want key=value pairs", tags)
		}
		var value string
		if strings.HasPrefix(after, `"`) {
			quoted, err := strconv.QuotedPrefix(after)
			if err != nil {
				return "", fmt.Errorf("%q is no logfmt: a quote is not closed", tags)
			}
			value, _ = strconv.Unquote(quoted)
			rest = strings.TrimSpace(after[len(quoted):])
		} else {
			value, rest, _ = strings.Cut(after, " ")
			rest = strings.TrimSpace(rest)
		}
		conds = append(conds, tagCondition(key, value))
	}
	return "{ " + strings.Join(conds, " && ") + " }", nil
}

// tagCondition also finds numbers and booleans, which tags do not tell apart.
func tagCondition(key, value string) string {
	switch key {
	case "name", "root.name":
		if key == "root.name" {
			key = "rootName"
		}
		return key + " = " + strconv.Quote(value)
	case "root.service.name":
		return "rootServiceName = " + strconv.Quote(value)
	case "status.code":
		for _, s := range traceql.StatusNames() {
			if s == value {
				return "status = " + s
			}
		}
	case "error":
		if value == "true" {
			return "(status = error || .error = true)"
		}
	}
	f := traceql.Field{Name: key}.String()
	cond := f + " = " + strconv.Quote(value)
	if value == "true" || value == "false" {
		return "(" + cond + " || " + f + " = " + value + ")"
	}
	if n, err := strconv.ParseFloat(value, 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
		return "(" + cond + " || " + f + " = " + traceql.Float(n).String() + ")"
	}
	return cond
}
