package tenant

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, ok := range []string{"a", "team-a", "Team_1.prod!*'()", strings.Repeat("x", 150)} {
		if id, err := Parse(ok); err != nil || string(id) != ok {
			t.Errorf("Parse(%q) = %q, %v", ok, id, err)
		}
	}
	if id, err := Parse(""); err != nil || id != Default {
		t.Errorf("Parse of an absent header = %q, %v; want %q", id, err, Default)
	}
	for bad, want := range map[string]error{
		".": ErrUnsafe, "..": ErrUnsafe, "a/b": ErrUnsafe, "a b": ErrUnsafe, "ä": ErrUnsafe,
		"a|b": ErrUnsafe, "a\x00": ErrUnsafe, strings.Repeat("x", 151): ErrTooLong,
	} {
		if _, err := Parse(bad); !errors.Is(err, want) {
			t.Errorf("Parse(%q) error = %v, want %v", bad, err, want)
		}
	}
}

func TestContext(t *testing.T) {
	if got := FromContext(context.Background()); got != Default {
		t.Errorf("tenant of an empty context = %q", got)
	}
	if got := FromContext(NewContext(context.Background(), "a")); got != "a" {
		t.Errorf("tenant = %q, want a", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("default")
	f.Add("..")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := Parse(s)
		if err == nil && strings.ContainsAny(string(id), "/\\\x00\"` ") {
			t.Fatalf("Parse(%q) let an unsafe name through", s)
		}
	})
}
