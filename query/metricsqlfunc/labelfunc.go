package metricsqlfunc

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/metricsqlvec"
)

// labelFunctions change or choose labels; the name of a metric is one.
func labelFunctions() map[string]transformFunc {
	return map[string]transformFunc{
		"drop_common_labels": (*Call).dropCommonLabels,
		"label_copy":         func(c *Call) ([]column.Series, error) { return c.copyLabels(false) },
		"label_move":         func(c *Call) ([]column.Series, error) { return c.copyLabels(true) },
		"label_del": func(c *Call) ([]column.Series, error) {
			return c.relabelBy(func(l labels.Labels, names []string) labels.Labels { return metricsqlvec.Without(l, names...) })
		},
		"label_keep": func(c *Call) ([]column.Series, error) {
			return c.relabelBy(func(l labels.Labels, names []string) labels.Labels { return metricsqlvec.Only(l, names...) })
		},
		"label_lowercase": func(c *Call) ([]column.Series, error) { return c.relabelBy(cased(strings.ToLower)) },
		"label_uppercase": func(c *Call) ([]column.Series, error) { return c.relabelBy(cased(strings.ToUpper)) },
		"label_set": func(c *Call) ([]column.Series, error) {
			pairs, err := c.pairs(1)
			if err != nil {
				return nil, err
			}
			return c.relabel(func(l labels.Labels) labels.Labels {
				for _, p := range pairs {
					l = metricsqlvec.With(l, p[0], p[1])
				}
				return l
			})
		},
		"label_graphite_group": (*Call).graphiteGroup,
		"label_join":           (*Call).labelJoin,
		"label_map":            (*Call).labelMap,
		"label_match":          func(c *Call) ([]column.Series, error) { return c.labelMatch(true) },
		"label_mismatch":       func(c *Call) ([]column.Series, error) { return c.labelMatch(false) },
		"label_replace":        (*Call).labelReplace,
		"label_transform":      (*Call).labelTransform,
		"label_value":          (*Call).labelValue,
		"labels_equal":         (*Call).labelsEqual,
	}
}

// relabel gives the series of the first argument new labels.
func (c *Call) relabel(f func(labels.Labels) labels.Labels) ([]column.Series, error) {
	found, err := c.series(0)
	for i := range found {
		found[i].Labels = f(found[i].Labels)
	}
	return found, err
}

// relabelBy does so with the texts that follow.
func (c *Call) relabelBy(f func(l labels.Labels, names []string) labels.Labels) ([]column.Series, error) {
	names, err := c.texts(1)
	if err != nil {
		return nil, err
	}
	return c.relabel(func(l labels.Labels) labels.Labels { return f(l, names) })
}

func cased(f func(string) string) func(labels.Labels, []string) labels.Labels {
	return func(l labels.Labels, names []string) labels.Labels {
		for _, name := range names {
			l = metricsqlvec.With(l, name, f(l.Get(name)))
		}
		return l
	}
}

func (c *Call) copyLabels(move bool) ([]column.Series, error) {
	pairs, err := c.pairs(1)
	if err != nil {
		return nil, err
	}
	return c.relabel(func(l labels.Labels) labels.Labels {
		for _, p := range pairs {
			v := l.Get(p[0])
			if v == "" {
				continue
			}
			l = metricsqlvec.With(l, p[1], v)
			if move && p[0] != p[1] {
				l = metricsqlvec.Without(l, p[0])
			}
		}
		return l
	})
}

