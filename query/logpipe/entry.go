package logpipe

import (
	"encoding/hex"
	"strconv"

	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
)

// Entry is a log record as LogQL sees it.
type Entry struct {
	Time     int64 // Unix nanoseconds
	ID       uint64
	Line     string
	Stream   []Label // of the resource, sorted
	Metadata []Label // of the record and its scope
}

// Reader makes entries of records. It remembers the labels of resources. Not safe
// for concurrent use.
type Reader struct {
	// Ids tells whether what names or dates one record belongs to its metadata:
	// trace_id, span_id, flags, observed_timestamp. Where series are made of
	// labels, each record would be one of its own.
	Ids bool

	streams map[*resourcestore.Row][]Label
	names   map[string]string
}

// ServiceName is the label of the service.
const ServiceName = "service_name"

// Entry is a record as an entry; its metadata is valid until the next call if it is
// given in again.
func (r *Reader) Entry(row *logstore.Row, metadata []Label) Entry {
	return Entry{Time: row.Time, ID: row.ID, Line: row.Body.Text(), Stream: r.Stream(row.Resource, row.Service), Metadata: r.metadata(row, metadata[:0])}
}

// Stream are the labels of a resource: its attributes, and the service.
func (r *Reader) Stream(res *resourcestore.Row, service string) []Label {
	if list, ok := r.streams[res]; ok {
		return list
	}
	if r.streams == nil {
		r.streams = map[*resourcestore.Row][]Label{}
	}
	list := make([]Label, 0, len(res.Attributes)+1)
	list = append(list, Label{ServiceName, service})
	for _, kv := range res.Attributes {
		name, value := logline.Name(kv.Key), kv.Value.Text()
		if value != "" && !has(list, name) {
			list = append(list, Label{name, value})
		}
	}
	SortLabels(list)
	r.streams[res] = list
	return list
}

func has(list []Label, name string) bool {
	for i := range list {
		if list[i].Name == name {
			return true
		}
	}
	return false
}

func (r *Reader) metadata(row *logstore.Row, list []Label) []Label {
	add := func(name, value string) {
		if value != "" {
			list = append(list, Label{name, value})
		}
	}
	detected := ""
	for i := range row.Attributes {
		kv := &row.Attributes[i]
		name := r.name(kv.Key)
		if name == "detected_level" {
			detected = kv.Value.Text()
			continue
		}
		if name != "" && !has(list, name) {
			list = append(list, Label{name, kv.Value.Text()})
		}
	}
	for i := range row.Scope.Attributes {
		kv := &row.Scope.Attributes[i]
		if name := r.name(kv.Key); name != "" && !has(list, name) {
			list = append(list, Label{name, kv.Value.Text()})
		}
	}
	add("detected_level", logstore.Level(detected, row.SeverityNumber, row.SeverityText))
	if !r.Ids {
		return list
	}
	add("scope_name", row.Scope.Name)
	add("scope_version", row.Scope.Version)
	add("event_name", row.EventName)
	add("severity_text", row.SeverityText)
	if row.SeverityNumber != 0 {
		add("severity_number", strconv.Itoa(int(row.SeverityNumber)))
	}
	if row.TraceID != [16]byte{} {
		add("trace_id", hex.EncodeToString(row.TraceID[:]))
	}
	if row.SpanID != [8]byte{} {
		add("span_id", hex.EncodeToString(row.SpanID[:]))
	}
	if row.Flags != 0 {
		add("flags", strconv.FormatUint(uint64(row.Flags), 10))
	}
	if row.ObservedTime != 0 {
		add("observed_timestamp", strconv.FormatInt(row.ObservedTime, 10))
	}
	return list
}

func (r *Reader) name(key string) string {
	if name, ok := r.names[key]; ok {
		return name
	}
	if r.names == nil || len(r.names) > 10_000 {
		r.names = map[string]string{}
	}
	name := logline.Name(key)
	r.names[key] = name
	return name
}

// Meanings says what names mean where these keys are in use.
func Meanings(k logstore.Keys) logstore.Meanings {
	group := func(keys []string) map[string][]string {
		m := make(map[string][]string, len(keys))
		for _, key := range keys {
			name := logline.Name(key)
			m[name] = append(m[name], key)
		}
		return m
	}
	return logstore.Meanings{Record: group(k.Record), Resource: group(k.Resource), Scope: group(k.Scope), Types: k.Types}
}
