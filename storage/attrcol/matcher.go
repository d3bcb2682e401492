package attrcol

import "fmt"

// Op compares an attribute with a matcher's value.
type Op uint8

// The operators. The first four compare the attribute's text (Value.Text), the
// last four its number.
const (
	Equal Op = iota
	NotEqual
	Regexp    // RE2, anchored at both ends
	NotRegexp // not Regexp
	Greater
	GreaterOrEqual
	Less
	LessOrEqual
)

var opSigns = [...]string{"=", "!=", "=~", "!~", ">", ">=", "<", "<="}

// String is the operator as query languages write it.
func (o Op) String() string {
	if int(o) < len(opSigns) {
		return opSigns[o]
	}
	return fmt.Sprintf("Op(%d)", uint8(o))
}

// Scope is whose attributes a matcher looks at.
type Scope uint8

const (
	// Any looks at the record's own attribute and, where the record has none
	// of that key, at the resource's.
	Any Scope = iota
	// Record looks at the log record's or span's own attributes.
	Record
	// Resource looks at the attributes of its resource.
	Resource
)

// Matcher is a condition on one attribute.
//
// Text operators compare the text of the value whatever its stored type: 500
// finds the integer, the double and the string; true finds the boolean. An
// absent attribute has the text "", as in Prometheus and Loki: NotEqual "x"
// finds records without the key, Equal "" finds them as well as empty strings,
// NotEqual "" finds those that have a text. A double equals any spelling of its
// number. Regular expressions see arrays and maps as OTLP/JSON text, and their
// "." does not match a byte that is not UTF-8.
//
// Number operators compare integers, doubles and strings that spell a number;
// everything else, absent ones included, they do not find.
type Matcher struct {
	Key   string
	Op    Op
	Value string
	Scope Scope
	// Types says where values of the key are; other places are not looked at.
	Types Types
}

func (m Matcher) String() string { return fmt.Sprintf("%s%s%q", m.Key, m.Op, m.Value) }

// MatcherError is a matcher that cannot be evaluated: its Value is no regular
// expression or no number. It is the user's mistake.
type MatcherError struct {
	Matcher Matcher
	Err     error
}

func (e *MatcherError) Error() string { return fmt.Sprintf("matcher %s: %v", e.Matcher, e.Err) }

func (e *MatcherError) Unwrap() error { return e.Err }
