package seriesview

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
)

// Part says which classic series of a histogram a series is; Whole is for
// everything that is not taken apart.
type Part uint8

const (
	Whole Part = iota
	Buckets
	Sum
	Count
)

var suffixes = [...]string{Whole: "", Buckets: "_bucket", Sum: "_sum", Count: "_count"}

// Suffix is what the name of a part ends with.
func (p Part) Suffix() string { return suffixes[p] }

// Series is a stored series, or one part of it, as PromQL sees it. The bucket
// part stands for as many series as there are bounds, which only the points
// tell; its labels lack le.
type Series struct {
	Stored *metricstore.SeriesRow
	Part   Part
	Labels labels.Labels
}

// Labeler gives stored series their labels. Not safe for concurrent use.
type Labeler struct {
	Promote []string // resource attributes that become labels
	builder labels.ScratchBuilder
	spelled map[string]string // keys that were spelled already, of which there are few
	keys    []metricstore.Label
	made    []labels.Label
}

// name is Prometheus's spelling of a key.
func (l *Labeler) name(key string) string {
	name, ok := l.spelled[key]
	if !ok {
		if l.spelled == nil {
			l.spelled = map[string]string{}
		}
		name = spelling.LabelName(key)
		l.spelled[key] = name
	}
	return name
}

// View says how histograms with explicit bounds are seen.
type View uint8

const (
	// AsSent shows those of OTLP as classic series and those of Prometheus, whose
	// classic ones are floats, as the native histograms with custom buckets they are.
	AsSent View = iota
	// Classic is for a language without native histograms.
	Classic
)

// Parts lists what a series of a type is visible as.
func (v View) Parts(t metricstore.Type, prometheus bool) []Part {
	if t == metricstore.Histogram && !(v == AsSent && prometheus) {
		return []Part{Buckets, Sum, Count}
	}
	return []Part{Whole}
}

// Spell gives the labels of a series the spelling a query sees.
func (v View) Spell(l labels.Labels, s *metricstore.SeriesRow, spelled spelling.Names) labels.Labels {
	switch {
	case !s.Prometheus:
		return spelled.Apply(l)
	case v == Classic:
		return spelling.Legacy(l)
	}
	return l
}

// IsNative tells whether v is a series of native histograms.
func (v Series) IsNative() bool { return v.Part == Whole && HasHistograms(v.Stored) }

// HasHistograms tells whether the points of a series are histograms.
func HasHistograms(s *metricstore.SeriesRow) bool {
	return s.Type == metricstore.Histogram || s.Type == metricstore.ExponentialHistogram
}

// Names are the spellings a part is found under, the visible one first.
func Names(s *metricstore.SeriesRow, p Part) [2]string {
	return [2]string{s.PromName + suffixes[p], s.Name + suffixes[p]}
}

// Labels builds the labels of a part: its name, the attributes of its points,
// and from the resource job, instance and the promoted attributes. The point's
// own attributes come first, so that a series that was given a job, by a
// recording rule say, keeps it. Attributes whose keys translate to one label
// are joined with ";" in the order of their keys, as Prometheus's OTLP receiver
// does.
func (l *Labeler) Labels(s *metricstore.SeriesRow, p Part) labels.Labels {
	set := metricstore.LabelSetsOf([]metricstore.SeriesRow{*s})[0]
	return l.Of(&set, Names(s, p)[0])
}

// Of is Labels of a series whose name is given.
func (l *Labeler) Of(s *metricstore.LabelSet, name string) labels.Labels {
	l.keys, l.made = append(l.keys[:0], s.Labels...), l.made[:0]
	slices.SortFunc(l.keys, func(a, b metricstore.Label) int { return strings.Compare(a.Key, b.Key) })
	for _, kv := range l.keys {
		label := kv.Key
		if !s.Prometheus {
			label = l.name(label)
		}
		at := l.at(label)
		if *at != "" {
			kv.Value = *at + ";" + kv.Value
		}
		*at = kv.Value
	}
	fill := func(label, key string) {
		if at := l.at(label); *at == "" {
			*at = attributeOf(s.Resource, key)
		}
	}
	if at := l.at(model.JobLabel); *at == "" {
		*at = Job(s.Resource)
	}
	fill(model.InstanceLabel, "service.instance.id")
	for _, key := range l.Promote {
		fill(l.name(key), key)
	}
	*l.at(model.MetricNameLabel) = name

	l.builder.Reset()
	for _, made := range l.made {
		if made.Name != "" && made.Value != "" { // to PromQL an empty label is none
			l.builder.Add(made.Name, made.Value)
		}
	}
	l.builder.Sort()
	return l.builder.Labels()
}

// at is the value made for a label, of which a series has few.
func (l *Labeler) at(label string) *string {
	for i := range l.made {
		if l.made[i].Name == label {
			return &l.made[i].Value
		}
	}
	l.made = append(l.made, labels.Label{Name: label})
	return &l.made[len(l.made)-1].Value
}

// attributeOf is the text of a resource's attribute, empty if it has none.
func attributeOf(r *resourcestore.Row, key string) string {
	for _, kv := range r.Attributes {
		if kv.Key == key {
			return kv.Value.Text()
		}
	}
	return ""
}

// Job is service.namespace/service.name, or the name alone.
func Job(r *resourcestore.Row) string {
	name, namespace := attributeOf(r, "service.name"), attributeOf(r, "service.namespace")
	if name == "" || namespace == "" {
		return name
	}
	return namespace + "/" + name
}

// InOrder sorts series by their labels, so that equal ones are side by side.
func InOrder(found []Series) []Series {
	slices.SortFunc(found, func(a, b Series) int {
		if c := labels.Compare(a.Labels, b.Labels); c != 0 {
			return c
		}
		return cmp.Compare(a.Stored.Fingerprint, b.Stored.Fingerprint)
	})
	return found
}

// Named is labels under the name of a part.
func Named(b *labels.Builder, l labels.Labels, s *metricstore.SeriesRow, p Part) labels.Labels {
	name := Names(s, p)[0]
	if l.Get(model.MetricNameLabel) == name {
		return l
	}
	b.Reset(l)
	return b.Set(model.MetricNameLabel, name).Labels()
}

// IsDelta tells whether a series says what happened since the point before.
func IsDelta(s *metricstore.SeriesRow) bool { return s.Temporality == metricstore.Delta }
