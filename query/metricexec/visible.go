package metricexec

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
)

// part says which classic series of a histogram a series is; whole is for
// everything that is not taken apart.
type part uint8

const (
	whole part = iota
	buckets
	sum
	count
)

var suffixes = [...]string{whole: "", buckets: "_bucket", sum: "_sum", count: "_count"}

// visible is a stored series, or one part of it, as PromQL sees it. The bucket
// part stands for as many series as there are bounds, which only the points
// tell; its labels lack le.
type visible struct {
	stored *metricstore.SeriesRow
	part   part
	labels labels.Labels
}

// labeler gives stored series their labels.
type labeler struct {
	promote []string // resource attributes that become labels
	builder labels.ScratchBuilder
}

// view says how histograms with explicit bounds are seen.
type view uint8

const (
	// asSent shows those of OTLP as classic series and those of Prometheus, whose
	// classic ones are floats, as the native histograms with custom buckets they are.
	asSent view = iota
	// classic is for a language without native histograms.
	classic
)

// parts lists what a series of a type is visible as.
func (v view) parts(t metricstore.Type, prometheus bool) []part {
	if t == metricstore.Histogram && !(v == asSent && prometheus) {
		return []part{buckets, sum, count}
	}
	return []part{whole}
}

// spell gives the labels of a series the spelling a query sees.
func (v view) spell(l labels.Labels, s *metricstore.SeriesRow, spelled spelling.Names) labels.Labels {
	switch {
	case !s.Prometheus:
		return spelled.Apply(l)
	case v == classic:
		return spelling.Legacy(l)
	}
	return l
}

// isNative tells whether v is a series of native histograms.
func (v visible) isNative() bool { return v.part == whole && hasHistograms(v.stored) }

// hasHistograms tells whether the points of a series are histograms.
func hasHistograms(s *metricstore.SeriesRow) bool {
	return s.Type == metricstore.Histogram || s.Type == metricstore.ExponentialHistogram
}

// names are the spellings a part is found under, the visible one first.
func names(s *metricstore.SeriesRow, p part) [2]string {
	return [2]string{s.PromName + suffixes[p], s.Name + suffixes[p]}
}

// labels builds the labels of a part: its name, the attributes of its points,
// and from the resource job, instance and the promoted attributes. The point's
// own attributes come first, so that a series that was given a job, by a
// recording rule say, keeps it. Attributes whose keys translate to one label
// are joined with ";" in the order of their keys, as Prometheus's OTLP receiver
// does.
func (l *labeler) labels(s *metricstore.SeriesRow, p part) labels.Labels {
	set := make(map[string]string, len(s.Labels)+len(l.promote)+3)
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		name := key
		if !s.Prometheus {
			name = spelling.LabelName(key)
		}
		join(set, name, s.Labels[key])
	}
	fill := func(name, v string) {
		if set[name] == "" {
			set[name] = v
		}
	}
	fill(model.JobLabel, Job(s.Resource))
	fill(model.InstanceLabel, attributeOf(s.Resource, "service.instance.id"))
	for _, key := range l.promote {
		fill(spelling.LabelName(key), attributeOf(s.Resource, key))
	}
	set[model.MetricNameLabel] = names(s, p)[0]

	l.builder.Reset()
	for name, v := range set {
		if name != "" && v != "" { // to PromQL an empty label is none
			l.builder.Add(name, v)
		}
	}
	l.builder.Sort()
	return l.builder.Labels()
}

