package logline

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseBytes reads a size: a decimal number and a unit, in any case, decimal
// (kB, MB) or binary (KiB, MiB); without a unit it is bytes. The number may have
// commas between its digits. A fraction of a byte is cut off.
func ParseBytes(s string) (float64, error) {
	digits := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != ',' })
	if digits < 0 {
		digits = len(s)
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s[:digits], ",", ""), 64)
	if err != nil {
		return 0, fmt.Errorf("size %q: parsing %q: invalid syntax", s, s[:digits])
	}
	factor, ok := byteUnit(strings.ToLower(strings.TrimSpace(s[digits:])))
	if !ok {
		return 0, fmt.Errorf("size %q: unknown unit %q", s, strings.TrimSpace(s[digits:]))
	}
	f *= factor
	if f >= math.MaxUint64 {
		return 0, fmt.Errorf("size %q: too large", s)
	}
	return math.Trunc(f), nil
}

func byteUnit(unit string) (float64, bool) {
	switch unit {
	case "", "b":
		return 1, true
	}
	prefix := strings.IndexByte("kmgtpe", unit[0])
	if prefix < 0 {
		return 0, false
	}
	switch unit[1:] {
	case "", "b":
		return math.Pow(1000, float64(prefix+1)), true
	case "i", "ib":
		return math.Pow(1024, float64(prefix+1)), true
	}
	return 0, false
}
