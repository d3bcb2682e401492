package nativeapi

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

// Times storage can hold: DateTime64(9) ends in 2262, and nobody observed
// anything before 1970.
var (
	minTime = time.Unix(0, 0).UTC()
	maxTime = time.Unix(0, math.MaxInt64).UTC()
)

// parseTime reads RFC 3339 with any fraction, or Unix seconds with a fraction
// or without.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		if t, err = parseUnix(s); err != nil {
			return time.Time{}, fmt.Errorf("%q is neither RFC 3339 nor Unix seconds", s)
		}
	}
	if t.Before(minTime) || t.After(maxTime) {
		return time.Time{}, fmt.Errorf("%q is not between %s and %s", s, minTime.Format(time.RFC3339), maxTime.Format(time.RFC3339))
	}
	return t.UTC(), nil
}

// parseUnix reads Unix seconds. Written without an exponent they keep all nine
// digits of a fraction, which a float64 would not.
func parseUnix(s string) (time.Time, error) {
	if strings.ContainsAny(s, "eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || math.Abs(f) >= math.MaxInt64/1e9 {
			return time.Time{}, errors.New("not a number of seconds")
		}
		return time.Unix(0, int64(f*1e9)), nil
	}
	whole, frac, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || sec < 0 || sec > math.MaxInt64/int64(time.Second)-1 {
		return time.Time{}, errors.New("not a number of seconds")
	}
	ns, err := strconv.ParseUint((frac + "000000000")[:9], 10, 32)
	if err != nil {
		return time.Time{}, errors.New("not a fraction")
	}
	return time.Unix(sec, int64(ns)), nil
}

// parseDuration reads a duration such as 90s or 1m30s, or a number of seconds;
// it must be positive.
func parseDuration(s string) (time.Duration, error) {
	var d time.Duration
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if ns := f * float64(time.Second); ns > 0 && ns < math.MaxInt64 {
			d = time.Duration(ns)
		}
	} else if m, err := model.ParseDuration(s); err == nil {
		d = time.Duration(m)
	} else {
		return 0, fmt.Errorf("%q is neither a duration such as 1m30s nor a number of seconds", s)
	}
	if d <= 0 {
		return 0, fmt.Errorf("%q is not positive", s)
	}
	return d, nil
}

// window is a span of time, [Start,End).
type window struct{ Start, End time.Time }

// parseWindow reads start and end; end defaults to now, start to an hour
// before end.
func parseWindow(form url.Values, now time.Time) (window, error) {
	w := window{End: now}
	var err error
	if s := form.Get("end"); s != "" {
		if w.End, err = parseTime(s); err != nil {
			return w, fault.Param("end", err)
		}
	}
	w.Start = w.End.Add(-time.Hour)
	if s := form.Get("start"); s != "" {
		if w.Start, err = parseTime(s); err != nil {
			return w, fault.Param("start", err)
		}
	}
	if w.End.Before(w.Start) {
		return w, fault.Param("end", errors.New("is before start"))
	}
	return w, nil
}

// bounded reads what a list of a time range asks for: the parameters start, end
// and limit, and those named besides.
func (a *api) bounded(r *http.Request, otherwise, most int, besides ...string) (form url.Values, win window, limit int, err error) {
	if form, err = parameters(r, append([]string{"start", "end", "limit"}, besides...)...); err != nil {
		return form, win, 0, err
	}
	if win, err = parseWindow(form, a.Now()); err != nil {
		return form, win, 0, err
	}
	limit, err = parseLimit(form, otherwise, most)
	return form, win, limit, err
}

// parseLimit reads a number of results between 1 and most.
func parseLimit(form url.Values, otherwise, most int) (int, error) {
	s := form.Get("limit")
	if s == "" {
		return min(otherwise, most), nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fault.Param("limit", fmt.Errorf("%q is not a positive number", s))
	}
	if n > most {
		return 0, &fault.Error{Code: fault.Limit, Param: "limit", Limit: "max_results",
			Message: fmt.Sprintf("%d is more than the %d one answer may hold; page with cursor", n, most)}
	}
	return n, nil
}

func parseTraceID(s string) (id [16]byte, err error) { return id, parseID(s, id[:], "trace ID") }

func parseSpanID(s string) (id [8]byte, err error) { return id, parseID(s, id[:], "span ID") }

func parseID(s string, dst []byte, what string) error {
	if len(s) != hex.EncodedLen(len(dst)) {
		return fmt.Errorf("%q is not a %s: want %d hexadecimal digits", s, what, hex.EncodedLen(len(dst)))
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		return fmt.Errorf("%q is not a %s: %w", s, what, err)
	}
	if !slices.ContainsFunc(dst, func(b byte) bool { return b != 0 }) {
		return fmt.Errorf("%q is not a %s: it is all zero", s, what)
	}
	return nil
}

// severities are the names of OTLP's severity ranges; each starts four numbers
// after the one before.
var severities = [...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}

// parseSeverity reads the name of the least severity wanted and returns its
// lowest number.
func parseSeverity(s string) (uint8, error) {
	for i, name := range severities {
		if strings.EqualFold(s, name) {
			return uint8(i*4 + 1), nil
		}
	}
	return 0, fmt.Errorf("%q is not one of %s", s, strings.Join(severities[:], ", "))
}

// severityName is the name of an OTLP severity number, empty if it has none.
func severityName(number uint8) string {
	if number < 1 || number > 24 {
		return ""
	}
	return severities[(number-1)/4]
}

// attrMatcher is one attr parameter.
type attrMatcher struct {
	Key, Value string
	Not        bool
}

// parseAttr reads key=value or key!=value. The key ends at the first "=", so a
// key cannot hold one; a value can.
func parseAttr(s string) (attrMatcher, error) {
	key, value, ok := strings.Cut(s, "=")
	m := attrMatcher{Key: key, Value: value}
	if ok {
		m.Key, m.Not = strings.CutSuffix(key, "!")
	}
	switch {
	case !ok:
		return m, fmt.Errorf("%q is neither key=value nor key!=value", s)
	case m.Key == "":
		return m, fmt.Errorf("%q has no key", s)
	case !utf8.ValidString(s):
		return m, fmt.Errorf("%q is not UTF-8", s)
	}
	return m, nil
}

// cursor is the place of a record in the order of logs: (time, id).
type cursor struct {
	Time int64 // Unix ns
	ID   uint64
}

func (c cursor) String() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(c.Time))
	b = binary.BigEndian.AppendUint64(b, c.ID)
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s string) (cursor, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	// The length of the text too: the decoder skips line ends.
	if err != nil || len(b) != 16 || len(s) != base64.RawURLEncoding.EncodedLen(16) {
		return cursor{}, errors.New("is not a cursor this API gave out")
	}
	return cursor{Time: int64(binary.BigEndian.Uint64(b)), ID: binary.BigEndian.Uint64(b[8:])}, nil
}
