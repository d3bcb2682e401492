package metricexec

import (
	"context"
	"time"
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

func resolutionOf(ctx context.Context) time.Duration {
	d, _ := ctx.Value(resolutionKey{}).(time.Duration)
	return d
}
