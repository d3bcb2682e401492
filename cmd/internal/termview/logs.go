package termview

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/trefoil-o11y/trefoil/cmd/internal/nativeclient"
)

// Logs writes one line per record: time, severity, service, body, attributes.
// The trace ID is the last attribute where withTrace is set.
func Logs(w io.Writer, s Style, records []nativeclient.Record, withTrace bool) {
	if len(records) == 0 {
		fmt.Fprintln(w, "no log records")
		return
	}
	services := 0
	for _, r := range records {
		services = max(services, width(printable(r.Service)))
	}
	services = min(services, 20)
	for _, r := range records {
		fmt.Fprintf(w, "%s %s %s %s%s\n",
			s.paint(dim, r.Time.Local().Format("15:04:05.000")),
			s.paint(severityColor(r.Severity), pad(fit(printable(r.Severity), 5), 5)),
			pad(fit(printable(r.Service), services), services),
			printable(text(r.Body)),
			s.paint(dim, printable(attributes(r, withTrace))))
	}
}

func severityColor(severity string) string {
	switch severity {
	case "ERROR", "FATAL":
		return red
	case "WARN":
		return yellow
	case "TRACE", "DEBUG":
		return dim
	}
	return ""
}

func attributes(r nativeclient.Record, withTrace bool) string {
	keys := make([]string, 0, len(r.Attributes))
	for key := range r.Attributes {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	var b strings.Builder
	for _, key := range keys {
		b.WriteString("  " + key + "=" + text(r.Attributes[key]))
	}
	if withTrace && r.TraceID != "" {
		b.WriteString("  trace=" + r.TraceID)
	}
	return b.String()
}

// text shows a string as itself and every other value as JSON.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}
