package otlpwire

import (
	"encoding/binary"
	"math"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
)

func float(n uint64) float64 { return math.Float64frombits(n) }

// numberPoint reads a point of a gauge or a sum.
func (r *metricReader) numberPoint(b []byte) bool {
	r.begin()
	p, value, has := &r.point, 0.0, false
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		ok := true
		switch tag {
		case 2<<3 | wireFixed64:
			p.Start = int64(n)
		case 3<<3 | wireFixed64:
			p.Time = int64(n)
		case 4<<3 | wireFixed64:
			value, has = float(n), true
		case 5<<3 | wireLen:
			ok = r.readExemplar(b[end-int(n) : end])
		case 6<<3 | wireFixed64:
			value, has = float64(int64(n)), true
		case 7<<3 | wireLen:
			r.encoded.take(i, end)
		case 8<<3 | wireVarint:
			p.NoRecordedValue = n&noRecordedValue != 0
		default:
			ok = messages.number.skips(tag)
		}
		if !ok {
			return false
		}
		i = end
	}
	if !r.identify(b, 7<<3|wireLen) {
		return false
	}
	r.in.AddNumber(p, value, has)
	return true
}

// histogramPoint reads a point of a histogram with explicit bounds.
func (r *metricReader) histogramPoint(b []byte) bool {
	r.begin()
	p, h := &r.point, &r.histogram
	*h = histcol.Point{Bounds: h.Bounds[:0], Counts: h.Counts[:0]}
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		ok := true
		switch tag {
		case 6<<3 | wireLen:
			h.Counts, ok = packedCounts(h.Counts[:0], b[end-int(n):end])
		case 6<<3 | wireFixed64:
			h.Counts = append(h.Counts, n)
		case 7<<3 | wireLen:
			h.Bounds, ok = packedBounds(h.Bounds[:0], b[end-int(n):end])
		case 7<<3 | wireFixed64:
			h.Bounds = append(h.Bounds, float(n))
		case 8<<3 | wireLen:
			ok = r.readExemplar(b[end-int(n) : end])
		case 9<<3 | wireLen:
			r.encoded.take(i, end)
		case 10<<3 | wireVarint:
			p.NoRecordedValue = n&noRecordedValue != 0
		case 11<<3 | wireFixed64:
			h.Min = float(n)
			h.Flags |= histcol.HasMin
		case 12<<3 | wireFixed64:
			h.Max = float(n)
			h.Flags |= histcol.HasMax
		default:
			ok = r.total(tag, n) || messages.histogram.skips(tag)
		}
		if !ok {
			return false
		}
		i = end
	}
	if !r.identify(b, 9<<3|wireLen) {
		return false
	}
	r.in.AddHistogram(p, h)
	return true
}

// total takes the fields that both kinds of histograms have alike.
func (r *metricReader) total(tag uint32, n uint64) bool {
	switch tag {
	case 2<<3 | wireFixed64:
		r.point.Start = int64(n)
	case 3<<3 | wireFixed64:
		r.point.Time = int64(n)
	case 4<<3 | wireFixed64:
		r.histogram.Count = n
	case 5<<3 | wireFixed64:
		r.histogram.Sum = float(n)
		r.histogram.Flags |= histcol.HasSum
	default:
		return false
	}
	return true
}

// packedCounts appends packed fixed64 numbers.
func packedCounts(dst []uint64, b []byte) ([]uint64, bool) {
	for ; len(b) >= 8; b = b[8:] {
		dst = append(dst, binary.LittleEndian.Uint64(b))
	}
	return dst, len(b) == 0
}

// packedBounds appends packed doubles.
func packedBounds(dst []float64, b []byte) ([]float64, bool) {
	for ; len(b) >= 8; b = b[8:] {
		dst = append(dst, float(binary.LittleEndian.Uint64(b)))
	}
	return dst, len(b) == 0
}

