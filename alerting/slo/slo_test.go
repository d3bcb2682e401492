package slo

import (
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/alerting/rulelint"
)

const shop = `
slos:
- name: checkout-availability
  objective: 99.9
  errors: sum(rate(http_requests_total{route="/checkout", code=~"5.."}[$window]))
  total: sum(rate(http_requests_total{route="/checkout"}[$window]))
  labels: {team: shop}
`

// The rules are what the workbook says, load, and pass the lint.
func TestRules(t *testing.T) {
	f, err := Parse([]byte(shop))
	if err != nil {
		t.Fatal(err)
	}
	text, err := f.Rules()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`slo:sli_error:ratio_rate1h{slo="checkout-availability"} > 14.4 * 0.001 and slo:sli_error:ratio_rate5m{slo="checkout-availability"} > 14.4 * 0.001`,
		"> 6 * 0.001", "> 3 * 0.001", "> 1 * 0.001", "team: shop", "vector(0.999)",
	} {
		if !strings.Contains(strings.ReplaceAll(string(text), "\n        ", " "), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	rules, err := rulefile.Parse("slo.yml", text, rulefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(rules.Groups[0].Rules); n != 7+1+4 {
		t.Errorf("%d rules", n)
	}
	if found := rulelint.Check([]*rulefile.File{rules}, nil); len(found) > 0 {
		t.Errorf("lint: %v", found)
	}
}

func TestMistakes(t *testing.T) {
	for old, with := range map[string]string{
		"99.9": "100", "checkout-availability": "Checkout", "[$window]))\n  total": "[5m]))\n  total",
		"sum(rate(http_requests_total{route=\"/checkout\"}": "sum(rate((http{", "labels:": "lables:",
		"sum(rate(http_requests_total{route=\"/checkout\"}[$window]))": "http_requests_total[$window]",
		"{team: shop}": "{__name__: shop}",
	} {
		if _, err := Parse([]byte(strings.Replace(shop, old, with, 1))); err == nil {
			t.Errorf("%q for %q is taken", with, old)
		}
	}
	if _, err := Parse(nil); err == nil {
		t.Error("an empty file is taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(shop))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse(text)
		if err != nil {
			return
		}
		rules, err := file.Rules()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rulefile.Parse("slo.yml", rules, rulefile.Options{}); err != nil {
			t.Fatalf("rules that do not load: %v\n%s", err, rules)
		}
	})
}
