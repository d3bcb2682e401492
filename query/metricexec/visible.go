package metricexec

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
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
	stored *Stored
	part   part
	labels labels.Labels
}

// labeler gives stored series their labels.
type labeler struct {
	promote []string // resource attributes that become labels
	builder labels.ScratchBuilder
}

// parts lists what a stored series is visible as.
func parts(s *Stored) []part {
	if s.Type == Histogram {
		return []part{buckets, sum, count}
	}
	return []part{whole}
}

// names are the spellings a part is found under, the visible one first.
func names(s *Stored, p part) [2]string {
	return [2]string{s.PromName + suffixes[p], s.Name + suffixes[p]}
}

// labels builds the labels of a part: its name, the attributes of its points,
// job and instance from the resource as Prometheus's OTLP receiver makes them,
// and the promoted resource attributes. An attribute that would hide job or
// instance is kept as exported_job or exported_instance; attributes whose keys
// translate to one label are joined with ";" in the order of their keys.
func (l *labeler) labels(s *Stored, p part) labels.Labels {
	set := make(map[string]string, len(s.Attributes)+len(l.promote)+3)
	for _, key := range slices.Sorted(maps.Keys(s.Attributes)) {
		join(set, LabelName(key), s.Attributes[key])
	}
	for _, key := range l.promote {
		name := LabelName(key)
		if v := s.Resource[key]; v != "" && set[name] == "" {
			set[name] = v
		}
	}
	override(set, model.JobLabel, job(s.Resource))
	override(set, model.InstanceLabel, s.Resource["service.instance.id"])
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

func override(set map[string]string, name, v string) {
	if v == "" {
		return
	}
	if have := set[name]; have != "" && have != v {
		set["exported_"+name] = have
	}
	set[name] = v
}

func job(resource map[string]string) string {
	name, namespace := resource["service.name"], resource["service.namespace"]
	if namespace == "" || name == "" {
		return name
	}
	return namespace + "/" + name
}

// selector matches visible series.
type selector struct {
	name  []*labels.Matcher // on __name__
	le    []*labels.Matcher
	other []*labels.Matcher
}

func newSelector(matchers []*labels.Matcher) selector {
	var s selector
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
func (s selector) selection(from, to int64, limit int) Selection {
	sel := Selection{From: from, To: to, Matchers: s.other, Limit: limit}
	for _, m := range s.name {
		values := m.SetMatches()
		if m.Type == labels.MatchEqual {
			values = []string{m.Value}
		}
		if len(values) == 0 || m.Type == labels.MatchNotRegexp || m.Type == labels.MatchNotEqual {
			continue
		}
		for _, v := range values {
			sel.Names = append(sel.Names, v)
			for _, suffix := range suffixes[buckets:] {
				if base, ok := strings.CutSuffix(v, suffix); ok {
					sel.Names = append(sel.Names, base)
				}
			}
		}
		break // the rest is checked on what comes back
	}
	slices.Sort(sel.Names)
	sel.Names = slices.Compact(sel.Names)
	return sel
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

// visibles lists what the selector finds among stored series, equal labels side
// by side.
func (s selector) visibles(stored []Stored, l *labeler) []visible {
	var out []visible
	for i := range stored {
		st := &stored[i]
		for _, p := range parts(st) {
			if !s.matchesName(names(st, p)) {
				continue
			}
			lbls := l.labels(st, p)
			if !s.matchesLabels(lbls) || (p != buckets && !s.matchesLE(lbls.Get(model.BucketLabel))) {
				continue
			}
			out = append(out, visible{st, p, lbls})
		}
	}
	slices.SortStableFunc(out, func(a, b visible) int {
		return cmp.Or(labels.Compare(a.labels, b.labels), cmp.Compare(a.stored.Fingerprint, b.stored.Fingerprint))
	})
	return out
}
