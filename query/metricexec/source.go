package metricexec

import (
	"context"

	"github.com/trefoil-o11y/trefoil/query/readahead"
	"github.com/trefoil-o11y/trefoil/query/seriesfind"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/rollupstore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Source is where an evaluation reads: *metricstore.Store, whose methods these
// are, or memory in tests.
type Source interface {
	seriesfind.Source
	readahead.Source
	Exemplars(ctx context.Context, t tenant.ID, r samplestore.Range) (metricstore.Exemplars, error)
}

// Rollups reads what rollups keep of samples: (*rollupstore.Store).Read.
type Rollups func(context.Context, tenant.ID, samplestore.Range, rollupstore.Want, rollupstore.Reading) (conn.Stats, error)
