package histcol

import "math"

// decimal is a float64 as digits / 10^places, and ulps float64 values further
// away from zero. What was measured has few digits; what was added up and
// multiplied since then is a few ulps off.
type decimal struct {
	digits int64 // never 0
	places uint8
	ulps   int16
}

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

const (
	placeStep = 3 // thousandths, millionths, …: numbers of one kind should have the same places
	mostPlace = 9
	fewUlps   = 4
)

// split finds the decimal of v, exactly; not ok means that there is none worth
// the name. It has like places if these will do.
func split(v float64, like uint8) (d decimal, ok bool) {
	if d, ok = splitAt(v, like); ok && -fewUlps <= d.ulps && d.ulps <= fewUlps {
		return d, true
	}
	for places := uint8(0); places <= mostPlace; places += placeStep {
		if d, ok = splitAt(v, places); ok && -fewUlps <= d.ulps && d.ulps <= fewUlps {
			return d, true
		}
	}
	for places := mostPlace; places >= 0; places -= placeStep {
		if d, ok = splitAt(v, uint8(places)); ok {
			return d, true
		}
	}
	return decimal{}, false
}

func splitAt(v float64, places uint8) (decimal, bool) {
	scaled := math.Round(v * powers[places])
	if !(math.Abs(scaled) < 1<<53) || scaled == 0 { // not a number, among others
		return decimal{}, false
	}
	d := decimal{digits: int64(scaled), places: places}
	ulps := int64(math.Float64bits(v) - math.Float64bits(d.value()))
	d.ulps = int16(ulps)
	return d, int64(d.ulps) == ulps
}

// value is the number. Division of two numbers that a float64 has exactly is
// the same on every machine.
func (d decimal) value() float64 {
	quotient := float64(d.digits) / powers[min(d.places, mostPlace)]
	return math.Float64frombits(math.Float64bits(quotient) + uint64(int64(d.ulps)))
}
