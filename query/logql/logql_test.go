package logql

import (
	"errors"
	"testing"
)

// queries are one of each construct.
var queries = []string{
	`{}`, `{app="a", "k8s.pod"=~"p.*", x!~"y", z!=""}`, `{a.b="c"} # a comment`,
	`{a="b"} |= "x" or "y" != ` + "`z`" + ` |~ "a+" !~ "b" |> "<_> x" !> "y" |= ip("10.0.0.0/8")`,
	`{a="b"} | json | logfmt --strict --keep-empty | json x="a.b[0]", y | logfmt a, b="c" | pattern "<x> <_>" | regexp "(?P<x>.)" | unpack | decolorize`,
	`{a="b"} | line_format "{{.x | upper}}" | label_format x=y, z="{{.a}}" | drop a, b="c" | keep d, e=~"f"`,
	`{a="b"} | x="1" or y>2 and z<=5m, w!=3KB u=ip("::1")`, `{a="b"} | (x="1" or y>2) and z=1.5`, `{a="b"} | json="x"`,
	`count_over_time({a="b"}[5m])`, `rate(({a="b"} |= "x")[1h30m] offset -5m)`, `count_over_time({a="b"}[5m] |= "x")`,
	`quantile_over_time(0.9, {a="b"} | json | unwrap duration(d) | __error__="" [1m]) by (x, y)`,
	`sum by (a) (rate({a="b"}[1m])) / on (a) group_left (c) sum without (d) (rate({}[1m])) > bool 2`,
	`topk(3, sum(rate({a="b"}[1m])) by (x))`, `sort_desc(vector(1))`, `1 + 2 * 3 ^ 4 ^ 5 - -6`, `(1 + 2) * 3`,
	`label_replace(vector(1), "a", "$1", "b", "(.*)")`, `count_over_time({}[1m]) and vector(1) or vector(2) unless vector(3)`,
}

func TestRoundTrip(t *testing.T) {
	for _, q := range queries {
		e, err := Parse(q)
		if err != nil {
			t.Errorf("%s: %v", q, err)
			continue
		}
		for _, text := range []string{e.String(), Pretty(e)} {
			again, err := Parse(text)
			if err != nil || again.String() != e.String() {
				t.Errorf("%s: printed as %s, which is %v, %v", q, text, again, err)
			}
		}
	}
}

func TestMistakesHaveAPlace(t *testing.T) {
	for q, column := range map[string]int{
		``: 1, `{a=b}`: 4, `{a="b"`: 7, `{a="b"} |= `: 12, `{a="b"} |~ "("`: 12, `{a="b"} | foo`: 11, `{a="b"} | x > y`: 15, `{a="b"} | json x="a["`: 18,
		`count_over_time({a="b"})`: 24, `count_over_time({a="b"}[0s])`: 25, `sum({a="b"})`: 5, `{a="b"} + 1`: 1, `1 and 2`: 3, `topk(0.5, vector(1))`: 6,
		`rate({a="b"}[1m]) by (x)`: 19, `sum_over_time({a="b"}[1m])`: 1, `bytes_rate({a="b"} | unwrap x [1m])`: 1, `foo(1)`: 1, "{a=\"b\"}\n| line_format \"{{\"": 15,
		`{a="b"} | unwrap x`: 11, `{a="b} `: 4, `{a="b"} ; x`: 9, `{a="b"} | pattern "<a><b>"`: 19, `quantile_over_time(-1, {a="b"} | unwrap x [1m])`: 20,
	} {
		_, err := Parse(q)
		p, ok := errors.AsType[*ParseError](err)
		if !ok {
			t.Errorf("%s: no parse error: %v", q, err)
			continue
		}
		if _, got := p.Position(); got != column {
			t.Errorf("%s: column %d, want %d: %v\n%s", q, got, column, err, p.Caret())
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, q := range queries {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		e, err := Parse(q)
		if err != nil {
			p, ok := errors.AsType[*ParseError](err)
			if !ok {
				t.Fatalf("%q: %v", q, err)
			}
			_ = p.Caret()
			return
		}
		again, err := Parse(e.String())
		if err != nil || again.String() != e.String() {
			t.Fatalf("%q is printed as %q, which is %v, %v", q, e, again, err)
		}
		if again, err = Parse(Pretty(e)); err != nil || again.String() != e.String() {
			t.Fatalf("%q is laid out as %q, which is %v, %v", q, Pretty(e), again, err)
		}
	})
}
