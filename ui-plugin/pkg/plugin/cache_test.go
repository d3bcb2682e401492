package plugin

import (
	"errors"
	"strconv"
	"testing"
	"time"
)

func TestCache(t *testing.T) {
	now := time.Unix(0, 0)
	c := newCache()
	c.now = func() time.Time { return now }
	loads := 0
	load := func() ([]string, error) { loads++; return []string{strconv.Itoa(loads)}, nil }
	ask := func(key string, want string) {
		t.Helper()
		if got, err := c.get(key, load); err != nil || got[0] != want {
			t.Errorf("%s: %v %v, want %s", key, got, err, want)
		}
	}
	ask("a", "1")
	ask("a", "1")
	now = now.Add(cacheFor)
	ask("a", "2")
	if _, err := c.get("b", func() ([]string, error) { return nil, errors.New("down") }); err == nil {
		t.Error("no error")
	}
	ask("b", "3")
	for i := range 2 * cacheMost {
		now = now.Add(time.Millisecond)
		ask("k"+strconv.Itoa(i), strconv.Itoa(4+i))
	}
	if len(c.kept) > cacheMost {
		t.Errorf("%d are kept", len(c.kept))
	}
}
