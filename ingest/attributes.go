package ingest

import (
	"math"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

// attributes checks a list of attributes as it was sent and returns its bytes,
// keys and values.
func (in *intake) attributes(kvs []attribute.KeyValue, field string) (size int, f fault) {
	return in.attributesUpTo(math.MaxInt, kvs, field)
}

// labels checks the attributes of a point, which become labels of its series.
func (in *intake) labels(kvs []attribute.KeyValue) (size int, f fault) {
	return in.attributesUpTo(in.quota.Limits().LabelBytes, kvs, "attributes")
}

func (in *intake) attributesUpTo(value int, kvs []attribute.KeyValue, field string) (size int, f fault) {
	l := in.quota.Limits()
	if len(kvs) > l.Attributes {
		return 0, fault{reason: TooManyAttributes, field: field, got: int64(len(kvs)), limit: int64(l.Attributes)}
	}
	for i := range kvs {
		kv := &kvs[i]
		n := len(kv.Key) + len(kv.Value.Str)
		switch {
		case n > l.AttributeBytes:
			f = fault{reason: AttributeTooLarge, got: int64(n), limit: int64(l.AttributeBytes)}
		case len(kv.Key) > l.NameBytes:
			f = fault{reason: NameTooLong, got: int64(len(kv.Key)), limit: int64(l.NameBytes)}
		case len(kv.Value.Str) > value:
			f = fault{reason: LabelTooLong, got: int64(len(kv.Value.Str)), limit: int64(value)}
		}
		if f.reason != "" {
			f.field, f.key = field, kv.Key
			return 0, f
		}
		size += n + 8
	}
	return size, fault{}
}

// record bounds the size of what.
func (l *Limits) record(what string, size int) fault {
	if size > l.RecordBytes {
		return fault{reason: RecordTooLarge, field: what, got: int64(size), limit: int64(l.RecordBytes)}
	}
	return fault{}
}
