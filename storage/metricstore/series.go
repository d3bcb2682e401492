package metricstore

import (
	"github.com/cespare/xxhash/v2"
	"github.com/prometheus/otlptranslator"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
)

// Type is a metric's type. The numbers are stored.
type Type uint8

// Metric types.
const (
	Gauge Type = iota + 1
	Sum
	Histogram
	ExponentialHistogram
	Summary
	Unknown
)

var typeNames = [...]string{Gauge: "gauge", Sum: "sum", Histogram: "histogram", ExponentialHistogram: "exponential_histogram", Summary: "summary", Unknown: "unknown"}

// String is the type as the table spells it.
func (t Type) String() string {
	if t == 0 || int(t) >= len(typeNames) {
		return "unknown"
	}
	return typeNames[t]
}

// Temporality tells what a point of a sum or histogram covers. The numbers are
// stored, and are OTLP's.
type Temporality uint8

// Aggregation temporalities.
const (
	Unspecified Temporality = iota
	Delta
	Cumulative
)

// Series is a series to be stored. Strings may alias a request buffer.
// Batch.Series sorts Attributes.
type Series struct {
	Name, Unit, Description string
	Type                    Type
	Temporality             Temporality
	Monotonic               bool
	Attributes              []attribute.KeyValue // of the data point
	// Quantile is the label of that name for the quantiles of a summary, "" for
	// every other series.
	Quantile            string
	ResourceID, ScopeID uint64
	// PromName, when set, is the series' Prometheus name, exactly: that of a
	// series which came from Prometheus and must keep its name. Its type and
	// unit are then what metadata says of the name, which may come later or
	// change, and do not tell series apart: what was Observed last is true. Its
	// histograms are native ones, those with explicit bounds too.
	PromName string
	Observed int64 // Unix milliseconds, when it was sent; only with a PromName
}

// namer builds Prometheus names with unit and type suffixes.
var namer = otlptranslator.MetricNamer{WithMetricSuffixes: true}

// PrometheusName is the underscore spelling of an OTLP metric name, with the
// suffixes for unit and type; an untranslatable name stays as it is.
func PrometheusName(name, unit string, t Type, monotonic bool) string {
	m := otlptranslator.Metric{Name: name, Unit: unit, Type: translatorType(t, monotonic)}
	if s, err := namer.Build(m); err == nil {
		return s
	}
	return name
}

func translatorType(t Type, monotonic bool) otlptranslator.MetricType {
	switch t {
	case Gauge:
		return otlptranslator.MetricTypeGauge
	case Sum:
		if monotonic {
			return otlptranslator.MetricTypeMonotonicCounter
		}
		return otlptranslator.MetricTypeNonMonotonicCounter
	case Histogram:
		return otlptranslator.MetricTypeHistogram
	case ExponentialHistogram:
		return otlptranslator.MetricTypeExponentialHistogram
	case Summary:
		return otlptranslator.MetricTypeSummary
	}
	return otlptranslator.MetricTypeUnknown
}

// fingerprint identifies a series within a tenant: everything that tells two
// streams of points apart. Description is not part of it. Its upper bits are of
// the name alone, so that the samples of a metric lie together and a query of
// one metric reads little else.
func (s *Series) fingerprint(h *attribute.Hasher) uint64 {
	h.Reset()
	h.String(s.Name)
	if s.PromName == "" {
		h.String(s.Unit)
		h.Uint64(s.flags())
	} else {
		h.Uint64(s.promFlags())
	}
	h.Attributes(s.Attributes)
	h.String(s.Quantile)
	h.Uint64(s.ResourceID)
	h.Uint64(s.ScopeID)
	const own = samplestore.NameShift // bits
	return xxhash.Sum64String(s.Name)>>own<<own | h.Sum()>>(64-own)
}

func (s *Series) flags() uint64 {
	flags := uint64(s.Type) | uint64(s.Temporality)<<8
	if s.Monotonic {
		flags |= 1 << 16
	}
	return flags
}

// promFlags tell a series with a PromName from others of the same name, and by
// the table its points are in.
func (s *Series) promFlags() uint64 {
	flags := uint64(1) << 17
	if s.Type == Histogram || s.Type == ExponentialHistogram {
		flags |= uint64(s.Type)
	}
	return flags
}

// about is a hash of what a row says beyond its fingerprint, 0 unless that can
// change.
func (s *Series) about() uint64 {
	if s.PromName == "" {
		return 0
	}
	return attribute.Mix(attribute.Mix(xxhash.Sum64String(s.Unit), xxhash.Sum64String(s.Description)), s.flags())
}

// observed is what the column of that name holds. Rows that are always the same
// have none, so that they merge into one.
func (s *Series) observed() int64 {
	if s.PromName == "" {
		return 0
	}
	return s.Observed
}

// promName is what the column of that name holds.
func (s *Series) promName() string {
	if s.PromName != "" {
		return s.PromName
	}
	return PrometheusName(s.Name, s.Unit, s.Type, s.Monotonic)
}
