package tempoapi

import (
	"testing"

	"github.com/trefoil-o11y/trefoil/query/traceexec"
)

// A partial answer says so, and has not completed what it was to do.
func TestPartialSearch(t *testing.T) {
	for partial, completed := range map[string]int{"": 1, "limit max_traces": 0} {
		body := searchBody(&traceexec.Found{Partial: partial})
		if body.Message != partial || (body.Status == "PARTIAL") != (partial != "") || body.Metrics.Completed != completed || body.Metrics.Total != 1 {
			t.Errorf("partial %q: %+v", partial, body)
		}
	}
}
