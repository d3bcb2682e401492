package grideval

import (
	"context"

	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
)

// Read is what a rollup wants to know of a selector.
type Read struct {
	Selector *metricplan.Selector
	From, To int64 // samples at these times and between, Unix ms
	// Windows of the rollup: they are Range long and end at First, First+Step, …
	// up to To. Range is 0 for a plain selector.
	First, Step, Range int64
	Starts             bool // start times of samples are wanted
	// Thin, if not nil, says that of series of floats what a rollup keeps of the
	// samples will do (Raw.Entries).
	Thin *Thin
	// InTurn, if not nil, may be called by a source before it calls each. By that it
	// promises that each is called once for every index from 0 to the last, about in
	// their order, with no samples where a series has none; that all samples are floats
	// without start times; and that all series have one name, type and unit. Who folds
	// series can do so as they come then.
	InTurn func()
}

// Thin is what is needed of a rollup.
type Thin struct {
	Aspect samplerollup.Aspect
	Length int64 // of buckets, ms
	Whole  bool  // sums must be exact in any order
	// Tail is how many times of the last samples are needed, of those that are not NaN; with StaleTail stale markers
	// are among them.
	Tail      int
	StaleTail bool
	// Fits tells whether what is kept of a series does; otherwise its samples are needed. Safe for concurrent use.
	Fits func(e *samplerollup.Entries) bool
}

// Source is where samples come from. Select calls each for every series that
// has samples, from several goroutines if it likes; index orders the series of
// one call. An error of each ends the read and is returned.
type Source interface {
	Select(ctx context.Context, r Read, each func(index int, raw *column.Raw) error) (annotations.Annotations, error)
}
