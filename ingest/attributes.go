package ingest

import (
	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

// attributes checks a list of attributes as it was sent and returns its bytes,
// keys and values.
func (l *Limits) attributes(kvs []attribute.KeyValue, field string) (size int, f fault) {
	if len(kvs) > l.Attributes {
		return 0, fault{reason: TooManyAttributes, field: field, got: int64(len(kvs)), limit: int64(l.Attributes)}
	}
	for i := range kvs {
		n := len(kvs[i].Key) + len(kvs[i].Value.Str)
		if n > l.AttributeBytes {
			return 0, fault{reason: AttributeTooLarge, field: field, key: kvs[i].Key, got: int64(n), limit: int64(l.AttributeBytes)}
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
