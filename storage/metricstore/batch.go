package metricstore

import (
	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Tables that a Batch fills.
const (
	TableSeries     = "series"
	TableSamples    = samplestore.Table
	TableHistograms = "histograms"
	TableExemplars  = "exemplars"
)

// Exemplar is one measurement with the trace it was made in.
type Exemplar struct {
	Time       int64 // Unix nanoseconds
	TraceID    [16]byte
	SpanID     [8]byte
	Value      float64
	Attributes []attribute.KeyValue // filtered attributes
}

// Batch collects the metrics of one request of one tenant. Not safe for
// concurrent use.
type Batch struct {
	tenant     string
	days       uint16
	owner      resourcestore.Owner // of the series rows
	known      *resourcestore.Known
	added      map[resourcestore.Key]struct{}
	hasher     attribute.Hasher
	text       []byte
	enc        block.Encoder
	series     seriesColumns
	samples    *samplestore.Columns
	histograms *histcol.Columns
	exemplars  exemplarColumns
}

// NewBatch makes an empty batch. Series that known has are left out; known may
// be shared by all batches of a process.
func NewBatch(t tenant.ID, retentionDays uint16, known *resourcestore.Known) *Batch {
	return &Batch{
		tenant: string(t), days: retentionDays, known: known,
		owner:      resourcestore.OwnerOf(t, TableSeries),
		added:      map[resourcestore.Key]struct{}{},
		series:     newSeriesColumns(block.NewOwner(string(t), retentionDays)),
		samples:    samplestore.NewColumns(block.NewOwner(string(t), retentionDays)),
		histograms: histcol.New(block.NewOwner(string(t), retentionDays)),
		exemplars:  newExemplarColumns(block.NewOwner(string(t), retentionDays)),
	}
}

// Rows is the number of points appended: samples and histograms.
func (b *Batch) Rows() int { return b.samples.Points() + b.histograms.Rows() }

// Series names the series of the points that follow and returns its
// fingerprint. A row is added unless the series is known for the day of ts,
// Unix milliseconds of one of its points.
func (b *Batch) Series(s *Series, ts int64) uint64 {
	fp := b.Fingerprint(s)
	b.SeriesDay(s, fp, ts)
	return fp
}

// Fingerprint is that of a series, to which nothing is added.
func (b *Batch) Fingerprint(s *Series) uint64 {
	attribute.Sort(s.Attributes)
	return s.fingerprint(&b.hasher)
}

// SeriesDay makes sure that a series named before has a row for the day of ts
// as well. Points of one series in one request can lie on both sides of
// midnight.
func (b *Batch) SeriesDay(s *Series, fp uint64, ts int64) {
	day := block.Day(ts / 1000)
	key := b.owner.Key(fp^s.about(), day, b.days)
	if _, ok := b.added[key]; ok || b.known.Has(key) {
		return
	}
	b.added[key] = struct{}{}
	b.series.append(b, s, fp, day)
}

// Sample adds a number. Times are Unix milliseconds; start is 0 when unknown.
func (b *Batch) Sample(fp uint64, ts, start int64, value float64) {
	b.samples.Append(fp, ts, start, value)
}

// Histogram adds a histogram, the slices of which are copied.
func (b *Batch) Histogram(fp uint64, h *histcol.Point) { b.histograms.Append(fp, h) }

// Exemplar adds an exemplar of a point of the series.
func (b *Batch) Exemplar(fp uint64, metric string, e *Exemplar) {
	b.exemplars.append(b, fp, metric, e)
}

// MarkStored tells the memory of known rows that this batch's series are
// stored. Call it only after the insert is known to be done.
func (b *Batch) MarkStored() { b.known.Add(b.Added(nil)) }

// Added appends the keys of this batch's series to dst, for Known.Add when the
// batch cannot be kept until they are stored.
func (b *Batch) Added(dst []resourcestore.Key) []resourcestore.Key {
	for k := range b.added {
		dst = append(dst, k)
	}
	return dst
}

// Blocks appends the batch's blocks to dst, series first; an empty batch has
// none.
func (b *Batch) Blocks(dst []block.Block) ([]block.Block, error) {
	b.samples.Fill()
	for _, t := range []struct {
		table string
		rows  int
		input proto.Input
	}{
		{TableSeries, len(b.series.fingerprint), b.series.input},
		{TableSamples, b.samples.Rows(), b.samples.Input},
		{TableHistograms, b.histograms.Rows(), b.histograms.Input},
		{TableExemplars, len(b.exemplars.fingerprint), b.exemplars.input},
	} {
		if t.rows == 0 {
			continue
		}
		blk, err := b.enc.Encode(t.table, t.rows, t.input)
		if err != nil {
			return dst, err
		}
		dst = append(dst, blk)
	}
	return dst, nil
}

// Reset empties the batch and keeps its buffers.
func (b *Batch) Reset() {
	clear(b.added)
	b.series.input.Reset()
	b.samples.Reset()
	b.histograms.Input.Reset()
	b.exemplars.input.Reset()
}
