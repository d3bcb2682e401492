package rulescmd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/alerting/ruletest"
)

// Rules on logs and traces are tested over the real store.
func TestRulesTestWithLogsAndSpans(t *testing.T) {
	var out bytes.Buffer
	passed := ruletest.Run(t.Context(), ruletest.Config{Out: &out, Open: openTestStore}, "testdata/rules/signals.test.yml")
	report := out.String()
	if passed || strings.Count(report, "    name: ") != 1 || !strings.Contains(report, "name: wrong,\n    alertname: PaymentsFail, time: 6m") ||
		!strings.Contains(report, `service_name="payment"`) {
		t.Error(report)
	}
}
