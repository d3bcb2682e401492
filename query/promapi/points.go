package promapi

import (
	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/query/sampletext"
)

// floats writes the points of a series, which are nearly all of a long answer:
// straight into bytes, to the letter what Prometheus's jsonutil writes. All series of
// an answer use the same stamps.
func (e encoder) floats(points []promql.FPoint, times *stamps) {
	e.WriteArrayStart()
	buf, at := e.Buffer(), 0
	for i, p := range points {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, '[')
		buf, at = times.append(buf, p.T, at)
		buf = append(buf, ',', '"')
		buf = sampletext.AppendFloat(buf, p.F)
		buf = append(buf, '"', ']')
		if len(buf) > flushAt {
			e.SetBuffer(buf)
			e.Flush()
			buf = e.Buffer()
		}
	}
	e.SetBuffer(buf)
	e.WriteArrayEnd()
}

// stamps are the texts of times, which the series of a matrix share mostly.
type stamps struct {
	times []int64 // ascending
	ends  []int   // of their texts
	text  []byte
}

// append appends the text of a time; at is where to look for it, from 0 on, and
// returned for the next time of the series.
func (s *stamps) append(buf []byte, t int64, at int) ([]byte, int) {
	for at < len(s.times) && s.times[at] < t {
		at++
	}
	if at == len(s.times) && (at == 0 || s.times[at-1] < t) {
		s.times, s.text = append(s.times, t), sampletext.AppendTime(s.text, t)
		s.ends = append(s.ends, len(s.text))
	}
	if at == len(s.times) || s.times[at] != t {
		return sampletext.AppendTime(buf, t), at
	}
	from := 0
	if at > 0 {
		from = s.ends[at-1]
	}
	return append(buf, s.text[from:s.ends[at]]...), at + 1
}
