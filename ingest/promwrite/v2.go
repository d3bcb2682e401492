package promwrite

import (
	"fmt"

	"github.com/trefoil-o11y/trefoil/ingest/protofield"
)

// request2 reads an io.prometheus.write.v2.Request: all its text is in one table
// that the series refer to.
func (r *reader) request2() {
	request := r.body.Message()
	for m := request; m.Next(); {
		if m.Number() == 4 {
			r.charge(1)
			r.symbols = append(r.symbols, m.Text())
		}
	}
	if r.body.Err() == nil && len(r.symbols) > 0 && r.symbols[0] != "" {
		request.Malformed("symbols[0] is not empty")
	}
	for m := request; m.Next(); {
		if m.Number() == 5 {
			r.series2(m.Message())
		}
	}
}

// symbol is the text a reference stands for.
func (r *reader) symbol(m *protofield.Message, ref uint64) string {
	if ref == 0 {
		return ""
	}
	if ref >= uint64(len(r.symbols)) {
		m.Malformed(fmt.Sprintf("reference %d to a table of %d symbols", ref, len(r.symbols)))
		return ""
	}
	return r.symbols[ref]
}

// references reads pairs of references, one after the other, which may come in
// several pieces.
type references struct {
	r      *reader
	name   string
	halved bool // a name waits for its value
}

func (p *references) read(m *protofield.Message, label func(name, value string)) {
	m.Varints(func(ref uint64) bool {
		text := p.r.symbol(m, ref)
		if p.r.body.Err() != nil {
			return false
		}
		if p.halved = !p.halved; p.halved {
			p.name = text
		} else {
			label(p.name, text)
		}
		return true
	})
}

func (p *references) end(m *protofield.Message) {
	if p.halved {
		m.Malformed("an odd number of references to labels")
	}
}

func (r *reader) series2(m protofield.Message) {
	s := &r.series
	s.reset()
	points, pairs := m, references{r: r}
	for m.Next() {
		switch m.Number() {
		case 1:
			pairs.read(&m, r.label)
		case 2:
			s.samples++
			r.count(1)
		case 3:
			s.bins++
			r.count(1)
		case 4:
			r.exemplar2(m.Message())
		case 5:
			r.metadata2(m.Message())
		case 6: // created_timestamp, of drafts that Prometheus 3.0 sends
			s.start = int64(m.Varint())
		}
	}
	pairs.end(&m)
	if r.body.Err() == nil {
		r.take(points, 2, 3)
	}
}

func (r *reader) metadata2(m protofield.Message) {
	f := &r.series.family
	for m.Next() {
		switch m.Number() {
		case 1:
			f.kind = kindOf(m.Varint())
		case 3:
			f.help = r.symbol(&m, m.Varint())
		case 4:
			f.unit = r.symbol(&m, m.Varint())
		}
	}
}

func (r *reader) exemplar2(m protofield.Message) {
	var value float64
	var at int64
	labels, pairs := m, references{r: r}
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
				pairs.read(&labels, label)
			}
		}
		pairs.end(&labels)
	})
}
