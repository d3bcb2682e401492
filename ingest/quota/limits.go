package quota

import (
	"fmt"
	"time"
)

// Limits bound what a tenant may send. Where it does not say otherwise, a zero
// field takes its default.
type Limits struct {
	// BytesPerSecond bounds requests as they are once decompressed; zero: no limit.
	BytesPerSecond int64
	// RecordsPerSecond bounds log records, spans and data points, stored or not;
	// zero: no limit.
	RecordsPerSecond int64
	// Series bounds the active series, those written to lately; zero: no limit.
	Series int64
	// Attributes bounds the attributes of one record, resource, scope, event or
	// link (default 512).
	Attributes int
	// AttributeBytes bounds one attribute, key and value together (default 256 KiB).
	AttributeBytes int
	// NameBytes bounds the name of an attribute or label (default 1 KiB).
	NameBytes int
	// LabelBytes bounds the value of a label of a metric series (default 16 KiB).
	LabelBytes int
	// Late bounds how far behind our clock a record may be; zero: as far as the
	// retention reaches.
	Late time.Duration
	// Ahead bounds how far ahead of our clock a record may be (default 24 h).
	Ahead time.Duration
}

// DefaultLimits are what a tenant may send unless somebody says otherwise.
func DefaultLimits() Limits {
	return Limits{
		Series: 1_000_000, Attributes: 512, AttributeBytes: 256 << 10,
		NameBytes: 1 << 10, LabelBytes: 16 << 10, Ahead: 24 * time.Hour,
	}
}

// filled is l with defaults in its zero fields.
func (l Limits) filled() Limits {
	d := DefaultLimits()
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&l.Attributes, d.Attributes)
	set(&l.AttributeBytes, d.AttributeBytes)
	set(&l.NameBytes, d.NameBytes)
	set(&l.LabelBytes, d.LabelBytes)
	if l.Ahead <= 0 {
		l.Ahead = d.Ahead
	}
	return l
}

// Limit names one of the limits that whole requests are refused for, or series.
type Limit string

// These are values of the limit label of the metrics.
const (
	Bytes   Limit = "bytes_per_second"
	Records Limit = "records_per_second"
	Series  Limit = "active_series"
)

// Exceeded means that a tenant used up one of its rates.
type Exceeded struct {
	Tenant string
	Limit  Limit
	Value  int64
	Wait   time.Duration // until there is something left
}

func (e *Exceeded) Error() string {
	return fmt.Sprintf("tenant %q is over its limit of %d %s", e.Tenant, e.Value, e.Limit)
}
