package plugin

import (
	"testing"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

func TestFormAsLogQL(t *testing.T) {
	for _, tc := range []struct {
		form trefoilclient.LogQuery
		want string
	}{
		{trefoilclient.LogQuery{}, "{}"},
		{trefoilclient.LogQuery{Service: `a"b`, TraceID: "ab", Attributes: []trefoilclient.Filter{{Key: "http.route", Op: "!=", Value: "/x"}, {Key: "7up", Op: "=", Value: ""}}},
			`{service_name="a\"b", trace_id="ab", http_route!="/x", _7up=""}`},
		{trefoilclient.LogQuery{Text: "a.b (c)", Severity: "WARN"}, `{} |~ "(?i)a\\.b \\(c\\)" | severity_number >= 13`},
	} {
		if got := asLogQL(tc.form); got != tc.want {
			t.Errorf("%+v: %s, want %s", tc.form, got, tc.want)
		}
	}
}

func TestFiltersOfEveryLanguage(t *testing.T) {
	filters := []attributeFilter{{Op: "="}, {"service.name", "=", "a"}, {"n", "!~", "1|2"}}
	for _, tc := range []struct{ language, text, want string }{
		{"promql", "sum(rate(x[5m])) / y", `sum(rate(x{"service.name"="a",n!~"1|2"}[5m])) / y{"service.name"="a",n!~"1|2"}`},
		{"metricsql", `WITH (q = x{a="b" or c="d"}) q default 0`, `x{a="b",service.name="a",n!~"1|2" or c="d",service.name="a",n!~"1|2"} default 0`},
		{"logql", `sum(rate({a="}{"} |= "{x}" | line_format ` + "`{{.y}}`" + ` # {z
 [5m])) / rate({}[1m])`, `sum(rate({a="}{", service_name="a", n!~"1|2"} |= "{x}" | line_format ` + "`{{.y}}`" + ` # {z
 [5m])) / rate({service_name="a", n!~"1|2"}[1m])`},
		{"traceql", `{ status = error || name = "}\"" } >> {}`, `{ ( status = error || name = "}\"" ) && .service.name = "a" && .n !~ "1|2" } >> { .service.name = "a" && .n !~ "1|2" }`},
		{"logql", "{", "{"},
	} {
		got, err := withFilters(tc.language, tc.text, filters)
		if err != nil || got != tc.want {
			t.Errorf("%s: %s, %v\nwant %s", tc.language, got, err, tc.want)
		}
	}
	for language, text := range map[string]string{"promql": "x default 0", "metricsql": "sum("} {
		if got, err := withFilters(language, text, filters); err == nil {
			t.Errorf("%s %s became %s", language, text, got)
		}
	}
}

// A macro keeps its place and length.
func TestPlaceholders(t *testing.T) {
	for in, want := range map[string]string{
		"rate(x[$__rate_interval])":         "rate(x[000000000000001m])",
		"x * $__range_s + ${__interval_ms}": "x * 0000000001 + 0000000000000001",
		"{a=\"$service\"}":                  "{a=\"$service\"}",
	} {
		if got := placeholders(in); got != want || len(got) != len(in) {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
