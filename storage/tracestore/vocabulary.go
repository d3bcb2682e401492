package tracestore

import (
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/recent"
)

// TableValues is the table of the values of attributes.
const TableValues = "span_values"

// Bounds of what is written down. A value that is longer than MaxValue bytes is
// not offered to anybody; of a key that has more than MaxValues values in an hour
// of a service the others are not, nor any of a service with many keys more.
const (
	MaxValues = 200
	MaxValue  = 128
	maxKnown  = 1 << 16 // values remembered a generation
	maxPlaces = 1 << 14 // keys of an hour and service counted a generation
)

// Vocabulary remembers which values of attributes have been written down, so that
// each is once an hour and service, and counts them, so that a key with a million
// of them has a bounded part in it. What it holds is bounded by two generations of
// each; forgetting costs a repeated row, which the table merges away. Safe for
// concurrent use.
type Vocabulary struct {
	mu     sync.RWMutex
	values *recent.Map[uint64, struct{}]
	counts *recent.Map[uint64, uint16]
}

// NewVocabulary makes one that knows nothing.
func NewVocabulary() *Vocabulary {
	return &Vocabulary{values: recent.New[uint64, struct{}](maxKnown, nil), counts: recent.New[uint64, uint16](maxPlaces, nil)}
}

// known is whether a value need not be written down: it is, or enough others are.
// The caller holds the lock.
func (v *Vocabulary) known(word word) bool {
	if _, ok := v.values.Peek(word.value); ok {
		return true
	}
	n, _ := v.counts.Peek(word.place)
	return n >= MaxValues
}

// add remembers words that are stored.
func (v *Vocabulary) add(words []word) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, w := range words {
		v.values.Put(w.value, struct{}{})
		n, _ := v.counts.Peek(w.place)
		v.counts.Put(w.place, n+1)
	}
}

// word is hashes: of a value with where it was, and of where.
type word struct{ value, place uint64 }

// words are the rows of a batch for a Vocabulary.
type words struct {
	columns *wordColumns
	fresh   map[uint64]struct{} // of this batch
	counts  map[uint64]int
	list    []word

	tenant uint64 // a hash
	// Of the last span: what the hashes begin with.
	service string
	hour    int64
	seed    uint64
}

const nanosPerHour = 3_600_000_000_000

// see takes what a span says.
func (w *words) see(v *Vocabulary, r *Record) {
	if hour := r.Start / nanosPerHour; w.seed == 0 || hour != w.hour || r.Service != w.service {
		w.hour, w.service = hour, string([]byte(r.Service))
		w.seed = mix(mix(w.tenant, xxhash.Sum64String(r.Service)), uint64(hour)) | 1
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	w.value(v, scopeIntrinsic, "name", attribute.StringValue(r.Name))
	if r.StatusMessage != "" {
		w.value(v, scopeIntrinsic, "statusMessage", attribute.StringValue(r.StatusMessage))
	}
	w.attributes(v, scopeSpan, r.Attributes)
	for i := range r.Events {
		w.value(v, scopeIntrinsic, "event:name", attribute.StringValue(r.Events[i].Name))
		w.attributes(v, scopeEvent, r.Events[i].Attributes)
	}
	for i := range r.Links {
		w.attributes(v, scopeLink, r.Links[i].Attributes)
	}
}

// Scopes of values, as the table has them.
const (
	scopeSpan      = "span"
	scopeEvent     = "event"
	scopeLink      = "link"
	scopeIntrinsic = "intrinsic"
)

func (w *words) attributes(v *Vocabulary, scope string, kvs []attribute.KeyValue) {
	for i := range kvs {
		w.value(v, scope, kvs[i].Key, kvs[i].Value)
	}
}

// mix joins two hashes.
func mix(a, b uint64) uint64 {
	h := (a ^ b*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	return h ^ h>>32
}

// value notes one value. One that is not listed is noted as a row of no type,
// which tells of its key.
func (w *words) value(v *Vocabulary, scope, key string, value attribute.Value) {
	typ, hash := "", uint64(0)
	switch value.Kind {
	case attribute.String:
		if len(value.Str) <= MaxValue {
			typ, hash = "String", xxhash.Sum64String(value.Str)
		}
	case attribute.Int:
		typ, hash = "Int64", mix(1, value.Num)
	case attribute.Double:
		typ, hash = "Float64", mix(2, value.Num)
	case attribute.Bool:
		typ, hash = "Bool", mix(3, value.Num)
	}
	place := mix(mix(w.seed, xxhash.Sum64String(key)), uint64(len(scope)))
	one := word{mix(place, hash), place}
	if _, ok := w.fresh[one.value]; ok || w.counts[place] >= MaxValues || v.known(one) {
		return
	}
	w.fresh[one.value] = struct{}{}
	w.counts[place]++
	w.list = append(w.list, one)
	text := ""
	if typ != "" {
		text = value.Text()
	}
	c := w.columns
	c.owner.AddRow()
	c.hour.Data = append(c.hour.Data, proto.DateTime(w.hour*3600))
	c.scope.Append(scope)
	c.key.Append(key)
	c.service.Append(w.service)
	c.typ.Append(typ)
	c.value.Append(text)
}

func newWords(tenant string, o *block.Owner) *words {
	return &words{tenant: xxhash.Sum64String(tenant), columns: newWordColumns(o), fresh: map[uint64]struct{}{}, counts: map[uint64]int{}}
}

func (w *words) reset() {
	if len(w.list) == 0 {
		return
	}
	clear(w.fresh)
	clear(w.counts)
	w.list, w.seed = nil, 0
	w.columns.input.Reset()
}

type wordColumns struct {
	input                    proto.Input
	owner                    *block.Owner
	hour                     proto.ColDateTime
	scope, key, service, typ block.Dict
	value                    block.Strings
}

func newWordColumns(o *block.Owner) *wordColumns {
	c := &wordColumns{owner: o}
	c.input = o.Columns(proto.Input{
		{Name: "hour", Data: block.Typed(&c.hour, "DateTime('UTC')")},
		{Name: "scope", Data: &c.scope},
		{Name: "key", Data: &c.key},
		{Name: "service_name", Data: &c.service},
		{Name: "type", Data: &c.typ},
		{Name: "value", Data: &c.value},
	}...)
	return c
}
