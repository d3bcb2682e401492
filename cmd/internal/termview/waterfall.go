package termview

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/cmd/internal/nativeclient"
)

// maxDepth is how far a span's name is still indented; deeper ones line up.
const maxDepth = 16

// Context draws a trace as a waterfall, then its errors, logs and exemplars:
//
//	frontend  POST /checkout  ████████████████████  1.2s
//	checkout    PlaceOrder      ████████████████    980ms
//	payment       Charge              ████████ ✗    600ms
func Context(w io.Writer, s Style, c *nativeclient.Context) {
	drawTrace(w, s, &c.Trace)
	fmt.Fprintf(w, "\n%s\n", s.paint(bold, plural(len(c.Logs.Records), "log record")+more(c.Logs.Truncated)))
	if len(c.Logs.Records) > 0 {
		Logs(w, s, c.Logs.Records, false)
	}
	fmt.Fprintf(w, "\n%s\n", s.paint(bold, plural(len(c.Exemplars.Items), "exemplar")+more(c.Exemplars.Truncated)))
	exemplars(w, s, c.Exemplars.Items)
	for _, p := range c.Partial {
		fmt.Fprintln(w, s.paint(yellow, "incomplete: "+printable(p.Section)+": "+printable(text(p.Error))))
	}
}

func drawTrace(w io.Writer, s Style, t *nativeclient.Trace) {
	if len(t.Spans) == 0 {
		fmt.Fprintln(w, "no span of this trace is stored")
		return
	}
	failed := failures(t.Spans)
	fmt.Fprintf(w, "%s %s  %s\n", s.paint(bold, "trace"), printable(t.TraceID), t.Start.Local().Format("2006-01-02 15:04:05.000"))
	summary := fmt.Sprintf("%s, %s, %s", duration(t.DurationNS), plural(t.SpanCount, "span"), plural(len(t.Services), "service"))
	if len(failed) > 0 {
		summary += s.paint(red, ", "+plural(len(failed), "error"))
	}
	fmt.Fprintf(w, "%s\n\n", summary)
	waterfall(w, s, t)
	if t.Truncated {
		fmt.Fprintf(w, "%s\n", s.paint(yellow, fmt.Sprintf("only %d of the trace's spans are shown", len(t.Spans))))
	}
	for _, span := range failed {
		fmt.Fprintf(w, "%s %s %s: %s\n", s.paint(red, "error"), printable(span.Service), printable(span.Name), printable(span.Status.Message))
	}
}

func failures(spans []nativeclient.Span) []nativeclient.Span {
	var failed []nativeclient.Span
	for _, span := range spans {
		if span.Status.Code == "ERROR" {
			failed = append(failed, span)
		}
	}
	return failed
}

func waterfall(w io.Writer, s Style, t *nativeclient.Trace) {
	colors := map[string]string{}
	services, names := 0, 0
	for _, span := range t.Spans {
		if _, ok := colors[span.Service]; !ok {
			colors[span.Service] = serviceColor(len(colors))
		}
		services = max(services, width(printable(span.Service)))
		names = max(names, indent(span)+width(label(span)))
	}
	services = min(services, 20)
	names = min(names, s.Width/3)
	bars := max(s.Width-services-names-16, 10)
	for _, span := range t.Spans {
		color, mark := colors[span.Service], ""
		if span.Status.Code == "ERROR" {
			color, mark = red, " ✗"
		}
		before, length := place(span, t, bars)
		name := strings.Repeat(" ", indent(span)) + label(span)
		fmt.Fprintf(w, "%s  %s  %s%s  %s\n",
			s.paint(colors[span.Service], pad(fit(printable(span.Service), services), services)),
			pad(fit(name, names), names),
			strings.Repeat(" ", before)+s.paint(color, strings.Repeat("█", length)+mark),
			strings.Repeat(" ", max(bars-before-length-len([]rune(mark)), 0)),
			duration(span.DurationNS))
	}
}

func indent(span nativeclient.Span) int { return 2 * min(max(span.Depth, 0), maxDepth) }

func label(span nativeclient.Span) string {
	if span.Orphan {
		return printable("? " + span.Name) // its parent is not in the store
	}
	return printable(span.Name)
}

// place maps a span onto columns: every span gets at least one, none leaves
// the bar.
func place(span nativeclient.Span, t *nativeclient.Trace, bars int) (before, length int) {
	total := float64(max(t.DurationNS, 1))
	column := func(ns int64) int {
		return min(max(int(float64(ns)/total*float64(bars)), 0), bars)
	}
	offset := span.Start.Sub(t.Start).Nanoseconds()
	before = min(column(offset), bars-1)
	end := column(offset + max(span.DurationNS, 0))
	return before, max(end-before, 1)
}

func exemplars(w io.Writer, s Style, items []nativeclient.Exemplar) {
	if len(items) == 0 {
		return
	}
	rows := [][]string{{"SERIES", "VALUE", "AT", "SPAN"}}
	for _, e := range items {
		labels := map[string]string{"__name__": e.Metric}
		for name, value := range e.Labels {
			labels[name] = value
		}
		rows = append(rows, []string{seriesName(labels), printable(text(e.Value)), e.Time.Local().Format("15:04:05.000"), printable(e.SpanID)})
	}
	table(w, s, rows)
}

func duration(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func more(truncated bool) string {
	if truncated {
		return " (there are more)"
	}
	return ""
}
