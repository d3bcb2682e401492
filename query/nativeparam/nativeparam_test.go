package nativeparam

import (
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

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
