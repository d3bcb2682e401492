package promapi

import (
	"math"
	"strconv"

	"github.com/prometheus/prometheus/promql"
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
		buf = appendTime(buf, p.T)
		buf = append(buf, ',', '"')
		buf = appendFloat(buf, p.F)
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

// appendTime appends Unix milliseconds as seconds.
func appendTime(buf []byte, t int64) []byte {
	if t < 0 {
		buf = append(buf, '-')
		t = -t
	}
	buf = strconv.AppendInt(buf, t/1000, 10)
	if ms := t % 1000; ms != 0 {
		buf = append(buf, '.')
		if ms < 100 {
			buf = append(buf, '0')
		}
		if ms < 10 {
			buf = append(buf, '0')
		}
		buf = strconv.AppendInt(buf, ms, 10)
	}
	return buf
}

func appendFloat(buf []byte, v float64) []byte {
	abs := math.Abs(v)
	if abs >= 1 && abs < 1<<53 && v == math.Trunc(v) {
		return strconv.AppendInt(buf, int64(v), 10)
	}
	format := byte('f')
	if abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(buf, v, format, -1, 64)
}
