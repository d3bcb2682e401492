package quota

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

const (
	maxWatched = 256
	registers  = 512 // an estimate is within 4.6 %
	reported   = 10  // labels and metrics in a report
)

// cardinality watches new series and knows which labels have many values and
// which metrics many series. It looks back one to two windows.
type cardinality struct {
	mu         sync.Mutex
	young, old generation
}

// generation is what came in one window.
type generation struct {
	labels  map[string]*distinct
	metrics map[string]*int64
}

// see takes a series that became active, or would have. Its strings need not
// stay.
func (c *cardinality) see(metric string, labels, resource []attribute.KeyValue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := &c.young
	if g.labels == nil {
		g.labels, g.metrics = map[string]*distinct{}, map[string]*int64{}
	}
	// Pointers, since assigning to a key that is there puts the new string, which
	// is not ours to keep, in the place of the old one.
	n := g.metrics[metric]
	if n == nil && len(g.metrics) < maxWatched {
		n = new(int64)
		g.metrics[strings.Clone(metric)] = n
	}
	if n != nil {
		*n++
	}
	for _, list := range [2][]attribute.KeyValue{labels, resource} {
		for i := range list {
			g.see(&list[i])
		}
	}
}

func (g *generation) see(kv *attribute.KeyValue) {
	d := g.labels[kv.Key]
	if d == nil {
		if len(g.labels) >= maxWatched {
			return
		}
		d = &distinct{}
		g.labels[strings.Clone(kv.Key)] = d
	}
	d.add(xxhash.Sum64String(kv.Value.Str) ^ kv.Value.Num*0xc2b2ae3d27d4eb4f)
}

// turn begins a new window.
func (c *cardinality) turn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.old, c.young = c.young, generation{}
}

// LabelUse is how many values a label or resource attribute has among new series.
type LabelUse struct {
	Name   string `json:"name"`
	Values int64  `json:"values"` // estimated
}

// MetricUse is how many new series a metric has.
type MetricUse struct {
	Name   string `json:"name"`
	Series int64  `json:"series"`
}

// top is the labels and metrics with the most, most first.
func (c *cardinality) top() (labels []LabelUse, metrics []MetricUse) {
	c.mu.Lock()
	defer c.mu.Unlock()
	values, series := map[string]int64{}, map[string]int64{}
	for _, g := range []*generation{&c.old, &c.young} {
		for name, d := range g.labels {
			values[name] = max(values[name], d.estimate())
		}
		for name, n := range g.metrics {
			series[name] += *n
		}
	}
	for name, n := range values {
		labels = append(labels, LabelUse{name, n})
	}
	for name, n := range series {
		metrics = append(metrics, MetricUse{name, n})
	}
	slices.SortFunc(labels, func(a, b LabelUse) int { return cmp.Or(cmp.Compare(b.Values, a.Values), cmp.Compare(a.Name, b.Name)) })
	slices.SortFunc(metrics, func(a, b MetricUse) int {
		return cmp.Or(cmp.Compare(b.Series, a.Series), cmp.Compare(a.Name, b.Name))
	})
	return labels[:min(len(labels), reported)], metrics[:min(len(metrics), reported)]
}

// distinct estimates how many different hashes it was given: HyperLogLog
// (Flajolet, Fusy, Gandouet, Meunier 2007), with linear counting while few.
type distinct struct{ register [registers]uint8 }

func (d *distinct) add(hash uint64) {
	i := hash >> (64 - 9)
	rank := uint8(bits.LeadingZeros64(hash<<9|1<<8)) + 1
	d.register[i] = max(d.register[i], rank)
}

func (d *distinct) estimate() int64 {
	const m = registers
	sum, zero := 0.0, 0
	for _, r := range d.register {
		sum += math.Ldexp(1, -int(r))
		if r == 0 {
			zero++
		}
	}
	e := 0.7213 / (1 + 1.079/m) * m * m / sum
	if e <= 2.5*m && zero > 0 {
		e = m * math.Log(m/float64(zero))
	}
	return int64(math.Round(e))
}
