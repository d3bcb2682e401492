package attribute

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Token stands in an index for "this key has this text": four bytes of a hash.
// Two attributes may share one, so a record found by token has yet to be looked
// at; a record that lacks the token need not be.
//
// The tables hold tokens, so how they are made never changes.
type Token [4]byte

// UnknownToken is the token of records that were stored before there were any.
// No attribute has it.
var UnknownToken Token

// Tokenizer makes the tokens of one key.
type Tokenizer uint64

// NewTokenizer makes the tokenizer of a key.
func NewTokenizer(key string) Tokenizer { return Tokenizer(xxhash.Sum64String(key)) }

// Texts under which go the values that have no text of their own in the index:
// nobody asks for all digits of a double, and arrays are asked for by element.
const (
	fractionText = "."
	arrayText    = "["
	mapText      = "{"
)

// Value is the token of the key with a value, which is that of the value's
// text; doubles that are not whole numbers share one, as do arrays and as do
// maps. The empty value has none.
func (t Tokenizer) Value(v *Value) (token Token, ok bool) {
	switch v.Kind {
	case String:
		return t.text(v.Str), true
	case Bool:
		return t.text(strconv.FormatBool(v.Bool())), true
	case Int:
		return t.number(v.Int()), true
	case Double:
		if n, whole := wholeNumber(v.Double()); whole {
			return t.number(n), true
		}
		return t.text(fractionText), true
	case Bytes:
		return t.text(base64.StdEncoding.EncodeToString([]byte(v.Str))), true
	case Slice:
		return t.Array(), true
	case Map:
		return t.text(mapText), true
	}
	return Token{}, false
}

// Equal are the tokens of which a record has at least one if the key's
// Value.Text equals text, whatever the type. There are none for the empty text,
// which records without the key have as well.
func (t Tokenizer) Equal(text string) []Token {
	if text == "" {
		return nil
	}
	tokens := []Token{t.text(text)}
	add := func(other string) {
		if other != text {
			tokens = append(tokens, t.text(other))
		}
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil || math.IsInf(f, 0) {
		if n, whole := wholeNumber(f); whole {
			add(strconv.FormatInt(n, 10))
		} else {
			add(fractionText)
		}
	}
	switch {
	case strings.HasPrefix(text, arrayText):
		add(arrayText)
	case strings.HasPrefix(text, mapText):
		add(mapText)
	}
	return tokens
}

// Array is the token of the key with any array.
func (t Tokenizer) Array() Token { return t.text(arrayText) }

func (t Tokenizer) text(s string) Token { return t.token(xxhash.Sum64String(s)) }

func (t Tokenizer) number(n int64) Token {
	var buf [20]byte
	return t.token(xxhash.Sum64(strconv.AppendInt(buf[:0], n, 10)))
}

func (t Tokenizer) token(text uint64) (token Token) {
	n := uint32((uint64(t) ^ text<<1) * 0x9e3779b97f4a7c15 >> 32)
	if n == 0 { // UnknownToken
		n = 1
	}
	binary.LittleEndian.PutUint32(token[:], n)
	return token
}

// wholeNumber is f as an integer that no other double rounds to.
func wholeNumber(f float64) (n int64, ok bool) {
	const exact = 1 << 53
	if f != math.Trunc(f) || f < -exact || f > exact {
		return 0, false
	}
	return int64(f), true
}
