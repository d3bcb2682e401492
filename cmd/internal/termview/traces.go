package termview

import (
	"fmt"
	"io"
	"sort"
	"strconv"

	"github.com/trefoil-o11y/trefoil/cmd/internal/nativeclient"
)

// Traces writes one line a trace, with the results of each of its spansets.
func Traces(w io.Writer, s Style, found *nativeclient.Traces) {
	if len(found.Traces) == 0 {
		fmt.Fprintln(w, "no traces")
		explained(w, s, found.Explain)
		return
	}
	rows := [][]string{{"ROOT", "TRACE", "START", "DURATION", "SPANS", "ERRORS", "MATCHED"}}
	for i := range found.Traces {
		t := &found.Traces[i]
		matched := ""
		for k, set := range t.Sets {
			if k > 0 {
				matched += "; "
			}
			matched += strconv.Itoa(set.Matched) + results(set.Results)
		}
		rows = append(rows, []string{
			printable(t.Service + ": " + t.Name), printable(t.TraceID), t.Start.Local().Format("2006-01-02 15:04:05.000"),
			duration(t.DurationNS), strconv.Itoa(t.Spans), strconv.Itoa(t.Errors), printable(matched),
		})
	}
	table(w, s, rows)
	if found.Partial != "" {
		fmt.Fprintln(w, s.paint(yellow, "incomplete: "+printable(found.Partial)))
	}
	explained(w, s, found.Explain)
}

func results(values map[string]string) (text string) {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		text += " " + name + "=" + values[name]
	}
	return text
}
