package metricstore

import (
	"context"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Defaults of limits that are given as 0. What is over a limit is a
// *conn.Error of class Limit, never a shorter answer, unless an answer has a
// field that says so.
const (
	DefaultSeries     = 50_000
	DefaultSamples    = 50_000_000
	DefaultHistograms = 1_000_000
	DefaultExemplars  = 1_000
	DefaultNames      = 10_000
)

// Store reads metrics. Safe for concurrent use.
type Store struct {
	db        *conn.DB
	resources *resourcestore.Store
}

// New makes a store on a database. Resources are read through resources, so
// that its cache serves all stores.
func New(db *conn.DB, resources *resourcestore.Store) *Store {
	return &Store{db: db, resources: resources}
}

// Selector says which series are wanted.
type Selector struct {
	// Names are metric names in either spelling, as sent or as Prometheus has
	// them (without _bucket, _sum and _count of histograms). None means any.
	Names []string
	// NameRegexp is an RE2 expression, anchored at both ends, that one of a
	// series' two names must match; "" is no condition.
	NameRegexp string
	// Matchers are conditions on labels, in either spelling; Scope is not
	// looked at. A label is the point's attribute; else job, instance or the
	// resource's attribute of that name; else "".
	Matchers []attrcol.Matcher
	// Limit is the most series wanted; 0 means DefaultSeries.
	Limit int
}

// SeriesRow is a stored series. Labels, Attributes and Resource are shared:
// not to be changed.
type SeriesRow struct {
	Fingerprint       uint64
	Name, PromName    string
	Type              Type
	Temporality       Temporality
	Monotonic         bool
	Unit, Description string
	Labels            map[string]string    // point attributes as text under the names sent; quantile of summaries
	Attributes        []attribute.KeyValue // point attributes, typed
	Resource          *resourcestore.Row   // never nil
	Scope             *resourcestore.ScopeRow
}

// Series lists the series that have rows on the days of [from, to].
func (s *Store) Series(ctx context.Context, t tenant.ID, from, to time.Time, sel Selector) ([]SeriesRow, error) {
	return nil, nil
}

// Range says which points are wanted: of which series, from and to Unix
// milliseconds inclusive, and how many at most (0 means the default of the
// kind of point).
type Range struct {
	Fingerprints []uint64
	From, To     int64
	Limit        int
}

// Samples are the points of one series in the order of time, one a time. Start
// is when the interval of a point began, 0 when unknown. The slices are the
// receiver's.
type Samples struct {
	Fingerprint uint64
	Times       []int64 // Unix milliseconds
	Start       []int64
	Values      []float64
}

// Samples reads the samples of a range, series by series in the order of
// fingerprints. Series without samples are left out.
func (s *Store) Samples(ctx context.Context, t tenant.ID, r Range, each func(Samples) error) (conn.Stats, error) {
	return conn.Stats{}, nil
}

// Histograms are the histogram points of one series in the order of time, one
// a time. The slices are the receiver's.
type Histograms struct {
	Fingerprint uint64
	Points      []HistogramPoint
}

// Histograms reads the histogram points of a range, series by series in the
// order of fingerprints. Series without points are left out.
func (s *Store) Histograms(ctx context.Context, t tenant.ID, r Range, each func(Histograms) error) (conn.Stats, error) {
	return conn.Stats{}, nil
}

// ExemplarRow is a stored exemplar.
type ExemplarRow struct {
	Exemplar
	Fingerprint uint64
	Metric      string
	// Series is the series of the exemplar, nil if it is not stored.
	Series *SeriesRow
}

// Exemplars is a bounded list of exemplars in the order of time.
type Exemplars struct {
	Rows      []ExemplarRow
	Truncated bool // the latest were cut off
	Stats     conn.Stats
}

// TraceExemplars lists the exemplars that point at a trace, with times in
// [from, to), at most limit of them. Zero times are no condition.
func (s *Store) TraceExemplars(ctx context.Context, t tenant.ID, trace [16]byte, from, to time.Time, limit int) (Exemplars, error) {
	return Exemplars{}, nil
}

// Exemplars lists the exemplars of series, times and limit as Range has them.
// Their Series are not filled in.
func (s *Store) Exemplars(ctx context.Context, t tenant.ID, r Range) (Exemplars, error) {
	return Exemplars{}, nil
}

// Metadata is what is known of one metric.
type Metadata struct {
	Name, PromName    string
	Type              Type
	Temporality       Temporality
	Monotonic         bool
	Unit, Description string
}

// Metadata lists metrics seen in [from, to], those of a name in either
// spelling or, with "", all, at most limit of them (0 means DefaultNames).
func (s *Store) Metadata(ctx context.Context, t tenant.ID, from, to time.Time, name string, limit int) ([]Metadata, error) {
	return nil, nil
}

// Names is a bounded list of names or values, sorted.
type Names = attrcol.Names

// LabelNames lists the keys of point attributes, under the names sent, of the
// series of a selector on the days of [from, to]. Its limit is one of names.
func (s *Store) LabelNames(ctx context.Context, t tenant.ID, from, to time.Time, sel Selector) (Names, error) {
	return Names{}, nil
}

// LabelValues lists the values of a label, found as a matcher finds it, among
// the series of a selector on the days of [from, to]. Its limit is one of
// values.
func (s *Store) LabelValues(ctx context.Context, t tenant.ID, label string, from, to time.Time, sel Selector) (Names, error) {
	return Names{}, nil
}