func (c *Call) dropCommonLabels() ([]column.Series, error) {
	if err := c.Count(1, math.MaxInt); err != nil {
		return nil, err
	}
	var all []column.Series
	for i := range c.Args {
		found, err := c.series(i)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	counts := map[labels.Label]int{}
	for _, s := range all {
		s.Labels.Range(func(l labels.Label) { counts[l]++ })
	}
	var common []string
	for l, n := range counts {
		if n == len(all) {
			common = append(common, l.Name)
		}
	}
	for i := range all {
		all[i].Labels = metricsqlvec.Without(all[i].Labels, common...)
	}
	return all, nil
}

// graphiteGroup puts parts of a dotted name together.
func (c *Call) graphiteGroup() ([]column.Series, error) {
	if err := c.Count(2, math.MaxInt); err != nil {
		return nil, err
	}
	var parts []int
	for i := 1; i < len(c.Args); i++ {
		n, err := c.integer(i)
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
	}
	return c.relabel(func(l labels.Labels) labels.Labels {
		have := strings.Split(l.Get(metricsqlvec.NameLabel), ".")
		picked := make([]string, len(parts))
		for i, n := range parts {
			if n >= 0 && n < len(have) {
				picked[i] = have[n]
			}
		}
		return metricsqlvec.With(l, metricsqlvec.NameLabel, strings.Join(picked, "."))
	})
}

func (c *Call) labelJoin() ([]column.Series, error) {
	if err := c.Count(3, math.MaxInt); err != nil {
		return nil, err
	}
	return c.relabelBy(func(l labels.Labels, texts []string) labels.Labels {
		var values []string
		for _, name := range texts[2:] {
			values = append(values, l.Get(name))
		}
		return metricsqlvec.With(l, texts[0], strings.Join(values, texts[1]))
	})
}

func (c *Call) labelMap() ([]column.Series, error) {
	if err := c.Count(2, math.MaxInt); err != nil {
		return nil, err
	}
	name, err := c.Text(1)
	if err != nil {
		return nil, err
	}
	pairs, err := c.pairs(2)
	if err != nil {
		return nil, err
	}
	to := map[string]string{}
	for _, p := range pairs {
		to[p[0]] = p[1]
	}
	return c.relabel(func(l labels.Labels) labels.Labels {
		if v, ok := to[l.Get(name)]; ok {
			return metricsqlvec.With(l, name, v)
		}
		return l
	})
}

// pattern compiles a regular expression in quotes.
func (c *Call) pattern(i int, anchored bool) (*regexp.Regexp, error) {
	s, err := c.Text(i)
	if err != nil {
		return nil, err
	}
	if anchored {
		s = "^(?:" + s + ")$"
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, metricsqlparse.BadQuery(c.Args[i], "%v", err)
	}
	return re, nil
}

func (c *Call) labelMatch(want bool) ([]column.Series, error) {
	if err := c.Count(3, 3); err != nil {
		return nil, err
	}
	name, err := c.Text(1)
	if err != nil {
		return nil, err
	}
	re, err := c.pattern(2, true)
	if err != nil {
		return nil, err
	}
	found, err := c.series(0)
	return slices.DeleteFunc(found, func(s column.Series) bool { return re.MatchString(s.Labels.Get(name)) != want }), err
}

// labelReplace(q, dst, replacement, src, regex)
func (c *Call) labelReplace() ([]column.Series, error) {
	if err := c.Count(5, 5); err != nil {
		return nil, err
	}
	re, err := c.pattern(4, true)
	if err != nil {
		return nil, err
	}
	return c.relabelBy(func(l labels.Labels, t []string) labels.Labels { return replaced(l, t[0], t[1], t[2], re) })
}

// labelTransform(q, label, regex, replacement)
func (c *Call) labelTransform() ([]column.Series, error) {
	if err := c.Count(4, 4); err != nil {
		return nil, err
	}
	re, err := c.pattern(2, false)
	if err != nil {
		return nil, err
	}
	return c.relabelBy(func(l labels.Labels, t []string) labels.Labels { return replaced(l, t[0], t[2], t[0], re) })
}

func replaced(l labels.Labels, to, replacement, from string, re *regexp.Regexp) labels.Labels {
	v := l.Get(from)
	if !re.MatchString(v) {
		return l
	}
	return metricsqlvec.With(l, to, re.ReplaceAllString(v, replacement))
}

// labelValue replaces values by the number in a label.
func (c *Call) labelValue() ([]column.Series, error) {
	if err := c.Count(2, 2); err != nil {
		return nil, err
	}
	name, err := c.Text(1)
	if err != nil {
		return nil, err
	}
	found, err := c.series(0)
	if err != nil {
		return nil, err
	}
	for i := range found {
		metricsqlvec.DropName(&found[i])
		n, err := strconv.ParseFloat(found[i].Labels.Get(name), 64)
		if err != nil {
			n = math.NaN()
		}
		for p, v := range found[i].Values {
			if !math.IsNaN(v) {
				found[i].Values[p] = n
			}
		}
	}
	return found, nil
}

func (c *Call) labelsEqual() ([]column.Series, error) {
	if err := c.Count(3, math.MaxInt); err != nil {
		return nil, err
	}
	names, err := c.texts(1)
	if err != nil {
		return nil, err
	}
	found, err := c.series(0)
	return slices.DeleteFunc(found, func(s column.Series) bool {
		first := s.Labels.Get(names[0])
		return slices.ContainsFunc(names[1:], func(name string) bool { return s.Labels.Get(name) != first })
	}), err
}
