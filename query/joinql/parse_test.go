package joinql

import (
	"errors"
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/query/traceql"
)

func TestParse(t *testing.T) {
	for query, want := range map[string]string{
		`{ span.http.response.status_code >= 500 } | logs |= "timeout" | by(resource.service.name)`:            `spans{ span.http.response.status_code >= 500 }; logs|= "timeout"; by resource.service.name`,
		`{ .a = "| logs" } || { .b = 1 } | logs {service_name="pay"} |~ "x|y" | level="error" or n > 5 != "z"`: `spans{ .a = "| logs" } || { .b = 1 }; logs{service_name="pay"} |~ "x|y" | level="error" or n > 5 != "z"`,
		"logs {a=`| spans`} |= `\\` | spans { kind = server } | by(name, span.http.route)":                     "logs{a=`| spans`} |= `\\`; spans{ kind = server }; by name, span.http.route",
		`exemplars {__name__="a.b", l='| logs'} | spans { }`:                                                   `exemplars{__name__="a.b", l='| logs'}; spans{ }`,
		`logs | exemplars`: `logs; exemplars`,
		`({ .a = 1 } | { .b = 2 }) && { } | { status = error } | logs`: `spans({ .a = 1 } | { .b = 2 }) && { } | { status = error }; logs`,
		"{ }\n| logs\n|= \"x\"\n| by ( name )":                         "spans{ }; logs|= \"x\"; by name",
	} {
		q, err := Parse(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		var got []string
		for _, s := range q.Steps {
			text := s.Text
			if s.Signal() != "spans" || strings.HasPrefix(text, "spans") {
				text = strings.TrimSpace(strings.TrimPrefix(text, s.Signal()))
			}
			got = append(got, s.Signal()+text)
		}
		if len(q.By) > 0 {
			var fields []string
			for _, f := range q.By {
				fields = append(fields, f.String())
			}
			got = append(got, "by "+strings.Join(fields, ", "))
		}
		if g := strings.Join(got, "; "); g != want {
			t.Errorf("%s\n got %s\nwant %s", query, g, want)
		}
		if !Is(query) {
			t.Errorf("%s: is taken for TraceQL", query)
		}
	}
}

func TestMistakes(t *testing.T) {
	for query, want := range map[string]string{
		`{ status = errr } | logs`:            "1:12: ",
		`{ } | logs |= timeout`:               `1:15: `,
		`{ } | logs {service_name=} |= "x"`:   `1:26: `,
		`{ } | logs |= "a" | by(nothing)`:     `1:24: "nothing" is no field`,
		`{ } | logs | by(name) | by(name)`:    `1:25: nothing stands behind by()`,
		`{ } | logs | by(name) > 5`:           `1:16: nothing stands behind by()`,
		`logs | by(name)`:                     `1:16: by() groups spans`,
		`{ } | exemplars {a=}`:                `1:20: `,
		`logs | spans`:                        `1:13: want spans`,
		`{ } | rate() | logs`:                 `1:1: rate() makes series`,
		``:                                    `1:1: want spans`,
		strings.Repeat("logs | ", 8) + "logs": `the query has more than 8 steps`,
		strings.Repeat(" ", 70_000):           `longer than`,
		"{ }\n| logs\n|= 5":                   `3:4: `,
		`{ } | logs | rate()`:                 "1:1",
	} {
		_, err := Parse(query)
		var e *traceql.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", query, err, want)
		}
	}
	for _, query := range []string{`{ status = error }`, `{ .a = "| logs" }`, `{ } | by(name) | count() > 2`, `{ } | rate() by(name)`, `{ } | by(name) | by(kind)`} {
		if Is(query) {
			t.Errorf("%s is TraceQL", query)
		}
	}
}

// FuzzParse: no text makes a panic, and every mistake has a place in it.
func FuzzParse(f *testing.F) {
	for _, q := range []string{
		`{ span.a >= 500 } | logs |= "timeout" | by(resource.service.name)`, `logs {a="b"} | json | spans { } | exemplars x{y='z'}`, "logs |= `", `{ } | by(`, `exemplars {`, "'|logs'", `| by()`,
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := Parse(query)
		if err != nil {
			e, ok := errors.AsType[*traceql.Error](err)
			if !ok || e.Offset < 0 || e.Offset > len(query) {
				t.Fatalf("%q: %v", query, err)
			}
			_, _ = e.Caret(), e.Error()
			return
		}
		if len(q.Steps) == 0 {
			t.Fatalf("%q: no step and no error", query)
		}
	})
}
