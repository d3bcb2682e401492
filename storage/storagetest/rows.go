package storagetest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// Builder is the write side of a store.
type Builder interface {
	Blocks(dst []block.Block) ([]block.Block, error)
}

// Insert sends a builder's blocks, each as one insert with the token.
func Insert(t testing.TB, db *conn.DB, token string, b Builder) []block.Block {
	t.Helper()
	blocks, err := b.Blocks(nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, one := range blocks {
		if err := db.Insert(ctx, one.Table, token, []block.Block{one}); err != nil {
			t.Fatal(err)
		}
	}
	return blocks
}

// Rows calls scan for every row of a query. JSON columns arrive with all their
// paths and the types of their values.
func Rows(t testing.TB, db *conn.DB, sql string, scan func(driver.Rows) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	q := conn.Query{SQL: sql, Settings: map[string]any{"output_format_native_use_flattened_dynamic_and_json_serialization": 1}}
	if _, err := db.Select(ctx, q, scan); err != nil {
		t.Fatal(err)
	}
}

// Count is the only number a query returns.
func Count(t testing.TB, db *conn.DB, sql string) (n uint64) {
	t.Helper()
	Rows(t, db, sql, func(r driver.Rows) error { return r.Scan(&n) })
	return n
}

// AttributesSQL are the two attributes columns as a select gives them to Attributes.
const AttributesSQL = "attributes, mapKeys(attributes_other), mapValues(attributes_other)"

// Attributes receives AttributesSQL. It reads them its own way, so that it can tell on the packages it tests.
type Attributes struct {
	JSON         clickhouse.JSON
	Keys, Values []string
}

// KeyValues are the attributes by key: the order they were sent in is not kept.
func (a *Attributes) KeyValues() ([]attribute.KeyValue, error) {
	var kvs []attribute.KeyValue
	for key, v := range a.JSON.ValuesByPath() {
		dynamic, ok := v.(clickhouse.Dynamic)
		if !ok {
			return nil, fmt.Errorf("path %q holds a %T", key, v)
		}
		if dynamic.Nil() {
			continue
		}
		value, err := typedValue(dynamic.Any())
		if err != nil {
			return nil, fmt.Errorf("path %q: %w", key, err)
		}
		kvs = append(kvs, attribute.KeyValue{Key: key, Value: value})
	}
	for i, key := range a.Keys {
		value, err := otherValue(a.Values[i])
		if err != nil {
			return nil, fmt.Errorf("other %q: %w", key, err)
		}
		kvs = append(kvs, attribute.KeyValue{Key: key, Value: value})
	}
	attribute.Sort(kvs)
	return kvs, nil
}

func typedValue(v any) (attribute.Value, error) {
	switch v := v.(type) {
	case string:
		return attribute.StringValue(v), nil
	case bool:
		return attribute.BoolValue(v), nil
	case int64:
		return attribute.IntValue(v), nil
	case float64:
		return attribute.DoubleValue(v), nil
	}
	return attribute.Value{}, fmt.Errorf("a %T", v)
}

// otherValue reads the kinds that only attributes_other has; scalars go the package's own way.
func otherValue(text string) (attribute.Value, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return attribute.Value{}, fmt.Errorf("%q: %w", text, err)
	}
	switch {
	case fields["arrayValue"] != nil:
		return attribute.JSONValue(attribute.Slice, text), nil
	case fields["kvlistValue"] != nil:
		return attribute.JSONValue(attribute.Map, text), nil
	}
	return attribute.ParseValue(text)
}
