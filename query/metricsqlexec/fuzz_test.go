package metricsqlexec

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Whatever is asked, the answer is a result or a typed error.
func FuzzQuery(f *testing.F) {
	for _, query := range cases(f) {
		f.Add(query)
	}
	e := engineOn(dataset())
	f.Fuzz(func(t *testing.T, query string) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := e.Instant(ctx, tenant.Default, query, time.UnixMilli(began+1_800_000))
		if _, ok := errors.AsType[*fault.Error](err); err != nil && !ok {
			t.Errorf("%q: untyped error %T: %v", query, err, err)
		}
	})
}
