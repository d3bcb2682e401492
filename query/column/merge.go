package column

import (
	"errors"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/schema"
)

var errSameLabels = errors.New("vector cannot contain metrics with the same labelset")

// Merge makes one series of those with equal labels. Their cells must not meet.
func Merge(all []Series) ([]Series, error) {
	if len(all) < 2 {
		return all, nil
	}
	first := make(map[uint64]int, len(all))
	kept := all[:0]
	for i := range all {
		s := &all[i]
		hash := s.Labels.Hash()
		at, ok := first[hash]
		if !ok {
			first[hash] = len(kept)
			kept = append(kept, *s)
			continue
		}
		into := &kept[at]
		for k := range s.Values {
			if !s.Has(k) {
				continue
			}
			if into.Has(k) {
				return nil, errSameLabels
			}
			into.Set(k, s.Values[k], s.Histogram(k))
		}
	}
	clear(all[len(kept):])
	return kept, nil
}

// DropNames takes the reserved labels from series, or marks them for later.
func DropNames(all []Series, delayed bool) {
	for i := range all {
		DropName(&all[i], delayed)
	}
}

// DropName takes the metric's name, type and unit from a series, at once or
// when the query ends.
func DropName(s *Series, delayed bool) {
	s.DropName = true
	if !delayed {
		s.Labels = s.Labels.DropReserved(schema.IsMetadataLabel)
	}
}

// SameName tells whether all series have one name, so that dropping it cannot
// make two of them equal.
func SameName(all []Series) bool {
	reserved := []string{model.MetricNameLabel, model.MetricTypeLabel, model.MetricUnitLabel}
	for i := 1; i < len(all); i++ {
		for _, l := range reserved {
			if all[i].Labels.Get(l) != all[0].Labels.Get(l) {
				return false
			}
		}
	}
	return true
}
