package chsql

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// word is a word of SQL that the program knows: a column, function, type or
// alias. Being unexported it can be given as a constant only.
type word string

// Expr is one well-formed expression. The zero value is not one.
type Expr struct {
	sql     string
	operand bool // needs no parentheses as an operand
}

// String is the expression's SQL.
func (e Expr) String() string { return e.sql }

func (e Expr) asOperand() string {
	if e.operand {
		return e.sql
	}
	return "(" + e.sql + ")"
}

// Col is a column, an alias or another name.
func Col(name word) Expr { return Expr{string(name), true} }

// IsPath tells whether Path can name this key. The server takes :`T` and ^`T`
// inside a path for a type and a sub-object, however the path is quoted.
func IsPath(key string) bool {
	return key != "" && !strings.Contains(key, ":`") && !strings.Contains(key, "^`")
}

// Path is the value at a path of a JSON column, of type Dynamic: NULL where a
// row has no such path. The path is one key, dots included, for which IsPath
// holds.
func Path(column word, path string) Expr {
	return Expr{string(column) + "." + quote(path, '`'), true}
}

// PathAs is the value at a path of a JSON column where it has exactly this
// type, else NULL.
func PathAs(column word, path string, typ word) Expr {
	return Expr{Path(column, path).sql + ".:" + string(typ), true}
}

// String is a text literal of any bytes.
func String(s string) Expr { return Expr{quote(s, '\''), true} }

// Bytes is a FixedString literal as long as b.
func Bytes(b []byte) Expr {
	return Expr{fmt.Sprintf("toFixedString(unhex('%s'), %d)", hex.EncodeToString(b), len(b)), true}
}

// HexString is a text literal of bytes. Where many ids are named, in a set (In) of a
// FixedString column, it is for Bytes, whose calls the server evaluates one by one.
func HexString(b []byte) Expr {
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 4*len(b)+2)
	text = append(text, '\'')
	for _, c := range b {
		text = append(text, '\\', 'x', digits[c>>4], digits[c&15])
	}
	return Expr{string(append(text, '\'')), true}
}

// Tuple is several values as one; of literals it is a literal.
func Tuple(parts ...Expr) Expr { return Expr{"(" + list(parts) + ")", true} }

// Int is an Int64 literal.
func Int(i int64) Expr { return Expr{strconv.FormatInt(i, 10), true} }

// Uint is a UInt64 literal.
func Uint(u uint64) Expr { return Expr{strconv.FormatUint(u, 10), true} }

// Float is a Float64 literal.
func Float(f float64) Expr {
	switch {
	case math.IsNaN(f):
		return Expr{"nan", true}
	case math.IsInf(f, 1):
		return Expr{"inf", true}
	case math.IsInf(f, -1):
		return Expr{"-inf", true}
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0" // a number without a point is an integer
	}
	return Expr{s, true}
}

// Nanoseconds is a DateTime64(9, 'UTC') literal given in Unix nanoseconds.
func Nanoseconds(ns int64) Expr {
	return Expr{fmt.Sprintf("fromUnixTimestamp64Nano(%d, 'UTC')", ns), true}
}

// UnixNano is a time in Unix nanoseconds, as near as a DateTime64(9) can hold
// it: from 1900 to 2262.
func UnixNano(t time.Time) int64 {
	const first, last = -2208988800, math.MaxInt64/1_000_000_000 - 1
	if s := t.Unix(); s < first {
		return first * 1_000_000_000
	} else if s > last {
		return last * 1_000_000_000
	}
	return t.UnixNano()
}

// Milliseconds is a DateTime64(3, 'UTC') literal given in Unix milliseconds.
func Milliseconds(ms int64) Expr {
	return Expr{fmt.Sprintf("fromUnixTimestamp64Milli(%d, 'UTC')", ms), true}
}

// Seconds is a DateTime('UTC') literal given in Unix seconds. What a DateTime
// cannot hold becomes its first or last second.
func Seconds(s int64) Expr {
	return Expr{fmt.Sprintf("toDateTime(%d, 'UTC')", min(max(s, 0), math.MaxUint32)), true}
}

// Date is the Date of t in UTC. What a Date cannot hold becomes its first or
// last day.
func Date(t time.Time) Expr {
	days := min(max(t.Unix()/86400, 0), math.MaxUint16)
	return Expr{"toDate('" + time.Unix(days*86400, 0).UTC().Format(time.DateOnly) + "')", true}
}

// Param is a parameter that the server fills in. Long lists go this way: the
// length of a statement is limited, that of a parameter is not.
func Param(name, typ word) Expr { return Expr{"{" + string(name) + ":" + string(typ) + "}", true} }

// Func calls a function.
func Func(name word, args ...Expr) Expr {
	return Expr{string(name) + "(" + list(args) + ")", true}
}

// FuncWith calls an aggregate function that has parameters before its
// arguments, such as quantiles.
func FuncWith(name word, params []Expr, args ...Expr) Expr {
	return Expr{string(name) + "(" + list(params) + ")(" + list(args) + ")", true}
}

// Scalar is the one value that a select of one row and column gives.
func Scalar(s Select) Expr { return Expr{"(\n" + indent(s.SQL()) + "\n)", true} }

// Lambda is a function of one argument, for functions on arrays.
func Lambda(arg word, body Expr) Expr { return Expr{string(arg) + " -> " + body.sql, false} }

// Lambda2 is a function of two arguments.
func Lambda2(a, b word, body Expr) Expr {
	return Expr{"(" + string(a) + ", " + string(b) + ") -> " + body.sql, false}
}

// As names an expression of a column list.
func (e Expr) As(alias word) Expr { return Expr{e.sql + " AS " + string(alias), false} }

// Shared names an expression for the whole of a statement: with definition among its
// Select.With, name stands for it, as often as it is needed.
func (e Expr) Shared(n int) (definition, name Expr) {
	alias := "shared" + strconv.Itoa(n)
	return Expr{e.asOperand() + " AS " + alias, false}, Expr{alias, true}
}

func list(exprs []Expr) string {
	var b strings.Builder
	for i, e := range exprs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(e.sql)
	}
	return b.String()
}
