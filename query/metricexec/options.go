package metricexec

import (
	"context"
	"fmt"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/timetext"
)

type lookbackKey struct{}

// WithLookback makes evaluations under a context look back that far for the last
// sample of a series; what is not positive changes nothing. Their answers are
// not kept.
func WithLookback(ctx context.Context, d time.Duration) context.Context {
	if d <= 0 {
		return ctx
	}
	return context.WithValue(ctx, lookbackKey{}, d)
}

// lookbackOf is what WithLookback has put into a context, 0 for nothing.
func lookbackOf(ctx context.Context) time.Duration {
	d, _ := ctx.Value(lookbackKey{}).(time.Duration)
	return d
}

type stepStatsKey struct{}

// WithStepStats makes evaluations under a context count samples step by step. Prometheus's engine does it, as it alone
// knows what it counts.
func WithStepStats(ctx context.Context) context.Context {
	return context.WithValue(ctx, stepStatsKey{}, true)
}

func stepStatsOf(ctx context.Context) bool { return ctx.Value(stepStatsKey{}) != nil }

type resolutionKey struct{}

// SamplesOnly is a resolution without rollups.
const SamplesOnly time.Duration = -time.Millisecond

// WithResolution lets evaluations under a context answer from rollups whose buckets are up to so long also where windows do
// not begin and end as they do. With SamplesOnly they use none, not even where the answer is the same. Their answers are
// not kept.
func WithResolution(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, resolutionKey{}, d)
}

// WithSourceResolution is WithResolution by the word of a request: auto or nothing changes nothing, 0 is SamplesOnly.
func WithSourceResolution(ctx context.Context, word string) (context.Context, error) {
	if word == "" || word == "auto" { // rollups that come to the same are used anyway
		return ctx, nil
	}
	d, err := timetext.Duration(word)
	switch {
	case err != nil || d < 0:
		return nil, fault.Param("max_source_resolution", fmt.Errorf("%q is not auto, 0 (samples only), 5m, 1h or another duration", word))
	case d == 0:
		d = SamplesOnly
	}
	return WithResolution(ctx, d), nil
}

func resolutionOf(ctx context.Context) time.Duration {
	d, _ := ctx.Value(resolutionKey{}).(time.Duration)
	return d
}
