package language

import (
	"testing"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
)

// Each language says where in an expression a mistake is.
func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		language, text string
		at             fault.Position
	}{
		{PromQL, "sum(\n  up}", fault.Position{Line: 2, Column: 5}},
		{PromQL, "  ", fault.Position{Line: 1, Column: 1}},
		{MetricsQL, "sum(up) keep_metric_names 5", fault.Position{Line: 1, Column: 9}},
		{LogQL, "sum(rate({a=\"b\"}[5m]))\n > ", fault.Position{Line: 2, Column: 4}},
		{LogQL, `{a="b"} |= "x"`, fault.Position{Line: 1, Column: 1}},
		{TraceQL, "{ span.x = }", fault.Position{Line: 1, Column: 12}},
		{TraceQL, "{ span.x = 1 }", fault.Position{Line: 1, Column: 15}},
		{TraceQL, "\xff", fault.Position{Line: 1, Column: 1}},
	} {
		_, err := All(promexpr.Features{})[tt.language](tt.text)
		f := fault.Of(err)
		if f == nil || f.Code != fault.BadQuery || f.Position == nil || *f.Position != tt.at {
			t.Errorf("%s %q: %v at %+v, want %+v", tt.language, tt.text, err, f.Position, tt.at)
		}
	}
}

func TestKindAndData(t *testing.T) {
	for _, tt := range []struct {
		language, text string
		kind           Kind
		data           string
	}{
		{PromQL, "up == 0", Vector, "up"},
		{PromQL, "(rate(x[5m]) > 1) < 10", Vector, "rate(x[5m])"},
		{PromQL, "1 < x", Vector, "x"},
		{PromQL, "x > bool 1", Vector, "x > bool 1"},
		{PromQL, "absent(x)", Vector, "absent(x)"},
		{PromQL, "a > 1 and b > 2", Vector, "a > 1 and b > 2"},
		{PromQL, "sum(x) / sum(y) > on() z", Vector, "sum(x) / sum(y)"},
		{PromQL, "1 + 1", Scalar, "1 + 1"},
		{PromQL, "up[5m]", Matrix, "up[5m]"},
		{PromQL, `"x"`, String, `"x"`},
		{MetricsQL, "1 < sum(rate(x))", Vector, "sum(rate(x))"},
		{MetricsQL, "with (f(q) = sum(q)) f(x) > 2", Vector, "sum(x)"},
		{MetricsQL, "x >bool 2", Vector, "x >bool 2"},
		{MetricsQL, "12", Scalar, "12"},
		{LogQL, `5 < sum(rate({a="b"} |= "x" [5m]))`, Vector, `sum(rate({a="b"} |= "x"[5m]))`},
		{LogQL, `count_over_time({a="b"}[5m]) > 3 > 2`, Vector, `count_over_time({a="b"}[5m])`},
		{LogQL, "1", Scalar, "1"},
		{TraceQL, "{ status = error } | rate() by(resource.service.name) > 3", Vector, "{ status = error } | rate() by(resource.service.name)"},
		{TraceQL, "{ } | rate() | topk(3)", Vector, "{ } | rate() | topk(3)"},
	} {
		e, err := All(promexpr.Features{})[tt.language](tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		want := tt.data
		if parsed, err := All(promexpr.Features{})[tt.language](want); err == nil {
			want = parsed.Text
		}
		if e.Kind != tt.kind || e.Data != want {
			t.Errorf("%s: a %s that compares %s, want a %s that compares %s", tt.text, e.Kind, e.Data, tt.kind, want)
		}
	}
}

func TestReads(t *testing.T) {
	for _, tt := range []struct {
		language, text string
		want           bool // of m
	}{
		{PromQL, "sum(m)", true},
		{PromQL, "mm + n", false},
		{PromQL, `{job="j"}`, true},
		{PromQL, `{__name__=~"m.*"}`, true},
		{PromQL, `{__name__!="m", job="j"}`, false},
		{MetricsQL, "sum(rate(m))", true},
		{MetricsQL, `{job="i" or job="j"}`, true},
		{MetricsQL, `{__name__="n" or __name__=~"m|o"} + 1`, true},
		{MetricsQL, "sum(mm)", false},
		{LogQL, `rate({m="m"}[5m])`, false},
		{TraceQL, "{ span.m = `m` } | rate()", false},
	} {
		e, err := All(promexpr.Features{})[tt.language](tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
		} else if got := e.Reads("m"); got != tt.want {
			t.Errorf("%s %s: %v", tt.language, tt.text, got)
		}
	}
}

// What a language prints, it reads, and prints alike.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"sum by (a) (rate(x{b=~'c'}[5m] offset 1m)) > 1", "with (f(q) = q) f(x) > 2", `sum by (a) (rate({a="b"} |= "x" | json [5m])) > 3`,
		"{ status = error && span.x =~ `y` } | rate() by(resource.service.name) > 3", "1", "",
	} {
		f.Add(text)
	}
	all := All(promexpr.Features{})
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 {
			return
		}
		for name, parse := range all {
			e, err := parse(text)
			if err != nil {
				continue
			}
			again, err := parse(e.Text)
			if err != nil {
				t.Fatalf("%s: %q is printed as %q: %v", name, text, e.Text, err)
			}
			if again.Kind != e.Kind {
				t.Errorf("%s: %q is a %s, printed a %s", name, text, e.Kind, again.Kind)
			}
			if _, err := parse(e.Data); err != nil {
				t.Errorf("%s: data %q of %q: %v", name, e.Data, text, err)
			}
		}
	})
}
