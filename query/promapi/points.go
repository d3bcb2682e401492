package promapi

import (
	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/query/sampletext"
)

// floats writes the points of a series, which are nearly all of a long answer:
// straight into bytes, to the letter what Prometheus's jsonutil writes.
func (e encoder) floats(points []promql.FPoint) {
	e.WriteArrayStart()
	buf := e.Buffer()
	for i, p := range points {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, '[')
		buf = sampletext.AppendTime(buf, p.T)
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
