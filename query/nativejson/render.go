package nativejson

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
)

// TimeText is a time in Unix nanoseconds as the API writes it.
func TimeText(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// IDText is an ID in hexadecimal, empty if it is all zero, which OTLP has for
// none.
func IDText(id []byte) string {
	for _, b := range id {
		if b != 0 {
			return hex.EncodeToString(id)
		}
	}
	return ""
}

// ValueJSON is a value with its type. Everything Value.Any returns encodes.
func ValueJSON(v attribute.Value) json.RawMessage {
	b, err := encode(v.Any())
	if err != nil {
		return json.RawMessage("null")
	}
	return bytes.TrimSuffix(b, []byte("\n"))
}

// attributesJSON is an object of attributes in their order.
func attributesJSON(kvs []attribute.KeyValue) json.RawMessage {
	b := []byte{'{'}
	for i, kv := range kvs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, ValueJSON(attribute.StringValue(kv.Key))...), ':')
		b = append(b, ValueJSON(kv.Value)...)
	}
	return append(b, '}')
}

// Renderer makes wire shapes of stored rows. Resources and scopes are shared by
// many rows and encoded once.
type Renderer struct {
	resources map[*resourcestore.Row]json.RawMessage
	scopes    map[*resourcestore.ScopeRow]Scope
}

// NewRenderer makes a Renderer for one answer.
func NewRenderer() *Renderer {
	return &Renderer{resources: map[*resourcestore.Row]json.RawMessage{}, scopes: map[*resourcestore.ScopeRow]Scope{}}
}

func (r *Renderer) resource(row *resourcestore.Row) json.RawMessage {
	out, ok := r.resources[row]
	if !ok {
		out = attributesJSON(row.Attributes)
		r.resources[row] = out
	}
	return out
}

func (r *Renderer) scope(row *resourcestore.ScopeRow) Scope {
	out, ok := r.scopes[row]
	if !ok {
		out = Scope{Name: row.Name, Version: row.Version, Attributes: attributesJSON(row.Attributes)}
		r.scopes[row] = out
	}
	return out
}
