package termview

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/trefoil-o11y/trefoil/cmd/internal/nativeclient"
)

// Joined writes what a query over three signals found: one line a group, span,
// record or exemplar.
func Joined(w io.Writer, s Style, found *nativeclient.Joined) {
	const clock = "2006-01-02 15:04:05.000"
	var rows [][]string
	switch found.Signal {
	case "groups":
		rows = append(rows, []string{"GROUP", "TRACES", "SPANS", "LOGS", "EXEMPLARS", "NEWEST TRACE"})
		for i := range found.Groups {
			g := &found.Groups[i]
			name := printable(strings.TrimSpace(results(g.Values)))
			rows = append(rows, []string{name, strconv.Itoa(g.Traces), strconv.Itoa(g.Spans), strconv.Itoa(g.Logs), strconv.Itoa(g.Exemplars), printable(g.Example.TraceID)})
		}
	case "spans":
		rows = append(rows, []string{"SPAN", "TRACE", "START", "DURATION", "STATUS"})
		for i := range found.Spans {
			sp := &found.Spans[i]
			rows = append(rows, []string{printable(sp.Service + ": " + sp.Name), printable(sp.TraceID), sp.Start.Local().Format(clock), duration(sp.DurationNS), printable(sp.Status.Code)})
		}
	case "exemplars":
		rows = append(rows, []string{"METRIC", "VALUE", "TRACE", "TIME"})
		for i := range found.Exemplars {
			x := &found.Exemplars[i]
			rows = append(rows, []string{printable(x.Metric), printable(text(x.Value)), printable(x.TraceID), x.Time.Local().Format(clock)})
		}
	default:
		oldestFirst := slices.Clone(found.Logs)
		slices.Reverse(oldestFirst)
		Logs(w, s, oldestFirst, true)
	}
	switch {
	case len(rows) > 1:
		table(w, s, rows)
	case len(rows) == 1:
		fmt.Fprintln(w, "no "+found.Signal)
	}
	if found.Truncated {
		fmt.Fprintln(w, s.paint(yellow, "there are more: raise --limit"))
	}
	explained(w, s, found.Explain)
}

// explained writes how a query was answered, if that is known.
func explained(w io.Writer, s Style, x *nativeclient.Explanation) {
	if x == nil {
		return
	}
	fmt.Fprintln(w)
	for _, line := range x.Plan {
		fmt.Fprintln(w, s.paint(dim, "- "+printable(line)))
	}
	for _, sel := range x.Selects {
		fmt.Fprintln(w, s.paint(dim, fmt.Sprintf("\n-- %s: %d rows, %d bytes read in %.1f ms", printable(sel.Op), sel.Rows, sel.Bytes, sel.MS)))
		for line := range strings.SplitSeq(sel.SQL, "\n") {
			fmt.Fprintln(w, printable(line))
		}
	}
}
