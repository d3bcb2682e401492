package termview

import (
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/cmd/internal/nativeclient"
)

// Metrics writes one line per series: the value where there is one point, the
// shape and its bounds where there are more.
func Metrics(w io.Writer, s Style, m *nativeclient.Metrics) {
	for _, warning := range m.Warnings {
		fmt.Fprintln(w, s.paint(yellow, "warning: "+printable(warning)))
	}
	if len(m.Series) == 0 {
		fmt.Fprintln(w, "no series")
		return
	}
	single := true
	for _, series := range m.Series {
		single = single && len(series.Times) <= 1
	}
	if single {
		rows := [][]string{{"SERIES", "VALUE", "AT"}}
		for _, series := range m.Series {
			if len(series.Times) == 1 {
				rows = append(rows, []string{seriesName(series.Labels), printable(series.Values[0]), clock(series.Times[0])})
			}
		}
		table(w, s, rows)
		return
	}
	rows := [][]string{{"SERIES", "LAST", "MIN", "MAX", "POINTS", "SHAPE"}}
	for _, series := range m.Series {
		rows = append(rows, rangeRow(series))
	}
	table(w, s, rows)
	first, last := bounds(m.Series)
	fmt.Fprintf(w, "%s\n", s.paint(dim, clock(first)+" to "+clock(last)))
}

func rangeRow(series nativeclient.Series) []string {
	values := make([]float64, 0, len(series.Values))
	low, high := math.Inf(1), math.Inf(-1)
	for _, text := range series.Values {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			v = math.NaN()
		}
		values = append(values, v)
		if !math.IsNaN(v) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	name, points := seriesName(series.Labels), strconv.Itoa(len(values))
	if low > high {
		return []string{name, "NaN", "NaN", "NaN", points, ""}
	}
	return []string{name, number(values[len(values)-1]), number(low), number(high), points, sparkline(values, low, high)}
}

func bounds(series []nativeclient.Series) (first, last int64) {
	first, last = math.MaxInt64, math.MinInt64
	for _, s := range series {
		for _, t := range s.Times {
			first, last = min(first, t), max(last, t)
		}
	}
	return first, last
}

// sparklineWidth is how many blocks a series is drawn with.
const sparklineWidth = 24

// sparkline draws the mean of each of at most sparklineWidth equal stretches.
func sparkline(values []float64, low, high float64) string {
	const blocks = "▁▂▃▄▅▆▇█"
	runes := []rune(blocks)
	n := min(len(values), sparklineWidth)
	var b strings.Builder
	for i := range n {
		sum, count := 0.0, 0
		for _, v := range values[i*len(values)/n : (i+1)*len(values)/n] {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				sum, count = sum+v, count+1
			}
		}
		if count == 0 {
			b.WriteByte(' ')
			continue
		}
		level := 0.0
		if span := high - low; span > 0 && !math.IsInf(span, 0) {
			level = (sum/float64(count) - low) / span
		}
		b.WriteRune(runes[min(max(int(level*float64(len(runes))), 0), len(runes)-1)])
	}
	return b.String()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func clock(ms int64) string {
	return time.UnixMilli(ms).Local().Format("2006-01-02 15:04:05")
}

// seriesName writes labels as PromQL does.
func seriesName(labels map[string]string) string {
	names := make([]string, 0, len(labels))
	for name := range labels {
		if name != "__name__" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var b strings.Builder
	b.WriteString(labels["__name__"])
	if len(names) > 0 || b.Len() == 0 {
		b.WriteByte('{')
		for i, name := range names {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(name + "=" + strconv.Quote(labels[name]))
		}
		b.WriteByte('}')
	}
	return printable(b.String())
}

// table aligns columns; the first one is cut when a line would not fit.
func table(w io.Writer, s Style, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], width(cell))
		}
	}
	others := 0
	for _, n := range widths[1:] {
		others += n + 2
	}
	widths[0] = min(widths[0], max(s.Width-others, minWidth/2))
	for r, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			if i > 0 {
				b.WriteString("  ")
			}
			b.WriteString(pad(fit(cell, widths[i]), widths[i]))
		}
		line := strings.TrimRight(b.String(), " ")
		if r == 0 {
			line = s.paint(bold, line)
		}
		fmt.Fprintln(w, line)
	}
}
