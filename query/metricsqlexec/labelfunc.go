package metricsqlexec

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

// labelFunctions change or choose labels; the name of a metric is one.
func labelFunctions() map[string]transformFunc {
	return map[string]transformFunc{
		"drop_common_labels": (*call).dropCommonLabels,
		"label_copy":         func(c *call) ([]series, error) { return c.copyLabels(false) },
		"label_move":         func(c *call) ([]series, error) { return c.copyLabels(true) },
		"label_del": func(c *call) ([]series, error) {
			return c.relabelBy(func(l labels.Labels, names []string) labels.Labels { return without(l, names...) })
		},
		"label_keep": func(c *call) ([]series, error) {
			return c.relabelBy(func(l labels.Labels, names []string) labels.Labels { return only(l, names...) })
		},
		"label_lowercase": func(c *call) ([]series, error) { return c.relabelBy(cased(strings.ToLower)) },
		"label_uppercase": func(c *call) ([]series, error) { return c.relabelBy(cased(strings.ToUpper)) },
		"label_set": func(c *call) ([]series, error) {
			pairs, err := c.pairs(1)
			if err != nil {
				return nil, err
			}
			return c.relabel(func(l labels.Labels) labels.Labels {
				for _, p := range pairs {
					l = with(l, p[0], p[1])
				}
				return l
			})
		},
		"label_graphite_group": (*call).graphiteGroup,
		"label_join":           (*call).labelJoin,
		"label_map":            (*call).labelMap,
		"label_match":          func(c *call) ([]series, error) { return c.labelMatch(true) },
		"label_mismatch":       func(c *call) ([]series, error) { return c.labelMatch(false) },
		"label_replace":        (*call).labelReplace,
		"label_transform":      (*call).labelTransform,
		"label_value":          (*call).labelValue,
		"labels_equal":         (*call).labelsEqual,
	}
}

// relabel gives the series of the first argument new labels.
func (c *call) relabel(f func(labels.Labels) labels.Labels) ([]series, error) {
	found, err := c.series(0)
	for i := range found {
		found[i].labels = f(found[i].labels)
	}
	return found, err
}

// relabelBy does so with the texts that follow.
func (c *call) relabelBy(f func(l labels.Labels, names []string) labels.Labels) ([]series, error) {
	names, err := c.texts(1)
	if err != nil {
		return nil, err
	}
	return c.relabel(func(l labels.Labels) labels.Labels { return f(l, names) })
}

func cased(f func(string) string) func(labels.Labels, []string) labels.Labels {
	return func(l labels.Labels, names []string) labels.Labels {
		for _, name := range names {
			l = with(l, name, f(l.Get(name)))
		}
		return l
	}
}

func (c *call) copyLabels(move bool) ([]series, error) {
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
			l = with(l, p[1], v)
			if move && p[0] != p[1] {
				l = without(l, p[0])
			}
		}
		return l
	})
}

func (c *call) dropCommonLabels() ([]series, error) {
	if err := c.count(1, math.MaxInt); err != nil {
		return nil, err
	}
	var all []series
	for i := range c.Args {
		found, err := c.series(i)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	counts := map[labels.Label]int{}
	for _, s := range all {
		s.labels.Range(func(l labels.Label) { counts[l]++ })
	}
	var common []string
	for l, n := range counts {
		if n == len(all) {
			common = append(common, l.Name)
		}
	}
	for i := range all {
		all[i].labels = without(all[i].labels, common...)
	}
	return all, nil
}

// graphiteGroup puts parts of a dotted name together.
func (c *call) graphiteGroup() ([]series, error) {
	if err := c.count(2, math.MaxInt); err != nil {
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
		have := strings.Split(l.Get(nameLabel), ".")
		picked := make([]string, len(parts))
		for i, n := range parts {
			if n >= 0 && n < len(have) {
				picked[i] = have[n]
			}
		}
		return with(l, nameLabel, strings.Join(picked, "."))
	})
}

func (c *call) labelJoin() ([]series, error) {
	if err := c.count(3, math.MaxInt); err != nil {
		return nil, err
	}
	return c.relabelBy(func(l labels.Labels, texts []string) labels.Labels {
		var values []string
		for _, name := range texts[2:] {
			values = append(values, l.Get(name))
		}
		return with(l, texts[0], strings.Join(values, texts[1]))
	})
}

func (c *call) labelMap() ([]series, error) {
	if err := c.count(2, math.MaxInt); err != nil {
		return nil, err
	}
	name, err := c.text(1)
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
			return with(l, name, v)
		}
		return l
	})
}

// pattern compiles a regular expression in quotes.
func (c *call) pattern(i int, anchored bool) (*regexp.Regexp, error) {
	s, err := c.text(i)
	if err != nil {
		return nil, err
	}
	if anchored {
		s = "^(?:" + s + ")$"
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, badQuery(c.Args[i], "%v", err)
	}
	return re, nil
}

func (c *call) labelMatch(want bool) ([]series, error) {
	if err := c.count(3, 3); err != nil {
		return nil, err
	}
	name, err := c.text(1)
	if err != nil {
		return nil, err
	}
	re, err := c.pattern(2, true)
	if err != nil {
		return nil, err
	}
	found, err := c.series(0)
	return slices.DeleteFunc(found, func(s series) bool { return re.MatchString(s.labels.Get(name)) != want }), err
}

// labelReplace(q, dst, replacement, src, regex)
func (c *call) labelReplace() ([]series, error) {
	if err := c.count(5, 5); err != nil {
		return nil, err
	}
	re, err := c.pattern(4, true)
	if err != nil {
		return nil, err
	}
	return c.relabelBy(func(l labels.Labels, t []string) labels.Labels { return replaced(l, t[0], t[1], t[2], re) })
}

// labelTransform(q, label, regex, replacement)
func (c *call) labelTransform() ([]series, error) {
	if err := c.count(4, 4); err != nil {
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
	return with(l, to, re.ReplaceAllString(v, replacement))
}

// labelValue replaces values by the number in a label.
func (c *call) labelValue() ([]series, error) {
	if err := c.count(2, 2); err != nil {
		return nil, err
	}
	name, err := c.text(1)
	if err != nil {
		return nil, err
	}
	found, err := c.series(0)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i].dropName()
		n, err := strconv.ParseFloat(found[i].labels.Get(name), 64)
		if err != nil {
			n = math.NaN()
		}
		for p, v := range found[i].values {
			if !math.IsNaN(v) {
				found[i].values[p] = n
			}
		}
	}
	return found, nil
}

func (c *call) labelsEqual() ([]series, error) {
	if err := c.count(3, math.MaxInt); err != nil {
		return nil, err
	}
	names, err := c.texts(1)
	if err != nil {
		return nil, err
	}
	found, err := c.series(0)
	return slices.DeleteFunc(found, func(s series) bool {
		first := s.labels.Get(names[0])
		return slices.ContainsFunc(names[1:], func(name string) bool { return s.labels.Get(name) != first })
	}), err
}
