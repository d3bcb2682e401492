package spelling

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

func TestUnify(t *testing.T) {
	for _, c := range []struct {
		in, want string
		names    Names
	}{
		{`sum by (http_method) (a{job="x.y"})`, `sum by (http_method) (a{job="x.y"})`, nil},
		{`sum by ("http.method") (a)`, `sum by ("http.method") (a)`, Names{"http_method": "http.method"}},
		{`sum by (http_method) (a{"http.method"="GET", "http/method"!=""})`, `sum by ("http.method") (a{"http.method"="GET", "http.method"!=""})`, Names{"http_method": "http.method"}},
		{`a * on ("k8s.pod") group_left (k8s_node) b{k8s_pod="p"}`, `a * on ("k8s.pod") group_left (k8s_node) b{"k8s.pod"="p"}`, Names{"k8s_pod": "k8s.pod"}},
		{`sum by (a_b) (label_replace(x{a_b="1"}, "a_b", "$1", "a.b", "(.*)"))`, `sum by (a_b) (label_replace(x{a_b="1"}, "a_b", "$1", "a.b", "(.*)"))`, Names{"a_b": "a.b"}},
		{`label_join(x{"a.b"="1"}, "c.d", "e.f", "a_b", "c_d")`, `label_join(x{"a.b"="1"}, "c.d", "e.f", "a.b", "c.d")`, Names{"a_b": "a.b", "c_d": "c.d"}},
		{`count_values("a.b", x) by (a_b)`, `count_values by ("a.b") ("a.b", x)`, Names{"a_b": "a.b"}},
	} {
		p := parser.NewParser(parser.Options{EnableExperimentalFunctions: true})
		expr, err := p.ParseExpr(c.in)
		if err != nil {
			t.Fatal(err)
		}
		want, err := p.ParseExpr(c.want)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.names, Unify(expr)); diff != "" {
			t.Errorf("%s: %s", c.in, diff)
		}
		if got := expr.String(); got != want.String() {
			t.Errorf("%s:\n%s\n%s", c.in, got, want)
		}
	}
}

func TestApply(t *testing.T) {
	for _, c := range []struct {
		names    Names
		in, want labels.Labels
	}{
		{nil, labels.FromStrings("a_b", "1"), labels.FromStrings("a_b", "1")},
		{Names{"a_b": "a.b"}, labels.FromStrings("a_b", "1", "c", "2"), labels.FromStrings("a.b", "1", "c", "2")},
		{Names{"a_b": "a.b"}, labels.FromStrings("a.b", "0", "a_b", "1"), labels.FromStrings("a.b", "0", "a_b", "1")},
	} {
		if got := c.names.Apply(c.in); !labels.Equal(got, c.want) {
			t.Errorf("%v of %s: %s, want %s", c.names, c.in, got, c.want)
		}
	}
}

func TestLegacy(t *testing.T) {
	in := labels.FromStrings("__name__", "a.b", "c.d", "1", "c/d", "2", "e", "3", "\u6e29", "4")
	if got, want := Legacy(in), labels.FromStrings("__name__", "a.b", "c_d", "1;2", "e", "3"); !labels.Equal(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}