// exponentialPoint reads a point of an exponential histogram.
func (r *metricReader) exponentialPoint(b []byte) bool {
	r.begin()
	p, h := &r.point, &r.histogram
	*h = histcol.Point{PositiveCounts: h.PositiveCounts[:0], NegativeCounts: h.NegativeCounts[:0]}
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		ok := true
		switch tag {
		case 1<<3 | wireLen:
			r.encoded.take(i, end)
		case 6<<3 | wireVarint:
			h.Scale = zigzag(n)
		case 7<<3 | wireFixed64:
			h.ZeroCount = n
		case 8<<3 | wireLen:
			ok = r.readBuckets(&h.PositiveOffset, &h.PositiveCounts, b[end-int(n):end])
		case 9<<3 | wireLen:
			ok = r.readBuckets(&h.NegativeOffset, &h.NegativeCounts, b[end-int(n):end])
		case 10<<3 | wireVarint:
			p.NoRecordedValue = n&noRecordedValue != 0
		case 11<<3 | wireLen:
			ok = r.readExemplar(b[end-int(n) : end])
		case 12<<3 | wireFixed64:
			h.Min = float(n)
			h.Flags |= histcol.HasMin
		case 13<<3 | wireFixed64:
			h.Max = float(n)
			h.Flags |= histcol.HasMax
		case 14<<3 | wireFixed64:
			h.ZeroThreshold = float(n)
		default:
			ok = r.total(tag, n) || messages.exponential.skips(tag)
		}
		if !ok {
			return false
		}
		i = end
	}
	if !r.identify(b, 1<<3|wireLen) {
		return false
	}
	r.in.AddExponential(p, h)
	return true
}

func (r *metricReader) readBuckets(offset *int32, counts *[]uint64, b []byte) bool {
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		switch tag {
		case 1<<3 | wireVarint:
			*offset = zigzag(n)
		case 2<<3 | wireVarint:
			*counts = append(*counts, n)
		case 2<<3 | wireLen:
			if !r.charge(int(n) / 8) { // each byte can become a word
				return false
			}
			for at := end - int(n); at < end; {
				count, after := uvarint(b[:end], at)
				if after < 0 {
					return false
				}
				*counts = append(*counts, count)
				at = after
			}
		default:
			if !messages.buckets.skips(tag) {
				return false
			}
		}
		i = end
	}
	return true
}

// summaryPoint reads a point of a summary. Its series are several, which are
// not known by the bytes of the attributes.
func (r *metricReader) summaryPoint(b []byte) bool {
	r.begin()
	p, s := &r.point, &r.summary
	*s = ingest.Summary{Quantiles: s.Quantiles[:0]}
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		ok := true
		switch tag {
		case 2<<3 | wireFixed64:
			p.Start = int64(n)
		case 3<<3 | wireFixed64:
			p.Time = int64(n)
		case 4<<3 | wireFixed64:
			s.Count = n
		case 5<<3 | wireFixed64:
			s.Sum = float(n)
		case 6<<3 | wireLen:
			ok = r.readQuantile(b[end-int(n) : end])
		case 7<<3 | wireLen:
			ok = r.attrs.add(b[end-int(n) : end])
		case 8<<3 | wireVarint:
			p.NoRecordedValue = n&noRecordedValue != 0
		default:
			ok = messages.summary.skips(tag)
		}
		if !ok {
			return false
		}
		i = end
	}
	perSeries := 1 + len(r.attrs.kvs) + len(b)/recordBytes // whose attributes are repeated for each quantile
	if !r.charge(perSeries * (1 + len(s.Quantiles))) {
		return false
	}
	p.Attributes = r.attrs.kvs
	r.in.AddSummary(p, s)
	return true
}

func (r *metricReader) readQuantile(b []byte) bool {
	var q ingest.Quantile
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		switch tag {
		case 1<<3 | wireFixed64:
			q.Quantile = float(n)
		case 2<<3 | wireFixed64:
			q.Value = float(n)
		default:
			if !messages.quantile.skips(tag) {
				return false
			}
		}
		i = end
	}
	r.summary.Quantiles = append(r.summary.Quantiles, q)
	return true
}
