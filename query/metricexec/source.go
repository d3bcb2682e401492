package metricexec

import (
	"context"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/rollupstore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Source is where an evaluation reads: *metricstore.Store, whose methods these
// are, or memory in tests. What exceeds a limit it is given is an error of
// class conn.Limit. Series may list more than was asked for, never fewer.
type Source interface {
	Version(ctx context.Context, from, to time.Time) samplestore.Version
	Series(ctx context.Context, t tenant.ID, from, to time.Time, sel metricstore.Selector) ([]metricstore.SeriesRow, error)
	Index(ctx context.Context, t tenant.ID, from, to time.Time, sel metricstore.Selector) ([]metricstore.SeriesRow, error)
	LabelKeys(ctx context.Context, t tenant.ID, from, to time.Time) ([]metricstore.LabelKey, error)
	Shapes(ctx context.Context, t tenant.ID, from, to time.Time, keys []string, resources bool, limit int) ([]metricstore.SeriesRow, error)
	Samples(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error)
	Stream(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error)
	Histograms(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Histograms) error) (conn.Stats, error)
	Bounds(ctx context.Context, t tenant.ID, r samplestore.Range) (map[uint64][][]float64, error)
	Exemplars(ctx context.Context, t tenant.ID, r samplestore.Range) (metricstore.Exemplars, error)
	Metadata(ctx context.Context, t tenant.ID, from, to time.Time, name string, limit int) ([]metricstore.Metadata, error)
}

// Rollups reads what rollups keep of samples: (*rollupstore.Store).Read.
type Rollups func(context.Context, tenant.ID, samplestore.Range, rollupstore.Want, rollupstore.Reading) (conn.Stats, error)

// The times storage knows: ClickHouse's Date ends in 2149.
const (
	earliest = 0
	latest   = 5_650_000_000_000 // Unix ms, 2149-01-14
)

// clamp moves a time into what storage knows.
func clamp(ms int64) int64 { return min(max(ms, earliest), latest) }

// overLimit tells whether storage refused because of a limit it was given.
func overLimit(err error) bool { return conn.ClassOf(err) == conn.Limit }
