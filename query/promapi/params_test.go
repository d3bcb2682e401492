package promapi

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
)

func TestParseTime(t *testing.T) {
	for in, want := range map[string]string{
		"1772366400":                     "2026-03-01T12:00:00Z",
		"1772366400.123":                 "2026-03-01T12:00:00.123Z",
		"2026-03-01T13:00:00+01:00":      "2026-03-01T13:00:00+01:00",
		minTime.Format(time.RFC3339Nano): minTime.Format(time.RFC3339Nano),
		maxTime.Format(time.RFC3339Nano): maxTime.Format(time.RFC3339Nano),
	} {
		got, err := parseTime(in)
		if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: got %s, %v; want %s", in, got.Format(time.RFC3339Nano), err, want)
		}
	}
	for _, in := range []string{"", "now", "NaN", "Inf", "1e300", "2026-03-01"} {
		if got, err := parseTime(in); err == nil {
			t.Errorf("%q was read as %s", in, got)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"1772366400.5", "-1", "2026-03-01T12:00:00Z", "1e18"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := parseTime(s); err == nil && (got.Before(minTime) || got.After(maxTime.Add(time.Second))) {
			t.Errorf("%q was read as %s", s, got)
		}
	})
}

func FuzzParseRange(f *testing.F) {
	f.Add("start=1&end=2&step=1")
	f.Add("start=-1e12&end=1e12&step=1e-9")
	f.Fuzz(func(t *testing.T, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		p, err := parseRange(form, 11000)
		if err == nil && (p.step <= 0 || p.end.Before(p.start) || p.end.Sub(p.start)/p.step > 11000) {
			t.Errorf("%q was read as %+v", query, p)
		}
	})
}

// What series, labels and label values are asked with.
func FuzzSelection(f *testing.F) {
	a := newAPI(Config{Engine: metricexec.New(metricexec.Config{})})
	f.Add("match[]=up&match[]={a=~\"b.*\"}&start=1&end=2&limit=3")
	f.Add("match[]={\"http.method\"=\"x\"}")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		form, err := formOf(httptest.NewRecorder(), r)
		if err == nil {
			_, err = a.selection(form)
		}
		if _, ok := errors.AsType[*fault.Error](err); err != nil && !ok {
			t.Errorf("untyped error %T: %v", err, err)
		}
	})
}
