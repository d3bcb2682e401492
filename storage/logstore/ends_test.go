package logstore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Times are compared at the ends that records lie beyond, of whatever tenant.
func TestEnds(t *testing.T) {
	f := newFixture(t)
	at := func(second int) time.Time { return now.Add(time.Duration(second) * time.Second) }
	record := func(second int) Record { return Record{Time: at(second).UnixNano()} }
	count := func(from, to time.Time) (n uint64) {
		t.Helper()
		tiles := Tiles{Origin: from.UnixNano() - 1, Width: to.Sub(from).Nanoseconds()}
		_, err := f.Count(t.Context(), tenant.Default, Filter{From: from, To: to}, Counting{Tiles: tiles}, func(c Counted) error {
			if c.Tile != 0 {
				t.Errorf("tile %d", c.Tile)
			}
			n += c.Lines
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(at(-100), at(100)); n != 0 {
		t.Errorf("%d records of none", n)
	}
	f.insert(t, tenant.Default, nil, record(-30), record(-20), record(-10))
	f.insert(t, "other", nil, record(-40))
	for _, c := range []struct {
		from, to int
		want     uint64
		ends     ends
	}{
		{-40, -9, 3, ends{before: true, behind: true}},
		{-39, -9, 3, ends{behind: true}},
		{-40, -10, 2, ends{before: true}},
		{-30, -10, 2, ends{}},
		{-29, 100, 2, ends{behind: true}},
	} {
		got, _, err := f.ends(t.Context(), Filter{From: at(c.from), To: at(c.to)})
		if err != nil || got != c.ends {
			t.Errorf("[%d, %d): ends %+v (%v), want %+v", c.from, c.to, got, err, c.ends)
		}
		if n := count(at(c.from), at(c.to)); n != c.want {
			t.Errorf("[%d, %d): %d records, want %d", c.from, c.to, n, c.want)
		}
	}
}

func TestEndsGolden(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f := Filter{From: at, To: at.Add(time.Hour), TextOnly: true, Where: []Cond{Line{LineContains, "a.b"}}}
	var text strings.Builder
	fmt.Fprintf(&text, "-- times\n%s;\n", endsSelect().SQL())
	for _, e := range []ends{{}, {before: true}, {behind: true}, {before: true, behind: true}} {
		b := f.bind("default")
		b.open = e
		c := Counting{Tiles: Tiles{Origin: chsql.UnixNano(at) - 1, Width: int64(time.Hour)}}
		sel, err := newCountPlan(b, c).sel(b, f, c)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "\n-- one tile, %+v\n%s;\n", e, sel.SQL())
	}
	storagetest.Golden(t, "ends.sql", text.String())
}

func TestEndsWithin(t *testing.T) {
	all := []ends{{}, {before: true}, {behind: true}, {before: true, behind: true}}
	for _, e := range all {
		for _, o := range all {
			want := (e.before || e.behind) == false || e == o || o == all[3]
			if got := e.within(o); got != want {
				t.Errorf("%+v within %+v: %v", e, o, got)
			}
		}
	}
}
