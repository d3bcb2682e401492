package samplerollup_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/trefoil-o11y/trefoil/storage/samplerollup"
)

// samples are those of a day, every half minute or so, from midnight on.
func samples(rng *rand.Rand, n int) (times []int64, values []float64) {
	at, v := int64(1_700_006_400_000), 0.0
	for range n {
		times, values = append(times, at), append(values, v)
		at += 29_000 + rng.Int64N(2_000)
		if v += float64(rng.IntN(20)); rng.IntN(300) == 0 {
			v = 0
		}
	}
	return times, values
}

// equal compares to the bit.
func equal(a, b *samplerollup.Entries) bool {
	bits := func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }
	return slices.Equal(a.Times, b.Times) && slices.EqualFunc(a.Values, b.Values, bits) && slices.Equal(a.Counts, b.Counts) &&
		slices.EqualFunc(a.Rest, b.Rest, bits) && a.Unfit == b.Unfit && a.Whole == b.Whole
}

func TestEntriesComeBack(t *testing.T) {
	var made, back samplerollup.Entries
	var p samplerollup.Packer
	times, values := samples(rand.New(rand.NewPCG(1, 2)), 2_800)
	for a := range samplerollup.Aspects {
		for _, length := range []int64{samplerollup.FiveMinutes, samplerollup.Hour} {
			aspect := samplerollup.Aspect(a)
			made.Thin(aspect, length, times, values)
			body := p.Append(nil, aspect, &made)
			back.Reset()
			if err := back.Unpack(aspect, body); err != nil || !equal(&made, &back) {
				t.Errorf("aspect %d of %d ms: %v", a, length, err)
			}
			if fit, whole := samplerollup.Fit(body); !fit || !whole {
				t.Errorf("aspect %d of %d ms: fit %t, whole %t", a, length, fit, whole)
			}
			t.Logf("aspect %d of %d ms: %d entries, %d bytes, of %d samples", a, length, len(made.Times), len(body), len(times))
		}
	}
}

// The sample at midnight belongs to the bucket before it, which is another day's.
func TestMidnightIsAnEntryOfItsOwn(t *testing.T) {
	var e samplerollup.Entries
	day := int64(1_700_006_400_000)
	e.Thin(samplerollup.Sum, samplerollup.Hour, []int64{day, day + 1, day + samplerollup.Hour, day + samplerollup.Hour + 1}, []float64{1, 2, 4, 8})
	if !slices.Equal(e.Times, []int64{day, day + samplerollup.Hour, day + 2*samplerollup.Hour}) || !slices.Equal(e.Values, []float64{1, 6, 8}) {
		t.Errorf("%v %v", e.Times, e.Values)
	}
}

// FuzzUnpack: any bytes are entries or broken, and entries come back as they are.
func FuzzUnpack(f *testing.F) {
	var p samplerollup.Packer
	times, values := samples(rand.New(rand.NewPCG(1, 2)), 50)
	for a := range samplerollup.Aspects {
		var e samplerollup.Entries
		e.Thin(samplerollup.Aspect(a), samplerollup.FiveMinutes, times, values)
		f.Add(uint8(a), p.Append(nil, samplerollup.Aspect(a), &e))
	}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		a := samplerollup.Aspect(kind % uint8(samplerollup.Aspects))
		var e, again samplerollup.Entries
		e.Reset()
		if err := e.Unpack(a, body); err != nil || e.Unfit {
			return
		}
		again.Reset()
		if err := again.Unpack(a, p.Append(nil, a, &e)); err != nil || !equal(&e, &again) {
			t.Errorf("%v: %+v, was %+v", err, again, e)
		}
		if none := e.Within(1, 0); len(none.Times)+len(none.Counts)+len(none.Rest) != 0 {
			t.Errorf("%d entries are in no time", len(none.Times))
		}
	})
}
