package ingest

import (
	"fmt"
	"strings"
)

// Signal names one of the three kinds of telemetry.
type Signal string

// The three signals.
const (
	Logs    Signal = "logs"
	Metrics Signal = "metrics"
	Traces  Signal = "traces"
)

// Reason says what is wrong with a record that was not taken.
type Reason string

// The reasons for which a record is rejected. They are values of the reason
// label of trefoil_ingest_records_rejected_total.
const (
	TimeMissing        Reason = "time_missing"
	TimeTooOld         Reason = "time_too_old"         // behind the retention: it would be deleted at once
	TimeLate           Reason = "time_late"            // quota.Limits.Late
	TimeAhead          Reason = "time_ahead"           // quota.Limits.Ahead
	TraceIDZero        Reason = "trace_id_zero"        // a span without a trace
	SpanIDZero         Reason = "span_id_zero"         // a span without an identity
	TooManyAttributes  Reason = "attribute_count"      // quota.Limits.Attributes
	AttributeTooLarge  Reason = "attribute_size"       // quota.Limits.AttributeBytes
	NameTooLong        Reason = "name_size"            // quota.Limits.NameBytes
	LabelTooLong       Reason = "label_size"           // quota.Limits.LabelBytes
	TooManySeries      Reason = "active_series"        // quota.Limits.Series
	RecordTooLarge     Reason = "record_size"          // Limits.RecordBytes
	MetricNameEmpty    Reason = "metric_name_empty"    //
	MetricNameInvalid  Reason = "metric_name_invalid"  // not UTF-8, or over 1 KiB
	TemporalityMissing Reason = "temporality_missing"  // a sum or histogram that does not say delta or cumulative
	ValueMissing       Reason = "value_missing"        // a number point without a number
	BucketCount        Reason = "bucket_count"         // len(counts) != len(bounds)+1, or over Limits.Buckets
	BoundsNotAscending Reason = "bounds_not_ascending" // or not finite
	BucketsInvalid     Reason = "buckets_invalid"      // exponential: offset or scale out of range
	QuantileInvalid    Reason = "quantile_invalid"     // outside [0, 1]
	LabelsInvalid      Reason = "labels_invalid"       // a label without a name, twice, or not UTF-8; a stream without labels
)

// Rejection counts the records of one request rejected for one reason.
type Rejection struct {
	Reason  Reason
	Count   int
	Example string // where the first one was and what was wrong with it
}

// Result says what became of a request's records: Accepted + Rejected is all
// of them. Warnings are about telemetry that was taken but not wholly as sent.
type Result struct {
	Accepted   int
	Rejected   int
	Rejections []Rejection
	Warnings   []string
}

// Message is the text of an OTLP partial success: reasons with their counts,
// then warnings; empty when there is nothing to say.
func (r *Result) Message() string {
	var b strings.Builder
	for i, j := range r.Rejections {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %d rejected, first %s", j.Reason, j.Count, j.Example)
	}
	for _, w := range r.Warnings {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(w)
	}
	return b.String()
}
