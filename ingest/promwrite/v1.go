package promwrite

import (
	"github.com/trefoil-o11y/trefoil/ingest/protofield"
)

// request1 reads a prometheus.WriteRequest: metadata first, as it may be that
// of the series beside it.
func (r *reader) request1() {
	request := r.body.Message()
	for m := request; m.Next(); {
		if m.Number() == 3 {
			r.metadata1(m.Message())
		}
	}
	for m := request; m.Next(); {
		if m.Number() == 1 {
			r.series1(m.Message())
		}
	}
}

func (r *reader) metadata1(m protofield.Message) {
	var name string
	var f family
	for m.Next() {
		switch m.Number() {
		case 1:
			f.kind = kindOf(m.Varint())
		case 2:
			name = m.Text()
		case 4:
			f.help = m.Text()
		case 5:
			f.unit = m.Text()
		}
	}
	if r.body.Err() == nil && name != "" && len(f.help)+len(f.unit) <= maxFamily {
		r.families.learn(r.tenant, name, f)
	}
}

func kindOf(n uint64) kind {
	if n > uint64(stateSet) {
		return unknown
	}
	return kind(n)
}

func (r *reader) series1(m protofield.Message) {
	s := &r.series
	s.reset()
	points := m
	for m.Next() {
		switch m.Number() {
		case 1:
			r.label(pair(m.Message()))
		case 2:
			s.samples++
			r.count(1)
		case 3:
			r.exemplar1(m.Message())
		case 4:
			s.bins++
			r.count(1)
		}
	}
	if r.body.Err() == nil {
		s.family = r.families.of(r.tenant, s.name)
		r.take(points, 2, 4)
	}
}

func pair(m protofield.Message) (name, value string) {
	for m.Next() {
		switch m.Number() {
		case 1:
			name = m.Text()
		case 2:
			value = m.Text()
		}
	}
	return name, value
}

func (r *reader) exemplar1(m protofield.Message) {
	var value float64
	var at int64
	labels := m
	for m.Next() {
		switch m.Number() {
		case 2:
			value = m.Double()
		case 3:
			at = int64(m.Varint())
		}
	}
	r.exemplar(value, at, func(label func(name, value string)) {
		for labels.Next() {
			if labels.Number() == 1 {
				label(pair(labels.Message()))
			}
		}
	})
}
