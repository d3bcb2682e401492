package otlpwire

import (
	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
)

// metricReader reads metrics and their data points.
type metricReader struct {
	reader
	in        *ingest.PointIntake
	series    metricstore.Series // of the metric at hand
	point     ingest.Point
	encoded   span // the point's attributes
	histogram histcol.Point
	summary   ingest.Summary
	attrs     list
	below     list // attributes of exemplars, cut from one list
	exemplars []ingest.Exemplar
}

func newMetricReader(maxRecords int) *metricReader {
	r := &metricReader{reader: newReader(&messages.metrics, maxRecords), attrs: list{depth: 6}, below: list{depth: 7}}
	r.record = r.metric
	return r
}

// Numbers of the fields of Metric that hold points; each excludes the others.
const (
	dataGauge       = 5
	dataSum         = 7
	dataHistogram   = 9
	dataExponential = 10
	dataSummary     = 11
)

// metric enters a metric, then its points. Of several kinds of points the last
// one counts.
func (r *metricReader) metric(b []byte) bool {
	r.series = metricstore.Series{}
	var data []byte
	number := 0
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		ok := true
		switch tag {
		case 1<<3 | wireLen:
			r.series.Name = view(b[end-int(n) : end])
		case 2<<3 | wireLen:
			r.series.Description = view(b[end-int(n) : end])
		case 3<<3 | wireLen:
			r.series.Unit = view(b[end-int(n) : end])
		case dataGauge<<3 | wireLen, dataSum<<3 | wireLen, dataHistogram<<3 | wireLen, dataExponential<<3 | wireLen, dataSummary<<3 | wireLen:
			ok = number == 0 || r.skip(messages.metric.fields[number].msg, data, 4)
			number, data = int(tag>>3), b[end-int(n):end]
		case 12<<3 | wireLen:
			ok = r.skip(messages.keyValue, b[end-int(n):end], 4)
		default:
			ok = messages.metric.skips(tag)
		}
		if !ok {
			return false
		}
		i = end
	}
	return r.readData(number, data)
}

// readData goes through what holds the points of a metric: those of every kind
// have the same three fields.
func (r *metricReader) readData(number int, b []byte) bool {
	points := 0
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		switch tag {
		case 1<<3 | wireLen:
			points++
		case 2<<3 | wireVarint:
			r.series.Temporality = ingest.Temporality(int32(n))
		case 3<<3 | wireVarint:
			r.series.Monotonic = n != 0
		default:
			if !messages.data.skips(tag) {
				return false
			}
		}
		i = end
	}
	if !r.expect(points) || !r.charge(1) {
		return false
	}
	read := r.kind(number)
	r.in.EnterMetric(&r.series)
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if tag == 1<<3|wireLen && !read(r, b[end-int(n):end]) {
			return false
		}
		i = end
	}
	return true
}

// kind sets the metric's type and is what reads its points.
func (r *metricReader) kind(number int) func(*metricReader, []byte) bool {
	switch number {
	case dataGauge:
		r.series.Type = metricstore.Gauge
		return (*metricReader).numberPoint
	case dataSum:
		r.series.Type = metricstore.Sum
		return (*metricReader).numberPoint
	case dataHistogram:
		r.series.Type = metricstore.Histogram
		return (*metricReader).histogramPoint
	case dataExponential:
		r.series.Type = metricstore.ExponentialHistogram
		return (*metricReader).exponentialPoint
	case dataSummary:
		r.series.Type = metricstore.Summary
		return (*metricReader).summaryPoint
	}
	return nil // a metric without points
}

// noRecordedValue is the flag of a point that says so.
const noRecordedValue = 1

// span is where the attributes of a point are in its message.
type span struct {
	from, to int
	pieces   int
}

// take adds the field at b[from:to].
func (s *span) take(from, to int) {
	if s.pieces == 0 {
		s.from, s.pieces = from, 1
	} else if from != s.to {
		s.pieces++
	}
	s.to = to
}

// begin readies the reader for a point.
func (r *metricReader) begin() {
	r.attrs.reset()
	r.below.reset()
	r.exemplars = r.exemplars[:0]
	r.encoded = span{}
	r.point = ingest.Point{}
}

// identify reads the attributes of the point b, fields with that tag, unless
// the series is known by their bytes.
func (r *metricReader) identify(b []byte, attributes uint32) bool {
	r.point.Exemplars = r.exemplars
	if r.encoded.pieces < 2 {
		b = b[r.encoded.from:r.encoded.to]
		if r.in.Recall(&r.point, b) {
			return r.charge(1 + len(r.exemplars) + len(r.below.kvs))
		}
	}
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if tag == attributes && !r.attrs.add(b[end-int(n):end]) {
			return false
		}
		i = end
	}
	r.point.Attributes = r.attrs.kvs
	return r.charge(1 + len(r.attrs.kvs) + len(r.exemplars) + len(r.below.kvs))
}

// readExemplar appends an exemplar. When the list of attributes moves as it
// grows, earlier exemplars keep the old one.
func (r *metricReader) readExemplar(b []byte) bool {
	var e ingest.Exemplar
	first := len(r.below.kvs)
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		ok := true
		switch tag {
		case 2<<3 | wireFixed64:
			e.Time = int64(n)
		case 3<<3 | wireFixed64:
			e.Value, e.HasValue = float(n), true
		case 4<<3 | wireLen:
			ok = fixed(e.SpanID[:], b[end-int(n):end])
		case 5<<3 | wireLen:
			ok = fixed(e.TraceID[:], b[end-int(n):end])
		case 6<<3 | wireFixed64:
			e.Value, e.HasValue = float64(int64(n)), true
		case 7<<3 | wireLen:
			ok = r.below.add(b[end-int(n) : end])
		default:
			ok = messages.exemplar.skips(tag)
		}
		if !ok {
			return false
		}
		i = end
	}
	e.Attributes = r.below.from(first)
	r.exemplars = append(r.exemplars, e)
	return true
}
