package lokipush

import (
	"math"

	"github.com/trefoil-o11y/trefoil/ingest/protofield"
)

// The messages of a push request, by the numbers of their fields:
//
//	PushRequest  1 repeated Stream
//	Stream       1 string labels, 2 repeated Entry
//	Entry        1 Timestamp, 2 string line, 3 repeated Pair structured metadata
//	Timestamp    1 int64 seconds, 2 int32 nanos
//	Pair         1 string name, 2 string value

// protobuf reads a PushRequest.
func (r *reader) protobuf(data []byte) {
	body := protofield.NewBody(data)
	for m := body.Message(); m.Next() && r.err == nil; {
		if m.Number() == 1 {
			r.protoStream(m.Message())
		}
	}
	if err := body.Err(); err != nil {
		r.stop(err)
	}
}

func (r *reader) protoStream(m protofield.Message) {
	r.stream = stream{labels: r.stream.labels[:0]}
	labels := "{}"
	for all := m; all.Next(); {
		if all.Number() == 1 {
			labels = all.Text()
		}
	}
	if err := parseLabels(labels, r.label); err != nil {
		r.stream.wrong = err.Error()
	}
	r.enter()
	for m.Next() && r.err == nil {
		if m.Number() == 2 {
			r.protoEntry(m.Message())
		}
	}
}

func (r *reader) protoEntry(m protofield.Message) {
	r.begin()
	var time int64
	var line string
	for m.Next() && r.err == nil {
		switch m.Number() {
		case 1:
			time = timestamp(m.Message())
		case 2:
			line = m.Text()
		case 3:
			r.metadata(pair(m.Message()))
		}
	}
	if m.Err() == nil && r.err == nil {
		r.add(time, line)
	}
}

// timestamp is in Unix nanoseconds, negative when it does not fit, as OTLP's.
func timestamp(m protofield.Message) int64 {
	var seconds, nanos int64
	for m.Next() {
		switch m.Number() {
		case 1:
			seconds = int64(m.Varint())
		case 2:
			nanos = int64(int32(m.Varint()))
		}
	}
	switch {
	case seconds < 0:
		return 1 // long ago
	case nanos < 0 || nanos >= 1e9 || seconds >= math.MaxInt64/1_000_000_000:
		return -1
	}
	return seconds*1_000_000_000 + nanos
}

func pair(m protofield.Message) (name, value string) {
	for m.Next() {
		switch m.Number() {
		case 1:
			name = m.Text()
		case 2:
			value = m.Text()
		}
	}
	return name, value
}
