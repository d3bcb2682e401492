package spelling

import (
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
)

// ExportedName is the label of an attribute called __name__.
const ExportedName = "exported___name__"

// LabelName is Prometheus's spelling of an attribute's key: the label under which
// PromQL sees it unless a query spells it otherwise. A key
// that is a classic label name already stays as it is; any other is translated
// as Prometheus's OTLP receiver does (http.method → http_method). The result is
// empty when nothing usable is left of the key.
func LabelName(key string) string {
	if key == model.MetricNameLabel {
		// The metric's name is not an attribute's to choose.
		return ExportedName
	}
	if model.LegacyValidation.IsValidLabelName(key) {
		return key
	}
	namer := otlptranslator.LabelNamer{}
	name, err := namer.Build(key)
	if err != nil {
		return ""
	}
	return name
}

// PairName is LabelName of a label or of the label of a label=value pair.
func PairName(pair string) string {
	key, value, isPair := strings.Cut(pair, "=")
	name := LabelName(key)
	if isPair {
		return name + "=" + value
	}
	return name
}

// Legacy is labels in Prometheus's spelling; those that come out the same are
// joined with ";", as Prometheus's OTLP receiver does.
func Legacy(l labels.Labels) labels.Labels {
	legacy := true
	l.Range(func(l labels.Label) { legacy = legacy && model.LegacyValidation.IsValidLabelName(l.Name) })
	if legacy {
		return l
	}
	b := labels.NewBuilder(l)
	l.Range(func(l labels.Label) {
		name := LabelName(l.Name)
		if l.Name == model.MetricNameLabel || name == l.Name {
			return
		}
		b.Del(l.Name)
		if have := b.Get(name); name != "" && have != "" {
			b.Set(name, have+";"+l.Value)
		} else if name != "" {
			b.Set(name, l.Value)
		}
	})
	return b.Labels()
}
