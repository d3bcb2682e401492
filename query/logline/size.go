package logline

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
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

// ParseSpan reads a duration as a query writes it: Go's units and d, w and y, the
// last being 365 days.
func ParseSpan(s string) (time.Duration, error) {
	if s == "" {
		return 0, fmt.Errorf("duration is empty")
	}
	total, rest := 0.0, s
	for rest != "" {
		n := 0
		for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || rest[n] == '.') {
			n++
		}
		f, err := strconv.ParseFloat(rest[:n], 64)
		if err != nil {
			return 0, fmt.Errorf("duration %q: no number before %q", s, rest)
		}
		rest = rest[n:]
		n = 0
		for n < len(rest) && rest[n] != '.' && (rest[n] < '0' || rest[n] > '9') {
			n++
		}
		unit, ok := spanUnit(rest[:n])
		if !ok {
			return 0, fmt.Errorf("duration %q: %q is none of ns, us, ms, s, m, h, d, w, y", s, rest[:n])
		}
		rest = rest[n:]
		total += f * float64(unit)
	}
	if total > math.MaxInt64/2 {
		return 0, fmt.Errorf("duration %q: too long", s)
	}
	return time.Duration(math.Round(total)), nil
}

func spanUnit(unit string) (time.Duration, bool) {
	switch unit {
	case "ns":
		return time.Nanosecond, true
	case "us", "µs", "μs":
		return time.Microsecond, true
	case "ms":
		return time.Millisecond, true
	case "s":
		return time.Second, true
	case "m":
		return time.Minute, true
	case "h":
		return time.Hour, true
	case "d":
		return 24 * time.Hour, true
	case "w":
		return 7 * 24 * time.Hour, true
	case "y":
		return 365 * 24 * time.Hour, true
	}
	return 0, false
}
