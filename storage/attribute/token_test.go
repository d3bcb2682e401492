package attribute

import (
	"encoding/hex"
	"math"
	"slices"
	"testing"
)

// Tables hold these.
func TestTokensNeverChange(t *testing.T) {
	for _, c := range []struct {
		key  string
		v    Value
		want string
	}{
		{"user.id", StringValue("u012345"), "a9d7239f"},
		{"http.response.status_code", IntValue(500), "05cd6ca1"},
		{"cache.hit", BoolValue(true), "95ce0c18"},
		{"ratio", DoubleValue(0.25), "2ba22925"},
		{"", StringValue(""), "e4086de9"},
	} {
		token, ok := NewTokenizer(c.key).Value(&c.v)
		if got := hex.EncodeToString(token[:]); !ok || got != c.want {
			t.Errorf("%s=%s: %s, want %s", c.key, c.v.Text(), got, c.want)
		}
	}
}

// A record has a token of every text its value equals.
func FuzzTokenOfEqualText(f *testing.F) {
	f.Add("k", "500", int64(500), 500.0)
	f.Add("k", "5e2", int64(-1), 0.1)
	f.Add("k", "[1]", int64(math.MaxInt64), math.Inf(1))
	f.Add("k", "9223372036854775807", int64(math.MinInt64), 9223372036854775807.0)
	f.Add("k", "-0", int64(0), math.Copysign(0, -1))
	f.Fuzz(func(t *testing.T, key, s string, i int64, d float64) {
		k := NewTokenizer(key)
		for _, v := range []Value{StringValue(s), IntValue(i), DoubleValue(d), BytesValue(s), BoolValue(i > 0), JSONValue(Slice, `{"arrayValue":{}}`), JSONValue(Map, `{"kvlistValue":{}}`)} {
			token, ok := k.Value(&v)
			if !ok || token == UnknownToken {
				t.Errorf("%v has no token", v)
			}
			if v.Text() != "" && !slices.Contains(k.Equal(v.Text()), token) {
				t.Errorf("kind %d: nobody who looks for %q finds it", v.Kind, v.Text())
			}
		}
		if !slices.Contains(k.Equal("5e2"), k.number(500)) || !slices.Contains(k.Equal("500.0"), k.number(500)) {
			t.Error("other spellings of 500 do not find it")
		}
	})
}
