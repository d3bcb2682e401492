package logline

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"
)

// functions are those of LogQL's templates, in the order its documentation has
// them. Arguments come as text/template has them: texts, or what another function
// returned.
func functions(r *run) template.FuncMap {
	return template.FuncMap{
		"__turn__": r.turn, "__line__": func() string { return r.line }, "__timestamp__": r.timestamp,

		"lower": strings.ToLower, "upper": strings.ToUpper, "ToLower": strings.ToLower, "ToUpper": strings.ToUpper, "title": title,
		"Replace": replaceN, "replace": func(old, with, s string) (string, error) { return replaceN(s, old, with, -1) },
		"Trim": strings.Trim, "TrimLeft": strings.TrimLeft, "TrimRight": strings.TrimRight, "TrimPrefix": strings.TrimPrefix,
		"TrimSuffix": strings.TrimSuffix, "TrimSpace": strings.TrimSpace,
		"trim": strings.TrimSpace, "trimAll": func(cut, s string) string { return strings.Trim(s, cut) },
		"trimPrefix": func(p, s string) string { return strings.TrimPrefix(s, p) },
		"trimSuffix": func(p, s string) string { return strings.TrimSuffix(s, p) },
		"trunc":      trunc, "substr": substr, "repeat": repeat, "indent": indent,
		"nindent":   func(n int, s string) (string, error) { out, err := indent(n, s); return "\n" + out, err },
		"alignLeft": alignLeft, "alignRight": alignRight,
		"contains":  func(part, s string) bool { return strings.Contains(s, part) },
		"hasPrefix": func(p, s string) bool { return strings.HasPrefix(s, p) },
		"hasSuffix": func(p, s string) bool { return strings.HasSuffix(s, p) },
		"count":     count, "regexReplaceAll": regexReplaceAll, "regexReplaceAllLiteral": regexReplaceAllLiteral,
		"urlencode": url.QueryEscape, "urldecode": url.QueryUnescape,
		"b64enc": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }, "b64dec": b64dec,
		"fromJson": fromJSON, "default": orDefault,

		"int": toInt, "float64": toFloat,
		"add": func(a any, more ...any) int64 { return foldInt(a, more, func(x, y int64) int64 { return x + y }) },
		"sub": func(a, b any) int64 { return toInt(a) - toInt(b) },
		"mul": func(a any, more ...any) int64 { return foldInt(a, more, func(x, y int64) int64 { return x * y }) },
		"div": div, "mod": mod,
		"max": func(a any, more ...any) int64 { return foldInt(a, more, func(x, y int64) int64 { return max(x, y) }) },
		"min": func(a any, more ...any) int64 { return foldInt(a, more, func(x, y int64) int64 { return min(x, y) }) },
		"addf": func(a any, more ...any) float64 {
			return foldFloat(a, more, func(x, y float64) float64 { return x + y })
		},
		"subf": func(a any, more ...any) float64 {
			return foldFloat(a, more, func(x, y float64) float64 { return x - y })
		},
		"mulf": func(a any, more ...any) float64 {
			return foldFloat(a, more, func(x, y float64) float64 { return x * y })
		},
		"divf": func(a any, more ...any) float64 {
			return foldFloat(a, more, func(x, y float64) float64 { return x / y })
		},
		"maxf": func(a any, more ...any) float64 { return foldFloat(a, more, math.Max) },
		"minf": func(a any, more ...any) float64 { return foldFloat(a, more, math.Min) },
		"ceil": func(a any) float64 { return math.Ceil(toFloat(a)) }, "floor": func(a any) float64 { return math.Floor(toFloat(a)) },
		"round": round,

		"bytes": ParseBytes, "duration": seconds, "duration_seconds": seconds,
		"now": time.Now, "date": func(layout string, t time.Time) string { return t.Format(layout) },
		"toDate": toDate, "toDateInZone": toDateInZone,
		"unixEpoch":       func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) },
		"unixEpochMillis": func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) },
		"unixEpochNanos":  func(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) },
		"unixToTime":      unixToTime,
	}
}

func title(s string) string {
	before := ' '
	return strings.Map(func(r rune) rune {
		first := !unicode.IsLetter(before) && !unicode.IsDigit(before) && before != '\'' && before != '_'
		before = r
		if first {
			return unicode.ToTitle(r)
		}
		return r
	}, s)
}

// trunc keeps the first n characters, or the last if n is negative.
func trunc(n int, s string) string {
	runes := []rune(s)
	switch {
	case n >= 0 && n < len(runes):
		return string(runes[:n])
	case n < 0 && -n < len(runes) && -n > 0:
		return string(runes[len(runes)+n:])
	}
	return s
}

// substr is from one character to before another; a negative start is 0, an end
// that is negative or too large is the end.
func substr(start, end int, s string) string {
	runes := []rune(s)
	start = min(max(start, 0), len(runes))
	if end < 0 || end > len(runes) {
		end = len(runes)
	}
	return string(runes[start:max(start, end)])
}

func repeat(n int, s string) (string, error) {
	if n < 0 || n > 0 && len(s) > maxRendered/n {
		return "", fmt.Errorf("repeat: %d times %d bytes", n, len(s))
	}
	return strings.Repeat(s, n), nil
}

