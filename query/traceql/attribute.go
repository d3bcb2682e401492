package traceql

import (
	"encoding/json"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

// OfAttribute is an attribute's value. Bytes are their base64 text, maps their
// JSON.
func OfAttribute(v attribute.Value) Value {
	switch v.Kind {
	case attribute.Empty:
		return Nil()
	case attribute.Bool:
		return Bool(v.Bool())
	case attribute.Int:
		return Int(v.Int())
	case attribute.Double:
		return Float(v.Double())
	case attribute.Slice:
		list, _ := v.Any().([]any)
		values := make([]Value, 0, len(list))
		for _, e := range list {
			values = append(values, ofPlain(e))
		}
		return Array(values)
	}
	return String(v.Text())
}

func ofPlain(v any) Value {
	switch v := v.(type) {
	case string:
		return String(v)
	case bool:
		return Bool(v)
	case int64:
		return Int(v)
	case float64:
		return Float(v)
	case nil:
		return Nil()
	}
	text, _ := json.Marshal(v)
	return String(string(text))
}
