package rangecache

import (
	"sort"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
)

const hour = 3_600_000 // ms

// Held is how many samples are stored of each hour, by its start in Unix
// milliseconds. Hours without any are left out.
type Held map[int64]uint64

// Entry is the answer at the steps from Start to End, Unix milliseconds; with End
// before Start it says only that there was such a query.
type Entry struct {
	Start, End int64
	// Back is how long before a step its evaluation reads.
	Back        int64
	Matrix      promql.Matrix // floats alone, sorted by labels
	Annotations annotations.Annotations
	Held        Held // of the hours from Start-Back to End
}

// Holds tells whether the entry has any step.
func (e *Entry) Holds() bool { return e.Start <= e.End }

// TrueUntil is up to when steps are true, given what is held now of the entry's
// hours; before Start if none is.
func (e *Entry) TrueUntil(now Held) int64 {
	for at := (e.Start - e.Back) / hour * hour; at <= e.End; at += hour {
		if e.Held[at] != now[at] {
			return min(e.End, at-1)
		}
	}
	return e.End
}

// size is about what the entry takes.
func (e *Entry) size() int64 {
	n := int64(200 + 16*len(e.Held))
	for i := range e.Matrix {
		n += int64(64 + 16*len(e.Matrix[i].Floats))
		e.Matrix[i].Metric.Range(func(l labels.Label) { n += int64(len(l.Name) + len(l.Value)) })
	}
	return n
}

// Cut is the points of a matrix in [from,to], which it shares.
func Cut(m promql.Matrix, from, to int64) promql.Matrix {
	out := make(promql.Matrix, 0, len(m))
	for _, s := range m {
		a := sort.Search(len(s.Floats), func(i int) bool { return s.Floats[i].T >= from })
		b := a + sort.Search(len(s.Floats)-a, func(i int) bool { return s.Floats[a+i].T > to })
		if a < b {
			s.Floats = s.Floats[a:b:b]
			out = append(out, s)
		}
	}
	return out
}

// Join is the points of two matrices, both sorted by labels, all of the first
// before all of the second. It is no part of either.
func Join(a, b promql.Matrix) promql.Matrix {
	out := make(promql.Matrix, 0, max(len(a), len(b)))
	add := func(metric labels.Labels, parts ...[]promql.FPoint) {
		n := 0
		for _, p := range parts {
			n += len(p)
		}
		all := make([]promql.FPoint, 0, n)
		for _, p := range parts {
			all = append(all, p...)
		}
		out = append(out, promql.Series{Metric: metric, Floats: all})
	}
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = labels.Compare(a[0].Metric, b[0].Metric)
		}
		switch {
		case order < 0:
			add(a[0].Metric, a[0].Floats)
			a = a[1:]
		case order > 0:
			add(b[0].Metric, b[0].Floats)
			b = b[1:]
		default:
			add(a[0].Metric, a[0].Floats, b[0].Floats)
			a, b = a[1:], b[1:]
		}
	}
	return out
}
