package flagset

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

type durationValue time.Duration

func (d *durationValue) String() string { return shortDuration(time.Duration(*d)) }

func (d *durationValue) Set(text string) error {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is not a whole number of days", text)
		}
		*d = durationValue(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 30s, 5m, 1h30m or 7d", text)
	}
	if v < 0 {
		return fmt.Errorf("%q is negative", text)
	}
	*d = durationValue(v)
	return nil
}

// shortDuration drops the zero units time.Duration prints: 1h0m0s → 1h.
func shortDuration(d time.Duration) string {
	if d != 0 && d%(24*time.Hour) == 0 {
		return strconv.FormatInt(int64(d/(24*time.Hour)), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

type bytesValue int64

// byteUnits is ordered so that a longer suffix is tried before its tail.
var byteUnits = [...]struct {
	suffix string
	factor int64
}{
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

func (b *bytesValue) String() string {
	for _, u := range byteUnits[:3] {
		if *b != 0 && int64(*b)%u.factor == 0 {
			return strconv.FormatInt(int64(*b)/u.factor, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(*b), 10)
}

func (b *bytesValue) Set(text string) error {
	number, factor := text, int64(1)
	for _, u := range byteUnits {
		if head, ok := strings.CutSuffix(text, u.suffix); ok {
			number, factor = head, u.factor
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return fmt.Errorf("%q is not a size such as 64MiB, 2GB or 1048576", text)
	}
	*b = bytesValue(n * factor)
	return nil
}

// sizeValue is a bytesValue in an int.
type sizeValue int

func (b *sizeValue) String() string {
	n := bytesValue(*b)
	return n.String()
}

func (b *sizeValue) Set(text string) error {
	var n bytesValue
	err := n.Set(text)
	*b = sizeValue(n)
	return err
}

// listValue collects a repeated flag. The first value of a place replaces what
// came before it; replace is set by Parse between places.
type listValue struct {
	values  *[]string
	replace bool
}

func (l *listValue) String() string {
	if l.values == nil {
		return ""
	}
	return strings.Join(*l.values, ",")
}

func (l *listValue) Set(text string) error {
	if l.replace {
		*l.values, l.replace = nil, false
	}
	*l.values = append(*l.values, text)
	return nil
}
