package metricexec

import (
	"errors"
	"sync/atomic"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

// budget is what one query may read from storage, shared by its selectors.
type budget struct {
	samples, series       atomic.Int64
	maxSamples, maxSeries int64
}

func newBudget(l Limits) *budget {
	return &budget{maxSamples: int64(l.MaxSamples), maxSeries: int64(l.MaxSeries)}
}

func (b *budget) read(samples int) error {
	if b.samples.Add(int64(samples)) > b.maxSamples {
		return fault.TooManySamples(int(b.maxSamples), nil)
	}
	return nil
}

// explain turns storage's word that a read is over the limit it was given into
// the query's.
func (b *budget) explain(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); !ok && fault.OverLimit(err) {
		return fault.TooManySamples(int(b.maxSamples), err)
	}
	return err
}

func (b *budget) touch(series int) error {
	if b.series.Add(int64(series)) > b.maxSeries {
		return fault.TooManySeries(int(b.maxSeries), nil)
	}
	return nil
}

// both counts one series and what was read of it.
func (b *budget) both(samples int) error {
	if err := b.touch(1); err != nil {
		return err
	}
	return b.read(samples)
}
