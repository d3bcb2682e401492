package metricsqlfunc

import (
	"github.com/cespare/xxhash/v2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/trefoil-o11y/trefoil/query/metricsqlvec"
)

// hashOf is a hash of labels by which limitk chooses: of the metric's name and
// of the names and values of labels, in order, as VictoriaMetrics has it, so that
// both choose alike.
func hashOf(l labels.Labels) uint64 {
	h := xxhash.New()
	h.WriteString(l.Get(metricsqlvec.NameLabel))
	l.Range(func(l labels.Label) {
		if l.Name != metricsqlvec.NameLabel {
			h.WriteString(l.Name)
			h.WriteString(l.Value)
		}
	})
	return h.Sum64()
}
