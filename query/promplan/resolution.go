package promplan

import (
	"time"

	"github.com/prometheus/prometheus/promql"
)

// QueryOpts are Prometheus's options of a query, and ours.
type QueryOpts struct {
	promql.QueryOpts
	// Resolution is how long the buckets of rollups may be that answers are made of though windows do not end where they
	// do; 0 allows what is exact only, less than 0 none at all.
	Resolution time.Duration
}

func resolutionOf(o promql.QueryOpts) time.Duration {
	if own, ok := o.(QueryOpts); ok {
		return own.Resolution
	}
	return 0
}
