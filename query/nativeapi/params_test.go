package nativeapi

import (
	"bytes"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestParseTime(t *testing.T) {
	for in, want := range map[string]string{
		"2026-03-01T12:00:00Z":                "2026-03-01T12:00:00Z",
		"2026-03-01T13:00:00.123456789+01:00": "2026-03-01T12:00:00.123456789Z",
		"1772366400":                          "2026-03-01T12:00:00Z",
		"1772366400.000000001":                "2026-03-01T12:00:00.000000001Z",
		"1772366400.5":                        "2026-03-01T12:00:00.5Z",
		"1.7723664e9":                         "2026-03-01T12:00:00Z",
		"0":                                   "1970-01-01T00:00:00Z",
	} {
		got, err := parseTime(in)
		if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: got %s, %v; want %s", in, got.Format(time.RFC3339Nano), err, want)
		}
	}
	for _, in := range []string{"", "now", "-1", "NaN", "Inf", "1e30", "1969-12-31T23:59:59Z", "9223372037", "2300-01-01T00:00:00Z", "1.x", "1.-5"} {
		if got, err := parseTime(in); err == nil {
			t.Errorf("%q was read as %s", in, got)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{"60s": time.Minute, "1m30s": 90 * time.Second, "15": 15 * time.Second, "0.5": 500 * time.Millisecond, "1d": 24 * time.Hour} {
		if got, err := parseDuration(in); err != nil || got != want {
			t.Errorf("%s: got %s, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "0", "-1", "0s", "NaN", "Inf", "1e300", "1 s", "5x"} {
		if got, err := parseDuration(in); err == nil {
			t.Errorf("%q was read as %s", in, got)
		}
	}
}

func TestParseAttr(t *testing.T) {
	for in, want := range map[string]attrMatcher{
		"a=b":     {Key: "a", Value: "b"},
		"a.b!=c":  {Key: "a.b", Value: "c", Not: true},
		"a=b=c":   {Key: "a", Value: "b=c"},
		"a=":      {Key: "a"},
		"a=!=":    {Key: "a", Value: "!="},
		"k!k=v":   {Key: "k!k", Value: "v"},
		"x=  y  ": {Key: "x", Value: "  y  "},
	} {
		if got, err := parseAttr(in); err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "a", "=b", "!=b", "a=\xff"} {
		if got, err := parseAttr(in); err == nil {
			t.Errorf("%q was read as %+v", in, got)
		}
	}
}

func TestSeverities(t *testing.T) {
	for name, want := range map[string]uint8{"trace": 1, "DEBUG": 5, "Info": 9, "WARN": 13, "error": 17, "FATAL": 21} {
		got, err := parseSeverity(name)
		if err != nil || got != want || severityName(got) != strings.ToUpper(name) {
			t.Errorf("%s: got %d %s, %v", name, got, severityName(got), err)
		}
	}
	if _, err := parseSeverity("WARNING"); err == nil {
		t.Error("WARNING was read")
	}
	for number, want := range map[uint8]string{0: "", 4: "TRACE", 20: "ERROR", 24: "FATAL", 25: ""} {
		if got := severityName(number); got != want {
			t.Errorf("%d: got %q, want %q", number, got, want)
		}
	}
}

// Every mistake in a request for logs names its parameter.
func TestLogSearchNamesTheParameter(t *testing.T) {
	a := &api{Config{Now: func() time.Time { return now }, MaxLogs: 1000}}
	for param, query := range map[string]string{
		"start":     "start=yesterday",
		"end":       "start=1772366400&end=1772366399",
		"severity":  "severity=loud",
		"q":         "q=" + strings.Repeat("x", maxText+1),
		"attr":      "attr=novalue",
		"trace_id":  "trace_id=abc",
		"span_id":   "span_id=zzzzzzzzzzzzzzzz",
		"limit":     "limit=0",
		"direction": "direction=up",
		"cursor":    "cursor=%21",
	} {
		form, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = a.logSearch(form)
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Param != param || f.Code.Status() != 400 {
			t.Errorf("%s: got %#v", param, err)
		}
	}
	form, _ := url.ParseQuery("limit=1001")
	_, _, err := a.logSearch(form)
	if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != fault.Limit {
		t.Errorf("limit=1001: got %v", err)
	}
}

func TestUnknownAndRepeatedParametersAreRefused(t *testing.T) {
	for query, param := range map[string]string{"servise=x": "servise", "limit=1&limit=2": "limit"} {
		_, err := parameters(httptest.NewRequest(http.MethodGet, "/?"+query, nil), "service*", "limit")
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Param != param {
			t.Errorf("%s: got %v", query, err)
		}
	}
	if _, err := parameters(httptest.NewRequest(http.MethodGet, "/?service=a&service=b", nil), "service*"); err != nil {
		t.Errorf("service twice: %v", err)
	}
}

func TestDecodeQuery(t *testing.T) {
	for body, want := range map[string]metricQuery{
		`{"query":"up"}`: {expr: "up", start: now.Add(-time.Hour), end: now, step: 14 * time.Second},
		`{"query":"up","instant":true,"end":1772366000}`:                                           {expr: "up", start: time.Unix(1772362400, 0).UTC(), end: time.Unix(1772366000, 0).UTC()},
		`{"query":"up","start":"2026-03-01T11:00:00Z","end":"1772366400.5","step":"1m","limit":7}`: {expr: "up", start: now.Add(-time.Hour), end: now.Add(500 * time.Millisecond), step: time.Minute, limit: 7},
		`{"query":"up","step":0.25}`:                                                               {expr: "up", start: now.Add(-time.Hour), end: now, step: 250 * time.Millisecond},
	} {
		got, err := decodeQuery(strings.NewReader(body), now)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", body, got, err, want)
		}
	}
	for body, want := range map[string]struct {
		code  fault.Code
		param string
	}{
		``:                                     {fault.BadQuery, ""},
		`{}`:                                   {fault.BadQuery, "query"},
		`{"query":"up"} {}`:                    {fault.BadQuery, ""},
		`{"query":"up","stop":1}`:              {fault.BadQuery, ""},
		`{"query":"up","start":true}`:          {fault.BadQuery, ""},
		`{"query":"up","start":"soon"}`:        {fault.BadQuery, "start"},
		`{"query":"up","start":2e9,"end":1e9}`: {fault.BadQuery, "end"},
		`{"query":"up","step":"0"}`:            {fault.BadQuery, "step"},
		`{"query":"up","limit":-1}`:            {fault.BadQuery, "limit"},
	} {
		_, err := decodeQuery(strings.NewReader(body), now)
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Code != want.code || f.Param != want.param {
			t.Errorf("%s: got %v, want %+v", body, err, want)
		}
	}
}

func TestWantsArrow(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": false, arrowStream: true,
		arrowStream + ", application/json;q=0.5": true, "application/json, " + arrowStream: false,
		arrowStream + ";q=0, application/json": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", accept)
		if got := wantsArrow(r); got != want {
			t.Errorf("%q: got %t", accept, got)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-03-01T12:00:00.5Z", "1772366400.25", "1e9", "-1", "9223372036.9", "NaN"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := parseTime(s); err == nil && (got.Before(minTime) || got.After(maxTime)) {
			t.Errorf("%q was read as %s", s, got)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"60s", "1d12h", "0.5", "1e300", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := parseDuration(s); err == nil && got <= 0 {
			t.Errorf("%q was read as %s", s, got)
		}
	})
}

func FuzzParseAttr(f *testing.F) {
	for _, s := range []string{"a=b", "a!=b", "=", "!=", "a.b=c=d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := parseAttr(s)
		if err != nil {
			return
		}
		op := "="
		if m.Not {
			op = "!="
		}
		if m.Key == "" || m.Key+op+m.Value != s {
			t.Errorf("%q was read as %+v", s, m)
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	f.Add(cursor{math.MaxInt64, math.MaxUint64}.String())
	f.Add("AAAA")
	f.Add("000000000000000000\r0000")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := parseCursor(s); err == nil && c.String() != s {
			t.Errorf("%q was read as %+v, which is %q", s, c, c)
		}
	})
}

func FuzzParseIDs(f *testing.F) {
	f.Add("0123456789abcdef0123456789abcdef")
	f.Add("0123456789ABCDEF")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := parseTraceID(s); err == nil && idText(id[:]) != strings.ToLower(s) {
			t.Errorf("%q was read as %x", s, id)
		}
		if id, err := parseSpanID(s); err == nil && idText(id[:]) != strings.ToLower(s) {
			t.Errorf("%q was read as %x", s, id)
		}
	})
}

func FuzzDecodeQuery(f *testing.F) {
	f.Add([]byte(`{"query":"up","start":"2026-03-01T11:00:00Z","end":1772366400,"step":"1m"}`))
	f.Add([]byte(`{"query":"up","instant":true,"limit":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := decodeQuery(bytes.NewReader(body), now)
		if err != nil {
			if _, ok := errors.AsType[*fault.Error](err); !ok {
				t.Errorf("untyped error %T", err)
			}
			return
		}
		if q.expr == "" || q.step < 0 || q.limit < 0 || (q.step > 0 && q.end.Before(q.start)) {
			t.Errorf("%s was read as %+v", body, q)
		}
	})
}

func FuzzLogSearch(f *testing.F) {
	a := &api{Config{Now: func() time.Time { return now }, MaxLogs: 1000}}
	f.Add("start=1&end=2&service=a&severity=warn&q=x&attr=a%3Db&limit=5&direction=forward")
	f.Fuzz(func(t *testing.T, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		filter, page, err := a.logSearch(form)
		if err == nil && (filter.To.Before(filter.From) || page.Limit < 1 || page.Limit > 1000) {
			t.Errorf("%q was read as %+v %+v", query, filter, page)
		}
	})
}
