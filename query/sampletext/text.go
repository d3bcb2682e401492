// Package sampletext writes times and values of samples as the JSON of
// Prometheus's API has them, to the letter: answers of a million of them are
// common, and anything general takes most of a query's time.
package sampletext

import (
	"math"
	"strconv"
)

// AppendTime appends Unix milliseconds as seconds.
func AppendTime(buf []byte, t int64) []byte {
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

// AppendFloat appends a value, without the quotes it has in an answer.
func AppendFloat(buf []byte, v float64) []byte {
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
