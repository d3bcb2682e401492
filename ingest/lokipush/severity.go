package lokipush

import (
	"strconv"
	"strings"
)

// Names of labels and structured metadata that mean something, in the order in
// which they count.
var (
	severityNames = []string{"severity_text", "level", "severity", "detected_level", "lvl", "loglevel", "log_level"}
	traceNames    = []string{"trace_id", "traceID", "traceid", "traceId"}
	spanNames     = []string{"span_id", "spanID", "spanid", "spanId"}

	// serviceLabels name the service of a stream that has no service_name.
	serviceLabels = []string{"service", "app", "application", "app_name", "name", "app_kubernetes_io_name",
		"container", "container_name", "k8s_container_name", "component", "workload", "job", "k8s_job_name"}
)

// severityNumber is the first OTLP number of the severity that a text names, 0
// when it names none.
func severityNumber(text string) uint8 {
	switch strings.ToLower(text) {
	case "trace", "trc":
		return 1
	case "debug", "dbg":
		return 5
	case "info", "inf", "information", "informational", "notice":
		return 9
	case "warn", "wrn", "warning":
		return 13
	case "error", "err", "eror":
		return 17
	case "fatal", "critical", "crit", "alert", "panic", "emergency", "emerg":
		return 21
	default:
		return 0
	}
}

// otlpSeverity reads severity_number, which OTLP clients of Loki set.
func otlpSeverity(text string) uint8 {
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || n > 24 {
		return 0
	}
	return uint8(n)
}
