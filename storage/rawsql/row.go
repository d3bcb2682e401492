package rawsql

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Columns with a meaning of their own.
const (
	valueColumn  = "value"
	labelsColumn = "labels"
)

// shape is what a statement yields.
type shape struct {
	names []string
	value int // which column is the value
	// cells are where a row is read to, pointers to values.
	cells []any
}

func shapeOf(names []string, types []driver.ColumnType) (*shape, error) {
	s := &shape{names: names, value: -1, cells: make([]any, len(names))}
	for i, name := range names {
		of := types[i].ScanType()
		s.cells[i] = reflect.New(of).Interface()
		switch {
		case name == valueColumn:
			s.value = i
		case of == reflect.TypeFor[map[string]string]() && name == labelsColumn:
		case of == reflect.TypeFor[time.Time](), of.Implements(reflect.TypeFor[fmt.Stringer]()):
		case kindOf(of) == reflect.Map || kindOf(of) == reflect.Slice || kindOf(of) == reflect.Array || kindOf(of) == reflect.Struct || kindOf(of) == reflect.Interface:
			return nil, fmt.Errorf("column %q is a %s, which is no label; make a text of it with toString, or call a Map(String, String) %s", name, types[i].DatabaseTypeName(), labelsColumn)
		}
	}
	if s.value < 0 {
		return nil, fmt.Errorf("the statement yields no column %q; its columns are %q", valueColumn, names)
	}
	return s, nil
}

// kindOf is a type's kind, behind the pointer that stands for NULL.
func kindOf(t reflect.Type) reflect.Kind {
	if t.Kind() == reflect.Pointer && t.Elem() != reflect.TypeFor[time.Time]() {
		return t.Elem().Kind()
	}
	if t.Kind() == reflect.Pointer {
		return reflect.String // a time is a text
	}
	return t.Kind()
}

// read reads a row; not ok when it has no value.
func (s *shape) read(rows driver.Rows) (row Row, ok bool, err error) {
	if err := rows.Scan(s.cells...); err != nil {
		return row, false, fmt.Errorf("row: %w", err)
	}
	row.Labels = make(map[string]string, len(s.names)-1)
	for i, name := range s.names {
		cell, there := content(s.cells[i])
		switch {
		case i == s.value:
			if !there {
				return row, false, nil
			}
			if row.Value, err = number(cell); err != nil {
				return row, false, fmt.Errorf("column %q: %w", name, err)
			}
		case !there:
		case name == labelsColumn && cell.Type() == reflect.TypeFor[map[string]string]():
			for key, text := range cell.Interface().(map[string]string) {
				row.Labels[key] = text
			}
		default:
			row.Labels[name] = text(cell)
		}
	}
	return row, true, nil
}

// content is what a cell holds, addressable; not there when it is NULL.
func content(cell any) (reflect.Value, bool) {
	v := reflect.ValueOf(cell).Elem()
	if v.Kind() != reflect.Pointer {
		return v, true
	}
	return v.Elem(), !v.IsNil()
}

func number(v reflect.Value) (float64, error) {
	switch {
	case v.CanFloat():
		return v.Float(), nil
	case v.CanInt():
		return float64(v.Int()), nil
	case v.CanUint():
		return float64(v.Uint()), nil
	case v.Kind() == reflect.Bool && v.Bool():
		return 1, nil
	case v.Kind() == reflect.Bool:
		return 0, nil
	}
	// Wide integers, whose methods are those of the pointer, and decimals.
	if s, ok := v.Addr().Interface().(fmt.Stringer); ok && v.Type() != reflect.TypeFor[time.Time]() {
		if f, err := strconv.ParseFloat(s.String(), 64); err == nil {
			return f, nil
		}
	}
	return 0, errors.New("is not a number")
}

func text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case string:
		return x
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	default:
		if s, ok := v.Addr().Interface().(fmt.Stringer); ok {
			return s.String()
		}
		return fmt.Sprint(x)
	}
}
