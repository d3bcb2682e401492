package layout

import (
	"testing"

	"github.com/trefoil-o11y/trefoil/bench/workload"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

// BenchmarkSpans asks what each index and codec costs, and what it gains.
func BenchmarkSpans(b *testing.B) {
	alter := func(change string) []string { return []string{"ALTER TABLE spans " + change} }
	measure(b, workload.Spans, "spans", []variant{
		{name: "warm-up"},
		{name: "as-it-is"},
		{name: "no-token-index", alter: alter("DROP INDEX attribute_tokens")},
		{name: "no-trace-index", alter: alter("DROP INDEX trace_id")},
		{name: "no-tokens-index-nor-trace-index", alter: append(alter("DROP INDEX attribute_tokens"), alter("DROP INDEX trace_id")...)},
		{name: "lz4-attributes", alter: alter("MODIFY COLUMN attributes CODEC(LZ4)")},
		{name: "lz4-tokens", alter: alter("MODIFY COLUMN attribute_tokens CODEC(LZ4)")},
	},
		count("user.id", "spans", own(b, "user.id", "u012345")),
		count("status-500", "spans", own(b, "http.response.status_code", "500")),
		count("slow", "spans", chsql.Gt(chsql.Col("duration"), chsql.Uint(400_000_000))),
		count("trace", "spans", chsql.Eq(chsql.Col("trace_id"), chsql.Bytes(make([]byte, 15, 16)[:16]))))
}