func join(set map[string]string, name, v string) {
	if have := set[name]; have != "" {
		v = have + ";" + v
	}
	set[name] = v
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

// selector matches visible series.
type selector struct {
	name    []*labels.Matcher // on __name__
	le      []*labels.Matcher
	other   []*labels.Matcher
	spelled spelling.Names // of the query
}

func newSelector(matchers []*labels.Matcher, spelled spelling.Names) selector {
	s := selector{spelled: spelled}
	for _, m := range matchers {
		switch m.Name {
		case model.MetricNameLabel:
			s.name = append(s.name, m)
		case model.BucketLabel:
			s.le = append(s.le, m)
		default:
			s.other = append(s.other, m)
		}
	}
	return s
}

// selection is what to ask a source for.
func (s selector) selection(limit int) metricstore.Selector {
	return metricstore.Selector{Names: s.names(), Matchers: s.pushed(), Limit: limit}
}

// names lists the metric names that can be meant, without the suffixes of
// histogram parts; nil is any. Of several matchers the first with a finite set
// is enough: the rest is checked on what comes back.
func (s selector) names() []string {
	for _, m := range s.name {
		var values []string
		switch m.Type {
		case labels.MatchEqual:
			values = []string{m.Value}
		case labels.MatchRegexp:
			values = m.SetMatches()
		}
		if len(values) == 0 {
			continue
		}
		var out []string
		for _, v := range values {
			out = append(out, v)
			for _, suffix := range suffixes[buckets:] {
				if base, ok := strings.CutSuffix(v, suffix); ok && base != "" {
					out = append(out, base)
				}
			}
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return nil
}

// pushed lists the conditions a source can apply without losing a series that
// is visible as meant. Those are equalities on what is one attribute; a label
// joined of several attributes has a ";".
func (s selector) pushed() []attrcol.Matcher {
	var out []attrcol.Matcher
	for _, m := range s.other {
		if m.Type == labels.MatchEqual && m.Value != "" && !strings.Contains(m.Value, ";") && m.Name != spelling.ExportedName {
			out = append(out, attrcol.Matcher{Key: m.Name, Op: attrcol.Equal, Value: m.Value})
		}
	}
	return out
}

// matchesName tells whether a part is meant: a positive matcher by either
// spelling, a negative one only if it excludes neither.
func (s selector) matchesName(spellings [2]string) bool {
	for _, m := range s.name {
		first, second := m.Matches(spellings[0]), m.Matches(spellings[1])
		ok := first || second
		if m.Type == labels.MatchNotEqual || m.Type == labels.MatchNotRegexp {
			ok = first && second
		}
		if !ok {
			return false
		}
	}
	return true
}

func (s selector) matchesLabels(l labels.Labels) bool {
	for _, m := range s.other {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

// matchesLE tells whether an le label is meant. Equality is of the numbers, so
// that le="1" and le="1.0" find the same bucket.
func (s selector) matchesLE(le string) bool {
	for _, m := range s.le {
		switch {
		case m.Type == labels.MatchEqual && sameBound(m.Value, le),
			m.Matches(le) && !(m.Type == labels.MatchNotEqual && sameBound(m.Value, le)):
		default:
			return false
		}
	}
	return true
}

// visibles lists what the selector finds among stored series whose labels are
// given, in no order.
func (s selector) visibles(seen view, stored []metricstore.SeriesRow, all map[uint64]labels.Labels) []visible {
	out := make([]visible, 0, len(stored))
	b := labels.NewBuilder(labels.EmptyLabels())
	for i := range stored {
		st := &stored[i]
		for _, p := range seen.parts(st.Type, st.Prometheus) {
			if !s.matchesName(names(st, p)) {
				continue
			}
			lbls := seen.spell(named(b, all[st.Fingerprint], st, p), st, s.spelled)
			if !s.matchesLabels(lbls) || (p != buckets && !s.matchesLE(lbls.Get(model.BucketLabel))) {
				continue
			}
			out = append(out, visible{st, p, lbls})
		}
	}
	return out
}

// inOrder sorts series by their labels, so that equal ones are side by side.
func inOrder(found []visible) []visible {
	slices.SortStableFunc(found, func(a, b visible) int {
		return cmp.Or(labels.Compare(a.labels, b.labels), cmp.Compare(a.stored.Fingerprint, b.stored.Fingerprint))
	})
	return found
}

// Labels are the labels of a stored series without its name, as an evaluation
// shows them.
func (e *Engine) Labels(s *metricstore.SeriesRow) map[string]string {
	l := labeler{promote: e.config.Promote}
	out := l.labels(s, whole).Map()
	delete(out, model.MetricNameLabel)
	return out
}
