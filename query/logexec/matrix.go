package logexec

import (
	"slices"
	"strings"

	"github.com/trefoil-o11y/trefoil/query/logpipe"
)

// Series is a column of samples, one a step; where Has is false there is none.
type Series struct {
	Labels []logpipe.Label // sorted by name
	Values []float64
	Has    []bool
}

// vector is the value of an expression over all steps: series, or one number.
type vector struct {
	series []*Series
	scalar bool // one series without labels, which is there at every step
	sorted bool // the order of series is part of the value
}

func newSeries(labels []logpipe.Label, steps int) *Series {
	return &Series{Labels: labels, Values: make([]float64, steps), Has: make([]bool, steps)}
}

func (s *Series) set(i int, v float64) { s.Values[i], s.Has[i] = v, true }

func (s *Series) empty() bool { return !slices.Contains(s.Has, true) }

// key is labels as one text, which no other labels have.
func key(labels []logpipe.Label) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(l.Name)
		b.WriteByte(0xff)
		b.WriteString(l.Value)
		b.WriteByte(0xfe)
	}
	return b.String()
}

func value(labels []logpipe.Label, name string) string {
	for _, l := range labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// pick are the labels with one of the names, or, if without, the others. Empty
// ones are as if they were not there.
func pick(labels []logpipe.Label, names []string, without bool) []logpipe.Label {
	out := []logpipe.Label{}
	for _, l := range labels {
		if slices.Contains(names, l.Name) != without && (without || l.Value != "") {
			out = append(out, l)
		}
	}
	return out
}

func (v *vector) dropEmpty() {
	v.series = slices.DeleteFunc(v.series, (*Series).empty)
}

func (v *vector) sort() {
	if !v.sorted {
		slices.SortFunc(v.series, func(a, b *Series) int { return strings.Compare(key(a.Labels), key(b.Labels)) })
	}
}
