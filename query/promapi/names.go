package promapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// selection is what series, labels and label values have in common.
type selection struct {
	window
	selectors [][]*labels.Matcher
	limit     int
}

func (a *api) selection(form url.Values) (selection, error) {
	var (
		s   selection
		err error
	)
	if s.limit, err = limitOf(form, "limit"); err != nil {
		return s, err
	}
	if s.window, err = parseWindow(form); err != nil {
		return s, err
	}
	s.selectors, err = a.selectors(form["match[]"])
	return s, err
}

func (a *api) series(r *http.Request, form url.Values) answer {
	if len(form["match[]"]) == 0 {
		return failed(&fault.Error{Code: fault.BadQuery, Message: "no match[] parameter provided"})
	}
	s, err := a.selection(form)
	if err != nil {
		return failed(err)
	}
	found, err := a.Engine.Series(r.Context(), tenant.FromContext(r.Context()), s.selectors, s.start, s.end)
	if err != nil {
		return failed(err)
	}
	found, notes := cut(found, s.limit)
	return answer{encode: func(e encoder) { e.labelSets(found) }, annotations: notes}
}

func (a *api) labelNames(r *http.Request, form url.Values) answer {
	s, err := a.selection(form)
	if err != nil {
		return failed(err)
	}
	return a.names(s.limit)(a.Engine.LabelNames(r.Context(), tenant.FromContext(r.Context()), s.selectors, s.start, s.end))
}

func (a *api) labelValues(r *http.Request, form url.Values) answer {
	name := r.PathValue("name")
	if strings.HasPrefix(name, "U__") {
		name = model.UnescapeName(name, model.ValueEncodingEscaping)
	}
	if !model.UTF8Validation.IsValidLabelName(name) {
		return failed(&fault.Error{Code: fault.BadQuery, Message: fmt.Sprintf("invalid label name: %q", name)})
	}
	s, err := a.selection(form)
	if err != nil {
		return failed(err)
	}
	return a.names(s.limit)(a.Engine.LabelValues(r.Context(), tenant.FromContext(r.Context()), name, s.selectors, s.start, s.end))
}

func (a *api) names(limit int) func([]string, error) answer {
	return func(names []string, err error) answer {
		if err != nil {
			return failed(err)
		}
		names, notes := cut(names, limit)
		ans := value(names)
		ans.annotations = notes
		return ans
	}
}

// cut keeps the first limit elements and says so if there were more.
func cut[T any](all []T, limit int) ([]T, annotations.Annotations) {
	if all == nil {
		all = []T{}
	}
	if limit <= 0 || len(all) <= limit {
		return all, nil
	}
	notes := annotations.New()
	return all[:limit], notes.Add(errTruncated)
}
