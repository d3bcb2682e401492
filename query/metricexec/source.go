package metricexec

import (
	"context"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Source is where an evaluation reads. Times are Unix milliseconds, both ends
// inclusive. Implementations are storage's metrics and, in tests, memory.
type Source interface {
	// Series lists the stored series a selection may match: perhaps more,
	// never fewer, unless there are more than sel.Limit, which it tells.
	Series(ctx context.Context, t tenant.ID, sel Selection) (found []Stored, truncated bool, err error)
	// Bounds lists the distinct bucket bounds of explicit histogram series.
	Bounds(ctx context.Context, t tenant.ID, fingerprints []uint64, from, to int64) (map[uint64][][]float64, error)
	// Samples reads the samples of series, sorted by time without repeats,
	// and passes them on series by series in any order. The slices belong to
	// the callee. A series without samples may be left out.
	Samples(ctx context.Context, t tenant.ID, fingerprints []uint64, from, to int64, each func(Samples) error) error
	// Histograms is Samples for series whose points are histograms.
	Histograms(ctx context.Context, t tenant.ID, fingerprints []uint64, from, to int64, each func(HistogramRow) error) error
	// Exemplars reads at most limit exemplars of series.
	Exemplars(ctx context.Context, t tenant.ID, fingerprints []uint64, from, to int64, limit int) ([]Exemplar, error)
}

// Selection narrows down a read of series.
type Selection struct {
	From, To int64
	// Names are the metric names asked for, in either spelling and without
	// _bucket, _sum and _count; nil means any.
	Names []string
	// Matchers are the matchers on labels other than __name__ as the user
	// wrote them. A source uses what helps it.
	Matchers []*labels.Matcher
	// Limit is the most series wanted.
	Limit int
}

// Type is the type of a stored metric.
type Type uint8

const (
	Unknown Type = iota
	Gauge
	Sum
	Histogram
	ExponentialHistogram
	Summary
)

// Stored is a series as it is stored.
type Stored struct {
	Fingerprint       uint64
	Name, PromName    string
	Type              Type
	Delta             bool
	Monotonic         bool
	Unit, Description string
	// Attributes are those of the points, as text, under the names sent.
	Attributes map[string]string
	// Resource are the attributes of the resource, likewise.
	Resource map[string]string
}

// Samples are the samples of one series. Start is when the interval a sample
// covers began, 0 when unknown.
type Samples struct {
	Fingerprint  uint64
	Times, Start []int64
	Values       []float64
}

// HistogramRow is one histogram point; rows of a series come in time order.
type HistogramRow struct {
	Fingerprint    uint64
	Time, Start    int64
	Exponential    bool
	NoValue        bool // no recorded value
	HasSum         bool
	Count          uint64
	Sum            float64
	Bounds         []float64 // explicit
	Counts         []uint64  // explicit, one longer than Bounds
	Scale          int32
	ZeroCount      uint64
	ZeroThreshold  float64
	PositiveOffset int32
	Positive       []uint64
	NegativeOffset int32
	Negative       []uint64
}

// Exemplar is one exemplar of a series.
type Exemplar struct {
	Fingerprint uint64
	Time        int64 // Unix ms
	Value       float64
	Labels      map[string]string // trace_id, span_id and the filtered attributes
}
