package otlpwire

import (
	"slices"
	"strings"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

// list reads attributes, types kept and in the order they were sent. Strings
// alias the request; arrays and maps become OTLP JSON text in a buffer of the
// list, which is used again after reset.
type list struct {
	kvs   []attribute.KeyValue
	json  []byte
	stack []entry
	depth int // of the list's messages within the request
}

// entry is one key of a map value that is being rendered.
type entry struct {
	key     string
	content []byte // the KeyValue message
}

func (l *list) reset() {
	l.kvs, l.json, l.stack = l.kvs[:0], l.json[:0], l.stack[:0]
}

// from cuts the list: what was added from the first-th on.
func (l *list) from(first int) []attribute.KeyValue { return l.kvs[first:len(l.kvs):len(l.kvs)] }

// add reads a KeyValue.
func (l *list) add(b []byte) bool {
	l.kvs = append(l.kvs, attribute.KeyValue{})
	kv := &l.kvs[len(l.kvs)-1]
	// What every encoder writes: key, then value, both short.
	if len(b) > 3 && b[0] == 1<<3|wireLen && b[1] < 0x80 {
		if v := 2 + int(b[1]); v+1 < len(b) && b[v] == 2<<3|wireLen && b[v+1] < 0x80 && v+2+int(b[v+1]) == len(b) {
			kv.Key = view(b[2:v])
			return l.value(&kv.Value, b[v+2:], l.depth+1)
		}
	}
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		switch tag {
		case 1<<3 | wireLen:
			kv.Key = view(b[end-int(n) : end])
		case 2<<3 | wireLen:
			if !l.value(&kv.Value, b[end-int(n):end], l.depth+1) {
				return false
			}
		case 3<<3 | wireVarint: // key_strindex
		default:
			if !messages.keyValue.skips(tag) {
				return false
			}
		}
		i = end
	}
	return true
}

// value reads an AnyValue into v, which keeps what it was when there is nothing
// in the message. Of several values the last one counts.
func (l *list) value(v *attribute.Value, b []byte, depth int) bool {
	if len(b) > 1 && b[0] == 1<<3|wireLen && b[1] < 0x80 && int(b[1]) == len(b)-2 {
		*v = attribute.StringValue(view(b[2:]))
		return true
	}
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		switch tag {
		case 5<<3 | wireLen:
			start := len(l.json)
			if !l.array(b[end-int(n):end], depth+1) {
				return false
			}
			*v = attribute.JSONValue(attribute.Slice, view(l.json[start:]))
		case 6<<3 | wireLen:
			start := len(l.json)
			if !l.kvlist(b[end-int(n):end], depth+1) {
				return false
			}
			*v = attribute.JSONValue(attribute.Map, view(l.json[start:]))
		default:
			s, ok := scalar(tag, n, b[:end])
			if ok {
				*v = s
			} else if !messages.value.skips(tag) {
				return false
			}
		}
		i = end
	}
	return true
}

// scalar is the value of a field of AnyValue that is no array or map; b ends
// with it.
func scalar(tag uint32, n uint64, b []byte) (v attribute.Value, ok bool) {
	switch tag {
	case 1<<3 | wireLen:
		return attribute.StringValue(view(b[len(b)-int(n):])), true
	case 2<<3 | wireVarint:
		return attribute.BoolValue(n != 0), true
	case 3<<3 | wireVarint:
		return attribute.IntValue(int64(n)), true
	case 4<<3 | wireFixed64:
		return attribute.Value{Kind: attribute.Double, Num: n}, true
	case 7<<3 | wireLen:
		return attribute.BytesValue(view(b[len(b)-int(n):])), true
	case 8<<3 | wireVarint: // string_value_strindex
		return attribute.Value{}, true
	}
	return attribute.Value{}, false
}

// array appends an ArrayValue to the JSON text.
func (l *list) array(b []byte, depth int) bool {
	if depth > maxDepth {
		return false
	}
	l.json = append(l.json, `{"arrayValue":{"values":[`...)
	first := true
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		if tag == 1<<3|wireLen {
			l.comma(&first)
			start := len(l.json)
			if !l.render(start, b[end-int(n):end], depth+1) {
				return false
			}
			l.orEmpty(start)
		} else if !messages.array.skips(tag) {
			return false
		}
		i = end
	}
	l.json = append(l.json, `]}}`...)
	return true
}

// kvlist appends a KeyValueList to the JSON text, sorted by key, so that equal
// values have equal text.
func (l *list) kvlist(b []byte, depth int) bool {
	if depth > maxDepth {
		return false
	}
	base := len(l.stack)
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		if tag == 1<<3|wireLen {
			l.stack = append(l.stack, entry{content: b[end-int(n) : end]})
			if !l.stack[len(l.stack)-1].readKey(depth + 1) {
				return false
			}
		} else if !messages.kvlist.skips(tag) {
			return false
		}
		i = end
	}
	slices.SortStableFunc(l.stack[base:], func(a, b entry) int { return strings.Compare(a.key, b.key) })
	l.json = append(l.json, `{"kvlistValue":{"values":[`...)
	first := true
	for i := base; i < len(l.stack); i++ {
		l.comma(&first)
		l.json = attribute.AppendQuoted(append(l.json, `{"key":`...), l.stack[i].key)
		l.json = append(l.json, `,"value":`...)
		if !l.renderEntry(l.stack[i].content, depth+2) {
			return false
		}
		l.json = append(l.json, '}')
	}
	l.stack = l.stack[:base]
	l.json = append(l.json, `]}}`...)
	return true
}

// readKey finds the key in a KeyValue whose value is rendered later.
func (e *entry) readKey(depth int) bool {
	if depth > maxDepth {
		return false
	}
	for i := 0; i < len(e.content); {
		tag, n, end := next(e.content, i)
		if end < 0 {
			return false
		}
		switch tag {
		case 1<<3 | wireLen:
			e.key = view(e.content[end-int(n) : end])
		case 2<<3 | wireLen, 3<<3 | wireVarint:
		default:
			if !messages.keyValue.skips(tag) {
				return false
			}
		}
		i = end
	}
	return true
}

// renderEntry appends the value of a KeyValue that readKey has been through.
func (l *list) renderEntry(b []byte, depth int) bool {
	start := len(l.json)
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if tag == 2<<3|wireLen && !l.render(start, b[end-int(n):end], depth) {
			return false
		}
		i = end
	}
	l.orEmpty(start)
	return true
}

// render makes the JSON text from start on the AnyValue b, or leaves it when
// there is nothing in it.
func (l *list) render(start int, b []byte, depth int) bool {
	if depth > maxDepth {
		return false
	}
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if end < 0 {
			return false
		}
		switch tag {
		case 5<<3 | wireLen:
			l.json = l.json[:start]
			if !l.array(b[end-int(n):end], depth+1) {
				return false
			}
		case 6<<3 | wireLen:
			l.json = l.json[:start]
			if !l.kvlist(b[end-int(n):end], depth+1) {
				return false
			}
		default:
			v, ok := scalar(tag, n, b[:end])
			if ok {
				l.json = v.AppendJSON(l.json[:start])
			} else if !messages.value.skips(tag) {
				return false
			}
		}
		i = end
	}
	return true
}

func (l *list) comma(first *bool) {
	if !*first {
		l.json = append(l.json, ',')
	}
	*first = false
}

// orEmpty writes the empty value where there is none from start on.
func (l *list) orEmpty(start int) {
	if len(l.json) == start {
		l.json = append(l.json, `{}`...)
	}
}
