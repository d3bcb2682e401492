package nativeparam

import (
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

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
		got, err := Time(in)
		if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: got %s, %v; want %s", in, got.Format(time.RFC3339Nano), err, want)
		}
	}
	for _, in := range []string{"", "now", "-1", "NaN", "Inf", "1e30", "1969-12-31T23:59:59Z", "9223372037", "2300-01-01T00:00:00Z", "1.x", "1.-5"} {
		if got, err := Time(in); err == nil {
			t.Errorf("%q was read as %s", in, got)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{"60s": time.Minute, "1m30s": 90 * time.Second, "15": 15 * time.Second, "0.5": 500 * time.Millisecond, "1d": 24 * time.Hour} {
		if got, err := Duration(in); err != nil || got != want {
			t.Errorf("%s: got %s, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "0", "-1", "0s", "NaN", "Inf", "1e300", "1 s", "5x"} {
		if got, err := Duration(in); err == nil {
			t.Errorf("%q was read as %s", in, got)
		}
	}
}

func TestParseAttr(t *testing.T) {
	for in, want := range map[string]Matcher{
		"a=b":     {Key: "a", Value: "b"},
		"a.b!=c":  {Key: "a.b", Value: "c", Not: true},
		"a=b=c":   {Key: "a", Value: "b=c"},
		"a=":      {Key: "a"},
		"a=!=":    {Key: "a", Value: "!="},
		"k!k=v":   {Key: "k!k", Value: "v"},
		"x=  y  ": {Key: "x", Value: "  y  "},
	} {
		if got, err := Attribute(in); err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "a", "=b", "!=b", "a=\xff"} {
		if got, err := Attribute(in); err == nil {
			t.Errorf("%q was read as %+v", in, got)
		}
	}
}

func TestSeverities(t *testing.T) {
	for name, want := range map[string]uint8{"trace": 1, "DEBUG": 5, "Info": 9, "WARN": 13, "error": 17, "FATAL": 21} {
		got, err := Severity(name)
		if err != nil || got != want || SeverityName(got) != strings.ToUpper(name) {
			t.Errorf("%s: got %d %s, %v", name, got, SeverityName(got), err)
		}
	}
	if _, err := Severity("WARNING"); err == nil {
		t.Error("WARNING was read")
	}
	for number, want := range map[uint8]string{0: "", 4: "TRACE", 20: "ERROR", 24: "FATAL", 25: ""} {
		if got := SeverityName(number); got != want {
			t.Errorf("%d: got %q, want %q", number, got, want)
		}
	}
}

func TestUnknownAndRepeatedParametersAreRefused(t *testing.T) {
	for query, param := range map[string]string{"servise=x": "servise", "limit=1&limit=2": "limit"} {
		_, err := Form(httptest.NewRequest(http.MethodGet, "/?"+query, nil), "service*", "limit")
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Param != param {
			t.Errorf("%s: got %v", query, err)
		}
	}
	if _, err := Form(httptest.NewRequest(http.MethodGet, "/?service=a&service=b", nil), "service*"); err != nil {
		t.Errorf("service twice: %v", err)
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-03-01T12:00:00.5Z", "1772366400.25", "1e9", "-1", "9223372036.9", "NaN"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := Time(s); err == nil && (got.Before(MinTime) || got.After(MaxTime)) {
			t.Errorf("%q was read as %s", s, got)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"60s", "1d12h", "0.5", "1e300", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := Duration(s); err == nil && got <= 0 {
			t.Errorf("%q was read as %s", s, got)
		}
	})
}

func FuzzParseAttr(f *testing.F) {
	for _, s := range []string{"a=b", "a!=b", "=", "!=", "a.b=c=d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := Attribute(s)
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
	f.Add(Cursor{math.MaxInt64, math.MaxUint64}.String())
	f.Add("AAAA")
	f.Add("000000000000000000\r0000")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := CursorOf(s); err == nil && c.String() != s {
			t.Errorf("%q was read as %+v, which is %q", s, c, c)
		}
	})
}

func FuzzParseIDs(f *testing.F) {
	f.Add("0123456789abcdef0123456789abcdef")
	f.Add("0123456789ABCDEF")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := TraceID(s); err == nil && hex.EncodeToString(id[:]) != strings.ToLower(s) {
			t.Errorf("%q was read as %x", s, id)
		}
		if id, err := SpanID(s); err == nil && hex.EncodeToString(id[:]) != strings.ToLower(s) {
			t.Errorf("%q was read as %x", s, id)
		}
	})
}
