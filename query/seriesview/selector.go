package seriesview

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
)

// Selector matches visible series.
type Selector struct {
	name    []*labels.Matcher // on __name__
	le      []*labels.Matcher
	other   []*labels.Matcher
	spelled spelling.Names // of the query
}

// NewSelector makes a selector of matchers, for a query that spells labels so.
func NewSelector(matchers []*labels.Matcher, spelled spelling.Names) Selector {
	s := Selector{spelled: spelled}
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

// Selection is what to ask a store for.
func (s Selector) Selection(limit int) metricstore.Selector {
	return metricstore.Selector{Names: s.Names(), Matchers: s.pushed(), Limit: limit}
}

// Names lists the metric names that can be meant, without the suffixes of
// histogram parts; nil is any. Of several matchers the first with a finite set
// is enough: the rest is checked on what comes back.
func (s Selector) Names() []string {
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
			for _, suffix := range suffixes[Buckets:] {
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

// Whole tells whether all series of its names are meant, or nearly.
func (s Selector) Whole() bool { return len(s.le)+len(s.other) == 0 && s.Names() != nil }

// pushed lists the conditions a source can apply without losing a series that
// is visible as meant. Those are equalities on what is one attribute; a label
// joined of several attributes has a ";".
func (s Selector) pushed() []attrcol.Matcher {
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
func (s Selector) matchesName(spellings [2]string) bool {
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

func (s Selector) matchesLabels(l labels.Labels) bool {
	for _, m := range s.other {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

// MatchesLE tells whether an le label is meant. Equality is of the numbers, so
// that le="1" and le="1.0" find the same bucket.
func (s Selector) MatchesLE(le string) bool {
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

// Visibles lists what the selector finds among stored series whose labels are
// given, in no order.
func (s Selector) Visibles(seen View, stored []metricstore.SeriesRow, all map[uint64]labels.Labels) []Series {
	out := make([]Series, 0, len(stored))
	b := labels.NewBuilder(labels.EmptyLabels())
	for i := range stored {
		st := &stored[i]
		for _, p := range seen.Parts(st.Type, st.Prometheus) {
			if !s.matchesName(Names(st, p)) {
				continue
			}
			lbls := seen.Spell(Named(b, all[st.Fingerprint], st, p), st, s.spelled)
			if !s.matchesLabels(lbls) || (p != Buckets && !s.MatchesLE(lbls.Get(model.BucketLabel))) {
				continue
			}
			out = append(out, Series{st, p, lbls})
		}
	}
	return out
}

// Key tells selectors apart.
func (s Selector) Key() string {
	var b strings.Builder
	for _, list := range [][]*labels.Matcher{s.name, s.le, s.other} {
		for _, m := range list {
			b.WriteString(m.Name)
			b.WriteString(m.Type.String())
			b.WriteString(m.Value)
			b.WriteByte(0xff) // no text has it
		}
	}
	b.WriteString(s.spelled.Key())
	return b.String()
}
