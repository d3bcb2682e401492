package nativeapi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Language evaluates one query language to series, at one time or on a grid.
// Results are in Prometheus's types whatever the language is, and the caller
// closes them. Errors are *fault.Error.
type Language struct {
	Instant func(ctx context.Context, t tenant.ID, expr string, at time.Time) (*metricexec.Result, error)
	Range   func(ctx context.Context, t tenant.ID, expr string, start, end time.Time, step time.Duration) (*metricexec.Result, error)
}

// Languages are the languages served, by name.
type Languages map[string]Language

// Find is the language of that name; none named means PromQL.
func (l Languages) Find(name string) (Language, error) {
	if name == "" {
		name = "promql"
	}
	if found, ok := l[name]; ok {
		return found, nil
	}
	known := strings.Join(slices.Sorted(maps.Keys(l)), ", ")
	return Language{}, fault.Param("language", fmt.Errorf("%q is not one of %s", name, known))
}
