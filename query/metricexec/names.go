package metricexec

import (
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
)

// exportedName is the label of an attribute called __name__.
const exportedName = "exported___name__"

// LabelName is the label name under which PromQL sees an attribute key. A key
// that is a classic label name already stays as it is; any other is translated
// as Prometheus's OTLP receiver does (http.method → http_method). The result is
// empty when nothing usable is left of the key.
func LabelName(key string) string {
	if key == model.MetricNameLabel {
		// The metric's name is not an attribute's to choose.
		return exportedName
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
