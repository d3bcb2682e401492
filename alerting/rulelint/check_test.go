package rulelint

import (
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
)

func TestCheck(t *testing.T) {
	known := func(name string) bool { return name == "up" || name == "errors_total" }
	for _, tt := range []struct{ rule, want string }{
		{`{alert: A, expr: up == 0, for: 5m}`, ""},
		{`{alert: A, expr: up == 0}`, "no `for`"},
		{`{alert: A, expr: up, for: 5m}`, "compares nothing"},
		{`{alert: A, expr: sum(up) / 2, for: 5m}`, "compares nothing"},
		{`{alert: A, expr: absent(up), for: 5m}`, ""},
		{`{alert: A, expr: 'up == bool 0', for: 5m}`, "with `bool`"},
		{`{alert: A, expr: count(up) == 0, for: 5m}`, "never fires"},
		{`{alert: A, expr: count(up) < 1, for: 5m}`, "never fires"},
		{`{alert: A, expr: count(up) < 2, for: 5m}`, ""},
		{`{alert: A, expr: 'rate(errors_total[5m]) < 0', for: 5m}`, "never fires"},
		{`{alert: A, expr: 'rate(errors_total[5m]) < 1', for: 5m}`, ""},
		{`{alert: A, expr: absent(up) != 1, for: 5m}`, "never fires"},
		{`{alert: A, expr: up > up, for: 5m}`, "never fires"},
		{`{alert: A, expr: 'up > 2 and up < 1', for: 5m}`, "exclude each other"},
		{`{alert: A, expr: 'up > 1 and up < 2', for: 5m}`, ""},
		{`{alert: A, expr: 'up unless up', for: 5m}`, "taken from itself"},
		{`{alert: A, expr: 'up{a="1",a="2"} == 0', for: 5m}`, "selects nothing"},
		{`{alert: A, expr: 'up{a="1",a!="1"} == 0', for: 5m}`, "selects nothing"},
		{`{alert: A, expr: 'up{a="1",a=~"1|2"} == 0', for: 5m}`, ""},
		{`{alert: A, expr: nonsense > 1, for: 5m}`, "metric nonsense had no series"},
		{`{alert: A, expr: absent(nonsense), for: 5m}`, ""},
		{`{alert: A, expr: 'own:up > 1', for: 5m}`, ""},
		{`{alert: A, expr: sum by (job) (up) == 0, for: 5m, labels: {job: x}}`, "replaces the one that the expression keeps"},
		{`{alert: A, expr: sum by (job) (up) == 0, for: 5m, labels: {alertname: x}}`, "alertname is replaced"},
		{`{alert: A, expr: sum by (job) (up) == 0, for: 5m, annotations: {s: '{{ $labels.instance }} of {{ $labels.job }}'}}`, "uses the label instance"},
		{`{alert: A, expr: up == 0, for: 5m, annotations: {s: '{{ $labels.instance }}'}}`, ""},
		{`{record: 'own:up', expr: sum(up)}`, "the rule on line 1"},
		{`{record: x, expr: sum(up)}`, ""},
	} {
		text := "groups: [{name: g, rules: [{record: 'own:up', expr: sum(up)}, " + tt.rule + "]}]"
		f, err := rulefile.Parse("f.yml", []byte(text), rulefile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := Check([]*rulefile.File{f}, known)
		switch {
		case tt.want == "" && len(got) > 0, tt.want != "" && (len(got) != 1 || !strings.Contains(got.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", tt.rule, got, tt.want)
		case len(got) > 0 && (got[0].Line != 1 || got[0].Group != "g"):
			t.Errorf("%s is at %+v", tt.rule, got[0])
		}
	}
}
