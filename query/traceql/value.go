package traceql

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Type is the type of a value. TypeUnknown is that of an attribute before it
// is looked up.
type Type uint8

// The types.
const (
	TypeUnknown Type = iota
	TypeNil
	TypeInt
	TypeFloat
	TypeString
	TypeBool
	TypeDuration
	TypeStatus
	TypeKind
	TypeArray
)

var typeNames = [...]string{"an attribute", "nil", "an integer", "a float", "a string", "a boolean", "a duration", "a status", "a kind", "an array"}

func (t Type) String() string { return typeNames[t] }

// Numeric is whether it is a number: of durations too.
func (t Type) Numeric() bool { return t == TypeInt || t == TypeFloat || t == TypeDuration }

// Value is a value of a field or of an expression.
type Value struct {
	Type  Type
	Int   int64 // of int, bool (0 or 1), duration (ns), status and kind
	Float float64
	Str   string
	List  []Value // of an array
}

// Constructors of values.
func Int(i int64) Value              { return Value{Type: TypeInt, Int: i} }
func Float(f float64) Value          { return Value{Type: TypeFloat, Float: f} }
func String(s string) Value          { return Value{Type: TypeString, Str: s} }
func Duration(d time.Duration) Value { return Value{Type: TypeDuration, Int: int64(d)} }
func Nil() Value                     { return Value{Type: TypeNil} }
func Array(list []Value) Value       { return Value{Type: TypeArray, List: list} }
func StatusValue(number uint8) Value { return Value{Type: TypeStatus, Int: int64(number)} }
func KindValue(number uint8) Value   { return Value{Type: TypeKind, Int: int64(number)} }
func Bool(b bool) (v Value) {
	v.Type = TypeBool
	if b {
		v.Int = 1
	}
	return v
}

// statuses and kinds are named by their OTLP numbers.
var (
	statuses = [...]string{"unset", "ok", "error"}
	kinds    = [...]string{"unspecified", "internal", "server", "client", "producer", "consumer"}
)

// StatusNames and KindNames are the words of a query, by OTLP number.
func StatusNames() []string { return slices.Clone(statuses[:]) }

// KindNames are the words for kinds, by OTLP number.
func KindNames() []string { return slices.Clone(kinds[:]) }

// True is whether a value is the boolean true.
func (v Value) True() bool { return v.Type == TypeBool && v.Int != 0 }

// Number is the value of a number; durations are in nanoseconds.
func (v Value) Number() (float64, bool) {
	switch v.Type {
	case TypeInt, TypeDuration:
		return float64(v.Int), true
	case TypeFloat:
		return v.Float, true
	}
	return 0, false
}

// String is the value as a query has it.
func (v Value) String() string {
	if v.Type == TypeString {
		return strconv.Quote(v.Str)
	}
	if v.Type == TypeArray {
		parts := make([]string, len(v.List))
		for i, e := range v.List {
			parts[i] = e.String()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v.Text()
}

// Text is the value as a label has it: strings without quotes.
func (v Value) Text() string {
	switch v.Type {
	case TypeInt:
		return strconv.FormatInt(v.Int, 10)
	case TypeFloat:
		s := strconv.FormatFloat(v.Float, 'g', -1, 64)
		if !strings.ContainsAny(s, ".eIN") {
			s += ".0" // else it would read as an integer
		}
		return s
	case TypeString:
		return v.Str
	case TypeBool:
		return strconv.FormatBool(v.Int != 0)
	case TypeDuration:
		return time.Duration(v.Int).String()
	case TypeStatus:
		return named(statuses[:], v.Int)
	case TypeKind:
		return named(kinds[:], v.Int)
	case TypeArray:
		return v.String()
	}
	return "nil"
}

func named(names []string, i int64) string {
	if i < 0 || i >= int64(len(names)) {
		return names[0]
	}
	return names[i]
}

// comparable tells whether two types can be compared: numbers with each other,
// anything else with its own type.
func comparable(a, b Type) bool { return a == b || a.Numeric() && b.Numeric() }

// CompareNumbers orders numbers; integers exactly.
func CompareNumbers(a, b Value) (int, bool) {
	if a.Type != TypeFloat && b.Type != TypeFloat {
		return cmp.Compare(a.Int, b.Int), true
	}
	x, _ := a.Number()
	y, _ := b.Number()
	if math.IsNaN(x) || math.IsNaN(y) {
		return 0, false
	}
	return cmp.Compare(x, y), true
}

// order compares two values of comparable types; not ok where there is no
// order, as with NaN.
func order(a, b Value) (int, bool) {
	switch {
	case a.Type.Numeric():
		return CompareNumbers(a, b)
	case a.Type == TypeString:
		return strings.Compare(a.Str, b.Str), true
	}
	return cmp.Compare(a.Int, b.Int), true
}

// Less is a total order of values for sorting and grouping: by type, then by
// value.
func Less(a, b Value) int {
	if a.Type != b.Type {
		return cmp.Compare(a.Type, b.Type)
	}
	if a.Type == TypeArray {
		return slices.CompareFunc(a.List, b.List, Less)
	}
	if c, ok := order(a, b); ok {
		return c
	}
	return cmp.Compare(a.Float, b.Float)
}
