package rulefile

import (
	"fmt"
	"testing"
)

func TestLevels(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`[{record: a, expr: x}, {record: b, expr: y}, {alert: C, expr: x > 1}]`, "[[0 1 2]]"},
		{`[{record: a, expr: x}, {record: b, expr: sum(a)}, {alert: C, expr: b > 1}, {alert: D, expr: x}]`, "[[0 3] [1] [2]]"},
		{`[{record: b, expr: sum(a)}, {record: a, expr: x}]`, "[[0 1]]"},
		{`[{record: a, expr: x}, {alert: C, expr: '{job="j"} > 1'}]`, "[[0] [1]]"},
		{`[{record: a, expr: x}, {alert: C, expr: '{__name__=~"b.*"} > 1'}]`, "[[0 1]]"},
		{`[{alert: A, expr: x}, {alert: B, expr: 'count(ALERTS) > 1'}, {alert: C, expr: x}]`, "[[0 2] [1]]"},
	} {
		f, err := Parse("f", []byte("groups: [{name: g, rules: "+tt.text+"}]"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(f.Groups[0].Levels); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestPolicies(t *testing.T) {
	const rules = "groups: [{name: g, rules: [{alert: A, expr: x, no_data: %s, on_error: %s}]}]"
	f, err := Parse("f", fmt.Appendf(nil, rules, "alerting", "{then: nodata, for: 5m}"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := f.Groups[0].Rules[0]
	if r.NoData != (Policy{Then: Alerting}) || fmt.Sprint(r.OnError) != "{nodata 5m0s}" {
		t.Errorf("%+v", r)
	}
	for _, bad := range []string{"page", "{for: 5m}", "{then: ok, when: now}", "[ok]", "{then: ok, for: soon}"} {
		if _, err := Parse("f", fmt.Appendf(nil, rules, bad, "ok"), Options{}); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
