package packcache_test

import (
	"bytes"
	"testing"

	"github.com/trefoil-o11y/trefoil/storage/packcache"
)

// hours are the packs a day has, as text.
func hours(d *packcache.Day) string {
	var b bytes.Buffer
	for h := d.Packed; h != 0; h &= h - 1 {
		b.WriteByte(byte('a' + h.First()))
		b.WriteByte('=')
		b.Write(d.Pack(h.First()))
		b.WriteByte(' ')
	}
	return b.String()
}

func TestADayLearns(t *testing.T) {
	first := packcache.More{Looked: packcache.Between(0, 3), Loose: 1 << 2, Samples: 7}
	first.Packs[0], first.Packs[3] = []byte("zero"), []byte("three")
	d := (*packcache.Day)(nil).With(5, &first)
	if got := hours(d); got != "a=zero d=three " || d.Version != 5 || d.Samples != 7 || d.Looked != 15 || d.Loose != 4 {
		t.Fatalf("%+v %q", d, got)
	}
	second := packcache.More{Looked: 1<<2 | 1<<23}
	second.Packs[2], second.Packs[23] = []byte("two"), []byte("last")
	both := d.With(5, &second)
	if got := hours(both); got != "a=zero c=two d=three x=last " || both.Samples != 0 || both.Loose != 0 || both.Looked != 15|1<<23 {
		t.Errorf("%+v %q", both, got)
	}
	third := packcache.More{Looked: 1}
	if got := hours(both.With(6, &third)); got != "c=two d=three x=last " {
		t.Errorf("an hour that turned out empty: %q", got)
	}
	if got := hours(d); got != "a=zero d=three " {
		t.Errorf("the first one changed: %q", got)
	}
}

func TestTheCacheIsBoundedAndForgetsWhatIsNotAskedFor(t *testing.T) {
	day := func(n int) *packcache.Day {
		m := packcache.More{Looked: 1}
		m.Packs[0] = make([]byte, n)
		return (*packcache.Day)(nil).With(1, &m)
	}
	c := packcache.New(100_000)
	out := make([]*packcache.Day, 1)
	c.Put("a", 1, []uint64{1}, []*packcache.Day{day(1000)})
	for i := range uint64(500) {
		c.Put("a", 2, []uint64{i}, []*packcache.Day{day(1000)})
		if c.Get("a", 1, []uint64{1}, out); out[0] == nil {
			t.Fatalf("a day asked for all the time is gone after %d others", i)
		}
		if c.Bytes() > 100_000 {
			t.Fatalf("%d bytes held", c.Bytes())
		}
	}
	if c.Get("a", 2, []uint64{0}, out); out[0] != nil {
		t.Error("a day nobody asked for is still there")
	}
	if c.Get("b", 1, []uint64{1}, out); out[0] != nil {
		t.Error("a tenant sees another's")
	}
	var none *packcache.Cache
	none.Put("a", 1, []uint64{1}, []*packcache.Day{day(1)})
	if none.Get("a", 1, []uint64{1}, out); out[0] != nil {
		t.Error("no cache keeps something")
	}
}
