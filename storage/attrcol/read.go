package attrcol

import (
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/chcol"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

// Columns are the two columns, in the order a Row scans them.
func Columns() []chsql.Expr {
	return []chsql.Expr{chsql.Col("attributes"), chsql.Col("attributes_other")}
}

// Settings are what a query that scans Rows must be run with: the form of the
// JSON column on the wire that carries all paths, also those beyond the
// column's limit, which the driver's default form leaves out.
func Settings() map[string]any {
	return map[string]any{"output_format_native_use_flattened_dynamic_and_json_serialization": 1}
}

// Row receives one row's attributes:
//
//	var a attrcol.Row
//	rows.Scan(&id, a.Attributes(), a.Other())
//	kvs, err := a.KeyValues()
//
// It may be used again for the next row. The JSON column comes as a typed
// column a path (the flattened Native form), so that an integer stays one and
// a.b is never taken for a nested object.
type Row struct {
	json  chcol.JSON
	other pairs
}

// Attributes is where to scan the column attributes.
func (r *Row) Attributes() any { return &r.json }

// Other is where to scan the column attributes_other.
func (r *Row) Other() any {
	r.other = r.other[:0]
	return &r.other
}

// KeyValues are the attributes of the scanned row, sorted by key; of a key
// that was sent twice the first sent comes first. The caller owns the slice.
func (r *Row) KeyValues() ([]attribute.KeyValue, error) {
	paths := r.json.ValuesByPath()
	n := len(r.other)
	for _, v := range paths {
		if d, ok := v.(chcol.Dynamic); !ok || !d.Nil() {
			n++
		}
	}
	if n == 0 {
		return nil, nil
	}
	kvs := make([]attribute.KeyValue, 0, n)
	for key, v := range paths {
		d, ok := v.(chcol.Dynamic)
		if !ok {
			return nil, fmt.Errorf("attributes: key %q: a %T", key, v)
		}
		if d.Nil() {
			continue
		}
		value, err := valueOf(d)
		if err != nil {
			return nil, fmt.Errorf("attributes: key %q: %w", key, err)
		}
		kvs = append(kvs, attribute.KeyValue{Key: key, Value: value})
	}
	for _, p := range r.other {
		value, err := attribute.ParseValue(p.value)
		if err != nil {
			return nil, fmt.Errorf("attributes_other: key %q: %w", p.key, err)
		}
		kvs = append(kvs, attribute.KeyValue{Key: p.key, Value: value})
	}
	attribute.Sort(kvs)
	return kvs, nil
}

// Some are the attributes of the keys: values has each one's path, scanned, and
// Other the rest. Keys are sorted.
func (r *Row) Some(keys []string, values []chcol.Dynamic) ([]attribute.KeyValue, error) {
	var kvs []attribute.KeyValue
	for i, key := range keys {
		if !values[i].Nil() {
			value, err := valueOf(values[i])
			if err != nil {
				return nil, fmt.Errorf("attributes: key %q: %w", key, err)
			}
			kvs = append(kvs, attribute.KeyValue{Key: key, Value: value})
		}
	}
	for _, p := range r.other {
		if _, ok := slices.BinarySearch(keys, p.key); !ok {
			continue
		}
		value, err := attribute.ParseValue(p.value)
		if err != nil {
			return nil, fmt.Errorf("attributes_other: key %q: %w", p.key, err)
		}
		kvs = append(kvs, attribute.KeyValue{Key: p.key, Value: value})
	}
	attribute.Sort(kvs)
	return kvs, nil
}

func valueOf(d chcol.Dynamic) (attribute.Value, error) {
	switch v := d.Any().(type) {
	case string:
		return attribute.StringValue(v), nil
	case bool:
		return attribute.BoolValue(v), nil
	case int64:
		return attribute.IntValue(v), nil
	case float64:
		return attribute.DoubleValue(v), nil
	default:
		return attribute.Value{}, fmt.Errorf("a %s", d.Type())
	}
}

// pairs receives a Map with repeated keys.
type pairs []pair

type pair struct{ key, value string }

// Put is called by the driver for each entry.
func (p *pairs) Put(key, value any) {
	k, _ := key.(string)
	v, _ := value.(string)
	*p = append(*p, pair{k, v})
}

// Iterator is for writing, which nobody does with pairs.
func (p *pairs) Iterator() column.MapIterator { return noPairs{} }

type noPairs struct{}

func (noPairs) Next() bool { return false }
func (noPairs) Key() any   { return nil }
func (noPairs) Value() any { return nil }
