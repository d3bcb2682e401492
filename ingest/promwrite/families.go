package promwrite

import (
	"strings"
	"sync"

	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// kind is the type of a metric family. The numbers are both messages'.
type kind uint8

const (
	unknown kind = iota
	counter
	gauge
	histogram
	gaugeHistogram
	summary
	info
	stateSet
)

// maxFamily bounds what is kept of one family, in bytes.
const maxFamily = 256 << 10

// family is what metadata says of a metric family.
type family struct {
	kind       kind
	unit, help string
}

// float makes s the float series called name of the family.
func (f *family) float(s *metricstore.Series, name string) {
	s.Unit, s.Description = f.unit, f.help
	s.Type, s.Temporality, s.Monotonic = metricstore.Unknown, metricstore.Unspecified, false
	adds := func() { s.Type, s.Temporality, s.Monotonic = metricstore.Sum, metricstore.Cumulative, true }
	switch f.kind {
	case counter:
		adds()
	case gauge, info, stateSet, gaugeHistogram:
		s.Type = metricstore.Gauge
	case histogram:
		if strings.HasSuffix(name, "_bucket") || strings.HasSuffix(name, "_count") || strings.HasSuffix(name, "_sum") {
			adds()
		}
	case summary:
		if strings.HasSuffix(name, "_count") || strings.HasSuffix(name, "_sum") {
			adds()
		} else {
			s.Type, s.Temporality = metricstore.Summary, metricstore.Cumulative
		}
	}
	if f.kind != gauge && strings.HasSuffix(name, "_created") {
		s.Type, s.Temporality, s.Monotonic = metricstore.Gauge, metricstore.Unspecified, false
	}
}

// familyBytes bounds what is remembered of metadata: twice as much at most.
const familyBytes = 16 << 20

// families remembers metadata that senders of version 1 send apart from series,
// every minute or so. It forgets what was not sent for long when it is full.
// Safe for concurrent use.
type families struct {
	max int

	mu     sync.RWMutex
	recent map[familyKey]family
	older  map[familyKey]family
	bytes  int // of recent
}

type familyKey struct {
	tenant tenant.ID
	name   string
}

func newFamilies(max int) *families { return &families{max: max, recent: map[familyKey]family{}} }

// learn remembers f, whose text is copied.
func (m *families) learn(t tenant.ID, name string, f family) {
	const overhead = 128
	key := familyKey{t, name}
	m.mu.Lock()
	defer m.mu.Unlock()
	if have, ok := m.recent[key]; ok {
		if have == f {
			return
		}
		m.bytes -= overhead + len(name) + len(have.unit) + len(have.help)
	}
	size := overhead + len(name) + len(f.unit) + len(f.help)
	if m.bytes+size > m.max {
		m.older, m.recent, m.bytes = m.recent, map[familyKey]family{}, 0
	}
	key.name = strings.Clone(name)
	m.recent[key] = family{f.kind, strings.Clone(f.unit), strings.Clone(f.help)}
	m.bytes += size
}

// suffixes are those of series whose family is called otherwise, with the kinds
// of families that have them.
var suffixes = []struct {
	text  string
	kinds []kind
}{
	{"_total", []kind{counter}},
	{"_created", []kind{counter, histogram, summary}},
	{"_bucket", []kind{histogram, gaugeHistogram}},
	{"_count", []kind{histogram, summary}},
	{"_sum", []kind{histogram, summary}},
	{"_gcount", []kind{gaugeHistogram}},
	{"_gsum", []kind{gaugeHistogram}},
	{"_info", []kind{info}},
}

// of is what is known of the family of the series called name.
func (m *families) of(t tenant.ID, name string) family {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if f, ok := m.find(t, name); ok {
		return f
	}
	for _, s := range suffixes {
		base, ok := strings.CutSuffix(name, s.text)
		if !ok {
			continue
		}
		f, _ := m.find(t, base)
		for _, k := range s.kinds {
			if f.kind == k {
				return f
			}
		}
	}
	return family{}
}

func (m *families) find(t tenant.ID, name string) (family, bool) {
	key := familyKey{t, name}
	if f, ok := m.recent[key]; ok {
		return f, true
	}
	f, ok := m.older[key]
	return f, ok
}
