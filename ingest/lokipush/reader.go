package lokipush

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// decode reads requests of one form, as if they were one, in bodies it does not keep,
// and charges adm for what it builds. rejected are the streams of the first record
// of each that was rejected.
func decode(p *ingest.Pipeline, t tenant.ID, read form, bodies [][]byte, adm *ingest.Admission) (built *ingest.Built, rejected []string, err error) {
	limits := p.Limits()
	r := reader{in: p.LogIntake(t), limits: &limits, adm: adm}
	r.attributes = r.in.MaxAttributes()
	for _, body := range bodies {
		r.rejected = ""
		if read == asJSON {
			r.json(body)
		} else {
			r.protobuf(body)
		}
		r.charge(0)
		if r.err != nil {
			r.in.Discard()
			return nil, nil, r.err
		}
		rejected = append(rejected, r.rejected)
	}
	built, err = r.in.Build()
	return built, rejected, err
}

// reader reads requests one after the other. The first error ends it.
type reader struct {
	in     *ingest.LogIntake
	limits *ingest.Limits
	err    error

	attributes int // how many a record may have

	adm       *ingest.Admission
	uncharged int // records and attributes
	records   int

	stream   stream
	resource resourcestore.Resource
	record   logstore.Record
	attrs    []attribute.KeyValue
	rejected string
}

// stream is the stream at hand.
type stream struct {
	labels       []attribute.KeyValue
	wrong        string // why its records are not taken
	severityText string
}

// recordBytes is what a record or an attribute can cost in columns and blocks
// beside the bytes it was made of.
const recordBytes = 128

func (r *reader) stop(err error) {
	if r.err == nil {
		r.err = err
	}
}

// charge takes the memory of n more records or attributes.
func (r *reader) charge(n int) {
	r.uncharged += n
	if r.uncharged < 500 && n > 0 {
		return
	}
	if err := r.adm.Grow(int64(r.uncharged) * recordBytes); err != nil {
		r.stop(err)
	}
	r.uncharged = 0
}

// label adds a label to the stream at hand.
func (r *reader) label(name, value string) {
	s := &r.stream
	r.charge(1)
	switch {
	case name == "", !utf8.ValidString(name), !utf8.ValidString(value):
		s.wrong = fmt.Sprintf("label %.100q has no name or is not UTF-8", name)
	case slices.ContainsFunc(s.labels, func(kv attribute.KeyValue) bool { return kv.Key == name }):
		s.wrong = fmt.Sprintf("label %.100q is there twice", name)
	case value == "": // is none
	case len(s.labels) <= r.attributes: // one more is found to be too many
		s.labels = append(s.labels, attribute.KeyValue{Key: name, Value: attribute.StringValue(value)})
	}
}

// enter makes the stream, whose labels are there, that of the entries that
// follow.
func (r *reader) enter() {
	s := &r.stream
	if len(s.labels) == 0 && s.wrong == "" {
		s.wrong = "the stream has no labels"
	}
	for _, name := range severityNames {
		if s.severityText = find(s.labels, name); s.severityText != "" {
			break
		}
	}
	r.resource = resourcestore.Resource{Attributes: append(r.resource.Attributes[:0], s.labels...)}
	attrs := r.resource.Attributes
	if find(attrs, "service.name") == "" {
		if i := slices.IndexFunc(attrs, func(kv attribute.KeyValue) bool { return kv.Key == "service_name" }); i >= 0 {
			attrs[i].Key = "service.name"
		} else if service := discover(attrs); service != "" {
			r.resource.Attributes = append(attrs, attribute.KeyValue{Key: "service.name", Value: attribute.StringValue(service)})
		}
	}
	r.in.EnterResource(&r.resource)
	r.in.EnterScope(&resourcestore.Scope{})
}

func find(kvs []attribute.KeyValue, key string) string {
	for _, kv := range kvs {
		if kv.Key == key {
			return kv.Value.Str
		}
	}
	return ""
}

func discover(labels []attribute.KeyValue) string {
	for _, name := range serviceLabels {
		if v := find(labels, name); v != "" {
			return v
		}
	}
	return ""
}

// begin starts an entry.
func (r *reader) begin() {
	r.charge(1)
	if r.records++; r.records > r.limits.Records {
		r.stop(&ingest.TooLargeError{What: "request", Unit: "records", Limit: int64(r.limits.Records), Got: int64(r.records)})
	}
	r.record, r.attrs = logstore.Record{}, r.attrs[:0]
}

// metadata adds a pair of structured metadata to the entry at hand.
func (r *reader) metadata(name, value string) {
	r.charge(1)
	rec := &r.record
	switch {
	case slices.Contains(traceNames, name) && rec.TraceID == [16]byte{} && id(rec.TraceID[:], value),
		slices.Contains(spanNames, name) && rec.SpanID == [8]byte{} && id(rec.SpanID[:], value):
	case len(r.attrs) <= r.attributes: // one more is found to be too many
		r.attrs = append(r.attrs, attribute.KeyValue{Key: name, Value: attribute.StringValue(value)})
	}
}

// id decodes text unless it is not an id of this length, or all zero.
func id(dst []byte, text string) bool {
	if len(text) != 2*len(dst) {
		return false
	}
	if _, err := hex.Decode(dst, []byte(text)); err != nil || !slices.ContainsFunc(dst, func(b byte) bool { return b != 0 }) {
		clear(dst)
		return false
	}
	return true
}

// add adds the entry at hand.
func (r *reader) add(time int64, line string) {
	before := r.in.Accepted()
	if wrong := r.stream.wrong; wrong != "" {
		r.in.Reject(ingest.LabelsInvalid, wrong)
	} else {
		rec := &r.record
		rec.Time, rec.Body, rec.Attributes = time, attribute.StringValue(line), r.attrs
		r.severity(rec)
		r.in.Add(rec)
	}
	if r.in.Accepted() == before && r.rejected == "" {
		r.rejected = r.stream.String()
	}
}

func (r *reader) severity(rec *logstore.Record) {
	rec.SeverityText = r.stream.severityText
	for _, name := range severityNames {
		if text := find(r.attrs, name); text != "" {
			rec.SeverityText = text
			break
		}
	}
	if rec.SeverityNumber = otlpSeverity(find(r.attrs, "severity_number")); rec.SeverityNumber == 0 {
		rec.SeverityNumber = severityNumber(rec.SeverityText)
	}
}

// String is the stream as it is selected, cut when it is long.
func (s *stream) String() string {
	const most = 300
	var b strings.Builder
	b.WriteByte('{')
	for i, kv := range s.labels {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() > most {
			b.WriteString("…")
			break
		}
		fmt.Fprintf(&b, "%.100s=%.100q", kv.Key, kv.Value.Str)
	}
	b.WriteByte('}')
	return b.String()
}
