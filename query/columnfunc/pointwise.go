package columnfunc

import (
	"math"
	"time"
)

var nan = math.NaN()

// Math is a function of one number.
func Math(name string) (func(float64) float64, bool) {
	f, ok := maths[name]
	return f, ok
}

var maths = map[string]func(float64) float64{
	"abs": math.Abs, "acos": math.Acos, "acosh": math.Acosh, "asin": math.Asin, "asinh": math.Asinh, "atan": math.Atan,
	"atanh": math.Atanh, "ceil": math.Ceil, "cos": math.Cos, "cosh": math.Cosh, "exp": math.Exp, "floor": math.Floor,
	"ln": math.Log, "log2": math.Log2, "log10": math.Log10, "sin": math.Sin, "sinh": math.Sinh, "sqrt": math.Sqrt,
	"tan": math.Tan, "tanh": math.Tanh, "sgn": sign,
	"deg": func(v float64) float64 { return v * 180 / math.Pi },
	"rad": func(v float64) float64 { return v * math.Pi / 180 },
}

// sign is 0 of what is neither above nor below it, NaN included.
func sign(v float64) float64 {
	switch {
	case v < 0:
		return -1
	case v > 0:
		return 1
	}
	return 0
}

// Calendar is a part of a date and time in UTC, of Unix seconds.
func Calendar(name string) (func(float64) float64, bool) {
	f, ok := calendar[name]
	if !ok {
		return nil, false
	}
	return func(v float64) float64 {
		if math.IsNaN(v) {
			return v
		}
		return float64(f(time.Unix(int64(v), 0).UTC()))
	}, true
}

var calendar = map[string]func(time.Time) int{
	"minute": time.Time.Minute, "hour": time.Time.Hour, "day_of_month": time.Time.Day, "day_of_year": time.Time.YearDay, "year": time.Time.Year,
	"day_of_week": func(t time.Time) int { return int(t.Weekday()) },
	"month":       func(t time.Time) int { return int(t.Month()) },
	"days_in_month": func(t time.Time) int {
		return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	},
}

// Bitmap is a bitwise operation on the integer parts of two numbers.
func Bitmap(name string) (func(a, b float64) float64, bool) {
	f, ok := map[string]func(a, b uint64) uint64{
		"bitmap_and": func(a, b uint64) uint64 { return a & b },
		"bitmap_or":  func(a, b uint64) uint64 { return a | b },
		"bitmap_xor": func(a, b uint64) uint64 { return a ^ b },
	}[name]
	return func(a, b float64) float64 {
		if math.IsNaN(a) || math.IsNaN(b) {
			return nan
		}
		return float64(f(uint64(a), uint64(b)))
	}, ok
}

// Round rounds to a multiple of nearest, halves away from zero, and cuts the
// digits that nearest does not have.
func Round(v, nearest float64) float64 {
	v += 0.5 * math.Copysign(nearest, v)
	v -= math.Mod(v, nearest)
	scale := math.Pow10(decimals(nearest))
	whole, _ := math.Modf(v * scale)
	return whole / scale
}

// decimals is how many digits behind the point a number has.
func decimals(v float64) int {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	v = math.Abs(v)
	for d := range 16 {
		if scaled := v * math.Pow10(d); math.Abs(scaled-math.Round(scaled)) < 1e-9*max(1, scaled) {
			if d > 0 {
				return d
			}
			break
		}
	}
	// Trailing zeros of an integer are digits that it does not have.
	d := 0
	for v >= 10 && math.Mod(v, 10) == 0 && d > -15 {
		v /= 10
		d--
	}
	return d
}

// Clamp keeps a number between two, of which the upper one wins.
func Clamp(v, low, high float64) float64 {
	switch {
	case v > high:
		return high
	case v < low:
		return low
	}
	return v
}

// Binary is what a binary operator makes of two numbers; for a comparison with
// asBool 0 or 1, and otherwise the left one or NaN.
func Binary(op string, asBool bool) (func(a, b float64) float64, bool) {
	if f, ok := arithmetic[op]; ok {
		return f, true
	}
	holds, ok := comparisons[op]
	return func(a, b float64) float64 {
		switch {
		case asBool && math.IsNaN(a):
			return nan
		case asBool && holds(a, b):
			return 1
		case asBool:
			return 0
		case holds(a, b):
			return a
		}
		return nan
	}, ok
}

var arithmetic = map[string]func(a, b float64) float64{
	"+":     func(a, b float64) float64 { return a + b },
	"-":     func(a, b float64) float64 { return a - b },
	"*":     func(a, b float64) float64 { return a * b },
	"/":     func(a, b float64) float64 { return a / b },
	"%":     math.Mod,
	"atan2": math.Atan2,
	"^": func(a, b float64) float64 {
		if math.IsNaN(a) {
			return nan // not 1, whatever the power
		}
		return math.Pow(a, b)
	},
}

var comparisons = map[string]func(a, b float64) bool{
	"==": equal,
	"!=": func(a, b float64) bool { return !equal(a, b) },
	">":  func(a, b float64) bool { return a > b },
	"<":  func(a, b float64) bool { return a < b },
	">=": func(a, b float64) bool { return a >= b },
	"<=": func(a, b float64) bool { return a <= b },
}

// equal takes two absent values for equal.
func equal(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b)
}
