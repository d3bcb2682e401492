package attrcol

import "github.com/trefoil-o11y/trefoil/storage/chsql"

// Types tells where the values of a key are, as the tables of keys have noted it: a bit
// for each place. The zero value knows nothing, and all places are looked at.
type Types uint8

// The places, in the order of the tables' Enum8: a bit for each of its numbers.
const (
	Unknown Types = 1 << iota // stored before places were noted
	Plain                     // in attributes, of a type that was not noted
	Other                     // in attributes_other
	Strings                   // in attributes, as are the next three
	Ints
	Doubles
	Bools
)

// May is whether a row may have a value of the key in one of the places.
func (t Types) May(be Types) bool {
	if t == 0 || t&(Unknown|be) != 0 {
		return true
	}
	return t&Plain != 0 && be&(Strings|Ints|Doubles|Bools) != 0
}

// Numbers is whether all values are numbers.
func (t Types) Numbers() bool { return t != 0 && t&^(Ints|Doubles) == 0 }

// only is whether all values are in one place.
func (t Types) only(be Types) bool { return t == be }

// TypesIn is an aggregate: the Types that the rows of a table of keys tell of.
func TypesIn(place chsql.Expr) chsql.Expr {
	return chsql.Func("groupBitOr", chsql.Func("bitShiftLeft", chsql.Func("toUInt8", chsql.Uint(1)), chsql.Func("toUInt8", place)))
}
