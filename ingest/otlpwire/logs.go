package otlpwire

import (
	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// logReader reads log records.
type logReader struct {
	reader
	in    *ingest.LogIntake
	log   logstore.Record
	attrs list
	body  list
}

func newLogReader(maxRecords int) *logReader {
	r := &logReader{reader: newReader(&messages.logs, maxRecords), attrs: list{depth: 4}, body: list{}}
	r.record = r.logRecord
	return r
}

func (r *logReader) logRecord(b []byte) bool {
	r.attrs.reset()
	r.body.reset()
	l := &r.log
	*l = logstore.Record{}
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		ok := true
		switch tag {
		case 1<<3 | wireFixed64:
			l.Time = int64(n)
		case 2<<3 | wireVarint:
			l.SeverityNumber = ingest.SeverityNumber(int32(n))
		case 3<<3 | wireLen:
			l.SeverityText = view(b[end-int(n) : end])
		case 5<<3 | wireLen:
			ok = r.body.value(&l.Body, b[end-int(n):end], 4)
		case 6<<3 | wireLen:
			ok = r.attrs.add(b[end-int(n) : end])
		case 7<<3 | wireVarint:
			l.Dropped = uint32(n)
		case 8<<3 | wireFixed32:
			l.Flags = uint32(n)
		case 9<<3 | wireLen:
			ok = fixed(l.TraceID[:], b[end-int(n):end])
		case 10<<3 | wireLen:
			ok = fixed(l.SpanID[:], b[end-int(n):end])
		case 11<<3 | wireFixed64:
			l.ObservedTime = int64(n)
		case 12<<3 | wireLen:
			l.EventName = view(b[end-int(n) : end])
		default:
			ok = messages.logRecord.skips(tag)
		}
		if !ok {
			return false
		}
		i = end
	}
	if !r.charge(1 + len(r.attrs.kvs)) {
		return false
	}
	l.Attributes = r.attrs.kvs
	r.in.Add(l)
	return true
}
