package histcol

import (
	"math"
	"testing"
)

func FuzzDecimalIsTheNumber(f *testing.F) {
	for _, v := range []float64{0, 1, -1, 0.08 * 41, 1e300, math.Pi, 123456.789, math.Inf(1), math.NaN(), 5e-324, 1 << 53, math.MaxFloat64} {
		f.Add(math.Float64bits(v), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b uint64, like uint8) {
		v := math.Float64frombits(b)
		d, ok := split(v, like%(mostPlace+1))
		if ok && (math.Float64bits(d.value()) != b || d.digits == 0) {
			t.Errorf("%v became %+v, which is %v", v, d, d.value())
		}
	})
}

func TestDecimalsOfOneKindHaveThePlacesOfTheFirst(t *testing.T) {
	const hundredths = 3 // the fewest that will do
	for i := range 10_000 {
		v := float64(i+1) * 0.08
		d, ok := split(v, hundredths)
		if !ok || d.places != hundredths || d.digits != int64(i+1)*80 || d.ulps < -fewUlps || d.ulps > fewUlps {
			t.Fatalf("%v is %+v, %v", v, d, ok)
		}
	}
	if d, ok := split(12345, 0); !ok || d != (decimal{12345, 0, 0}) {
		t.Errorf("%+v, %v", d, ok)
	}
	if d, ok := split(math.Pi*1e100, 0); ok {
		t.Errorf("%+v", d)
	}
}
