package plugin

import "testing"

func TestSearchFormAsTraceQL(t *testing.T) {
	for _, tc := range []struct {
		form  spanSearch
		adHoc []attributeFilter
		want  string // "" is an error
	}{
		{want: "{  }"},
		{form: spanSearch{Service: `a"b`, Operation: "GET /"}, want: `{ resource.service.name = "a\"b" && name = "GET /" }`},
		{form: spanSearch{Status: "error", MinDuration: "1.5s"}, want: "{ status = error && duration >= 1.5s }"},
		{form: spanSearch{MaxDuration: "2d"}, want: "{ duration <= 48h0m0s }"},
		{form: spanSearch{Attributes: []attributeFilter{{}, {"http.response.status_code", "=", "500"}, {"user id", "!=", "7a"}}},
			adHoc: []attributeFilter{{"zone", "=~", "eu.*"}},
			want:  `{ .http.response.status_code = 500 && ."user id" != "7a" && .zone =~ "eu.*" }`},
		{form: spanSearch{Status: "great"}},
		{form: spanSearch{MinDuration: "soon"}},
		{form: spanSearch{Attributes: []attributeFilter{{"a", ">", "1"}}}},
	} {
		got, err := tc.form.traceQL(tc.adHoc)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%+v: %q, %v, want %q", tc.form, got, err, tc.want)
		}
	}
}

func TestTraceMetricsAreTold(t *testing.T) {
	for query, want := range map[string]bool{
		`{ status = error } | rate() by (resource.service.name)`: true,
		`{} | quantile_over_time(duration, .9)`:                  true,
		`{ name = "rate()" }`:                                    false,
		`{} | count() > 2`:                                       false,
	} {
		if got := traceMetrics.MatchString(query); got != want {
			t.Errorf("%s: %v", query, got)
		}
	}
}