func indent(n int, s string) (string, error) {
	if n < 0 || n*(strings.Count(s, "\n")+1) > maxRendered || n > maxRendered {
		return "", fmt.Errorf("indent: %d spaces", n)
	}
	pad := strings.Repeat(" ", n)
	return pad + strings.ReplaceAll(s, "\n", "\n"+pad), nil
}

func alignLeft(n int, s string) (string, error) {
	have := utf8.RuneCountInString(s)
	if n < 0 || have == n {
		return s, nil
	}
	if have > n {
		return string([]rune(s)[:n]), nil
	}
	pad, err := repeat(n-have, " ")
	return s + pad, err
}

func alignRight(n int, s string) (string, error) {
	have := utf8.RuneCountInString(s)
	if n < 0 || have == n {
		return s, nil
	}
	if have > n {
		return string([]rune(s)[have-n:]), nil
	}
	pad, err := repeat(n-have, " ")
	return pad + s, err
}

func count(pattern, s string) (int, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return 0, err
	}
	return len(re.FindAllStringIndex(s, -1)), nil
}

func regexReplaceAll(pattern, s, with string) (string, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return "", err
	}
	if err := grows(s, with); err != nil {
		return "", err
	}
	return re.ReplaceAllString(s, with), nil
}

func regexReplaceAllLiteral(pattern, s, with string) (string, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return "", err
	}
	if err := grows(s, with); err != nil {
		return "", err
	}
	return re.ReplaceAllLiteralString(s, with), nil
}

func replaceN(s, old, with string, n int) (string, error) {
	if err := grows(s, with); err != nil {
		return "", err
	}
	return strings.Replace(s, old, with, n), nil
}

// grows refuses replacements whose result may be too large, without making it.
func grows(s, with string) error {
	if len(s)*len(with) > 16*maxRendered {
		return fmt.Errorf("replacing in %d bytes by %d bytes may be too large", len(s), len(with))
	}
	return nil
}

func b64dec(s string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	return string(raw), err
}

func fromJSON(s string) (any, error) {
	var v any
	err := json.Unmarshal([]byte(s), &v)
	return v, err
}

func orDefault(otherwise any, given ...any) any {
	if len(given) == 0 || given[0] == nil || given[0] == "" || given[0] == 0 || given[0] == int64(0) || given[0] == 0.0 || given[0] == false {
		return otherwise
	}
	return given[0]
}

func toInt(v any) int64 {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int64:
		return v
	case float64:
		return int64(v)
	case bool:
		if v {
			return 1
		}
	case string:
		if i, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
			return i
		}
		f, _ := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return int64(f)
	}
	return 0
}

func toFloat(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case string:
		f, _ := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return f
	}
	return float64(toInt(v))
}

func foldInt(a any, more []any, op func(x, y int64) int64) int64 {
	n := toInt(a)
	for _, b := range more {
		n = op(n, toInt(b))
	}
	return n
}

func foldFloat(a any, more []any, op func(x, y float64) float64) float64 {
	f := toFloat(a)
	for _, b := range more {
		f = op(f, toFloat(b))
	}
	return f
}

func div(a, b any) (int64, error) {
	if toInt(b) == 0 {
		return 0, fmt.Errorf("div: by zero")
	}
	return toInt(a) / toInt(b), nil
}

func mod(a, b any) (int64, error) {
	if toInt(b) == 0 {
		return 0, fmt.Errorf("mod: by zero")
	}
	return toInt(a) % toInt(b), nil
}

// round rounds halves away from zero, or up from another fraction.
func round(a any, digits int, up ...float64) float64 {
	from := 0.5
	if len(up) > 0 {
		from = up[0]
	}
	factor := math.Pow(10, float64(digits))
	whole, fraction := math.Modf(toFloat(a) * factor)
	if math.Abs(fraction) >= from {
		whole += math.Copysign(1, fraction)
	}
	return whole / factor
}

func seconds(s string) (float64, error) {
	d, err := time.ParseDuration(s)
	return d.Seconds(), err
}

func toDate(layout, s string) (time.Time, error) { return toDateInZone(layout, "UTC", s) }

func toDateInZone(layout, zone, s string) (time.Time, error) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return time.Time{}, err
	}
	return time.ParseInLocation(layout, s, loc)
}

// unixToTime reads days, seconds, milli-, micro- or nanoseconds since 1970; which
// of them the number of digits tells.
func unixToTime(s string) (time.Time, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("unixToTime: %q is no whole number", s)
	}
	switch digits := len(strings.TrimPrefix(s, "-")); {
	case digits == 5:
		return time.Unix(n*86400, 0).UTC(), nil
	case digits == 10:
		return time.Unix(n, 0).UTC(), nil
	case digits == 13:
		return time.UnixMilli(n).UTC(), nil
	case digits == 16:
		return time.UnixMicro(n).UTC(), nil
	case digits == 19:
		return time.Unix(0, n).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("unixToTime: %q has not 5, 10, 13, 16 or 19 digits", s)
}
