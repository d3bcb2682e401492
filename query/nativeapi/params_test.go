package nativeapi

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

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
